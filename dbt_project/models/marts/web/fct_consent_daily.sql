-- Grain: source system x day x purpose. Answers to the consent banner, by those whom it was shown. Counts add up over days, never
-- over purposes: one visitor answers for all of them. Without the file the share of consent is unknown: web analytics does
-- not see who declined.
{% set counts = ['shown', 'accepted', 'denied'] %}
with answers as (
    select * from {{ ref('int_consent_counts__unioned') }}
),

-- A count that one dataset of the day does not give is unknown for the day.
summed as (
    select
        source_name,
        source_system,
        date_day,
        purpose,
        {%- for count in counts %}
        case when count(*) = count({{ count }}) then cast(sum({{ count }}) as bigint) end as n_{{ count }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from answers
    group by source_name, source_system, date_day, purpose
)

select
    {{ surrogate_key(['source_name', 'source_system', 'date_day', 'purpose']) }} as consent_key,
    purpose,
    n_shown,
    n_accepted,
    n_denied,
    n_shown - n_accepted - n_denied as n_closed,
    {{ ratio('n_accepted', 'n_shown') }} as accept_share,
    date_day,
    source_name,
    source_system
from summed
