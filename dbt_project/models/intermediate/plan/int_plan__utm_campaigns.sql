-- Grain: utm_campaign, lower case. The activity in force that it belongs to; the plan's check holds that it is one.
with activities as (
    select * from {{ ref('stg_plan__activities') }}
    where {{ plan_in_force(as_of()) }}
),

listed as (
    select
        activity_id,
        {{ each_listed('utm_campaigns') }} as utm_campaign
    from activities
    where utm_campaigns is not null
)

select
    lower({{ clean_text('utm_campaign') }}) as utm_campaign,
    min(activity_id) as activity_id
from listed
where {{ clean_text('utm_campaign') }} is not null
group by lower({{ clean_text('utm_campaign') }})
