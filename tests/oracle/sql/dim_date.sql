-- Everything from the date itself. At scale 1 the labels of date_dim are wrong: d_weekend marks Friday and Saturday
-- (20,870 days), d_qoy is a quarter behind on the first of April, July and October of common years (450 days), d_dow
-- and d_day_name are off on the first and the last day.
create or replace table oracle.dim_date as
with numbered as (
    select date_sk, day, (((day - date '1899-12-31') % 7 + 7) % 7)::integer as weekday
    from oracle.days
)

select
    date_sk::bigint as date_sk,
    day as calendar_date,
    oracle.week_start(day) as week_start_date,
    (['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'])[weekday + 1] as day_name,
    weekday::bigint as day_of_week,
    month(day)::bigint as month_of_year,
    ((month(day) + 2) // 3)::bigint as quarter_of_year,
    year(day)::bigint as calendar_year,
    weekday in (0, 6) as is_weekend
from numbered;
