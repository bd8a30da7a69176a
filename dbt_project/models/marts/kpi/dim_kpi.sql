-- Grain: KPI. The catalogue: what each KPI is made of, its names, owner and how it may be added up. Changes with its seed.
with catalogue as (
    select * from {{ ref('kpi_catalogue') }}
)

select
    kpi,
    name_en,
    name_no,
    description,
    numerator,
    denominator,
    unit,
    direction,
    additivity,
    level,
    stage,
    owner,
    cast(maturity_lag_days as integer) as maturity_lag_days
from catalogue
