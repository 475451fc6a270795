-- Snowflake only, in any account, at SF10,000 and without loading a row: EXPLAIN shows partitions assigned of all.
select
    count(*) as line_count,
    sum(cs_quantity) as units
from snowflake_sample_data.tpcds_sf10tcl.catalog_sales
where cs_sold_date_sk between 2451896 and 2451902
