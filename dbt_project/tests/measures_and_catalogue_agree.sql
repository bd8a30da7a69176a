-- Every measure of int_measures is in the seed `measures`; a KPI whose numerator is distinct is so itself; a fact says which systems
-- tell it, else no goal could be measured in one.
select measures.measure as failure
from {{ ref('int_measures') }} as measures
left join {{ ref('measures') }} as catalogue
    on measures.measure = catalogue.measure
where catalogue.measure is null
union all
select kpis.kpi as failure
from {{ ref('dim_kpi') }} as kpis
inner join {{ ref('measures') }} as catalogue
    on kpis.numerator = catalogue.measure
where
    (kpis.additivity <> 'ratio' and (catalogue.aggregation = 'distinct') <> (kpis.additivity = 'distinct'))
    or (kpis.denominator is null) = (kpis.additivity = 'ratio')
union all
select measures.fact as failure
from {{ ref('measures') }} as measures
left join {{ ref('fact_systems') }} as systems
    on measures.fact = systems.fact
where systems.fact is null
