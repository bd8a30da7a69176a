-- Grain: measure x record (entity_key). The one long model KPIs are made of: seeds/measures.csv says what each measure is,
-- seeds/kpi_catalogue.csv which KPI uses it. Users are too many to be records: int_measures__by_period counts them. The plan's
-- activity is known where a record names its campaign. Null value = unknown, with the reason. Days after the as-of date are left out.
{{ config(materialized='table') }}

with utm_campaigns as (
    select * from {{ ref('int_plan__utm_campaigns') }}
),

ad_campaigns as (
    select * from {{ ref('int_plan__ad_campaigns') }}
),

sessions as (
    select * from {{ ref('fct_session') }}
),

-- Here and below, left joins 1:1: utm_campaigns are unique on utm_campaign, ad_campaigns on campaign_key, sessions on session_key,
-- leads on lead_key.
leads as (
    select
        leads.*,
        utm_campaigns.activity_id
    from {{ ref('fct_lead') }} as leads
    left join utm_campaigns
        on lower(leads.traffic_campaign) = utm_campaigns.utm_campaign
),

deals as (
    select
        deals.*,
        leads.activity_id
    from {{ ref('fct_deal') }} as deals
    left join leads
        on deals.lead_key = leads.lead_key
),

conversions as (
    select
        *,
        cast(null as {{ dbt.type_string() }}) as activity_id
    from {{ ref('fct_conversion') }}
),

orders as (
    select
        orders.*,
        cast(null as {{ dbt.type_string() }}) as activity_id,
        case when reporting_rate is null then 'no exchange rate' else 'VAT basis unknown' end as missing_reason
    from {{ ref('fct_order') }} as orders
),

web_conversions as (
    select
        web_conversions.*,
        utm_campaigns.activity_id
    from {{ ref('fct_web_conversion') }} as web_conversions
    left join sessions
        on web_conversions.session_key = sessions.session_key
    left join utm_campaigns
        on lower(sessions.campaign) = utm_campaigns.utm_campaign
),

session_days as (
    select * from {{ ref('int_sessions__daily') }}
),

web_days as (
    select
        source_name,
        event_date
    from {{ ref('int_web_days__unioned') }}
    where is_loaded
),

counted_web_conversions as (
    select * from {{ ref('int_web_conversions__counted') }}
    where session_key is not null
),

dates as (
    select * from {{ ref('dim_date') }}
),

rates as (
    select * from {{ ref('int_rates__daily') }}
),

traffic as (
    select * from {{ ref('int_channels__traffic') }}
),

-- By day, what is unknown apart from what is known: a million rows of ads need not be a million records of each measure.
ad_days as (
    select
        ads.source_name,
        ads.source_system,
        ads.channel_key,
        ad_campaigns.activity_id,
        ads.date_day,
        ads.cost is null as lacks_cost,
        ads.cost_reporting is null as lacks_cost_reporting,
        ads.clicks is null as lacks_clicks,
        ads.impressions is null as lacks_impressions,
        sum(ads.cost_reporting) as cost_reporting,
        sum(ads.clicks) as clicks,
        sum(ads.impressions) as impressions
    from {{ ref('fct_ad_performance_daily') }} as ads
    left join ad_campaigns
        on ads.campaign_key = ad_campaigns.campaign_key
    group by
        ads.source_name, ads.source_system, ads.channel_key, ad_campaigns.activity_id, ads.date_day, ads.cost is null,
        ads.cost_reporting is null, ads.clicks is null, ads.impressions is null
),

ads as (
    select
        *,
        {{ surrogate_key([
            'source_name', 'source_system', 'channel_key', 'activity_id', 'date_day', 'lacks_cost', 'lacks_cost_reporting',
            'lacks_clicks', 'lacks_impressions',
        ]) }} as ad_day_key,
        case when lacks_cost then 'cost not reported' else 'no exchange rate' end as cost_missing_reason
    from ad_days
),

-- Sessions in which something was done, by their own day, not the deed's: a share of the sessions of that day.
converting_sessions as (
    select
        source_name,
        channel_key,
        session_date as date_day,
        count(distinct case when event_name = 'purchase' then session_key end) as n_purchase_sessions,
        count(distinct case when event_name = 'generate_lead' then session_key end) as n_lead_sessions
    from counted_web_conversions
    group by source_name, channel_key, session_date
),

session_channels as (
    select distinct
        source_name,
        source_system,
        channel_key
    from session_days
),

session_spans as (
    select
        source_name,
        min(event_date) as first_date,
        max(event_date) as last_date
    from web_days
    group by source_name
),

