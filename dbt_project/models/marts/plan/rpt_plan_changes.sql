-- Grain: version of the plan x sheet x row x field. Every change seen up to the as-of date, never restated. Nothing to add up.
with changes as (
    select * from {{ ref('stg_plan__plan_changes') }}
    where seen_date <= {{ as_of() }}
),

versions as (
    select * from {{ ref('stg_plan__plan_versions') }}
)

-- Inner join 1:1: versions are unique on version, and every change has one.
select
    changes.change_id as change_key,
    cast(changes.version as bigint) as plan_version,
    changes.seen_date,
    changes.seen_at,
    changes.sheet,
    changes.row_id,
    changes.change_type,
    changes.field,
    changes.old_value,
    changes.new_value,
    changes.reason,
    -- what binds people: a goal's target, condition or dates, and planned money
    (changes.sheet = 'goals' and changes.field in (
        '*', 'target', 'target_change_pct', 'baseline', 'baseline_start_date', 'baseline_end_date', 'condition_kpi',
        'condition_operator', 'condition_value', 'condition_change_pct', 'condition_baseline', 'start_date', 'due_date', 'kpi',
        'channels'
    ))
    or changes.sheet = 'kpi_targets' and changes.field in ('*', 'target')
    or changes.sheet = 'budget_lines' and changes.field in ('*', 'amount', 'cap', 'currency') as is_commitment,
    versions.file_name,
    {{ as_of() }} as as_of_date
from changes
inner join versions
    on changes.version = versions.version
