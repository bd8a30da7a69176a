-- Grain: as fine as the file gives it, by the platform's own day. Cost in the account's currency, without VAT.
-- Newest file wins a declared key; rows without one are all kept.
with {{ files_newest('ad_performance') }},

renamed as (
    select
        date as date_day,
        lower({{ clean_text('platform') }}) as platform,
        account_id,
        campaign_id,
        {{ scrub_emails(clean_text('campaign_name')) }} as campaign_name,
        lower({{ clean_text('campaign_type') }}) as campaign_type,
        ad_group_id,
        ad_id,
        impressions,
        clicks,
        cost,
        conversions as platform_conversions,
        conversion_value as platform_conversion_value,
        {{ currency_code('currency') }} as currency,
        {{ files_lineage() }}
    from kept
)

select * from renamed
