{# What Meta Ads' staging models share. #}

{% macro meta_ads_status(status) -%}
    case {{ status }}
        when 'ACTIVE' then 'active'
        when 'PAUSED' then 'paused'
        else 'removed'
    end
{%- endmacro %}

{# A budget in the currency's smallest unit, as Meta counts it: these currencies have no hundredths there (Meta: Currencies). #}
{% macro meta_ads_budget(budget, currency) -%}
    cast(
        {{ budget }} * case
            when {{ currency }} in ('CLP', 'COP', 'CRC', 'HUF', 'ISK', 'IDR', 'JPY', 'KRW', 'PYG', 'TWD', 'VND') then 1.00
            else 0.01
        end
        as decimal(18, 6)
    )
{%- endmacro %}
