-- Grain: subject x what of it (null: all of the kind). Who decides, by the newest mandate that holds on the as-of date.
with mandates as (
    select
        *,
        {{ as_of() }} as as_of_date
    from {{ ref('stg_plan__mandates') }}
),

in_force as (
    select
        *,
        row_number() over (
            partition by subject, subject_id
            order by holds_from_date desc, mandate_id asc
        ) as newest_rank
    from mandates
    where {{ plan_in_force('as_of_date') }} and holds_from_date <= as_of_date
)

select
    mandate_id,
    subject,
    subject_id,
    owner as decided_by,
    decision,
    limit_amount,
    currency,
    escalates_to,
    holds_from_date
from in_force
where newest_rank = 1
