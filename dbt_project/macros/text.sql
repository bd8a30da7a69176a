{# Text: matching and scrubbing. #}

{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{% macro default__matches(expression, pattern) -%}
    regexp_like({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{# Whether a text holds something, of one sign at least, that the pattern takes. As `matches`, but at the cost of a column's
   different texts instead of its rows: DuckDB looks once at each value of a dictionary, which it does not for regexp_matches. #}
{% macro holds(expression, pattern) -%}
    {{ return(adapter.dispatch('holds')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__holds(expression, pattern) -%}
    regexp_extract({{ expression }}, '{{ pattern }}') <> ''
{%- endmacro %}

{% macro default__holds(expression, pattern) -%}
    regexp_like({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{# E-mail addresses inside a text (a URL, a campaign name) are replaced, also in their URL-encoded form. #}
{% macro scrub_emails(expression) -%}
    {{ return(adapter.dispatch('scrub_emails')(expression)) }}
{%- endmacro %}

{% macro duckdb__scrub_emails(expression) -%}
    regexp_replace({{ expression }}, '[A-Za-z0-9._+\-]+(@|%40)[A-Za-z0-9.\-]+\.[A-Za-z]{2,}', '(e-mail)', 'g')
{%- endmacro %}

{# Trimmed text; blank is null. #}
{% macro clean_text(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}

{# A currency code as ISO 4217 writes it. #}
{% macro currency_code(expression) -%}
    upper({{ clean_text(expression) }})
{%- endmacro %}

{# The fewest letters to put in, take out, change or swap with the next to make one text another. #}
{% macro edit_distance(one, other) -%}
    {{ return(adapter.dispatch('edit_distance')(one, other)) }}
{%- endmacro %}

{% macro duckdb__edit_distance(one, other) -%}
    damerau_levenshtein({{ one }}, {{ other }})
{%- endmacro %}

{# As matches, whatever the case. #}
{% macro matches_any_case(expression, pattern) -%}
    {{ return(adapter.dispatch('matches_any_case')(expression, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches_any_case(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}', 'i')
{%- endmacro %}

{% macro default__matches_any_case(expression, pattern) -%}
    regexp_like({{ expression }}, '{{ pattern }}', 'i')
{%- endmacro %}

{# A text's words: lower case, one blank between them, letters and digits alone. #}
{% macro plain_words(expression) -%}
    {{ return(adapter.dispatch('plain_words')(expression)) }}
{%- endmacro %}

{% macro duckdb__plain_words(expression) -%}
    trim(regexp_replace(lower({{ expression }}), '[^\p{L}\p{N}]+', ' ', 'g'))
{%- endmacro %}

{# Each word of plain_words in a row of its own. #}
{% macro each_word(expression) -%}
    {{ return(adapter.dispatch('each_word')(expression)) }}
{%- endmacro %}

{% macro duckdb__each_word(expression) -%}
    unnest(string_split({{ expression }}, ' '))
{%- endmacro %}

{# Each value of a list with commas between in a row of its own, as it stands. #}
{% macro each_listed(expression) -%}
    {{ return(adapter.dispatch('each_listed')(expression)) }}
{%- endmacro %}

{% macro duckdb__each_listed(expression) -%}
    unnest(string_split({{ expression }}, ','))
{%- endmacro %}
