-- Grain: search x keyword x kind of match x the account's own day. Additive; rare searches are left out by Google, so the sum is
-- below the campaign's. Restated for 30 days, on Sundays for 90.
with source as (
    select
        *,
        {{ google_ads_id('keyword') }} as keyword_id
    from {{ source('google_ads', 'search_term_daily') }}
)

select
    {{ surrogate_key(['account_id', 'ad_group_id', 'keyword', 'match_type', 'search_term', 'date_day']) }} as row_id,
    'google_ads' as source_system,
    date_day,
    account_id,
    campaign_id,
    ad_group_id,
    keyword_id,
    keyword_text,
    lower(match_type) as match_type,
    {{ scrub_emails('search_term') }} as search_term,
    impressions,
    clicks,
    {{ micros_to_decimal('cost_micros') }} as cost,
    conversions,
    {{ money('conversions_value') }} as conversion_value,
    {{ currency_code('currency') }} as currency
from source
