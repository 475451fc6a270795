-- A week of inventory: items on file by warehouses. A week of the weekly fact has these rows, and unallocated ones.
select
    inv_date_sk,
    count(*) as row_count,
    count(distinct inv_warehouse_sk) as warehouse_count,
    count(distinct inv_item_sk) as item_count
from raw_inventory.inventory
group by inv_date_sk
