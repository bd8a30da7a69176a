{# What is peculiar to the source `files`: a dataset with a declared key holds a row once, and the newest file wins. #}

{# Import CTE `source`, and CTE `kept` with the rows that count. Rows without a declared key are all kept. The anti-join
   cannot fan out: (_file_key, _row) is the raw table's key. #}
{% macro files_newest(table) -%}
    source as (
        select * from {{ source('files', table) }}
    ),

    ranked as (
        select
            _file_key,
            _row,
            row_number() over (
                partition by _dataset, _row_key
                order by _file_modified_at desc nulls last, _file_key desc, _row desc
            ) as newest_rank
        from source
        where _row_key is not null
    ),

    kept as (
        select source.*
        from source
        left join ranked
            on source._file_key = ranked._file_key
            and source._row = ranked._row
            and ranked.newest_rank > 1
        where ranked._row is null
    )
{%- endmacro %}

{# Where a row comes from: the last columns of every model that feeds a union. `version_at` says which of two rows about
   the same thing is newer; `row_id` is unique within the source. #}
{% macro files_lineage() -%}
    _system as source_system,
    _dataset as dataset,
    cast(_file_key as {{ dbt.type_string() }}) || '|' || cast(_row as {{ dbt.type_string() }}) as row_id,
    _file_modified_at as version_at
{%- endmacro %}

{# The channel as it came: trimmed, blank is null, addresses scrubbed. #}
{% macro traffic_columns() -%}
    {%- for column in ['origin', 'source', 'medium', 'campaign'] %}
    {{ scrub_emails(clean_text(column)) }} as {{ 'origin' if column == 'origin' else 'traffic_' ~ column }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{# Hashes of a record's e-mail address and phone number. #}
{% macro hashed_contact_columns() -%}
    {{ email_hash('email') }} as email_hash,
    {{ is_role_address('email') }} as is_role_email,
    {{ email_domain('email') }} as email_domain,
    {{ phone_hash('phone') }} as phone_hash
{%- endmacro %}
