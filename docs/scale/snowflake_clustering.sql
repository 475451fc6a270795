-- Snowflake only. How far the rows of a week lie together: average_depth near 1 is one partition a week.
select parse_json(system$clustering_information('store.fct_weekly_sales_inventory')) as clustering
