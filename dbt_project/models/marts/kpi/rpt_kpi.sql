-- Grain: KPI x scope (total, channel, system) x grain (day, week, month, quarter, year) x period. Rows of additive KPIs add up
-- over periods of one grain and over members of one scope, others never: a ratio is the sum of numerators over the sum of
-- denominators, a distinct count is counted anew in each period. value is null exactly where the state is unknown.
-- Days and weeks of a channel have rows only where something was recorded. A period changes until it is mature.
{% set grains = ['day', 'week', 'month', 'quarter', 'year'] %}
{% set scopes = {'total': "'all'", 'channel': 'channel_key', 'system': 'source_system'} %}
with catalogue as (
    select * from {{ ref('dim_kpi') }}
),

measures as (
    select * from {{ ref('int_measures') }}
),

period_measures as (
    select * from {{ ref('int_measures__by_period') }}
),

measure_catalogue as (
    select * from {{ ref('measures') }}
),

fact_coverage as (
    select * from {{ ref('int_fact_coverage') }}
),

dates as (
    select * from {{ ref('dim_date') }}
    where date_day <= {{ as_of() }}
),

-- One row a measure, day, channel and system: what follows multiplies rows by scopes and grains.
daily as (
    select
        measures.measure,
        measures.date_day,
        measures.channel_key,
        measures.source_system,
        cast(sum(measures.value) as decimal(24, 6)) as value,
        count(*) as n_records,
        count(measures.value) as n_known,
        min(measures.unknown_reason) as unknown_reason
    from measures
    inner join measure_catalogue
        on measures.measure = measure_catalogue.measure
    where measure_catalogue.aggregation = 'sum'
    group by measures.measure, measures.date_day, measures.channel_key, measures.source_system
),

daily_entities as (
    select distinct
        measures.measure,
        measures.date_day,
        measures.channel_key,
        measures.source_system,
        measures.entity_key
    from measures
    inner join measure_catalogue
        on measures.measure = measure_catalogue.measure
    where measure_catalogue.aggregation = 'distinct'
),

-- Fans out on purpose: each day into its five periods and three scopes.
summed as (
    {%- for scope, member in scopes.items() %}
    {%- for grain in grains %}
    select
        measure,
        '{{ scope }}' as scope,
        {{ member }} as scope_value,
        '{{ grain }}' as grain,
        {{ period_start(grain, 'date_day') }} as period_start,
        cast(sum(value) as decimal(24, 6)) as value,
        cast(sum(n_records) as bigint) as n_records,
        cast(sum(n_known) as bigint) as n_known,
        min(unknown_reason) as unknown_reason
    from daily
    group by measure, {% if scope != 'total' %}{{ member }}, {% endif %}{{ period_start(grain, 'date_day') }}
    union all
    select
        measure,
        '{{ scope }}' as scope,
        {{ member }} as scope_value,
        '{{ grain }}' as grain,
        {{ period_start(grain, 'date_day') }} as period_start,
        cast(count(distinct entity_key) as decimal(24, 6)) as value,
        count(*) as n_records,
        count(entity_key) as n_known,
        null as unknown_reason
    from daily_entities
    group by measure, {% if scope != 'total' %}{{ member }}, {% endif %}{{ period_start(grain, 'date_day') }}
    union all
    {%- endfor %}
    {%- endfor %}
    select
        measure,
        scope,
        scope_value,
        grain,
        period_start,
        value,
        n_records,
        n_known,
        unknown_reason
    from period_measures
),

