-- Snowflake only; needs GOVERNANCE_VIEWER, so an administrator runs it. What each stage really scanned and pruned:
-- the query that replaces the estimates of docs/scale.md by an account's own figures.
select
    query_tag,
    count(*) as statement_count,
    sum(bytes_scanned) / 1000000000 as gigabytes_scanned,
    sum(partitions_scanned) as partitions_scanned,
    sum(partitions_total) as partitions_total,
    sum(bytes_spilled_to_remote_storage) as bytes_spilled,
    sum(execution_time) / 1000 as seconds
from snowflake.account_usage.query_history
where
    start_time >= dateadd(day, -2, current_timestamp())
    and query_tag like '%"application": "shelfgate"%'
group by query_tag
