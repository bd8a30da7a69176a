-- The KPIs' sessions are those of fct_session in all, and users of the newest month its clients: what nights add to was not left behind.
with kpis as (
    select * from {{ ref('rpt_kpi') }}
    where scope = 'total' and kpi in ('sessions', 'users')
),

sessions as (
    select * from {{ ref('fct_session') }}
),

newest_month as (
    select {{ period_start('month', 'max(property_date)') }} as month_start_date
    from sessions
),

compared as (
    select
        'sessions' as what,
        (select sum(kpis.value) from kpis where kpis.kpi = 'sessions' and kpis.grain = 'day') as in_kpis,
        (select nullif(count(*), 0) from sessions) as in_sessions
    union all
    select
        'users' as what,
        (
            select kpis.value
            from kpis
            inner join newest_month
                on kpis.period_start = newest_month.month_start_date
            where kpis.kpi = 'users' and kpis.grain = 'month'
        ) as in_kpis,
        (
            select nullif(count(distinct sessions.client_key), 0)
            from sessions
            inner join newest_month
                on sessions.property_date >= newest_month.month_start_date
        ) as in_sessions
)

select what as failure
from compared
where in_sessions is not null and in_kpis is distinct from in_sessions