periods as (
    {%- for grain in grains %}
    select distinct
        '{{ grain }}' as grain,
        {{ 'date_day' if grain == 'day' else grain ~ '_start_date' }} as period_start,
        cast(
            {{ dbt.dateadd('day', -1, dbt.dateadd(grain, 1, 'date_day' if grain == 'day' else grain ~ '_start_date')) }}
            as date
        ) as period_end
    from dates
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- Which members a KPI has in a scope: a channel where either part was ever recorded, a system that delivers both. A record
-- without a channel counts in the total alone.
members as (
    select distinct
        measure,
        scope,
        scope_value
    from summed
    where grain = 'year' and scope_value is not null
),

kpi_members as (
    select
        kpi,
        'total' as scope,
        'all' as scope_value
    from catalogue
    union
    select
        catalogue.kpi,
        members.scope,
        members.scope_value
    from catalogue
    inner join members
        on members.measure in (catalogue.numerator, catalogue.denominator)
    where members.scope = 'channel'
    union
    select
        catalogue.kpi,
        numerators.scope,
        numerators.scope_value
    from catalogue
    inner join members as numerators
        on catalogue.numerator = numerators.measure
    left join members as denominators
        on catalogue.denominator = denominators.measure
        and numerators.scope = denominators.scope
        and numerators.scope_value = denominators.scope_value
    where
        numerators.scope = 'system'
        and (catalogue.denominator is null or denominators.measure is not null)
),

-- Where no source delivers anything the year of the as-of stands there, unknown: a missing row would say less.
first_day as (
    select coalesce(min(first_date), cast({{ dbt.date_trunc('year', as_of()) }} as date)) as first_date
    from fact_coverage
),

-- A fact made of two may have records of one before the other tells anything: their days are rows too, unknown where the fact needs
-- both.
first_records as (
    select
        measure,
        min(date_day) as first_date
    from measures
    group by measure
),

-- What the sources of a KPI can tell, numerator and denominator. 1:1: measures and facts are unique on their names.
kpi_coverage as (
    select
        catalogue.kpi,
        catalogue.numerator,
        catalogue.denominator,
        catalogue.maturity_lag_days,
        numerator_facts.first_date as numerator_first_date,
        numerator_facts.through_date as numerator_through_date,
        denominator_facts.first_date as denominator_first_date,
        denominator_facts.through_date as denominator_through_date,
        coalesce(numerator_facts.needs_all_parts, false) as needs_all_parts,
        coalesce(
            least(numerator_facts.first_date, denominator_facts.first_date, numerator_records.first_date),
            least(numerator_facts.first_date, numerator_records.first_date),
            numerator_facts.first_date,
            denominator_facts.first_date,
            first_day.first_date
        ) as start_date,
        coalesce(numerator_facts.has_stale_source, false)
        or coalesce(denominator_facts.has_stale_source, false) as has_stale_source
    from catalogue
    cross join first_day
    left join measure_catalogue as numerator_measures
        on catalogue.numerator = numerator_measures.measure
    left join fact_coverage as numerator_facts
        on numerator_measures.fact = numerator_facts.fact
    left join measure_catalogue as denominator_measures
        on catalogue.denominator = denominator_measures.measure
    left join fact_coverage as denominator_facts
        on denominator_measures.fact = denominator_facts.fact
    left join first_records as numerator_records
        on catalogue.numerator = numerator_records.measure
),

-- Every period from the first a source can tell of; left joins 1:1 on the grain of `summed`.
grid as (
    select
        kpi_members.kpi,
        kpi_members.scope,
        kpi_members.scope_value,
        periods.grain,
        periods.period_start,
        periods.period_end,
        kpi_coverage.denominator is not null as is_ratio,
        kpi_coverage.maturity_lag_days,
        kpi_coverage.has_stale_source,
        case
            when kpi_coverage.numerator_first_date is null then 'no source delivers this'
            when periods.period_end < kpi_coverage.numerator_first_date then 'before the first data'
            when periods.period_start > kpi_coverage.numerator_through_date then 'no data for these days yet'
        end as numerator_gap,
        case
            when kpi_coverage.denominator is null then null
            when kpi_coverage.denominator_first_date is null then 'no source delivers the denominator'
            when periods.period_end < kpi_coverage.denominator_first_date then 'before the first data'
            when periods.period_start > kpi_coverage.denominator_through_date then 'no data for these days yet'
        end as denominator_gap,
        -- a fact made of two has records of one where nobody delivers the other: media alone is no marketing cost
        case
            when kpi_coverage.numerator_first_date is null then null
            when
                kpi_coverage.needs_all_parts and (
                    periods.period_end < kpi_coverage.numerator_first_date
                    or periods.period_start > kpi_coverage.numerator_through_date
                )
                then null
            else kpi_coverage.numerator
        end as numerator_measure,
        kpi_coverage.denominator as denominator_measure
    from kpi_members
    inner join kpi_coverage
        on kpi_members.kpi = kpi_coverage.kpi
    inner join periods
        on periods.period_end >= kpi_coverage.start_date
),

joined as (
    select
        grid.*,
        numerators.value as numerator_value,
        coalesce(numerators.n_records, 0) as numerator_records,
        coalesce(numerators.n_known, 0) as numerator_known,
        numerators.unknown_reason as numerator_reason,
        denominators.value as denominator_value,
        coalesce(denominators.n_records, 0) as denominator_records,
        coalesce(denominators.n_known, 0) as denominator_known,
        denominators.unknown_reason as denominator_reason
    from grid
    left join summed as numerators
        on grid.numerator_measure = numerators.measure
        and grid.scope = numerators.scope
        and grid.scope_value = numerators.scope_value
        and grid.grain = numerators.grain
        and grid.period_start = numerators.period_start
    left join summed as denominators
        on grid.denominator_measure = denominators.measure
        and grid.scope = denominators.scope
        and grid.scope_value = denominators.scope_value
        and grid.grain = denominators.grain
        and grid.period_start = denominators.period_start
    where
        grid.scope <> 'channel'
        or grid.grain not in ('day', 'week')
        or numerators.measure is not null
        or denominators.measure is not null
),

-- No record in days that the sources cover is a known 0; records without any value are unknown.
resolved as (
    select
        joined.*,
        case
            when numerator_records = 0 and numerator_gap is null then cast(0 as decimal(24, 6))
            when numerator_known > 0 then numerator_value
        end as numerator,
        case
            when not is_ratio then null
            when denominator_records = 0 and denominator_gap is null then cast(0 as decimal(24, 6))
            when denominator_known > 0 then denominator_value
        end as denominator
    from joined
),

valued as (
    select
        resolved.*,
        case
            when is_ratio then {{ ratio('numerator', 'denominator') }}
            else numerator
        end as value,
        case
            when numerator is null then coalesce(numerator_gap, numerator_reason, 'no value recorded')
            when not is_ratio then null
            when denominator is null then coalesce(denominator_gap, denominator_reason, 'no value recorded')
            when denominator = 0 then 'the denominator is zero'
        end as unknown_reason
    from resolved
)

select
    {{ surrogate_key(['kpi', 'scope', 'scope_value', 'grain', 'period_start']) }} as kpi_row_key,
    kpi,
    scope,
    scope_value,
    grain,
    period_start,
    period_end,
    numerator,
    denominator,
    value,
    case when value is null then 'unknown' when value = 0 then 'zero' else 'known' end as state,
    case when value is null then unknown_reason end as unknown_reason,
    case
        when numerator_records > 0 then {{ ratio('numerator_known', 'numerator_records') }}
        when numerator_gap is null then cast(1 as decimal(24, 6))
        else cast(0 as decimal(24, 6))
    end as coverage,
    case
        when period_end >= {{ as_of() }} then 'open'
        when {{ days_between('period_end', as_of()) }} < maturity_lag_days then 'maturing'
        else 'mature'
    end as maturity,
    has_stale_source,
    {{ as_of() }} as as_of_date
from valued
