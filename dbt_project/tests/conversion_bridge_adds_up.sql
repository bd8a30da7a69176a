-- On each step of a bridge the first figure and all components are the second, to the last digit; where one of the two is
-- unknown, so is the rest.
with bridge as (
    select
        *,
        case when step = 'platform_to_web' then platform_conversions else web_conversions end as from_figure,
        case when step = 'platform_to_web' then web_conversions else own_conversions end as to_figure
    from {{ ref('rpt_conversion_bridge') }}
)

select
    platform,
    conversion_kind,
    period,
    step,
    min(from_figure) as from_figure,
    min(to_figure) as to_figure,
    sum(difference) as difference
from bridge
group by platform, conversion_kind, period, step
having
    min(from_figure) + sum(difference) <> min(to_figure)
    or (min(from_figure) is null or min(to_figure) is null)
    <> (max(case when component = 'unexplained' then difference end) is null)
