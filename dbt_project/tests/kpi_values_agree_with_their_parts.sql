-- value is null exactly where the state is unknown; it is the ratio of the sums; days of an additive KPI add up to its
-- years' total, and channels to the total, as far as values are known.
with kpis as (
    select
        rpt_kpi.*,
        dim_kpi.additivity
    from {{ ref('rpt_kpi') }} as rpt_kpi
    inner join {{ ref('dim_kpi') }} as dim_kpi
        on rpt_kpi.kpi = dim_kpi.kpi
),

sums as (
    select
        kpi,
        sum(case when grain = 'day' and scope = 'total' then value end) as by_day,
        sum(case when grain = 'year' and scope = 'total' then value end) as by_year,
        sum(case when grain = 'month' and scope = 'channel' then value end) as by_channel
    from kpis
    where additivity = 'additive'
    group by kpi
)

select kpi_row_key as failure
from kpis
where
    (state = 'unknown') <> (value is null)
    or (state = 'unknown') <> (unknown_reason is not null)
    or (state = 'zero') <> (value is not null and value = 0)
    or (
        additivity = 'ratio'
        and denominator <> 0
        and value is distinct from cast(numerator / denominator as decimal(24, 6))
    )
    or (additivity <> 'ratio' and value is distinct from numerator)
    or coverage < 0
    or coverage > 1
union all
select kpi as failure
from sums
where by_day <> by_year or by_channel <> by_year
