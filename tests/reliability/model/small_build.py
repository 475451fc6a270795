"""dbt's part for a shop of two items: the same rule of which weeks are touched, a tenth of the columns.

That dbt's own models follow this rule is what `test_incremental_build.py` proves; refuses to decide anything else.
"""

from __future__ import annotations

from datetime import date

from shelfgate.clients.source_postgres import DATED, UNDATED
from shelfgate.failpoints import failpoint
from shelfgate.publication.candidate import PUBLISHED_TABLES
from shelfgate.warehouse import Session
from tests.reliability.model.shop import FIRST_WEEK, Books

BRED = {
    "catalog_sales": ", cs_order_number bigint, cs_item bigint, cs_sold_on date, cs_quantity bigint, cs_amount bigint",
    "customer": ", c_customer_sk bigint, c_city varchar",
    "item": ", i_item_sk bigint, i_description varchar",
}


def make_raw_tables(session: Session) -> None:
    """Every table that Airbyte lands, with the columns that this build reads."""
    for table in (*DATED, *UNDATED):
        session.run(f"create table raw_sales.{table} (_airbyte_extracted_at timestamp{BRED.get(table, '')})")
    session.run("create table raw_sales.synced (books_version bigint)")


def sync(session: Session, books: Books, version: int) -> None:
    """Airbyte's part: the tables hold what the source holds, all of them at once."""
    at = f"timestamp '2003-06-01' + interval {version} second"
    rows = {
        "catalog_sales": [(o.number, o.item, o.sold_on, o.quantity, o.amount) for o in books.lines.values()],
        "customer": list(books.cities.items()),
        "item": list(books.descriptions.items()),
    }
    session.run("begin transaction")
    for table, values in rows.items():
        session.run(f"delete from raw_sales.{table}")
        marks = ", ".join("(" + at + ", ?" * len(values[0]) + ")" for _ in values)
        names = ", ".join(one.split()[0] for one in BRED[table].split(", ") if one)
        flat = [value for row in values for value in row]
        session.run(f"insert into raw_sales.{table} (_airbyte_extracted_at, {names}) values {marks}", flat)
    session.run("delete from raw_sales.synced")
    session.run("insert into raw_sales.synced values (?)", [version])
    session.run("commit")


LINES = """(
    select
        'I' || cs_item as item_id, cs_sold_on as sold_date, cs_quantity as quantity, cs_amount as amount,
        cs_sold_on - cast(extract(dow from cs_sold_on) as integer) as week_start_date
    from raw_sales.catalog_sales
)"""

STOCKS = """(
    select
        'I' || inv_item_sk as item_id, inv_quantity_on_hand as quantity,
        date '1998-01-01' + cast(inv_date_sk - 2450815 as integer) as snapshot_date,
        date '1998-01-01' + cast(inv_date_sk - 2450815 as integer) - 4 as week_start_date
    from raw_inventory.inventory
)"""

INPUTS = f"""
create or replace table candidate.partition_inputs as
with
sold as (
    select week_start_date, max(sold_date) as through_date,
        cast(sum(hash(item_id, sold_date, quantity, amount)) as varchar) as digest
    from {LINES} where sold_date <= week_start_date + 6 group by 1
),
stocked as (
    select week_start_date, max(snapshot_date) as through_date,
        cast(sum(hash(item_id, snapshot_date, quantity)) as varchar) as digest
    from {STOCKS} group by 1
),
weeks as (select week_start_date from sold union distinct select week_start_date from stocked),
inputs as (
    select 'fct_daily_sales' as table_name, week_start_date, through_date, md5(digest) as input_digest from sold
    union all
    select 'fct_weekly_sales_inventory', weeks.week_start_date, stocked.through_date, md5(
        coalesce(sold.digest, '-') || '|' || coalesce(one.digest, '-') || '|' || coalesce(two.digest, '-') || '|'
        || coalesce(three.digest, '-') || '|' || coalesce(stocked.digest, '-')
        || case when weeks.week_start_date + 6 <= $day then '|complete' else '|open' end
        || case when weeks.week_start_date >= $first + 21 then '|four' else '|fewer' end
    )
    from weeks
    left join sold on weeks.week_start_date = sold.week_start_date
    left join sold as one on weeks.week_start_date = one.week_start_date + 7
    left join sold as two on weeks.week_start_date = two.week_start_date + 14
    left join sold as three on weeks.week_start_date = three.week_start_date + 21
    left join stocked on weeks.week_start_date = stocked.week_start_date
),
served as (
    select manifest.table_name, manifest.week_start_date, manifest.input_digest
    from ops.manifest inner join ops.pointer on manifest.publication_id = pointer.publication_id
)
select inputs.*, coalesce(served.input_digest, 'not served') <> inputs.input_digest
    or inputs.week_start_date = max(inputs.week_start_date) over (partition by inputs.table_name) as is_touched
from inputs left join served
    on inputs.table_name = served.table_name and inputs.week_start_date = served.week_start_date
"""

