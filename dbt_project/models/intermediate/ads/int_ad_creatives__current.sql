-- Grain: platform x account x ad, as last seen, with the parts of its link. Nothing to add up. Changes the night that sees it.
{{ config(materialized='table') }}

with unioned as (
    select * from {{ ref('int_ad_creatives__unioned') }}
),

ranked as (
    select
        *,
        cast(min(valid_from) over (partition by source_name, account_id, ad_id) as date) as first_seen_date,
        row_number() over (
            partition by source_name, account_id, ad_id
            order by valid_from desc, ad_group_id desc
        ) as newest_rank
    from unioned
)

select
    source_name as platform,
    source_name,
    account_id,
    campaign_id,
    ad_group_id,
    ad_id,
    ad_name,
    ad_format,
    status,
    headline,
    {{ url_host('final_url') }} as url_host,
    {{ url_path('final_url') }} as url_path,
    {%- for part in ['source', 'medium', 'campaign', 'content', 'term'] %}
    {{ url_parameter('final_url', 'utm_' ~ part) }} as utm_{{ part }},
    {%- endfor %}
    created_date,
    first_seen_date,
    cast(valid_to as date) as gone_date
from ranked
where newest_rank = 1
