{# What the ad marts share: keys, versions by day, and what a coarser report holds beyond the finer ones. #}

{% macro campaign_key() -%}
    {{ optional_key('campaign_id', ['platform', 'account_id', 'campaign_id']) }}
{%- endmacro %}

{% macro ad_key() -%}
    {{ optional_key('ad_id', ['platform', 'account_id', 'ad_id']) }}
{%- endmacro %}

{# CTEs up to `versions`: the nights' versions of `source` (valid_from, valid_to) by calendar day. Of several on a day the last
   counts; neighbours that differ in nothing `tracked` are one. seen_from_date is the night that first saw a version, gone_date
   the night that no longer did (null = it holds); the first version reaches back to the beginning, since nobody looked
   before. valid_to_date is the last day, null = it holds. #}
{% macro versions_by_day(source, key, tracked, carried) -%}
    dated as (
        select
            *,
            cast(valid_from as date) as seen_from_date,
            cast(valid_to as date) as gone_date,
            row_number() over (
                partition by {{ key | join(', ') }}, cast(valid_from as date)
                order by valid_from desc
            ) as rank_of_day
        from {{ source }}
    ),

    ordered as (
        select
            *,
            {%- for column in tracked %}
            lag({{ column }}) over version_order as previous_{{ column }},
            {%- endfor %}
            lag(gone_date) over version_order as previous_gone_date,
            row_number() over version_order as night_number
        from dated
        where rank_of_day = 1
        window version_order as (partition by {{ key | join(', ') }} order by seen_from_date)
    ),

    numbered as (
        select
            *,
            sum(
                case
                    when
                        night_number > 1
                        and previous_gone_date >= seen_from_date
                        {%- for column in tracked %}
                        and {{ column }} is not distinct from previous_{{ column }}
                        {%- endfor %}
                        then 0
                    else 1
                end
            ) over (
                partition by {{ key | join(', ') }}
                order by night_number
                rows between unbounded preceding and current row
            ) as version_number
        from ordered
    ),

    spans as (
        select
            {{ key | join(', ') }},
            cast(version_number as integer) as version_number,
            min(seen_from_date) as seen_from_date,
            case when count(gone_date) = count(*) then max(gone_date) end as gone_date,
            max(night_number) as last_night_number
        from numbered
        group by {{ key | join(', ') }}, version_number
    ),

    -- 1:1: a night is in one version.
    versions as (
        select
            {%- for column in key + tracked + carried %}
            numbered.{{ column }},
            {%- endfor %}
            spans.version_number,
            spans.seen_from_date,
            spans.gone_date,
            case
                when spans.version_number = 1 then cast('1999-01-01' as date)
                else spans.seen_from_date
            end as valid_from_date,
            cast({{ dbt.dateadd('day', -1, 'spans.gone_date') }} as date) as valid_to_date,
            spans.version_number = max(spans.version_number) over (
                partition by {% for column in key %}spans.{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
            ) as is_latest
        from spans
        inner join numbered
            on spans.last_night_number = numbered.night_number
            {%- for column in key %}
            and spans.{{ column }} = numbered.{{ column }}
            {%- endfor %}
    )
{%- endmacro %}

{# CTEs up to `name`: what the report `parents` holds beyond `children`, by `ids` (what names a parent in its account), by day
   and, where both sides tell it, by network and device. A node without a parent's row has no residual: a report that is
   missing corrects nothing. A measure that the parent does not tell has none either. Negative residuals stay. Rows of
   nothing but zeros are left out. Parents, children and residuals have the columns of ad_cell_columns. #}
{% macro ad_residuals(name, parents, children, ids) -%}
    {%- set node = ['source_name', 'source_system', 'platform', 'account_id'] + ids + ['date_day'] %}
    {{ name }}_cells as (
        {%- for side, sign in [(parents, 1), (children, -1)] %}
        select
            {{ sign }} as side,
            {{ node | join(', ') }},
            network,
            device,
            max(dataset) as dataset,
            max(currency) as currency,
            {%- for measure in ad_measures() %}
            sum({{ measure }}) as {{ measure }},
            max(case when {{ measure }} is null then 1 else 0 end) as lacks_{{ measure }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ side }}
        group by {{ node | join(', ') }}, network, device
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ),

    {{ name }}_nodes as (
        select
            {{ node | join(', ') }},
            count(*) = count(network) as has_network,
            count(*) = count(device) as has_device,
            max(case when side = 1 then dataset end) as dataset,
            max(currency) as currency
        from {{ name }}_cells
        group by {{ node | join(', ') }}
        having max(side) = 1
    ),

    -- 1:1: nodes are unique on what names them.
    {{ name }}_differences as (
        select
            {%- for column in node %}
            nodes.{{ column }},
            {%- endfor %}
            case when nodes.has_network then cells.network end as network,
            case when nodes.has_device then cells.device end as device,
            max(nodes.dataset) as dataset,
            max(nodes.currency) as currency,
            {%- for measure in ad_measures() %}
            case
                when max(case when cells.side = 1 then cells.lacks_{{ measure }} else 0 end) = 0
                    then sum(cells.side * cells.{{ measure }})
            end as {{ measure }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ name }}_cells as cells
        inner join {{ name }}_nodes as nodes
            on cells.date_day = nodes.date_day
            {%- for column in node if column != 'date_day' %}
            and cells.{{ column }} = nodes.{{ column }}
            {%- endfor %}
        group by
            {%- for column in node %}
            nodes.{{ column }},
            {%- endfor %}
            case when nodes.has_network then cells.network end,
            case when nodes.has_device then cells.device end
    ),

    {{ name }} as (
        select
            'unallocated_in_{{ parents | replace("_rows", "") }}' as allocation_level,
            {%- for column in ad_cell_columns() %}
            {% if column in ['campaign_id', 'ad_group_id', 'ad_id'] and column not in ids -%}
            cast(null as {{ dbt.type_string() }}) as {% endif %}{{ column }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ name }}_differences
        where
            {%- for measure in ad_measures() %}
            {% if not loop.first %}or {% endif %}{{ measure }} <> 0
            {%- endfor %}
    )
{%- endmacro %}

{% macro ad_measures() -%}
    {{ return(['impressions', 'clicks', 'cost', 'platform_conversions', 'platform_conversion_value']) }}
{%- endmacro %}

{% macro ad_cell_columns() -%}
    {{ return([
        'source_name', 'source_system', 'dataset', 'platform', 'account_id', 'campaign_id', 'ad_group_id', 'ad_id', 'network',
        'device', 'date_day', 'currency',
    ] + ad_measures()) }}
{%- endmacro %}
