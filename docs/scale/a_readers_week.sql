-- A dashboard's week: the condition on the view reaches the scan of the store, whose clustering key it is.
select
    warehouse_sk,
    sum(sum_qty_wk) as units,
    count(case when low_stock_flg_wk then 1 end) as low_stock_count
from marts.fct_weekly_sales_inventory
where week_start_date = date '2002-12-08'
group by warehouse_sk
