-- Grain: campaign x bucket of days from click to conversion x day of the click. Additive. Primary actions only.
{% set buckets = {
    'FOURTEEN_TO_TWENTY_ONE_DAYS': (14, 21),
    'TWENTY_ONE_TO_THIRTY_DAYS': (21, 30),
    'THIRTY_TO_FORTY_FIVE_DAYS': (30, 45),
    'FORTY_FIVE_TO_SIXTY_DAYS': (45, 60),
    'SIXTY_TO_NINETY_DAYS': (60, 90),
} %}
{% set numbers = [
    'ONE', 'TWO', 'THREE', 'FOUR', 'FIVE', 'SIX', 'SEVEN', 'EIGHT', 'NINE', 'TEN', 'ELEVEN', 'TWELVE', 'THIRTEEN',
    'FOURTEEN',
] %}
with source as (
    select * from {{ source('google_ads', 'conversion_lag_daily') }}
)

select
    {{ surrogate_key(['account_id', 'campaign_id', 'conversion_lag_bucket', 'date_day']) }} as row_id,
    'google_ads' as source_system,
    date_day,
    account_id,
    campaign_id,
    {%- for bound in [0, 1] %}
    case conversion_lag_bucket
        when 'LESS_THAN_ONE_DAY' then {{ bound }}
        {%- for n in range(1, 14) %}
        when '{{ numbers[n - 1] }}_TO_{{ numbers[n] }}_DAYS' then {{ n + bound }}
        {%- endfor %}
        {%- for bucket, days in buckets.items() %}
        when '{{ bucket }}' then {{ days[bound] }}
        {%- endfor %}
    end as {{ ['lag_from_days', 'lag_to_days'][bound] }},
    {%- endfor %}
    conversions
from source
