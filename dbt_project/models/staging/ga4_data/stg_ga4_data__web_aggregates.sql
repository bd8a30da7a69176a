-- Grain: property x period x breakdown x the breakdown's dimensions. Additive neither over breakdowns nor, for users, over days.
-- Restated for 12 days. Google's aggregates: modelled where consent is missing.
{% set dimensions = [
    'session_source', 'session_medium', 'session_campaign', 'default_channel_group', 'landing_page', 'event_name',
] %}
{% set counts = [
    'sessions', 'engaged_sessions', 'total_users', 'new_users', 'transactions', 'event_count',
] %}
{% set amounts = ['key_events', 'purchase_revenue'] %}
{% set reports = {
    'property_daily': ['property', 'day', [], counts + amounts],
    'traffic_daily': ['traffic', 'day', dimensions[:4], counts[:5] + amounts],
    'landing_page_daily': ['landing_page', 'day', ['landing_page'], counts[:5] + amounts],
    'event_daily': ['event', 'day', ['event_name'], ['event_count', 'total_users', 'key_events']],
    'property_weekly': ['property', 'week', [], counts[:4]],
    'property_monthly': ['property', 'month', [], counts[:4]],
} %}
with unioned as (
    {%- for report, (breakdown, period, own, measures) in reports.items() %}
    select
        '{{ breakdown }}' as breakdown,
        '{{ period }}' as period,
        account_id as property_id,
        {%- for name in dimensions %}
        {% if name in own %}{{ scrub_emails(name) }}{% else %}cast(null as {{ dbt.type_string() }}){% endif %} as {{ name }},
        {%- endfor %}
        {%- for name in counts %}
        {% if name in measures %}{{ name }}{% else %}cast(null as bigint) as {{ name }}{% endif %},
        {%- endfor %}
        {%- for name in amounts %}
        {% if name in measures %}{{ name }}{% else %}cast(null as decimal(18, 6)) as {{ name }}{% endif %},
        {%- endfor %}
        {{ currency_code('currency') }} as currency,
        time_zone,
        is_other_row,
        has_data_loss,
        is_thresholded,
        is_sampled,
        samples_read,
        sampling_space,
        date_day,
        -- the raw values, before addresses are taken out: two of them may become the same
        {{ surrogate_key(["'" ~ report ~ "'", 'account_id', 'date_day'] + own) }} as row_id
    from {{ source('ga4_data', report) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    row_id,
    'ga4_data' as source_system,
    breakdown,
    period,
    property_id,
    {%- for name in dimensions %}
    {{ name }},
    {%- endfor %}
    {%- for name in counts + amounts %}
    {{ name }},
    {%- endfor %}
    currency,
    time_zone,
    is_other_row,
    has_data_loss,
    is_thresholded,
    is_sampled,
    {{ ratio('samples_read', 'sampling_space') }} as sample_share,
    date_day
from unioned
