create or replace table oracle.dim_week as
with
moving_days as (
    select day from oracle.sales_lines where day is not null and item_no is not null
    union
    select day from oracle.return_lines where day is not null and item_no is not null
    union
    select day from oracle.snapshot_rows
),

weeks as (
    select unnest(
        generate_series(oracle.week_start(min(day)), oracle.week_start(max(day)), interval 7 day)
    )::date as week_start_date
    from moving_days
)

select
    week_start_date,
    (week_start_date + 6)::date as week_end_date,
    year(week_start_date + 6)::bigint as week_year,
    ((dayofyear(week_start_date + 6) - 1) // 7 + 1)::bigint as week_num,
    week_start_date + 6 <= {business_date} as is_complete_week
from weeks;
