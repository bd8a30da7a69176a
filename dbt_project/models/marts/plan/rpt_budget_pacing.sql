-- Grain: month or year x scope (total, activity, channel, stage, category, line) x member. A line is what all four make together.
-- Amounts add up over members of one scope and over months, where none of them is unknown; shares and statuses never. Changes
-- until the period's costs are all in.
{% set scopes = {
    'total': "'all'", 'activity': "coalesce(activity_id, '(none)')", 'channel': 'channel_key', 'stage': "coalesce(stage, '(none)')",
    'category': 'category',
    'line': "coalesce(activity_id, '(none)') || ' | ' || channel_key || ' | ' || coalesce(stage, '(none)') || ' | ' || category",
} %}
{% set guide = var('marketing_cost_share_guide') %}
with cells as (
    select * from {{ ref('int_plan__budget_cells') }}
),

activities as (
    select * from {{ ref('dim_activity') }}
),

shares as (
    select * from {{ ref('rpt_kpi') }}
    where kpi = 'marketing_cost_share' and scope = 'total'
),

-- Fans out on purpose: each cell into its periods and scopes.
members as (
    {%- for grain in ['month', 'year'] %}
    {%- set outer = loop %}
    {%- for scope, member in scopes.items() %}
    select
        '{{ grain }}' as grain,
        {{ period_start(grain, 'month_start') }} as period_start,
        '{{ scope }}' as scope,
        {{ member }} as scope_value,
        {{ 'activity_id' if scope in ('activity', 'line') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as activity_id,
        {{ 'channel_key' if scope in ('channel', 'line') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as channel_key,
        {{ 'stage' if scope in ('stage', 'line') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as stage,
        {{ 'category' if scope in ('category', 'line') else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as category,
        n_planned,
        n_planned_known,
        n_capped,
        planned,
        cap,
        actual,
        ahead,
        expected_to_date,
        projected,
        gap_reason,
        measured_through_date,
        as_of_date
    from cells
    {%- if not (outer.last and loop.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

summed as (
    select
        grain,
        period_start,
        scope,
        scope_value,
        activity_id,
        channel_key,
        stage,
        category,
        sum(n_planned) > 0 as is_planned,
        case
            when sum(n_planned) > sum(n_planned_known) then 'a budget line has no exchange rate'
            when period_start > min(as_of_date) then 'the period has not begun'
            else min(gap_reason)
        end as unknown_reason,
        case when sum(n_planned) > 0 and sum(n_planned) = sum(n_planned_known) then {{ money_sum('planned') }} end as planned,
        case
            when grain = 'month' and count(*) = count(case when n_capped > 0 and n_capped = n_planned then 1 end)
                then {{ money_sum('cap') }}
        end as cap,
        case when period_start <= min(as_of_date) and count(gap_reason) = 0 then {{ money_sum('actual') }} end as actual,
        case when count(gap_reason) = 0 then {{ money_sum('actual + ahead') }} end as committed,
        case
            when sum(n_planned) > 0 and sum(n_planned) = sum(n_planned_known) then {{ money_sum('expected_to_date') }}
        end as expected_to_date,
        case
            when count(gap_reason) = 0 and sum(n_planned) = sum(n_planned_known) and count(projected) = count(*)
                then {{ money_sum('projected') }}
        end as projected,
        min(measured_through_date) as measured_through_date,
        min(as_of_date) as as_of_date
    from members
    group by grain, period_start, scope, scope_value, activity_id, channel_key, stage, category
),

dated as (
    select
        *,
        cast({{ dbt.last_day('period_start', 'month') }} as date) as month_end,
        cast({{ dbt.dateadd('day', -1, dbt.dateadd('year', 1, 'period_start')) }} as date) as year_end
    from summed
)

-- Left joins 1:1: activities are unique on activity_id, the share on grain and period; it belongs to the total alone.
select
    {{ surrogate_key(['dated.grain', 'dated.period_start', 'dated.scope', 'dated.scope_value']) }} as pacing_key,
    {{ optional_key('dated.activity_id', ['dated.activity_id']) }} as activity_key,
    dated.grain,
    dated.period_start,
    case dated.grain when 'month' then dated.month_end else dated.year_end end as period_end,
    dated.scope,
    dated.scope_value,
    dated.activity_id,
    dated.channel_key,
    dated.stage,
    dated.category,
    activities.owner,
    activities.decided_by,
    dated.planned,
    dated.cap,
    dated.actual,
    dated.committed,
    dated.expected_to_date,
    dated.projected,
    {{ ratio('dated.actual', 'dated.planned') }} as share_of_planned,
    {{ ratio('dated.actual', 'dated.expected_to_date') }} as share_of_expected,
    case
        when dated.period_start > dated.as_of_date then 'not begun'
        when dated.unknown_reason is not null then 'unknown'
        when not dated.is_planned then 'unplanned'
        when dated.actual > dated.cap then 'over cap'
        when dated.actual > dated.planned * (1 + {{ var('budget_tolerance') }}) then 'over budget'
        when dated.projected > dated.planned * (1 + {{ var('budget_tolerance') }}) then 'heading over'
        when dated.projected < dated.planned * (1 - {{ var('budget_tolerance') }})
            then
                case
                    when case dated.grain when 'month' then dated.month_end else dated.year_end end <= dated.measured_through_date
                        then 'under budget'
                    else 'heading under'
                end
        else 'on budget'
    end as status,
    coalesce(dated.actual > dated.cap, false)
    or coalesce(dated.actual > dated.planned * (1 + {{ var('budget_tolerance') }}), false) as is_breach,
    dated.unknown_reason,
    dated.measured_through_date,
    shares.value as cost_share_of_revenue,
    case
        when shares.value < {{ guide.steady[0] }} then 'below the guide'
        when shares.value <= {{ guide.steady[1] }} then 'as steady business'
        when shares.value <= {{ guide.growth[1] }} then 'as growing business'
        when shares.value is not null then 'above the guide'
    end as cost_share_guide,
    case when dated.scope = 'total' and shares.value is null then coalesce(shares.unknown_reason, 'no figure for this period') end
        as cost_share_unknown_reason,
    dated.as_of_date
from dated
left join activities
    on dated.activity_id = activities.activity_id
left join shares
    on dated.scope = 'total'
    and dated.grain = shares.grain
    and dated.period_start = shares.period_start
