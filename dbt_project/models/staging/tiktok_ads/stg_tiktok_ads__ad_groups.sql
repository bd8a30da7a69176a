-- Grain: version of an ad group.
{% set days = {'ONE_DAY': 1, 'SEVEN_DAYS': 7, 'FOURTEEN_DAYS': 14, 'TWENTY_EIGHT_DAYS': 28} %}
with source as (
    select * from {{ source('tiktok_ads', 'ad_groups') }}
),

windows as (
    select
        *,
        {%- for kind in ['click', 'view'] %}
        case {{ kind }}_attribution_window
            {%- for word, n in days.items() %}
            when '{{ word }}' then '{{ n }}d_{{ kind }}'
            {%- endfor %}
        end as {{ kind }}_window{% if not loop.last %},{% endif %}
        {%- endfor %}
    from source
)

select
    account_id,
    campaign_id,
    ad_group_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    {{ scrub_emails('adgroup_name') }} as ad_group_name,
    {{ tiktok_ads_status('windows') }} as status,
    coalesce(click_window || '_' || view_window, click_window, view_window) as attribution_setting,
    {{ tiktok_ads_daily_budget('windows') }} as daily_budget
from windows
