-- Grain: lead gen form sent by a person. Hashes only: plain personal data stays in raw. Test leads are left out.
with source as (
    select * from {{ source('linkedin_ads', 'lead_form_responses') }}
),

forms as (
    select * from {{ source('linkedin_ads', 'lead_forms') }}
),

ads as (
    select
        account_id,
        campaign_id,
        ad_id,
        row_number() over (partition by account_id, ad_id order by valid_from desc) as version_rank
    from {{ ref('stg_linkedin_ads__ads') }}
)

-- Left joins 1:1: a form is unique in its account, and so is the last version of an ad.
select
    source.response_id,
    source.submitted_at,
    source.date_day,
    source.account_id,
    ads.campaign_id,
    source.campaign_id as ad_group_id,
    source.creative_id as ad_id,
    source.lead_form_id,
    {{ scrub_emails('forms.name') }} as lead_form_name,
    {{ person_key("'linkedin_ads'", 'source.submitter', 'source.email', 'source.phone') }} as person_key,
    {{ email_hash('source.email') }} as email_hash,
    {{ is_role_address('source.email') }} as is_role_email,
    {{ email_domain('source.email') }} as email_domain,
    {{ phone_hash('source.phone') }} as phone_hash,
    'linkedin_ads' as source_system
from source
left join forms
    on source.account_id = forms.account_id
    and source.lead_form_id = forms.lead_form_id
left join ads
    on source.account_id = ads.account_id
    and source.creative_id = ads.ad_id
    and ads.version_rank = 1
where source.test_lead is distinct from true
