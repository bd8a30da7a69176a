-- Grain: calendar day, 1999-01-01 to 2040-12-31. Nothing to add up. Changes only with the seed of holidays.
with days as (
    {{ date_spine("date '1999-01-01'", "date '2040-12-31'") }}
),

holidays as (
    select * from {{ ref('norwegian_holidays') }}
),

-- Left join 1:1: holidays are unique on the date.
parts as (
    select
        days.date_day,
        cast(extract(isodow from days.date_day) as integer) as weekday_number,
        cast(extract(month from days.date_day) as integer) as month_number,
        holidays.holiday_name_no,
        holidays.holiday_name_en
    from days
    left join holidays
        on days.date_day = holidays.holiday_date
)

select
    date_day,
    cast(extract(isoyear from date_day) as integer) as iso_year,
    cast(extract(week from date_day) as integer) as iso_week,
    cast(extract(year from date_day) as integer) as year_number,
    cast(extract(quarter from date_day) as integer) as quarter_number,
    month_number,
    cast(extract(day from date_day) as integer) as day_of_month,
    weekday_number,
    {{ period_start('week', 'date_day') }} as week_start_date,
    {{ period_start('month', 'date_day') }} as month_start_date,
    {{ period_start('quarter', 'date_day') }} as quarter_start_date,
    {{ period_start('year', 'date_day') }} as year_start_date,
    case weekday_number
        {%- for name in ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end as weekday_name_en,
    case weekday_number
        {%- for name in ['mandag', 'tirsdag', 'onsdag', 'torsdag', 'fredag', 'lørdag', 'søndag'] %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end as weekday_name_no,
    case month_number
        {%- for name in ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September',
            'October', 'November', 'December'] %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end as month_name_en,
    case month_number
        {%- for name in ['januar', 'februar', 'mars', 'april', 'mai', 'juni', 'juli', 'august', 'september', 'oktober',
            'november', 'desember'] %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end as month_name_no,
    holiday_name_no,
    holiday_name_en,
    weekday_number >= 6 as is_weekend,
    holiday_name_no is not null as is_holiday,
    weekday_number < 6 and holiday_name_no is null as is_business_day
from parts
