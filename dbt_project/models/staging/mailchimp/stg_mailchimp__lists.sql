-- Grain: list. As they are tonight.
with source as (
    select * from {{ source('mailchimp', 'lists') }}
)

select
    'mailchimp' as source_system,
    account_id,
    list_id,
    {{ clean_text('name') }} as list_name,
    double_optin as is_double_opt_in,
    member_count as n_subscribed,
    date_created as created_at
from source
