-- Grain: headline figure of the front page: a KPI of headline_kpis, or a business goal of the plan in force. Nothing to add up. The month
-- so far, whole days alone, beside the same days of the month and of the year before: sums of rpt_kpi's days, parts apart. Goals are
-- as rpt_goal_progress has them, money planned as rpt_budget_pacing: nothing is defined here. Changes until the months are mature.
{% set spans = {
    'this_month': ['month_start', 'to_date'],
    'last_month': [dbt.dateadd('month', -1, 'month_start'), dbt.dateadd('month', -1, 'to_date')],
    'last_year': [dbt.dateadd('year', -1, 'month_start'), dbt.dateadd('year', -1, 'to_date')],
} %}
{# rpt_kpi's reasons for days that no source tells, apart from records without a value: those are in the coverage #}
{% set untold = "('before the first data', 'no data for these days yet', 'days are missing in the export')" %}
with headlines as (
    select * from {{ ref('headline_kpis') }}
),

catalogue as (
    select * from {{ ref('dim_kpi') }}
),

kpi_values as (
    select * from {{ ref('rpt_kpi') }}
    where scope = 'total'
),

goals as (
    select * from {{ ref('rpt_goal_progress') }}
    where level = 'business'
),

pacing as (
    select * from {{ ref('rpt_budget_pacing') }}
    where grain = 'month'
),

kpi_targets as (
    select * from {{ ref('stg_plan__kpi_targets') }}
    where {{ plan_in_force(as_of()) }} and grain = 'month' and channel is null
),

-- On the first of a month the month before is the newest there is to show.
night as (
    select
        {{ as_of() }} as as_of_date,
        cast({{ dbt.dateadd('day', -1, as_of()) }} as date) as last_whole_date,
        {{ period_start('month', dbt.dateadd('day', -1, as_of())) }} as month_start
),

days as (
    select
        kpi,
        period_start as date_day,
        numerator,
        denominator,
        unknown_reason,
        coverage
    from kpi_values
    where grain = 'day'
),

stale as (
    select
        kpi,
        max(has_stale_source) as has_stale_source
    from kpi_values
    group by kpi
),

-- Left joins 1:1: the catalogue is unique on kpi. A month ends, so far, with the last whole day that all of the KPI's sources tell.
told as (
    select
        headlines.kpi,
        catalogue.denominator is not null as is_ratio,
        night.month_start,
        max(case when days.unknown_reason like 'no source delivers%' then days.unknown_reason end) as source_gap,
        max(
            case when coalesce(days.unknown_reason, '') <> 'no data for these days yet' then days.date_day end
        ) as to_date
    from headlines
    cross join night
    left join catalogue
        on headlines.kpi = catalogue.kpi
    left join days
        on headlines.kpi = days.kpi
        and days.date_day between night.month_start and night.last_whole_date
    group by headlines.kpi, catalogue.denominator, night.month_start
),

spans as (
    {%- for span, ends in spans.items() %}
    select
        '{{ span }}' as span,
        kpi,
        is_ratio,
        source_gap,
        cast({{ ends[0] }} as date) as first_date,
        cast({{ ends[1] }} as date) as last_date
    from told
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

summed as (
    select
        spans.span,
        spans.kpi,
        spans.is_ratio,
        spans.source_gap,
        spans.first_date,
        spans.last_date,
        {{ days_between('spans.first_date', 'spans.last_date') }} + 1 as n_days,
        count(days.date_day) as n_rows,
        min(case when days.unknown_reason in {{ untold }} then days.unknown_reason end) as untold_reason,
        {{ money_sum('days.numerator') }} as numerator,
        {{ money_sum('days.denominator') }} as denominator,
        min(
            case when days.numerator is null or (spans.is_ratio and days.denominator is null) then days.unknown_reason end
        ) as unknown_reason,
        cast(coalesce(avg(days.coverage), 0) as decimal(24, 6)) as coverage
    from spans
    left join days
        on spans.kpi = days.kpi
        and days.date_day between spans.first_date and spans.last_date
    group by spans.span, spans.kpi, spans.is_ratio, spans.source_gap, spans.first_date, spans.last_date
),

-- A day that is not told leaves the sum unknown: beside a whole one it would pass for a fall. Records without a value do not, as in
-- rpt_kpi, as long as one has any.
resolved as (
    select
        *,
        case
            when source_gap is not null then source_gap
            when last_date is null then 'no data for these days yet'
            when n_rows < n_days then 'before the first data'
            when untold_reason is not null then untold_reason
            when numerator is null or (is_ratio and denominator is null) then unknown_reason
            when is_ratio and denominator = 0 then 'the denominator is zero'
        end as gap
    from summed
),

valued as (
    select
        span,
        kpi,
        first_date,
        last_date,
        n_days,
        source_gap,
        case when gap is null then numerator end as numerator,
        case when gap is null and is_ratio then denominator end as denominator,
        case when gap is null then case when is_ratio then {{ ratio('numerator', 'denominator') }} else numerator end end as value,
        gap as unknown_reason,
        coverage
    from resolved
),

-- Left joins 1:1: valued is unique on span and kpi, rpt_kpi's months on kpi, pacing on scope and member, targets on kpi.
figures as (
    select
        headlines.section,
        headlines.position,
        'kpi' as figure_type,
        headlines.kpi as figure,
        headlines.kpi,
        cast(null as {{ dbt.type_string() }}) as goal_key,
        catalogue.name_en,
        catalogue.name_no,
        catalogue.unit,
        catalogue.direction,
        catalogue.owner,
        catalogue.numerator as numerator_measure,
        catalogue.denominator as denominator_measure,
        catalogue.additivity,
        this_month.first_date,
        this_month.last_date as to_date,
        this_month.n_days,
        this_month.numerator,
        this_month.denominator,
        this_month.value,
        this_month.unknown_reason,
        this_month.coverage,
        months.maturity,
        {%- for span in ['last_month', 'last_year'] %}
        {{ span }}.first_date as {{ span }}_first_date,
        {{ span }}.last_date as {{ span }}_to_date,
        {{ span }}.n_days as {{ span }}_n_days,
        {{ span }}.value as {{ span }}_value,
        {{ span }}.unknown_reason as {{ span }}_unknown_reason,
        {%- endfor %}
        whole_months.value as whole_last_month_value,
        case
            when whole_months.value is null
                then coalesce(whole_months.unknown_reason, this_month.source_gap, 'before the first data')
        end as whole_last_month_unknown_reason,
        coalesce(kpi_targets.target, pacing.planned) as target,
        case
            when kpi_targets.target is not null then 'KPI target of the month'
            when pacing.planned is not null then 'budget of the month'
        end as target_basis,
        case
            when kpi_targets.target is null then pacing.expected_to_date
            when catalogue.additivity = 'ratio' then kpi_targets.target
            else
                cast(
                    kpi_targets.target * this_month.n_days
                    / ({{ days_between('night.month_start', dbt.last_day('night.month_start', 'month')) }} + 1) as decimal(24, 6)
                )
        end as expected_to_date,
        case
            when kpi_targets.target is null and pacing.planned is null
                then coalesce(pacing.unknown_reason, 'the plan sets none for this month')
        end as target_unknown_reason,
        pacing.status,
        pacing.unknown_reason as status_unknown_reason,
        night.as_of_date
    from headlines
    cross join night
    left join catalogue
        on headlines.kpi = catalogue.kpi
    {%- for span in spans %}
    left join valued as {{ span }}
        on headlines.kpi = {{ span }}.kpi
        and {{ span }}.span = '{{ span }}'
    {%- endfor %}
    left join kpi_values as months
        on headlines.kpi = months.kpi
        and months.grain = 'month'
        and night.month_start = months.period_start
    left join kpi_values as whole_months
        on headlines.kpi = whole_months.kpi
        and whole_months.grain = 'month'
        and whole_months.period_start = {{ dbt.dateadd('month', -1, 'night.month_start') }}
    left join pacing
        on headlines.budget_scope = pacing.scope
        and headlines.budget_member = pacing.scope_value
        and night.month_start = pacing.period_start
    left join kpi_targets
        on headlines.kpi = kpi_targets.kpi
        and night.month_start = kpi_targets.period_start
    union all
    select
        'goals' as section,
        cast(row_number() over (order by goals.due_date asc, goals.goal_id asc) as integer) as position,
        'goal' as figure_type,
        goals.goal_id as figure,
        goals.kpi,
        goals.goal_key,
        goals.goal as name_en,
        goals.goal as name_no,
        catalogue.unit,
        catalogue.direction,
        goals.owner,
        catalogue.numerator as numerator_measure,
        catalogue.denominator as denominator_measure,
        catalogue.additivity,
        goals.start_date as first_date,
        case when goals.actual is not null then goals.measured_to_date end as to_date,
        cast(null as integer) as n_days,
        cast(null as decimal(24, 6)) as numerator,
        cast(null as decimal(24, 6)) as denominator,
        goals.actual as value,
        case when goals.actual is null then goals.not_measurable_reason end as unknown_reason,
        goals.coverage,
        case
            when goals.is_final then 'mature'
            when goals.due_date >= goals.as_of_date then 'open'
            else 'maturing'
        end as maturity,
        {%- for span in ['last_month', 'last_year'] %}
        cast(null as date) as {{ span }}_first_date,
        cast(null as date) as {{ span }}_to_date,
        cast(null as integer) as {{ span }}_n_days,
        cast(null as decimal(24, 6)) as {{ span }}_value,
        'a goal has days of its own' as {{ span }}_unknown_reason,
        {%- endfor %}
        cast(null as decimal(24, 6)) as whole_last_month_value,
        'a goal has days of its own' as whole_last_month_unknown_reason,
        goals.target,
        case when goals.target is not null then 'goal' end as target_basis,
        goals.expected_to_date,
        case when goals.target is null then goals.not_measurable_reason end as target_unknown_reason,
        goals.status,
        goals.not_measurable_reason as status_unknown_reason,
        goals.as_of_date
    from goals
    left join catalogue
        on goals.kpi = catalogue.kpi
)

-- Left join 1:1: stale is unique on kpi.
select
    {{ surrogate_key(['figures.figure_type', 'figures.figure']) }} as overview_key,
    figures.goal_key,
    figures.figure_type,
    figures.figure,
    figures.section,
    figures.position,
    figures.kpi,
    figures.name_en,
    figures.name_no,
    figures.unit,
    figures.direction,
    figures.owner,
    figures.numerator_measure,
    figures.denominator_measure,
    figures.first_date,
    figures.to_date,
    figures.numerator,
    figures.denominator,
    figures.value,
    figures.unknown_reason,
    figures.last_month_first_date,
    figures.last_month_to_date,
    figures.last_month_value,
    figures.last_month_unknown_reason,
    figures.last_month_n_days = figures.n_days as is_last_month_as_long,
    {{ ratio('figures.value - figures.last_month_value', 'abs(figures.last_month_value)') }} as change_on_last_month,
    figures.whole_last_month_value,
    figures.whole_last_month_unknown_reason,
    figures.last_year_first_date,
    figures.last_year_to_date,
    figures.last_year_value,
    figures.last_year_unknown_reason,
    figures.last_year_n_days = figures.n_days as is_last_year_as_long,
    {{ ratio('figures.value - figures.last_year_value', 'abs(figures.last_year_value)') }} as change_on_last_year,
    figures.target,
    figures.target_basis,
    figures.target_unknown_reason,
    figures.expected_to_date,
    {{ ratio('figures.value', 'figures.expected_to_date') }} as share_of_expected,
    figures.status,
    figures.status_unknown_reason,
    figures.coverage,
    figures.maturity,
    coalesce(stale.has_stale_source, false) as has_stale_source,
    figures.as_of_date
from figures
left join stale
    on figures.kpi = stale.kpi
