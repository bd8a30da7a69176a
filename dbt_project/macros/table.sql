{# dbt-duckdb's materialization `table` in one statement instead of eight: it builds under another name, renames twice and drops
   afterwards. Here the table is replaced within the transaction that fills it, so a build that is killed leaves the old one. #}
{% materialization table, adapter="duckdb", supported_languages=["sql", "python"] %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- if existing is not none and not existing.is_table -%}
        {%- do drop_relation_if_exists(existing) -%}
    {%- endif -%}
    {%- if model.language == 'python' -%}{# a model that returns a relation is written within this transaction #}
        {%- call statement('drop') -%}drop table if exists {{ target }}{%- endcall -%}
        {%- call statement('main', language='python') -%}
            {{- create_table_as(False, target, compiled_code, 'python') -}}
        {%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            drop table if exists {{ target }};
            {{ create_table_as(False, target, compiled_code) }}
        {%- endcall -%}
    {%- endif -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do persist_docs(target, model) -%}
    {{- adapter.commit() -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
