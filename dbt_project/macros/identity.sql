{# Identity: how identifiers are hashed where several systems must agree on them, and what may be told of an address. #}

{# Web analytics' client id, as its staging hashes it. #}
{% macro web_client_hash(id) -%}
    {{ keyed_hash("'ga4_export|client|' || " ~ id) }}
{%- endmacro %}

{# The login that the site hands to web analytics as its user id, as its staging hashes it. #}
{% macro web_user_hash(id) -%}
    {{ keyed_hash("'ga4_export|' || " ~ id) }}
{%- endmacro %}

{# A customer account: the site's login where the system is one whose customer numbers are (var identity_login_systems), else its own. #}
{% macro customer_hash(system, id) -%}
    case
        when {{ system }} in ('{{ var("identity_login_systems") | join("', '") }}') then {{ web_user_hash(id) }}
        else {{ keyed_hash(system ~ " || '|' || " ~ id) }}
    end
{%- endmacro %}

{# Whether an address is a role's (post@, info@) rather than a person's; null where there is no address. #}
{% macro is_role_address(email) -%}
    {{ matches("lower(trim(" ~ email ~ "))", '^(' ~ var('identity_role_addresses') | join('|') ~ ')([+][^@]*)?@') }}
{%- endmacro %}

{# The domain of an address; null where it is none. #}
{% macro email_domain(email) -%}
    nullif(lower(trim({{ dbt.split_part(email, "'@'", 2) }})), '')
{%- endmacro %}

{# What a hidden field of a form holds, by the names that companies give it (a list); null without. #}
{% macro form_answer(answers, names) -%}
    {{ return(adapter.dispatch('form_answer')(answers, names)) }}
{%- endmacro %}

{% macro duckdb__form_answer(answers, names) -%}
    coalesce(
        {%- for name in names %}
        nullif(trim(json_extract_string({{ answers }}, '$."{{ name }}"')), ''){% if not loop.last %},{% endif %}
        {%- endfor %},
        null
    )
{%- endmacro %}

{# The client id within what a form was given: 123.456 of GA1.1.123.456; another text as it stands. #}
{% macro client_id_in(text) -%}
    {{ return(adapter.dispatch('client_id_in')(text)) }}
{%- endmacro %}

{% macro duckdb__client_id_in(text) -%}
    coalesce(nullif(regexp_extract({{ text }}, '[0-9]+[.][0-9]+$'), ''), {{ text }})
{%- endmacro %}

{# A number for a node that is the same on every night and every version of the engine, to compute components with: 64 bits of its
   hash, apart by kind. Among ten million identifiers two share one in 3 of a million installations; the number is tested unique. #}
{% macro node_number(kind, hash) -%}
    {{ return(adapter.dispatch('node_number')(kind, hash)) }}
{%- endmacro %}

{% macro duckdb__node_number(kind, hash) -%}
    xor(
        coalesce(try_cast('0x' || left({{ hash }}, 16) as ubigint), md5_number_lower({{ hash }})),
        cast({{ kind_rank(kind) }} as ubigint)
    )
{%- endmacro %}

{# Key of a node in marts. #}
{% macro node_key(kind, hash) -%}
    {{ surrogate_key([kind, hash]) }}
{%- endmacro %}

{# The place of a kind among var identity_kinds. #}
{% macro kind_rank(kind) -%}
    case {{ kind }}
    {%- for name in var('identity_kinds') %}
        when '{{ name }}' then {{ loop.index }}
    {%- endfor %}
        else 99
    end
{%- endmacro %}

{# Key of the person that an identifier names. #}
{% macro person_key_of(kind, hash) -%}
    {{ surrogate_key(["'person'", kind, hash]) }}
{%- endmacro %}

{# The domain of a company as its CRM has it: without protocol, www and path. #}
{% macro plain_domain(expression) -%}
    {{ return(adapter.dispatch('plain_domain')(expression)) }}
{%- endmacro %}

{% macro duckdb__plain_domain(expression) -%}
    nullif(regexp_extract(lower(trim({{ expression }})), '^(?:[a-z]+://)?(?:www[.])?([^/:?#]+)', 1), '')
{%- endmacro %}
