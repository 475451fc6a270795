"""Faults of the tables that lines and customers refer to; refuses to leave one of their keys unproven.

A key that is NULL is worse than one that is lost: `not in (select key ..)` then finds no orphan at all, on either
engine.
"""

from __future__ import annotations

from collections.abc import Iterator

from expectations.compiler.transit import CHECK_ID
from tests.faults.fault import PASSES, At, RowsFault, rows

# By table: its key, and the column besides that is never NULL and the check of its own that a doubled row fires.
KEYS = {
    "customer_address": ("ca_address_sk", "ca_address_id", ""),
    "customer_demographics": ("cd_demo_sk", "", ""),
    "household_demographics": ("hd_demo_sk", "", ""),
    "income_band": ("ib_income_band_sk", "", "bands_follow_one_another"),
    "item": ("i_item_sk", "i_item_id", ""),
    "warehouse": ("w_warehouse_sk", "w_warehouse_id", "warehouse_id_is_unique"),
    "date_dim": ("d_date_sk", "d_date", "days_are_contiguous"),
    "promotion": ("p_promo_sk", "p_promo_id", "promo_id_is_unique"),
    "ship_mode": ("sm_ship_mode_sk", "sm_ship_mode_id", "ship_mode_id_is_unique"),
}

# Keys that are looked for where they are used: one of those.
USED = {"customer_demographics": "select max(c_current_cdemo_sk) from raw_sales.customer"}


def fault(fault_id: str, table: str, what: str, killed_by: str, *statements: str, scale: float = 0.1) -> RowsFault:
    checks = " ".join(f"{table}.{check}" for check in killed_by.split())
    name = table.replace("_", "-")
    return rows(f"{fault_id}-{name}", f"{table}: {what}", At.LANDED, checks, *statements, scale=scale)


def nulled(table: str, where: str, values: str = "") -> RowsFault:
    """Values that Airbyte could not carry are NULL, and its mark says so: `values` sets them."""
    return fault(
        "F47-nulled",
        table,
        "Airbyte could not carry a value and says so",
        CHECK_ID,
        f"update raw_sales.{table} set {values}_airbyte_meta = "
        """'{"sync_id": 7, "changes": [{"field": "a_field", "change": "NULLED"}]}' """
        f"where {where}",
    )


def of_any(table: str) -> Iterator[RowsFault]:
    """What can befall every table."""
    key, known, doubled = KEYS[table]
    greatest = f"select max({key}) from raw_sales.{table}"
    last, used = f"where {key} = ({greatest})", f"where {key} = ({USED.get(table, greatest)})"
    yield fault("F25", table, "one key is NULL", f"{key}_is_known", f"update raw_sales.{table} set {key} = null {last}")
    if known:
        yield fault(
            "F26",
            table,
            f"one {known} is NULL",
            f"{known}_is_known",
            f"update raw_sales.{table} set {known} = null {last}",
        )
    yield fault(
        "F32",
        table,
        "a row is there twice",
        f"key_is_unique counts_equal_the_source {doubled}",
        f"insert into raw_sales.{table} select * from raw_sales.{table} {used}",
    )
    yield fault("F48", table, "the table is empty", "rows_seen", f"delete from raw_sales.{table}")
    yield nulled(table, f"{key} = ({greatest})")


