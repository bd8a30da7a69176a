-- The front page sums days: a headline KPI whose parts are counted distinct, such as users, would count people again each day.
select headlines.kpi as failure
from {{ ref('headline_kpis') }} as headlines
inner join {{ ref('dim_kpi') }} as kpis
    on headlines.kpi = kpis.kpi
inner join {{ ref('measures') }} as parts
    on parts.measure in (kpis.numerator, kpis.denominator)
where parts.aggregation <> 'sum'
