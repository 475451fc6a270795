-- Snowflake only; USAGE_VIEWER suffices. Credits by tag over a week; `shelfgate status` shows them by run.
select
    query_tag,
    sum(credits_attributed_compute) as credits
from snowflake.account_usage.query_attribution_history
where
    start_time >= dateadd(day, -7, current_timestamp())
    and query_tag like '%"application": "shelfgate"%'
group by query_tag