OF_ONE = (
    fault(
        "F34",
        "household_demographics",
        "an income band leads nowhere, one is NULL",
        "income_band_is_known",
        "update raw_sales.household_demographics set hd_income_band_sk = 99 where hd_demo_sk = 7",
        "update raw_sales.household_demographics set hd_income_band_sk = null where hd_demo_sk = 8",
    ),
    fault(
        "F35",
        "household_demographics",
        "dependents and vehicles are of another code",
        "hd_dep_count_in_range hd_vehicle_count_in_range",
        "update raw_sales.household_demographics set hd_dep_count = 10 where hd_demo_sk = 7",
        "update raw_sales.household_demographics set hd_vehicle_count = -2 where hd_demo_sk = 8",
    ),
    fault(
        "F35",
        "income_band",
        "the bounds of a band are swapped",
        "bands_follow_one_another",
        "update raw_sales.income_band set ib_lower_bound = ib_upper_bound, ib_upper_bound = ib_lower_bound "
        "where ib_income_band_sk = 7",
    ),
    fault(
        "F33",
        "item",
        "the sync was cut at 90 %",
        "counts_equal_the_source items_do_not_vanish",
        "delete from raw_sales.item where i_item_sk % 10 = 0",
    ),
    fault(
        "F04",
        "item",
        "one revision is lost",
        "counts_equal_the_source",
        "delete from raw_sales.item where i_item_sk = (select max(i_item_sk) from raw_sales.item)",
    ),
    fault(
        "F35",
        "item",
        "an id is blank, prices are negative",
        "item_id_is_not_blank i_current_price_in_range i_wholesale_cost_in_range",
        "update raw_sales.item set i_item_id = '                ' where i_item_sk = 7",
        "update raw_sales.item set i_current_price = -0.01 where i_item_sk = 8",
        "update raw_sales.item set i_wholesale_cost = -0.01 where i_item_sk = 9",
    ),
    fault(
        "F36",
        "item",
        "a revision ends before it begins, another one is open beside the last",
        "revisions_end_after_they_begin one_revision_is_open",
        "update raw_sales.item set i_rec_end_date = date '1990-01-01' where i_item_sk = "
        "(select min(i_item_sk) from raw_sales.item where i_rec_end_date > i_rec_start_date)",
        "update raw_sales.item set i_rec_end_date = null where i_item_sk = "
        "(select max(i_item_sk) from raw_sales.item where i_rec_end_date > i_rec_start_date)",
    ),
    fault(
        "F33",
        "warehouse",
        "one of five is lost",
        "warehouses_do_not_vanish counts_equal_the_source",
        "delete from raw_sales.warehouse where w_warehouse_sk = (select max(w_warehouse_sk) from raw_sales.warehouse)",
        scale=1,
    ),
    fault(
        "F35",
        "warehouse",
        "one has the key of the unallocated member",
        "no_warehouse_is_minus_one",
        "update raw_sales.warehouse set w_warehouse_sk = -1 "
        "where w_warehouse_sk = (select max(w_warehouse_sk) from raw_sales.warehouse)",
    ),
    fault(
        "F36",
        "date_dim",
        "the calendar is a day late",
        "day_is_that_of_its_key",
        "update raw_sales.date_dim set d_date = d_date + 1",
    ),
    fault(
        "F04",
        "date_dim",
        "a day is missing that nothing happened on",
        "days_are_contiguous counts_equal_the_source",
        "delete from raw_sales.date_dim where d_date = date '2050-06-15'",
    ),
    fault(
        "F33",
        "date_dim",
        "the calendar ends the day before the business date",
        "calendar_covers_the_business_date counts_equal_the_source",
        "delete from raw_sales.date_dim where d_date >= (select max(business_date) from ops.publication) + 3",
    ),
    fault(
        "F34",
        "promotion",
        "one is for an item that nobody knows",
        "item_is_known",
        "update raw_sales.promotion set p_item_sk = 99999999 "
        "where p_promo_sk = (select max(p_promo_sk) from raw_sales.promotion)",
    ),
)

# Columns of a fixed width come with blanks from one source and without them from another; cleaning takes them off.
BLANK = (
    rows(
        "F26-blank",
        "item: the id of every other revision ends in a blank, which changes no item",
        At.LANDED,
        "",
        "update raw_sales.item set i_item_id = i_item_id || ' ' where i_item_sk % 2 = 0",
        stops_at=PASSES,
    ),
    rows(
        "F26-blank-marts",
        "item: the id of every other revision ends in a blank, which changes no item, judged by the marts gate",
        At.BUILT,
        "",
        "update raw_sales.item set i_item_id = i_item_id || ' ' where i_item_sk % 2 = 0",
        stops_at=PASSES,
    ),
    fault(
        "F26-twin",
        "customer",
        "an id is that of another customer but for a blank",
        "customer_id_is_unique",
        "update raw_sales.customer set c_customer_id = (select min(c_customer_id) from raw_sales.customer "
        "where c_customer_sk = 8) || ' ' where c_customer_sk = 7",
    ),
    *(
        fault(
            "F26-twin",
            table,
            "an id is that of another row but for a blank",
            f"{named}_id_is_unique",
            f"update raw_sales.{table} set {column} = (select max({column}) from raw_sales.{table}) || ' ' "
            f"where {key} = (select min({key}) from raw_sales.{table})",
        )
        for table, (key, column, named) in {
            "promotion": ("p_promo_sk", "p_promo_id", "promo"),
            "ship_mode": ("sm_ship_mode_sk", "sm_ship_mode_id", "ship_mode"),
        }.items()
    ),
)
NULLED = (
    nulled("customer", "c_customer_sk between 10 and 28", "c_birth_year = null, "),
    nulled("catalog_returns", "cr_returned_date_sk = (select max(cr_returned_date_sk) from raw_sales.catalog_returns)"),
    nulled("web_returns", "wr_returned_date_sk = (select max(wr_returned_date_sk) from raw_sales.web_returns)"),
)

FAULTS = (*(one for table in KEYS for one in of_any(table)), *OF_ONE, *BLANK, *NULLED)
