-- Grain: campaign x the account's own day x days between click and conversion (from, up to but not with). Adds up over all.
-- What was clicked within 7 days and not within 1 took 1 to 7 days: the windows of Meta's report hold each other. Headline
-- types after a click; nothing is told beyond 28 days. Meta gives the day of the conversion, not that of the click, for
-- what happens off Meta: held against each other over weeks the two are the same, day by day they are not.
{% set buckets = [(0, 1, '1d_click', none), (1, 7, '7d_click', '1d_click'), (7, 28, '28d_click', '7d_click')] %}
with source as (
    select * from {{ source('meta_ads', 'conversion_daily') }}
    where
        level = 'campaign'
        and action_type in (
            'offsite_conversion.fb_pixel_purchase',
            'offsite_conversion.fb_pixel_lead',
            'onsite_conversion.lead_grouped',
            'click_to_call_native_call_placed'
        )
),

by_window as (
    select
        account_id,
        campaign_id,
        date_day,
        {%- for window in ['1d_click', '7d_click', '28d_click'] %}
        sum(case when attribution_window = '{{ window }}' then conversions else 0 end) as within_{{ window }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from source
    group by account_id, campaign_id, date_day
),

unioned as (
    {%- for lag_from, lag_to, window, inner_window in buckets %}
    select
        account_id,
        campaign_id,
        date_day,
        {{ lag_from }} as lag_from_days,
        {{ lag_to }} as lag_to_days,
        within_{{ window }}{% if inner_window %} - within_{{ inner_window }}{% endif %} as conversions
    from by_window
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key(['account_id', 'campaign_id', 'date_day', 'lag_from_days']) }} as row_id,
    'meta_ads' as source_system,
    date_day,
    account_id,
    campaign_id,
    lag_from_days,
    lag_to_days,
    cast(conversions as decimal(18, 6)) as conversions
from unioned
where conversions > 0