-- A day that the export lacks is unknown for every channel there ever was, and not 0. Left join 1:1: web_days are unique on
-- source and day.
missing_days as (
    select
        session_channels.source_name,
        session_channels.source_system,
        session_channels.channel_key,
        dates.date_day
    from session_channels
    inner join session_spans
        on session_channels.source_name = session_spans.source_name
    inner join dates
        on dates.date_day between session_spans.first_date and session_spans.last_date
    left join web_days
        on session_spans.source_name = web_days.source_name
        and dates.date_day = web_days.event_date
    where web_days.event_date is null
),

-- Left join 1:1: converting_sessions are unique on source, channel and day.
session_records as (
    select
        session_days.source_name,
        session_days.source_system,
        session_days.channel_key,
        session_days.date_day,
        session_days.n_sessions,
        session_days.n_engaged_sessions,
        session_days.n_page_views,
        coalesce(converting_sessions.n_purchase_sessions, 0) as n_purchase_sessions,
        coalesce(converting_sessions.n_lead_sessions, 0) as n_lead_sessions
    from session_days
    left join converting_sessions
        on session_days.source_name = converting_sessions.source_name
        and session_days.channel_key = converting_sessions.channel_key
        and session_days.date_day = converting_sessions.date_day
    union all
    select
        source_name,
        source_system,
        channel_key,
        date_day,
        cast(null as bigint) as n_sessions,
        cast(null as bigint) as n_engaged_sessions,
        cast(null as bigint) as n_page_views,
        cast(null as bigint) as n_purchase_sessions,
        cast(null as bigint) as n_lead_sessions
    from missing_days
),

sessions_by_channel as (
    select
        *,
        cast(null as {{ dbt.type_string() }}) as activity_id,
        {{ surrogate_key(['source_name', 'channel_key', 'date_day']) }} as session_day_key,
        case when channel_key = 'ai_assistant' then n_sessions else n_sessions * 0 end as n_ai_sessions
    from session_records
),

-- Left joins 1:1: traffic is unique on traffic_key. A cost without a channel serves all of them.
costs as (
    select
        costs.*,
        case when costs.origin is null then 'unallocated' else traffic.channel_key end as channel_key,
        {{ to_reporting('costs.amount_ex_vat', 'rates.rate') }} as cost_reporting,
        case when rates.rate is null then 'no exchange rate' else 'VAT basis unknown' end as missing_reason
    from {{ ref('int_costs__unioned') }} as costs
    left join rates
        on costs.currency = rates.currency
        and costs.date_day = rates.date_day
    left join traffic
        on costs.traffic_key = traffic.traffic_key
    where costs.counted_elsewhere is null
),

-- Systems that never report a lost deal cannot tell a win rate.
systems_with_losses as (
    select distinct source_system
    from deals
    where is_lost
),

