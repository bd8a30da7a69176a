-- Grain: source x entity x system x measure (rows, amount) x currency. From the file to the mart: what came in, what was
-- rejected, replaced by a newer row of the same key, merged because two datasets of a system (or its CRM) give the same record, and
-- what the mart holds. difference = what none of this explains; it must be 0. Amounts of rejected rows are unknown.
{% set entities = {
    'leads': {'mart': 'fct_lead', 'id': 'lead_id', 'rows': '1', 'crm': 'int_crm_leads__defined'},
    'deals': {
        'mart': 'fct_deal', 'id': 'deal_id', 'rows': '1', 'amount': 'amount', 'mart_amount': 'amount', 'crm': 'int_crm_deals__unioned',
    },
    'orders': {
        'mart': 'fct_order', 'id': 'order_id', 'rows': '1', 'amount': 'amount', 'mart_amount': 'amount',
        'where': 'not is_derived_from_lines',
    },
    'order_lines': {
        'mart': 'fct_order_line', 'rows': '1', 'amount': 'quantity * unit_price', 'mart_amount': 'amount',
    },
    'web_purchases': {
        'mart': 'fct_web_conversion', 'rows': 'n_items', 'amount': 'item_revenue', 'mart_amount': 'revenue',
        'where': "source_name in ('" ~ var('union_sources')['web_purchases'] | join("', '") ~ "')",
    },
    'ad_performance': {
        'mart': 'fct_ad_performance_daily', 'rows': '1', 'amount': 'cost', 'mart_amount': 'cost',
        'where': 'has_account_total is distinct from false',
    },
    'web_events': {'mart': 'int_web_event_counts__unioned', 'rows': 'n_events'},
    'web_aggregates': {
        'mart': 'fct_web_traffic_daily', 'rows': '1', 'amount': 'purchase_revenue',
        'mart_amount': "case when breakdown = 'property' then purchase_revenue end",
    },
    'organic_search': {
        'mart': 'fct_search_performance_daily', 'rows': '1', 'where': "breakdown <> 'unattributed'",
    },
    'email_systems': {'mart': 'fct_email_event', 'rows': '1'},
    'other_costs': {'mart': 'int_costs__unioned', 'rows': '1', 'amount': 'amount', 'mart_amount': 'amount'},
    'accounting_figures': {'mart': 'int_accounting__unioned', 'rows': '1', 'amount': 'amount', 'mart_amount': 'amount'},
} %}
{% set sources = [] %}
{% set staged_parts = [] %}
{% set mart_parts = [] %}
{% for entity, how in entities.items() %}
{% for name in var('union_sources')[entity] %}
{% if name not in sources %}{% do sources.append(name) %}{% endif %}
{% if how.id %}
{% set part %}
    select
        '{{ name }}' as source_name,
        '{{ entity }}' as entity,
        source_system,
        'rows' as measure,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(count(*) as decimal(24, 6)) as quantity,
        cast(
            count(*) - count(distinct {{ 'case when not ' ~ is_left_to_crm('source_system', ref(how.crm)) ~ ' then ' ~ how.id ~ ' end' if how.crm else how.id }})
            as decimal(24, 6)
        ) as merged
    from {{ ref('stg_' ~ name ~ '__' ~ entity) }}
    group by source_system
{% endset %}
{% do staged_parts.append(part) %}
{% if how.amount %}
{% set part %}
    select
        '{{ name }}' as source_name,
        '{{ entity }}' as entity,
        source_system,
        'amount' as measure,
        currency,
        {{ money_sum(how.amount) }} as quantity,
        -- what the union does not take: all but the newest row of a record, in the union's own order
        {{ money_sum(
            'case when version_rank > 1' ~ (' or ' ~ is_left_to_crm('source_system', ref(how.crm)) if how.crm else '') ~ ' then ' ~ how.amount ~ ' else 0 end'
        ) }} as merged
    from (
        select
            *,
            row_number() over (
                partition by source_system, {{ how.id }}
                order by version_at desc nulls last, dataset asc, row_id asc
            ) as version_rank
        from {{ ref('stg_' ~ name ~ '__' ~ entity) }}
    ) as ranked
    where {{ how.amount.split(' * ')[0] }} is not null
    group by source_system, currency
{% endset %}
{% do staged_parts.append(part) %}
{% endif %}
{% endif %}
{% endfor %}
{% for measure in ['rows', 'amount'] if measure == 'rows' or how.amount %}
{% set part %}
    select
        source_name,
        '{{ entity }}' as entity,
        source_system,
        '{{ measure }}' as measure,
        {{ 'currency' if measure == 'amount' else 'cast(null as ' ~ dbt.type_string() ~ ')' }} as currency,
        cast(sum({{ how.mart_amount if measure == 'amount' else how.rows }}) as decimal(24, 6)) as quantity
    from {{ ref(how.mart) }}
    where {{ how.where or 'true' }}{{ ' and ' ~ how.mart_amount ~ ' is not null' if measure == 'amount' }}
    group by source_name, source_system{{ ', currency' if measure == 'amount' }}
{% endset %}
{% do mart_parts.append(part) %}
{% endfor %}
{% endfor %}

with loaded as (
    {%- for name in sources %}
    select
        '{{ name }}' as source_name,
        entity,
        source_system,
        measure,
        currency,
        in_files,
        rejected,
        null_skipped,
        in_raw,
        replaced
    from {{ ref('stg_' ~ name ~ '__load_counts') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

staged as (
    -- what can be merged: entities with an id of their own
    {{ staged_parts | join('    union all') }}
),

in_marts as (
    {{ mart_parts | join('    union all') }}
),

-- Left joins 1:1: all three are unique on the grain; currency is null-safe.
compared as (
    select
        loaded.source_name,
        loaded.entity,
        loaded.source_system,
        loaded.measure,
        loaded.currency,
        loaded.in_files,
        loaded.rejected,
        loaded.null_skipped,
        loaded.in_raw,
        loaded.replaced,
        cast(coalesce(staged.merged, 0) as decimal(24, 6)) as merged,
        coalesce(in_marts.quantity, 0) as in_mart
    from loaded
    left join staged
        on loaded.source_name = staged.source_name
        and loaded.entity = staged.entity
        and loaded.source_system = staged.source_system
        and loaded.measure = staged.measure
        and loaded.currency is not distinct from staged.currency
    left join in_marts
        on loaded.source_name = in_marts.source_name
        and loaded.entity = in_marts.entity
        and loaded.source_system = in_marts.source_system
        and loaded.measure = in_marts.measure
        and loaded.currency is not distinct from in_marts.currency
)

select
    {{ surrogate_key(['source_name', 'entity', 'source_system', 'measure', 'currency']) }} as reconciliation_key,
    source_name,
    entity,
    source_system,
    measure,
    currency,
    in_files,
    rejected,
    null_skipped,
    in_raw,
    replaced,
    merged,
    in_mart,
    cast(coalesce(in_files - rejected - in_raw, 0) as decimal(24, 6)) as difference_to_raw,
    cast(in_raw - replaced - merged - in_mart as decimal(24, 6)) as difference_to_mart,
    coalesce(in_files - rejected - in_raw, 0) = 0 and in_raw - replaced - merged - in_mart = 0 as is_reconciled,
    {{ as_of() }} as as_of_date
from compared
