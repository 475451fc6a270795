"""Faults of the candidate, as wrong models would build it; refuses those that the staging gate stops."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.fault import At, RowsFault, rows

WEEKLY, DAILY = "fct_weekly_sales_inventory", "fct_daily_sales"

REQUIRED = {
    WEEKLY: "warehouse_sk item_id item_sk week_start_date week_end_date week_year week_num sum_qty_wk sum_amt_wk "
    "sum_profit_wk ret_qty_wk ret_amt_wk net_qty_wk inv_status supply_status is_complete_week",
    DAILY: "warehouse_sk item_id sold_date week_start_date catalog_lines catalog_unknown_qty_lines catalog_qty "
    "catalog_amt catalog_profit web_lines web_unknown_qty_lines web_qty web_amt web_profit",
    "dim_customer": "customer_sk customer_id row_digest valid_from is_current",
    "dim_item": "item_sk item_id is_current",
    "dim_warehouse": "warehouse_sk",
    "dim_week": "week_start_date week_end_date week_year week_num is_complete_week",
    "dim_date": "date_sk calendar_date week_start_date day_name day_of_week month_of_year quarter_of_year "
    "calendar_year is_weekend",
}
# What names a row or a few of them: the engines have no row numbers in common.
ONE_OF = {
    WEEKLY: "item_id",
    DAILY: "item_id",
    "dim_customer": "customer_sk",
    "dim_item": "item_sk",
    "dim_warehouse": "warehouse_sk",
    "dim_week": "week_start_date",
    "dim_date": "date_sk",
}
BEYOND = {
    "week_num": "54",
    "sum_qty_wk": "-1",
    "sum_amt_wk": "-0.01",
    "ret_qty_wk": "-1",
    "ret_amt_wk": "-0.01",
    "inv_on_hand_qty_wk": "1001",
    "wks_sply": "-0.1",
    "wks_sply_4w": "-0.1",
}


def _every(killed_by: str, statement: str) -> Iterator[tuple[str, str]]:
    for table in REQUIRED:
        yield f"{table}.{killed_by}", statement.format(table=table)


def _in_each(fault_id: str, what: str, killed_by: str, statement: str) -> RowsFault:
    told = dict(_every(killed_by, statement))
    return rows(fault_id, f"each mart: {what}", At.BUILT, " ".join(told), *told.values())


def _weekly(fault_id: str, what: str, killed_by: str, *statements: str, scale: float = 0.1) -> RowsFault:
    checks = " ".join(f"{WEEKLY}.{check}" for check in killed_by.split())
    filled = (statement.format(fact=WEEKLY) for statement in statements)
    return rows(fault_id, f"weekly fact: {what}", At.BUILT, checks, *filled, scale=scale)


UPDATE = "update candidate.{fact} set "
FIRST_SOLD, LAST_SOLD = (f"(select {end}(item_id) from candidate.{DAILY})" for end in ("min", "max"))

FAULTS = (
    rows(
        "F25-marts",
        "each mart: rows in which nothing is known that must be",
        At.BUILT,
        " ".join(f"{table}.{column}_is_known" for table, columns in REQUIRED.items() for column in columns.split()),
        *(
            statement
            for table, columns in REQUIRED.items()
            for statement in (
                # Built without the constraints that dbt's contract puts on it.
                f"create or replace table candidate.{table} as select * from candidate.{table}",
                f"update candidate.{table} set {', '.join(f'{column} = null' for column in columns.split())} "
                f"where {ONE_OF[table]} = (select max({ONE_OF[table]}) from candidate.{table})",
            )
        ),
    ),
    _in_each(
        "F36-marts",
        "a row is there twice",
        "key_is_unique",
        "insert into candidate.{table} select * from candidate.{table} limit 1",
    ),
    _in_each(
        "F47-marts",
        "a column too many",
        "columns_equal_the_contract",
        # Not by `alter table`: DuckDB 1.5.5 now and then ends in a fatal error on a table that was just altered.
        "create or replace table candidate.{table} as select *, cast(null as varchar) as note from candidate.{table}",
    ),
    _in_each("F48-marts", "empty", "rows_seen", "delete from candidate.{table}"),
    _weekly(
        "F38-ranges",
        "values outside their range",
        " ".join(f"{column}_in_range" for column in BEYOND),
        UPDATE
        + ", ".join(f"{column} = {value}" for column, value in BEYOND.items())
        + " where item_id = (select min(item_id) from candidate.{fact})",
    ),
    _weekly(
        "F38-words",
        "a status that nobody knows",
        "status_is_known",
        UPDATE + "inv_status = 'counted' where inv_status = 'observed'",
    ),
    _weekly(
        "F38-status",
        "unknown stock counts as observed, and every supply is known",
        "status_follows_the_stock",
        UPDATE + "inv_status = 'observed' where inv_status = 'null_on_hand'",
        UPDATE + "supply_status = 'known'",
    ),
    _weekly(
        "F39-open",
        "a week that is still open has its weeks of supply",
        "supply_times_sold_is_on_hand supply_of_four_weeks_recomputed status_follows_the_stock",
        UPDATE + "is_complete_week = false, avg_qty_dy = null, low_stock_flg_wk = null "
        "where week_start_date = (select max(week_start_date) from candidate.{fact})",
    ),
    _weekly("F39-net", "net is gross", "net_is_sold_minus_returned", UPDATE + "net_qty_wk = sum_qty_wk + 1"),
    _weekly(
        "F42-unallocated",
        "sales without a warehouse get a stock",
        "unallocated_has_no_stock",
        UPDATE + "inv_status = 'observed', inv_on_hand_qty_wk = 0 where warehouse_sk = -1",
    ),
    _weekly(
        "F43-open",
        "the open week is called complete",
        "week_is_complete_when_over",
        UPDATE + "is_complete_week = not is_complete_week",
    ),
    _weekly(
        "F43",
        "a week is absent",
        "weeks_are_contiguous",
        "delete from candidate.partition_inputs "
        "where week_start_date = (select max(week_start_date) - 70 from candidate.{fact})",
    ),
    _weekly(
        "F43-swapped",
        "two items have changed places: every sum by week stays",
        "sums_equal_daily_sales on_hand_equals_raw",
        UPDATE + f"item_id = case item_id when {FIRST_SOLD} then {LAST_SOLD} else {FIRST_SOLD} end "
        f"where item_id in ({FIRST_SOLD}, {LAST_SOLD})",
    ),
    _weekly(
        "F40-none",
        "nothing is low on stock",
        "flag_follows_the_rule low_stock_share_is_usual",
        UPDATE + "low_stock_flg_wk = false where low_stock_flg_wk",
        scale=1,
    ),
    _weekly("F43-sums", "a unit more than was sold", "sums_equal_daily_sales", UPDATE + "sum_qty_wk = sum_qty_wk + 1"),
    _weekly(
        "F41-coverage",
        "a tenth of what sold has lost its snapshot",
        "sales_meet_their_stock on_hand_equals_raw",
        UPDATE + "inv_status = 'no_snapshot', inv_snapshot_date = null, inv_on_hand_qty_wk = null, wks_sply = null, "
        "wks_sply_4w = null, low_stock_flg_wk = null, out_of_stock_flg_wk = null where item_sk % 10 = 1",
    ),
    _weekly(
        "F36-returns",
        "returns are counted twice",
        "returns_reconcile",
        UPDATE + "ret_qty_wk = 2 * ret_qty_wk, net_qty_wk = sum_qty_wk - 2 * ret_qty_wk where ret_qty_wk > 0",
    ),
    rows(
        "F37-daily",
        "daily fact: web sales stand under catalog, and a day in another week",
        At.BUILT,
        f"{DAILY}.sales_reconcile {DAILY}.day_lies_in_its_week",
        f"update candidate.{DAILY} set catalog_qty = catalog_qty + web_qty, web_qty = 0 where web_qty > 0",
        f"update candidate.{DAILY} set week_start_date = week_start_date - 7",
    ),
    rows(
        "F37-swapped",
        "daily fact: two items have changed places, in the same weeks and warehouses",
        At.BUILT,
        f"{DAILY}.lines_equal_raw",
        f"update candidate.{DAILY} set item_id = case item_id when {FIRST_SOLD} then {LAST_SOLD} else {FIRST_SOLD} end "
        f"where item_id in ({FIRST_SOLD}, {LAST_SOLD})",
    ),
    rows(
        "F42-lines",
        "daily fact: a line more whose quantity is unknown, in either channel",
        At.BUILT,
        f"{DAILY}.lines_equal_raw",
        f"update candidate.{DAILY} set catalog_unknown_qty_lines = catalog_unknown_qty_lines + 1, "
        f"web_unknown_qty_lines = web_unknown_qty_lines + 1 where item_id = {FIRST_SOLD}",
    ),
    rows(
        "F30-marts",
        "daily fact: an item that is in no dimension",
        At.BUILT,
        f"{DAILY}.warehouse_and_item_are_known",
        f"update candidate.{DAILY} set item_id = 'NOBODY' where item_id = (select min(item_id) from candidate.{DAILY})",
    ),
    rows(
        "F29-quarantine",
        "a tenth of the lines is in quarantine",
        At.BUILT,
        f"{DAILY}.quarantine_is_within_budget {DAILY}.sales_reconcile",
        "insert into quarantine.sales_lines select line.* from (select * from quarantine.sales_lines limit 1) as line "
        "cross join (select d_date_sk from raw_sales.date_dim limit 10000) as days",
    ),
    rows(
        "F45",
        "customers: a join doubles some",
        At.BUILT,
        "dim_customer.current_customers_equal_raw dim_customer.key_is_unique",
        "insert into candidate.dim_customer select * from candidate.dim_customer where customer_sk < 100",
    ),
    rows(
        "F45-intervals",
        "customers: revisions overlap, one is lost, descriptions are not joined",
        At.BUILT,
        "dim_customer.intervals_do_not_overlap dim_customer.published_revisions_stay "
        "dim_customer.descriptions_are_joined",
        "update candidate.dim_customer set valid_to = valid_from where customer_sk = 7",
        "delete from candidate.dim_customer where customer_sk = 8",
        "update candidate.dim_customer set address_id = null where customer_sk = 9",
    ),
    rows(
        "F45-rewritten",
        "customers: what was published of one is written anew, under the same key and digest",
        At.BUILT,
        "dim_customer.published_revisions_stay",
        "update candidate.dim_customer set email_address = 'nobody@nowhere.example' where customer_sk = 7",
    ),
    rows(
        "F45-missed",
        "customers: names changed at the source, and no revision was opened",
        At.BUILT,
        "dim_customer.own_columns_equal_raw",
        "update raw_sales.customer set c_last_name = 'Nobody'",
    ),
    rows(
        "F45-described",
        "items and warehouses: descriptions are lost or another's, a price is 0, a revision begins a day late",
        At.BUILT,
        "dim_item.descriptions_equal_raw dim_item.revisions_follow_the_source dim_warehouse.descriptions_equal_raw",
        "update candidate.dim_item set category = null where item_sk = 7",
        "update candidate.dim_item set current_price = 0 where item_sk = 8",
        "update candidate.dim_item set valid_from = valid_from + 1 where item_sk < 100",
        "update candidate.dim_warehouse set warehouse_name = 'unallocated' where warehouse_sk = 1",
    ),
    rows(
        "F45-items",
        "items: a revision is lost and none is current",
        At.BUILT,
        "dim_item.revisions_equal_raw dim_item.one_revision_is_current",
        "delete from candidate.dim_item where item_sk = 7",
        "update candidate.dim_item set is_current = false",
    ),
    rows(
        "F44-warehouses",
        "warehouses: the unallocated member is lost",
        At.BUILT,
        "dim_warehouse.members_equal_raw_and_unallocated",
        "delete from candidate.dim_warehouse where warehouse_sk = -1",
    ),
    rows(
        "F43-weeks",
        "weeks: one is absent",
        At.BUILT,
        "dim_week.weeks_are_contiguous dim_week.weeks_equal_the_fact",
        "delete from candidate.dim_week "
        "where week_start_date = (select max(week_start_date) - 7 from candidate.dim_week)",
    ),
    rows(
        "F43-labels",
        "labels of weeks and days: another number, another year, another month, a weekend of the source's",
        At.BUILT,
        f"{WEEKLY}.week_labels_follow_the_date dim_week.labels_follow_the_date dim_date.labels_follow_the_date",
        f"update candidate.{WEEKLY} set week_num = mod(week_num, 52) + 1",
        "update candidate.dim_week set week_year = week_year + 1",
        "update candidate.dim_date set month_of_year = 13 - month_of_year where calendar_year = 1999",
        "update candidate.dim_date set is_weekend = day_of_week in (5, 6) where calendar_year = 2000",
    ),
    rows(
        "F43-days",
        "days: one is absent, another lies in another week",
        At.BUILT,
        "dim_date.days_equal_raw dim_date.days_are_contiguous dim_date.day_lies_in_its_week",
        "delete from candidate.dim_date where calendar_date = date '1999-03-01'",
        "update candidate.dim_date set week_start_date = week_start_date + 7 where calendar_date = date '1999-04-01'",
    ),
)
