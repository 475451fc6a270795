-- What no rule decides, counted. A row a fault; empty for a source that the gates would let through.
with faults (fault, found) as (
    select
        'days of date_dim that share a key',
        (select count(*) - count(distinct d_date_sk) from {source}.date_dim where d_date_sk is not null)
    union all
    select 'items without key or id', (select count(*) from {source}.item where i_item_sk is null or i_item_id is null)
    union all
    select 'items that share a key', (select count(*) - count(distinct i_item_sk) from {source}.item)
    union all
    select
        'web sales that share item and order number',
        (
            select count(*) - count(distinct (ws_item_sk, ws_order_number))
            from {source}.web_sales
            where ws_item_sk is not null and ws_order_number is not null
        )
    union all
    select
        'snapshot rows without warehouse, known item or known day',
        (
            select count(*)
            from {source}.inventory
            where
                coalesce(inv_warehouse_sk, -1) = -1
                or not exists (select * from {source}.item where i_item_sk = inv_item_sk)
                or not exists (select * from oracle.days where date_sk = inv_date_sk)
        )
    union all
    select
        'snapshot rows of one item in one warehouse on one day, too many',
        (
            select coalesce(sum(copies - 1), 0)
            from (
                select count(*) as copies
                from {source}.inventory
                inner join oracle.revisions on item_sk = inv_item_sk
                group by inv_date_sk, inv_warehouse_sk, item_no
            )
        )
)

select fault, found from faults where found > 0;