TOUCHED = (
    "week_start_date in (select week_start_date from candidate.partition_inputs where is_touched and table_name = "
)

MODELS = {
    "fct_daily_sales": f"""
        (warehouse_sk, item_id, sold_date, week_start_date, catalog_lines, catalog_qty, catalog_amt)
        select 1, item_id, sold_date, week_start_date, count(*), sum(quantity), sum(amount) from {LINES}
        where {TOUCHED} 'fct_daily_sales') group by 2, 3, 4""",
    "fct_weekly_sales_inventory": f"""
        (warehouse_sk, item_id, week_start_date, sum_qty_wk, sum_amt_wk, inv_on_hand_qty_wk, wks_sply_4w,
            is_complete_week)
        with weekly as (select week_start_date, item_id, sum(quantity) as qty, sum(amount) as amt from {LINES}
            group by 1, 2),
        grain as (select week_start_date, item_id from weekly
            union distinct select week_start_date, item_id from {STOCKS})
        select 1, grain.item_id, grain.week_start_date, coalesce(weekly.qty, 0), coalesce(weekly.amt, 0),
            stocks.quantity,
            case when grain.week_start_date >= $first + 21 then (
                select coalesce(sum(qty), 0) from weekly as four where four.item_id = grain.item_id
                and four.week_start_date between grain.week_start_date - 21 and grain.week_start_date) end,
            grain.week_start_date + 6 <= $day
        from grain
        left join weekly on grain.week_start_date = weekly.week_start_date and grain.item_id = weekly.item_id
        left join {STOCKS} as stocks
            on grain.week_start_date = stocks.week_start_date and grain.item_id = stocks.item_id
        where grain.{TOUCHED} 'fct_weekly_sales_inventory')""",
    "dim_customer": "(customer_sk, city) select c_customer_sk, c_city from raw_sales.customer",
    "dim_item": "(item_sk, item_id, item_desc) select i_item_sk, 'I' || i_item_sk, i_description from raw_sales.item",
    "dim_warehouse": "(warehouse_sk) select 1",
    "dim_week": "(week_start_date, is_complete_week) select distinct week_start_date, week_start_date + 6 <= $day "
    "from candidate.partition_inputs",
    "dim_date": "(date_sk) select 2452582",
}


def build(session: Session, business_date: date) -> None:
    """Fill schema `candidate`, a model a commit, as dbt does: killed half-way it leaves a mixture."""
    failpoint("dbt.before")
    values = {"$day": f"date '{business_date}'", "$first": f"date '{FIRST_WEEK}'"}
    session.run(_filled(INPUTS, values))
    for table in PUBLISHED_TABLES:
        session.run(f"delete from candidate.{table.name}")
        session.run(f"insert into candidate.{table.name} {_filled(MODELS[table.name], values)}")
    failpoint("dbt.after")


def make_candidate_tables(session: Session) -> None:
    for table in PUBLISHED_TABLES:
        session.run(f"create table candidate.{table.name} as select * exclude (build_id) from store.{table.name}")


def _filled(sql: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        sql = sql.replace(name, value)
    return sql
