create or replace table oracle.fct_weekly_sales_inventory as
with
moved as (
    select
        coalesce(warehouse_sk, -1) as warehouse_sk,
        item_no,
        oracle.week_start(day) as week_start_date,
        quantity as sold,
        amount_cents,
        profit_cents,
        null as returned,
        null as returned_cents
    from oracle.sales_lines
    where published
    union all
    select
        coalesce(warehouse_sk, -1),
        item_no,
        oracle.week_start(day),
        null,
        null,
        null,
        quantity,
        amount_cents
    from oracle.return_lines
    where published
),

traffic as (
    select
        warehouse_sk,
        item_no,
        week_start_date,
        coalesce(sum(sold), 0)::bigint as sold,
        coalesce(sum(amount_cents), 0)::bigint as amount_cents,
        coalesce(sum(profit_cents), 0)::bigint as profit_cents,
        coalesce(sum(returned), 0)::bigint as returned,
        coalesce(sum(returned_cents), 0)::bigint as returned_cents
    from moved
    group by all
),

-- One sale is heard in its own week and the three after it.
demand as (
    select
        warehouse_sk,
        item_no,
        week_start_date + 7 * echo.weeks as week_start_date,
        sum(sold)::bigint as sold_4w
    from traffic
    cross join (values (0), (1), (2), (3)) as echo (weeks)
    where sold <> 0
    group by all
),

last_snapshot as (
    select
        oracle.week_start(day) as week_start_date,
        max(day) as day
    from oracle.days
    where day <= {business_date} and date_sk in (select inv_date_sk from {source}.inventory)
    group by all
),

stock as (
    select snapshot_rows.*
    from oracle.snapshot_rows
    inner join last_snapshot using (week_start_date, day)
),

spine as (
    select warehouse_sk, item_no, week_start_date from traffic
    union
    select warehouse_sk, item_no, week_start_date from oracle.snapshot_rows
),

item_weeks as (
    select
        revisions.item_no,
        revisions.item_id,
        weeks.week_start_date,
        coalesce(
            max(revisions.item_sk) filter (where revisions.valid_from <= weeks.week_start_date + 6),
            min(revisions.item_sk)
        ) as item_sk
    from oracle.revisions
    cross join (select distinct week_start_date from spine) as weeks
    group by all
),

measured as (
    select
        spine.*,
        (spine.week_start_date + 6)::date as week_end_date,
        (spine.week_start_date + 6)::date <= {business_date} as complete,
        coalesce(traffic.sold, 0) as sold,
        coalesce(traffic.amount_cents, 0) as amount_cents,
        coalesce(traffic.profit_cents, 0) as profit_cents,
        coalesce(traffic.returned, 0) as returned,
        coalesce(traffic.returned_cents, 0) as returned_cents,
        case
            when spine.week_start_date >= (select min(week_start_date) + 21 from spine)
                then coalesce(demand.sold_4w, 0)
        end as sold_4w,
        stock.day as snapshot_day,
        stock.on_hand::bigint as on_hand
    from spine
    left join traffic using (warehouse_sk, item_no, week_start_date)
    left join demand using (warehouse_sk, item_no, week_start_date)
    left join stock using (warehouse_sk, item_no, week_start_date)
)

select
    measured.warehouse_sk::bigint as warehouse_sk,
    item_weeks.item_id::varchar as item_id,
    item_weeks.item_sk::bigint as item_sk,
    measured.week_start_date,
    measured.week_end_date,
    year(measured.week_end_date)::bigint as week_year,
    ((dayofyear(measured.week_end_date) - 1) // 7 + 1)::bigint as week_num,
    measured.sold as sum_qty_wk,
    oracle.money(measured.amount_cents) as sum_amt_wk,
    oracle.money(measured.profit_cents) as sum_profit_wk,
    measured.returned as ret_qty_wk,
    oracle.money(measured.returned_cents) as ret_amt_wk,
    measured.sold - measured.returned as net_qty_wk,
    case when measured.complete then oracle.ratio(measured.sold, 7) end as avg_qty_dy,
    measured.on_hand as inv_on_hand_qty_wk,
    measured.snapshot_day as inv_snapshot_date,
    case
        when measured.snapshot_day is null then 'no_snapshot'
        when measured.on_hand is null then 'null_on_hand'
        else 'observed'
    end as inv_status,
    case when measured.complete then oracle.ratio(measured.on_hand, nullif(measured.sold, 0)) end as wks_sply,
    case
        when measured.complete then oracle.ratio(4 * measured.on_hand, nullif(measured.sold_4w, 0))
    end as wks_sply_4w,
    case
        when not measured.complete then 'week_open'
        when measured.on_hand is null then 'stock_unknown'
        when measured.sold = 0 then 'nothing_sold'
        else 'known'
    end as supply_status,
    case
        when measured.complete and measured.on_hand is not null
            then measured.sold > 0 and measured.sold > 7 * measured.on_hand
    end as low_stock_flg_wk,
    measured.on_hand = 0 as out_of_stock_flg_wk,
    measured.complete as is_complete_week
from measured
inner join item_weeks using (item_no, week_start_date);
