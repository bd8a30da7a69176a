-- A day meets one version of a campaign at most.
with versions as (
    select
        *,
        lag(coalesce(valid_to_date, cast('9999-12-31' as date))) over (
            partition by campaign_key
            order by version_number
        ) as previous_valid_to_date
    from {{ ref('dim_campaign_version') }}
)

select
    campaign_key,
    version_number
from versions
where valid_from_date <= previous_valid_to_date
