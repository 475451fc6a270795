-- What the lines, returns and snapshots of the source mean. Money is counted in whole cents until the very end.
create schema if not exists oracle;

-- Only d_date_sk -> d_date is taken from date_dim: its own labels are wrong on some days (see dim_date.sql).
create or replace macro oracle.week_start(day) as
    (day - ((((day - date '1899-12-31') % 7) - {week_start_day} + 7) % 7)::integer)::date;  -- 1899-12-31 was a Sunday

create or replace macro oracle.cents(amount) as (amount * 100)::bigint;

create or replace macro oracle.money(whole_cents) as
    (whole_cents::decimal(15, 0) * 0.01::decimal(3, 2))::decimal(15, 2);

-- The nearest millionth, ties away from zero, in integers only: no binary fraction can tip a tie.
create or replace macro oracle.ratio(numerator, denominator) as (
    (
        sign(numerator)::bigint * sign(denominator)::bigint
        * ((2000000 * abs(numerator) + abs(denominator)) // (2 * abs(denominator)))
    )::decimal(18, 0) * 0.000001::decimal(7, 6)
)::decimal(18, 6);

create or replace view oracle.days as
select
    d_date_sk as date_sk,
    d_date as day
from {source}.date_dim
where d_date is not null;

-- item_no stands for the item id: its first revision.
create or replace view oracle.revisions as
select
    i_item_sk as item_sk,
    trim(i_item_id) as item_id,
    min(i_item_sk) over (partition by trim(i_item_id)) as item_no,
    coalesce(
        i_rec_start_date,
        lag(i_rec_end_date) over (partition by trim(i_item_id) order by i_item_sk) + 1,
        date '0001-01-01'
    ) as valid_from
from {source}.item;

create or replace view oracle.sales_lines as
with lines as (
    select
        'catalog' as channel,
        cs_sold_date_sk as date_sk,
        cs_item_sk as item_sk,
        cs_order_number as order_number,
        cs_warehouse_sk as warehouse_sk,
        cs_quantity::bigint as quantity,
        coalesce(oracle.cents(cs_ext_sales_price), cs_quantity * oracle.cents(cs_sales_price)) as amount_cents,
        oracle.cents(cs_net_profit) as profit_cents,
        -- A line that is wrong in itself: sum of the parts, range, a warehouse nobody has.
        coalesce(
            cs_quantity not between 1 and 100
            or cs_list_price not between 1 and 300
            or cs_sales_price not between 0 and 300
            or cs_sales_price > cs_list_price
            or cs_net_profit not between -20000 and 40000
            or cs_net_paid_inc_ship_tax < 0
            or cs_warehouse_sk not in (select w_warehouse_sk from {source}.warehouse)
            or oracle.cents(cs_ext_sales_price) <> cs_quantity * oracle.cents(cs_sales_price)
            or oracle.cents(cs_ext_list_price) <> cs_quantity * oracle.cents(cs_list_price)
            or oracle.cents(cs_ext_wholesale_cost) <> cs_quantity * oracle.cents(cs_wholesale_cost)
            or oracle.cents(cs_ext_discount_amt) <> oracle.cents(cs_ext_list_price) - oracle.cents(cs_ext_sales_price)
            or oracle.cents(cs_net_paid) <> oracle.cents(cs_ext_sales_price) - oracle.cents(cs_coupon_amt)
            or oracle.cents(cs_net_paid_inc_tax) <> oracle.cents(cs_net_paid) + oracle.cents(cs_ext_tax)
            or oracle.cents(cs_net_paid_inc_ship) <> oracle.cents(cs_net_paid) + oracle.cents(cs_ext_ship_cost)
            or oracle.cents(cs_net_paid_inc_ship_tax) <> oracle.cents(cs_net_paid) + oracle.cents(cs_ext_ship_cost) + oracle.cents(cs_ext_tax)
            or oracle.cents(cs_net_profit) <> oracle.cents(cs_net_paid) - oracle.cents(cs_ext_wholesale_cost),
            false
        ) as wrong
    from {source}.catalog_sales
    union all
    select
        'web',
        ws_sold_date_sk,
        ws_item_sk,
        ws_order_number,
        ws_warehouse_sk,
        ws_quantity::bigint,
        coalesce(oracle.cents(ws_ext_sales_price), ws_quantity * oracle.cents(ws_sales_price)),
        oracle.cents(ws_net_profit),
        coalesce(
            ws_quantity not between 1 and 100
            or ws_list_price not between 1 and 300
            or ws_sales_price not between 0 and 300
            or ws_sales_price > ws_list_price
            or ws_net_profit not between -20000 and 40000
            or ws_net_paid_inc_ship_tax < 0
            or ws_warehouse_sk not in (select w_warehouse_sk from {source}.warehouse)
            or oracle.cents(ws_ext_sales_price) <> ws_quantity * oracle.cents(ws_sales_price)
            or oracle.cents(ws_ext_list_price) <> ws_quantity * oracle.cents(ws_list_price)
            or oracle.cents(ws_ext_wholesale_cost) <> ws_quantity * oracle.cents(ws_wholesale_cost)
            or oracle.cents(ws_ext_discount_amt) <> oracle.cents(ws_ext_list_price) - oracle.cents(ws_ext_sales_price)
            or oracle.cents(ws_net_paid) <> oracle.cents(ws_ext_sales_price) - oracle.cents(ws_coupon_amt)
            or oracle.cents(ws_net_paid_inc_tax) <> oracle.cents(ws_net_paid) + oracle.cents(ws_ext_tax)
            or oracle.cents(ws_net_paid_inc_ship) <> oracle.cents(ws_net_paid) + oracle.cents(ws_ext_ship_cost)
            or oracle.cents(ws_net_paid_inc_ship_tax) <> oracle.cents(ws_net_paid) + oracle.cents(ws_ext_ship_cost) + oracle.cents(ws_ext_tax)
            or oracle.cents(ws_net_profit) <> oracle.cents(ws_net_paid) - oracle.cents(ws_ext_wholesale_cost),
            false
        )
    from {source}.web_sales
)
select
    lines.* exclude (wrong),
    days.day,
    revisions.item_no,
    days.day is not null and revisions.item_no is not null and not lines.wrong as published
from lines
left join oracle.days using (date_sk)
left join oracle.revisions using (item_sk)
where days.day is null or days.day <= {business_date};

-- A web return does not say where it was shipped from: its sale does, if that is known on the business date.
create or replace view oracle.return_lines as
with lines as (
    select
        'catalog' as channel,
        cr_returned_date_sk as date_sk,
        cr_item_sk as item_sk,
        cr_order_number as order_number,
        cr_warehouse_sk as warehouse_sk,
        cr_return_quantity::bigint as quantity,
        oracle.cents(cr_return_amount) as amount_cents,
        coalesce(cr_return_quantity not between 1 and 100 or cr_return_amount not between 0 and 30000, false) as wrong
    from {source}.catalog_returns
    union all
    select
        'web',
        wr_returned_date_sk,
        wr_item_sk,
        wr_order_number,
        sold.warehouse_sk,
        wr_return_quantity::bigint,
        oracle.cents(wr_return_amt),
        coalesce(wr_return_quantity not between 1 and 100 or wr_return_amt not between 0 and 30000, false)
    from {source}.web_returns
    left join oracle.sales_lines as sold
        on sold.channel = 'web' and sold.item_sk = wr_item_sk and sold.order_number = wr_order_number
)
select
    lines.* exclude (wrong),
    days.day,
    revisions.item_no,
    days.day is not null and revisions.item_no is not null and not lines.wrong
    and coalesce(lines.warehouse_sk in (select w_warehouse_sk from {source}.warehouse), true) as published
from lines
left join oracle.days using (date_sk)
left join oracle.revisions using (item_sk)
where days.day is null or days.day <= {business_date};

create or replace view oracle.snapshot_rows as
select
    inventory.inv_warehouse_sk as warehouse_sk,
    revisions.item_no,
    oracle.week_start(days.day) as week_start_date,
    days.day,
    inventory.inv_quantity_on_hand as on_hand
from {source}.inventory
inner join oracle.days on days.date_sk = inventory.inv_date_sk
inner join oracle.revisions on revisions.item_sk = inventory.inv_item_sk
where days.day <= {business_date};
