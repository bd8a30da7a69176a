{# Money is decimal. In DuckDB a decimal divided is a double, and sums of doubles differ in their last digits from run
   to run: every division is cast back before anything is summed. #}

{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 6))
{%- endmacro %}

{# Millionths of a currency's unit, as ad platforms give them, to money. Multiplied, not divided: see above. #}
{% macro micros_to_decimal(expression) -%}
    cast(cast({{ expression }} as decimal(18, 0)) * cast(0.000001 as decimal(6, 6)) as decimal(18, 6))
{%- endmacro %}

{# Sums of money, wide enough never to overflow. #}
{% macro money_sum(expression) -%}
    cast(sum({{ expression }}) as decimal(24, 6))
{%- endmacro %}

{# numerator / denominator as decimal with 6 places; null when the denominator is 0. #}
{% macro ratio(numerator, denominator) -%}
    cast(
        cast({{ numerator }} as decimal(24, 6)) / nullif(cast({{ denominator }} as decimal(24, 6)), 0)
        as decimal(24, 6)
    )
{%- endmacro %}

{# An amount without VAT; null (unknown) when its source does not say whether, or how much, VAT it holds. #}
{% macro ex_vat(amount, vat_basis, vat_rate_pct) -%}
    case {{ vat_basis }}
        when 'excluded' then {{ money(amount) }}
        when 'included' then cast({{ amount }} / (1 + {{ vat_rate_pct }} / 100) as decimal(18, 6))
    end
{%- endmacro %}

{# An amount in the reporting currency by a rate of int_rates__daily; null when the rate is unknown. Rounded before the
   cast: DuckDB casts a 128-bit decimal three times slower than it rounds one. #}
{% macro to_reporting(amount, rate) -%}
    cast(round({{ amount }} * {{ rate }}, 6) as decimal(18, 6))
{%- endmacro %}
