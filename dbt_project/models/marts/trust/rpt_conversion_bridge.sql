-- Grain: platform x kind of conversion x period x step x component. Why a platform, web analytics and the company's own records give
-- different numbers: platform_conversions + the components of platform_to_web = web_conversions, which + those of web_to_records =
-- own_conversions. These three are the same on every row of a bridge and never added up over components; differences are.
-- All add up over platforms. A component that cannot be told is null with its reason, and `unexplained` holds it. The
-- platform's own windows end 30 days after a click: the recent period still ripens, the mature one does not.
{% set days = var('web_coverage_days') %}
{# step, component, its value, why it cannot be told #}
{% set components = [
    ('platform_to_web', 'view_through', '-n_views', 'views_reason'),
    ('platform_to_web', 'conversion_date', 'n_by_conversion_date - n_by_click_date', 'date_reason'),
    ('platform_to_web', 'time_zone', '0', 'zone_reason'),
    ('platform_to_web', 'modelled', 'null', "'the platform does not tell what it models for lack of consent'"),
    ('platform_to_web', 'credited_to_other_platform', '-n_to_other_platform', 'web_reason'),
    ('platform_to_web', 'credited_to_other_channel', '-n_to_other_channel', 'web_reason'),
    ('platform_to_web', 'older_than_window', 'n_older', 'web_reason'),
    ('web_to_records', 'without_consent', 'n_without_consent', 'match_reason'),
    ('web_to_records', 'tracking_lost', 'n_lost', 'match_reason'),
    ('web_to_records', 'not_seen', 'n_not_seen', 'match_reason'),
    ('web_to_records', 'credited_by_records_alone', 'n_records_alone', 'match_reason'),
    ('web_to_records', 'credited_by_web_alone', '-n_web_alone', 'match_reason'),
    ('web_to_records', 'without_record', '-n_without_record', 'match_reason'),
] %}
{% set steps = {
    'platform_to_web': ('platform_conversions', 'web_conversions'), 'web_to_records': ('web_conversions', 'own_conversions'),
} %}
with figures as (
    select * from {{ ref('int_conversion_bridge__figures') }}
),

reasoned as (
    select
        *,
        coalesce(platform_reason, told_views_reason) as views_reason,
        coalesce(platform_reason, told_date_reason) as date_reason,
        coalesce(platform_reason, told_zone_reason) as zone_reason,
        coalesce(web_reason, records_reason, told_match_reason) as match_reason,
        coalesce(platform_reason, web_reason) as platform_to_web_reason,
        coalesce(web_reason, records_reason) as web_to_records_reason
    from figures
),

explained as (
    {%- for step, component, value, reason in components %}
    select
        *,
        '{{ step }}' as step,
        '{{ component }}' as component,
        {{ loop.index }} as position,
        cast(case when {{ reason }} is null then {{ value }} end as decimal(24, 6)) as difference,
        {{ reason }} as reason
    from reasoned
    union all
    {%- endfor %}
    {%- for step, (from_figure, to_figure) in steps.items() %}
    select
        *,
        '{{ step }}' as step,
        'unexplained' as component,
        {{ 8 if loop.first else 15 }} as position,
        cast(
            {{ to_figure }} - {{ from_figure }}
            {%- for of_step, component, value, reason in components if of_step == step %}
            - coalesce(case when {{ reason }} is null then {{ value }} end, 0)
            {%- endfor %}
            as decimal(24, 6)
        ) as difference,
        {{ step }}_reason as reason
    from reasoned
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    {{ surrogate_key(['platform', 'conversion_kind', 'period', 'step', 'component']) }} as bridge_key,
    platform,
    conversion_kind,
    period,
    step,
    component,
    cast(case when step = 'web_to_records' and component <> 'unexplained' then position + 1 else position end as integer) as position,
    platform_conversions,
    web_conversions,
    own_conversions,
    difference,
    case when difference is null then 'unknown' when difference = 0 then 'zero' else 'known' end as state,
    case when difference is null then reason end as unknown_reason,
    {{ ratio('n_days', days) }} as coverage,
    maturity,
    coalesce(is_stale, false) as has_stale_source,
    window_start_date,
    window_end_date,
    {{ as_of() }} as as_of_date
from explained
