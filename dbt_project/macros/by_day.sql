{# The materialization `by_day`: a table of daily history of which a night computes only the days that came anew.

   A model says `config(materialized='by_day', day='event_date', days='stg_x__event_days')`: its day column, and the model that
   knows the days (event_date, n_events, is_loaded, and day_version, which changes when what was loaded of the day does). Its
   SQL restricts what it reads by {{ '{{ in_days(column) }}' }} and gives a column rules_version ({{ '{{ web_rules() }}' }}).

   Computed anew are days whose version is not the one they were computed from, with `days_before` and `days_after` around them
   where rows look further; and all days, into a new table, once the rules are others. Runs of days go one after the other,
   of at most `chunk_events` events, so that memory does not grow with history. What days were computed from is kept in a table
   beside (intermediate.<model>__days). All of it is one transaction. #}
{% materialization by_day, default %}
    {%- set day = config.require('day') -%}
    {%- set days = versions_of_days(ref(config.require('days'))) -%}
    {%- set relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set noted = api.Relation.create(
        database=this.database, schema='intermediate', identifier=this.identifier ~ '__days', type='table'
    ) -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}

    {%- set is_known = existing is not none and existing.is_table and not should_full_refresh()
        and load_relation(noted) is not none -%}
    {%- if is_known -%}
        {%- set columns = adapter.get_columns_in_relation(existing) | map(attribute='name') | list -%}
        {%- set is_known = 'rules_version' in columns and run_query(
            "select count(*) from " ~ existing ~ " where rules_version <> '" ~ web_rules() ~ "'"
        ).columns[0].values()[0] == 0 -%}
    {%- endif -%}
    {%- set runs = runs_of_days(days, noted if is_known else none) -%}

    {%- if is_known -%}
        {%- call statement('main') -%}
            delete from {{ relation }} where false
            {%- for run in runs %} or {{ day }} between date '{{ run.first }}' and date '{{ run.last }}'{% endfor %}
        {%- endcall -%}
        {%- set filled = relation -%}
    {%- else -%}
        {%- set filled = make_intermediate_relation(relation) -%}
        {%- do drop_relation_if_exists(load_cached_relation(filled)) -%}
        {%- call statement('main') -%}{{ create_table_as(False, filled, sql_of_days(sql, none)) }}{%- endcall -%}
    {%- endif -%}
    {%- set columns = adapter.get_columns_in_relation(filled) | map(attribute='quoted') | join(', ') -%}
    {%- for run in runs -%}
        {%- if runs | length > 1 -%}
            {%- do log(model.name ~ ': ' ~ run.first ~ ' to ' ~ run.last ~ ', ' ~ loop.index ~ ' of ' ~ runs | length, info=true) -%}
        {%- endif -%}
        {%- call statement('run_' ~ loop.index) -%}
            insert into {{ filled }} ({{ columns }}) select {{ columns }} from (
                {{ sql_of_days(sql, run) }}
            ) as found
        {%- endcall -%}
    {%- endfor -%}
    {%- if not is_known -%}
        {%- do drop_relation_if_exists(existing) -%}
        {%- do adapter.rename_relation(filled, relation) -%}
    {%- endif -%}
    {%- if runs or not is_known -%}
        {%- do adapter.create_schema(noted.without_identifier()) -%}
        {%- call statement('forget_noted') -%}drop table if exists {{ noted }}{%- endcall -%}
        {%- call statement('note') -%}create table {{ noted }} as select event_date, day_version from ({{ days }}) as days{%- endcall -%}
    {%- endif -%}

    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do persist_docs(relation, model) -%}
    {{- adapter.commit() -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}

{# Whether a row is needed to compute the days that come anew: those days, with some before and after them. #}
{% macro in_days(column, before=0, after=0) -%}
    (true /* days {{ column }} {{ before }} {{ after }} */)
{%- endmacro %}

{# The model's SQL for one run of days; none: for no day. #}
{% macro sql_of_days(sql, run) -%}
    {%- set text = namespace(sql=sql) -%}
    {%- for column, before, after in modules.re.findall('[(]true /[*] days ([^ ]+) ([0-9]+) ([0-9]+) [*]/[)]', sql) -%}
        {%- set whole = in_days(column, before, after) -%}
        {%- set condition = 'false' if run is none else (
            column ~ " between date '" ~ run.first ~ "' - " ~ before ~ " and date '" ~ run.last ~ "' + " ~ after
        ) -%}
        {%- set text.sql = text.sql.replace(whole, '(' ~ condition ~ ')') -%}
    {%- endfor -%}
    {{ return(text.sql) }}
{%- endmacro %}

{# Query of the days that are loaded, over all sources: events, and one version of all that was loaded. #}
{% macro versions_of_days(states) -%}
    select
        event_date,
        coalesce(sum(n_events), 0) as n_events,
        {{ dbt.listagg('day_version', "','", 'order by day_version') }} as day_version
    from {{ states }}
    where is_loaded
    group by event_date
{%- endmacro %}

{# Days to compute, as runs [{first, last}] without a gap. `noted`: what the days in the table were computed from; none: all. #}
{% macro runs_of_days(days, noted) -%}
    {%- set found = run_query(
        "with days as (" ~ days ~ "), changed as (select days.event_date from days"
        ~ ((" left join " ~ noted ~ " as noted on days.event_date = noted.event_date"
            ~ " where noted.day_version is distinct from days.day_version") if noted else '')
        ~ "), wanted as (select distinct days.event_date, days.n_events from days inner join changed on days.event_date between "
        ~ "changed.event_date - " ~ config.get('days_before', 0) ~ " and changed.event_date + " ~ config.get('days_after', 0) ~ ") "
        ~ "select cast(event_date as varchar), n_events, "
        ~ "coalesce(event_date - lag(event_date) over (order by event_date), 0) from wanted order by event_date"
    ) -%}
    {%- set ns = namespace(runs=[], n=0) -%}
    {%- for day, n_events, gap in found.rows -%}
        {%- if ns.runs and gap == 1 and ns.n + n_events <= config.get('chunk_events', 10000000) -%}
            {%- set ns.n = ns.n + n_events -%}
            {%- do ns.runs[-1].update({'last': day}) -%}
        {%- else -%}
            {%- set ns.n = n_events -%}
            {%- do ns.runs.append({'first': day, 'last': day}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ns.runs) }}
{%- endmacro %}
