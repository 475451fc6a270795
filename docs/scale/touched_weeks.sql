-- How many weeks of each fact the last build made anew, and how many it left to the publication it stands on.
select
    table_name,
    count(*) as week_count,
    count(case when is_touched then 1 end) as touched_week_count
from candidate.partition_inputs
group by table_name
