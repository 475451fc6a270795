-- Snowflake only. What the warehouses cost beside their statements: the minute before they suspend themselves.
select
    warehouse_name,
    sum(credits_used_compute) as credits,
    sum(credits_used_compute - credits_attributed_compute_queries) as idle_credits
from snowflake.account_usage.warehouse_metering_history
where
    start_time >= dateadd(day, -7, current_timestamp())
    and warehouse_name in ('SHELFGATE_LOAD', 'SHELFGATE_BUILD', 'SHELFGATE_READ')
group by warehouse_name