measures as (
    {% set measures = [
        ('leads', 'leads', 'created_date', 'lead_key', '1', none, 'true'),
        ('qualified_leads', 'leads', 'qualified_date', 'lead_key', '1', none, 'is_qualified'),
        (
            'qualified_leads_to_customer', 'leads', 'qualified_date', 'lead_key',
            'case when first_won_date <= ' ~ as_of() ~ ' then 1 else 0 end', none, 'is_qualified',
        ),
        ('opportunities', 'conversions', 'conversion_date', 'conversion_key', '1', none, "conversion_type = 'opportunity'"),
        (
            'opportunity_value', 'deals', 'coalesce(created_date, closed_date)', 'deal_key', 'amount_ex_vat_reporting',
            "case when amount is null then 'no value recorded' when reporting_rate is null then 'no exchange rate'"
            ~ " else 'VAT basis unknown' end", 'true',
        ),
        ('deals_won', 'deals', 'closed_date', 'deal_key', '1', none, 'is_won'),
        ('deals_lost', 'deals', 'closed_date', 'deal_key', '1', none, 'is_lost'),
        (
            'deals_decided', 'deals', 'closed_date', 'deal_key', '1', none,
            '(is_won or is_lost) and source_system in (select source_system from systems_with_losses)',
        ),
        (
            'deals_decided_won', 'deals', 'closed_date', 'deal_key', '1', none,
            'is_won and source_system in (select source_system from systems_with_losses)',
        ),
        (
            'won_deal_value', 'deals', 'closed_date', 'deal_key', 'amount_ex_vat_reporting',
            "case when amount is null then 'no value recorded' when reporting_rate is null then 'no exchange rate'"
            ~ " else 'VAT basis unknown' end", 'is_won',
        ),
        ('new_customers', 'conversions', 'conversion_date', 'person_key', '1', none, "conversion_type = 'customer'"),
        ('repeat_purchases', 'conversions', 'conversion_date', 'conversion_key', '1', none, "conversion_type = 'repeat'"),
        ('repeat_customers', 'conversions', 'conversion_date', 'person_key', '1', none, "conversion_type = 'repeat'"),
        (
            'active_customers', 'conversions', 'conversion_date', 'person_key', '1', none,
            "conversion_type in ('customer', 'repeat')",
        ),
        ('orders', 'orders', 'ordered_date', 'order_key', '1', none, 'is_paid_sale'),
        (
            'orders_with_known_sales', 'orders', 'ordered_date', 'order_key', '1', none,
            'is_paid_sale and sales_ex_vat_reporting is not null',
        ),
        (
            'gross_sales', 'orders', 'ordered_date', 'order_key', 'sales_ex_vat_reporting', 'missing_reason',
            'sales_amount is distinct from 0',
        ),
        (
            'cancelled_sales', 'orders', 'ordered_date', 'order_key', '-cancelled_ex_vat_reporting', 'missing_reason',
            'cancelled_amount is distinct from 0',
        ),
        (
            'net_revenue', 'orders', 'ordered_date', 'order_key', 'sales_ex_vat_reporting + cancelled_ex_vat_reporting',
            'missing_reason', '(sales_amount is distinct from 0 or cancelled_amount is distinct from 0)',
        ),
        (
            'adjustments', 'orders', 'ordered_date', 'order_key', 'adjustment_ex_vat_reporting', 'missing_reason',
            'adjustment_amount is distinct from 0',
        ),
        ('web_purchases', 'web_conversions', 'converted_date', 'web_conversion_key', '1', none, "event_name = 'purchase' and is_headline"),
        (
            'web_purchases_with_revenue', 'web_conversions', 'converted_date', 'web_conversion_key', '1', none,
            "event_name = 'purchase' and is_headline and revenue_reporting is not null",
        ),
        ('web_buyers', 'web_conversions', 'converted_date', 'client_key', '1', none, "event_name = 'purchase' and is_headline"),
        (
            'web_revenue', 'web_conversions', 'converted_date', 'web_conversion_key', 'revenue_reporting',
            "case when has_revenue then 'no exchange rate' else 'revenue not reported' end", "event_name = 'purchase' and is_headline",
        ),
        ('sessions', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_sessions', "'days are missing in the export'", 'true'),
        (
            'engaged_sessions', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_engaged_sessions',
            "'days are missing in the export'", 'true',
        ),
        ('page_views', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_page_views', "'days are missing in the export'", 'true'),
        (
            'purchase_sessions', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_purchase_sessions',
            "'days are missing in the export'", 'true',
        ),
        (
            'lead_sessions', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_lead_sessions',
            "'days are missing in the export'", 'true',
        ),
        ('ai_sessions', 'sessions_by_channel', 'date_day', 'session_day_key', 'n_ai_sessions', "'days are missing in the export'", 'true'),
        ('media_cost', 'ads', 'date_day', 'ad_day_key', 'cost_reporting', 'cost_missing_reason', 'true'),
        ('ad_clicks', 'ads', 'date_day', 'ad_day_key', 'clicks', "'clicks not reported'", 'true'),
        ('ad_impressions', 'ads', 'date_day', 'ad_day_key', 'impressions', "'impressions not reported'", 'true'),
        (
            'ad_thousand_impressions', 'ads', 'date_day', 'ad_day_key', 'impressions * 0.001',
            "'impressions not reported'", 'true',
        ),
        ('other_cost', 'costs', 'date_day', 'cost_key', 'cost_reporting', 'missing_reason', 'true'),
        ('marketing_cost', 'ads', 'date_day', 'ad_day_key', 'cost_reporting', 'cost_missing_reason', 'true'),
        ('marketing_cost', 'costs', 'date_day', 'cost_key', 'cost_reporting', 'missing_reason', 'true'),
    ] -%}
    {%- for measure, model, date, entity, value, reason, condition in measures %}
    select
        '{{ measure }}' as measure,
        {{ date }} as date_day,
        channel_key,
        activity_id,
        {{ entity }} as entity_key,
        cast({{ value }} as decimal(18, 6)) as value,
        {% if reason -%}
        case when {{ value }} is null then {{ reason }} end as unknown_reason,
        {%- else -%}
        cast(null as {{ dbt.type_string() }}) as unknown_reason,
        {%- endif %}
        source_name,
        source_system
    from {{ model }}
    where {{ condition }} and {{ date }} <= {{ as_of() }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    measure,
    date_day,
    channel_key,
    activity_id,
    entity_key,
    value,
    value is null as is_unknown,
    unknown_reason,
    source_name,
    source_system
from measures
