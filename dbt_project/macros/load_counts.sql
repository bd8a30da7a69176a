{# What staging holds, for reconciliation with the marts. #}

{# The rows of a staging model, one row of counts; none for an empty one. #}
{% macro counted_rows(entity, model, condition='true') -%}
select
    '{{ entity }}' as entity,
    source_system,
    'rows' as measure,
    cast(null as {{ dbt.type_string() }}) as currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    cast(count(*) as decimal(24, 6)) as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from {{ model }}
where {{ condition }}
group by source_system
{%- endmacro %}

{# Sums of an amount by currency, where there is any. #}
{% macro counted_amounts(entity, model, amount='amount') -%}
select
    '{{ entity }}' as entity,
    source_system,
    'amount' as measure,
    currency,
    cast(null as decimal(24, 6)) as in_files,
    cast(null as decimal(24, 6)) as rejected,
    cast(null as decimal(24, 6)) as null_skipped,
    {{ money_sum(amount) }} as in_raw,
    cast(0 as decimal(24, 6)) as replaced
from {{ model }}
where {{ amount }} is not null
group by source_system, currency
{%- endmacro %}
