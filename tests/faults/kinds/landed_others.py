"""Faults of landed returns, customers and of the ledger, F32-F35 and theirs; refuses to show a customer's value."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.fault import PASSES, At, RowsFault, counted_so_at_the_source, placed_so_at_the_source, rows


def returns(channel: str) -> Iterator[RowsFault]:
    p, table = f"{channel[0]}r", f"raw_sales.{channel}_returns"
    amount = "return_amount" if channel == "catalog" else "return_amt"
    last = f"(select max({p}_returned_date_sk) from {table})"
    # A few lines of the arriving window: budgets are judged there.
    one = (
        f" from (select _airbyte_raw_id as line, row_number() over (order by _airbyte_raw_id) as n from {table} "
        f"where {p}_returned_date_sk > {last} - 25 and {p}_return_quantity is not null) as one "
        f"where one.line = {channel}_returns._airbyte_raw_id and one.n "
    )

    def fault(fault_id: str, what: str, killed_by: str, *statements: str) -> RowsFault:
        checks = " ".join(f"{channel}_returns.{check}" for check in killed_by.split())
        return rows(f"{fault_id}-{channel}-returns", f"{channel} returns: {what}", At.LANDED, checks, *statements)

    yield fault(
        "F04",
        "one order is lost",
        "reconciles_by_day",
        f"delete from {table} where {p}_order_number = (select max({p}_order_number) from {table})",
    )
    yield fault(
        "F05",
        "all lines are there twice",
        "key_is_unique reconciles_by_day",
        f"insert into {table} select * from {table}",
    )
    yield fault(
        "F25",
        "values are missing in a line a column, unknown or out of their range in six lines a column",
        f"{p}_item_sk_is_known {p}_order_number_is_known {p}_return_quantity_in_range {p}_{amount}_in_range "
        "item_is_known date_is_known sale_is_known no_more_returned_than_sold"
        + (" warehouse_is_known" if channel == "catalog" else ""),
        f"update {table} set {p}_item_sk = null{one}= 1",
        f"update {table} set {p}_order_number = null{one}= 2",
        f"update {table} set {p}_return_quantity = 101{one}between 3 and 8",
        f"update {table} set {p}_{amount} = -0.01{one}between 9 and 14",
        f"update {table} set {p}_return_quantity = 100{one}between 15 and 20",
        f"update {table} set {p}_item_sk = 99999999{one}between 21 and 26",
        *([f"update {table} set {p}_warehouse_sk = 99999999{one}between 27 and 32"] * (channel == "catalog")),
        f"update {table} set {p}_returned_date_sk = 99999999{one}between 33 and 38",
    )
    yield fault(
        "F29",
        "four weeks arrive without their day",
        "undated_lines_are_few",
        f"update {table} set {p}_returned_date_sk = null, _airbyte_extracted_at = current_timestamp "
        f"where {p}_returned_date_sk > {last} - 28",
    )
    for column, check in (("return_quantity", "quantity_nulls_are_usual"), (amount, "amount_nulls_are_usual")):
        yield fault(
            f"F29-{column}",
            f"{column} is unknown for a week",
            check,
            f"update {table} set {p}_{column} = null where {p}_returned_date_sk > {last} - 7",
        )
    yield fault(
        "F31-ahead",
        "15 lines are dated 150 days ahead, at the source as well",
        "lines_dated_ahead_are_few misdated_lines_are_counted",
        f"update {table} set {p}_returned_date_sk = {p}_returned_date_sk + 150{one}<= 15",
        *counted_so_at_the_source(f"{channel}_returns"),
    )
    yield fault(
        "F26",
        "amounts are in another unit",
        "reconciles_by_day amount_is_quantity_times_the_sales_price",
        f"update {table} set {p}_{amount} = 10 * {p}_{amount}",
    )
    yield fault(
        "F48",
        "the table is empty and the source was not counted",
        "source_was_counted",
        f"delete from {table}",
        "delete from ops.source_total",
    )
    yield fault("F48-lost", "the table is empty", "reconciles_by_day", f"delete from {table}")


def customers(fault_id: str, what: str, killed_by: str, *statements: str) -> RowsFault:
    checks = " ".join(f"customer.{check}" for check in killed_by.split())
    return rows(fault_id, f"customers: {what}", At.LANDED, checks, *statements)


SEVENTH = "where c_customer_sk = 7"

CUSTOMERS = (
    customers(
        "F32",
        "a customer is there twice",
        "key_is_unique customer_id_is_unique counts_equal_the_source",
        f"insert into raw_sales.customer select * from raw_sales.customer {SEVENTH}",
    ),
    customers(
        "F33",
        "the sync was cut at 90 %",
        "counts_equal_the_source customers_do_not_vanish",
        "delete from raw_sales.customer where c_customer_sk % 10 = 0",
    ),
    customers(
        "F34",
        "address, demographics and household lead nowhere",
        "address_is_known demographics_are_known household_is_known",
        f"update raw_sales.customer set c_current_addr_sk = 99999999 {SEVENTH}",
        "update raw_sales.customer set c_current_cdemo_sk = 99999999 where c_customer_sk = 8",
        "update raw_sales.customer set c_current_hdemo_sk = 99999999 where c_customer_sk = 9",
    ),
    customers(
        "F35",
        "the e-mail holds last names",
        "email_has_its_shape",
        "update raw_sales.customer set c_email_address = c_last_name where c_customer_sk < 100",
    ),
    customers(
        "F35-others",
        "flag and birth year are of another code",
        "flag_is_yes_or_no birth_date_is_plausible",
        f"update raw_sales.customer set c_preferred_cust_flag = '1' {SEVENTH}",
        "update raw_sales.customer set c_birth_year = 92 where c_customer_sk between 8 and 28",
    ),
    customers(
        "F25-customers",
        "keys are missing",
        "c_customer_sk_is_known c_customer_id_is_known",
        f"update raw_sales.customer set c_customer_id = null {SEVENTH}",
        "update raw_sales.customer set c_customer_sk = null where c_customer_sk = 8",
    ),
    rows(
        "F55-email",
        "customers: a tenth has no e-mail, which is noted and published",
        At.LANDED,
        "customer.email_nulls_are_usual",
        "update raw_sales.customer set c_email_address = null where c_customer_sk % 10 = 7",
        stops_at=PASSES,
    ),
    customers("F48-customers", "the table is empty", "rows_seen", "delete from raw_sales.customer"),
)


def ledger(fault_id: str, what: str, killed_by: str, *statements: str) -> RowsFault:
    checks = " ".join(f"inventory_dumps.{check}" for check in killed_by.split())
    return rows(fault_id, f"ledger: {what}", At.LANDED, checks, *statements, stops_at="file")


LAST_LINE = "where object_key = (select max(object_key) from ops.load_ledger)"

LEDGER = (
    ledger(
        "F47-ledger",
        "a word that nobody knows, and no reason for a quarantine",
        "status_is_one_of_four snapshot_has_a_loaded_dump no_unresolved_quarantine reason_is_given",
        f"update ops.load_ledger set status = 'done' {LAST_LINE}",
        "update ops.load_ledger set status = 'quarantined', reason = '', loaded_at = current_timestamp "
        "where object_key = (select min(object_key) from ops.load_ledger)",
    ),
    ledger(
        "F25-ledger",
        "keys and words are missing, in a table made anew without its constraints",
        "object_key_is_known version_id_is_known status_is_known",
        "create or replace table ops.load_ledger as select * from ops.load_ledger",
        f"update ops.load_ledger set object_key = null, version_id = null, status = null {LAST_LINE}",
    ),
    ledger(
        "F56-ledger",
        "an object is in the ledger twice",
        "key_is_unique",
        f"insert into ops.load_ledger select * from ops.load_ledger {LAST_LINE}",
    ),
    ledger(
        "F10-ledger",
        "two weeks have the same content",
        "content_is_not_another_weeks",
        "update ops.inventory_snapshot set content_digest = (select min(content_digest) from ops.inventory_snapshot)",
    ),
    ledger("F48-ledger", "the ledger is empty", "rows_seen snapshot_has_a_loaded_dump", "delete from ops.load_ledger"),
)

A_REFUSED_NAME = (
    "insert into ops.load_ledger select replace(object_key, '.csv', ' (1).csv'), 'v-1', etag, sha256, bytes, null, "
    "'quarantined', 'object key of another form', run_id, current_timestamp, null, current_timestamp "
    f"from ops.load_ledger {LAST_LINE}"
)

NAMED = (
    ledger(
        "F61-ledger", "a name was refused, and nothing was uploaded since", "no_unresolved_quarantine", A_REFUSED_NAME
    ),
    rows(
        "F61-ledger-later",
        "ledger: a name was refused, and a good dump that was uploaded later lets the day go on",
        At.LANDED,
        "inventory_dumps.no_quarantine_is_forgotten",
        A_REFUSED_NAME,
        "update ops.load_ledger set last_modified = timestamp '1998-01-01 00:00:00' where version_id = 'v-1'",
        stops_at=PASSES,
    ),
    rows(
        "F61-deleted",
        "ledger: a name was refused, and the object is deleted",
        At.LANDED,
        "",
        A_REFUSED_NAME,
        "insert into ops.bucket_finding select object_key, version_id, last_modified, 'deleted' from ops.load_ledger "
        "where version_id = 'v-1'",
        stops_at=PASSES,
    ),
    rows(
        "F61-ignored",
        "ledger: an object that looks like a dump is ignored for its name",
        At.LANDED,
        "inventory_dumps.no_dump_is_ignored",
        "insert into ops.bucket_finding select replace(object_key, '.csv', '.CSV'), version_id, last_modified, "
        f"'like_a_dump' from ops.load_ledger {LAST_LINE}",
        stops_at=PASSES,
    ),
)

FEW = rows(
    "F30-few-catalog-returns",
    "catalog returns: one line names a warehouse that nobody knows; it is quarantined",
    At.LANDED,
    "catalog_returns.quarantined_lines_are_few",
    "update raw_sales.catalog_returns set cr_warehouse_sk = 99999999 "
    "where _airbyte_raw_id = (select max(_airbyte_raw_id) from raw_sales.catalog_returns "
    "where cr_returned_date_sk = (select max(cr_returned_date_sk) from raw_sales.catalog_returns))",
    placed_so_at_the_source("catalog_returns", "cr_returned_date_sk", "cr_return_quantity"),
    stops_at=PASSES,
)

FORGOTTEN = rows(
    "F60-forgotten",
    "ledger: a restatement could not be read, and a later good dump of another week lets the day go on",
    At.LANDED,
    "inventory_dumps.no_quarantine_is_forgotten",
    "insert into ops.load_ledger select replace(object_key, '.csv', '-restated.csv'), 'v-restated', etag, sha256, "
    "bytes, row_count, 'quarantined', 'a row without four numbers', run_id, loaded_at, dump_date, last_modified "
    "from ops.load_ledger where dump_date = (select min(dump_date) from ops.load_ledger)",
    stops_at=PASSES,
)

UNDATED = rows(
    "F29-undated-web-returns",
    "web returns: half of the lines that arrived long ago lose their day",
    At.LANDED,
    "web_returns.undated_lines_of_a_week_are_few",
    "update raw_sales.web_returns set wr_returned_date_sk = null where wr_item_sk % 2 = 0",
)

FAULTS = (FEW, FORGOTTEN, UNDATED, *returns("catalog"), *returns("web"), *CUSTOMERS, *LEDGER, *NAMED)
