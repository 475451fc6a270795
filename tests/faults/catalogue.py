"""The faults that a gate must stop: each injects one into landed data and names the gate and the checks that kill it.

Inventory F01-F20, sales F21-F31, customers F32-F35. Each changes rows of a landed warehouse, between the landing of a
day and its landing gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelfgate.model import Gate

LAST = "(select max(inv_date_sk) from raw_inventory.inventory)"
BEFORE = "(select max(inv_date_sk) - 7 from raw_inventory.inventory)"
DAY = "(select max({p}_sold_date_sk) - 2 from raw_sales.{channel}_sales)"


@dataclass(frozen=True)
class Fault:
    """`statements` change a landed warehouse; together they must change at least one row."""

    fault_id: str
    what: str
    statements: Sequence[str]
    killed_by: frozenset[str]
    gate: Gate = Gate.LANDING


def inventory(fault_id: str, what: str, killed_by: str, *statements: str) -> Fault:
    return Fault(fault_id, what, statements, frozenset(f"inventory.{check}" for check in killed_by.split()))


def sales(fault_id: str, channel: str, what: str, killed_by: str, *statements: str) -> Fault:
    values = {"p": f"{channel[0]}s", "channel": channel}
    day = DAY.format(**values)
    rendered = tuple(statement.format(**values, day=day) for statement in statements)
    return Fault(fault_id, f"{channel}: {what}", rendered, frozenset(f"{channel}_sales.{c}" for c in killed_by.split()))


def customers(fault_id: str, what: str, killed_by: str, *statements: str) -> Fault:
    return Fault(fault_id, what, statements, frozenset(f"customer.{check}" for check in killed_by.split()))


LANDED = (
    inventory(
        "F01",
        "the week is missing",
        "weeks_are_contiguous",
        f"delete from ops.inventory_snapshot where inv_date_sk = {LAST}",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST}",
    ),
    inventory(
        "F02",
        "one warehouse is missing",
        "rows_per_week",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_warehouse_sk = 1",
    ),
    inventory(
        "F03",
        "the file is cut at 90 %",
        "rows_per_week rows_per_warehouse",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_item_sk % 10 = 3",
    ),
    inventory(
        "F04",
        "one row is lost",
        "rows_per_week rows_per_warehouse",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_warehouse_sk = 1 "
        f"and inv_item_sk = (select min(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
    ),
    inventory(
        "F05",
        "the week is there twice",
        "rows_per_week key_is_unique",
        f"insert into raw_inventory.inventory select * from raw_inventory.inventory where inv_date_sk = {LAST}",
    ),
    inventory(
        "F06",
        "one key is there twice with another quantity",
        "rows_per_week key_is_unique",
        "insert into raw_inventory.inventory select inv_date_sk, inv_item_sk, inv_warehouse_sk, 999 "
        f"from raw_inventory.inventory where inv_date_sk = {LAST} limit 1",
    ),
    inventory(
        "F07",
        "one row lost and another doubled: the count is right",
        "key_is_unique",
        "update raw_inventory.inventory set inv_item_sk = (select min(inv_item_sk) from raw_inventory.inventory "
        f"where inv_date_sk = {LAST}) where inv_date_sk = {LAST} and inv_warehouse_sk = 1 and inv_item_sk = "
        f"(select max(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
    ),
    inventory(
        "F08",
        "the snapshot is dated Friday",
        "snapshot_is_a_thursday weeks_are_contiguous",
        f"update raw_inventory.inventory set inv_date_sk = inv_date_sk + 1 where inv_date_sk = {LAST}",
        "update ops.inventory_snapshot set inv_date_sk = inv_date_sk + 1 "
        "where inv_date_sk = (select max(inv_date_sk) from ops.inventory_snapshot)",
    ),
    inventory(
        "F11",
        "negative quantities",
        "inv_quantity_on_hand_in_range",
        f"update raw_inventory.inventory set inv_quantity_on_hand = -1 where inv_date_sk = {LAST} and inv_item_sk < 6",
    ),
    inventory(
        "F12",
        "every quantity is unknown",
        "unknown_stock_is_usual",
        f"update raw_inventory.inventory set inv_quantity_on_hand = null where inv_date_sk = {LAST}",
    ),
    inventory(
        "F13",
        "one warehouse knows half as much",
        "unknown_stock_is_usual",
        "update raw_inventory.inventory set inv_quantity_on_hand = null "
        f"where inv_date_sk = {LAST} and inv_warehouse_sk = 1 and inv_item_sk % 10 = 0",
    ),
    inventory(
        "F14",
        "unknown written as 0",
        "unknown_stock_is_usual",
        "update raw_inventory.inventory set inv_quantity_on_hand = 0 "
        f"where inv_date_sk = {LAST} and inv_quantity_on_hand is null",
    ),
    inventory(
        "F17",
        "an item that nobody knows",
        "item_is_known",
        "update raw_inventory.inventory set inv_item_sk = 999999 "
        f"where inv_date_sk = {LAST} and inv_warehouse_sk = 1 and inv_item_sk < 3",
    ),
    inventory(
        "F18",
        "a warehouse that nobody knows",
        "warehouse_is_known",
        f"update raw_inventory.inventory set inv_warehouse_sk = 77 where inv_date_sk = {LAST} and inv_warehouse_sk = 1",
    ),
    inventory(
        "F19",
        "one warehouse counts under old revisions",
        "one_revision_an_item",
        "update raw_inventory.inventory set inv_item_sk = other.i_item_sk from raw_sales.item as mine "
        "inner join raw_sales.item as other on other.i_item_id = mine.i_item_id and other.i_item_sk <> mine.i_item_sk "
        f"where inventory.inv_date_sk = {LAST} and inventory.inv_warehouse_sk = 1 "
        "and mine.i_item_sk = inventory.inv_item_sk",
    ),
    *(
        fault
        for channel in ("catalog", "web")
        for fault in (
            sales(
                f"F21-{channel}",
                channel,
                "a day is missing",
                "reconciles_by_day",
                "delete from raw_sales.{channel}_sales where {p}_sold_date_sk = {day}",
            ),
            sales(
                f"F22-{channel}",
                channel,
                "a third of a day is lost",
                "reconciles_by_day",
                "delete from raw_sales.{channel}_sales where {p}_sold_date_sk = {day} and {p}_item_sk % 3 = 1",
            ),
            sales(
                f"F23-{channel}",
                channel,
                "a week is replayed",
                "reconciles_by_day key_is_unique",
                "insert into raw_sales.{channel}_sales select * from raw_sales.{channel}_sales "
                "where {p}_sold_date_sk > {day} - 7",
            ),
            sales(
                f"F26-{channel}",
                channel,
                "a day priced in cents",
                "amount_is_quantity_times_price {p}_sales_price_in_range".replace("{p}", f"{channel[0]}s"),
                "update raw_sales.{channel}_sales set {p}_sales_price = 100 * {p}_sales_price "
                "where {p}_sold_date_sk = {day}",
            ),
            sales(
                f"F27-{channel}",
                channel,
                "quantity changed, amount not",
                "amount_is_quantity_times_price reconciles_by_day",
                "update raw_sales.{channel}_sales set {p}_quantity = {p}_quantity + 1 "
                "where {p}_sold_date_sk = {day} and {p}_quantity < 100",
            ),
            sales(
                f"F31-{channel}",
                channel,
                "a week shifted by a day",
                "reconciles_by_day",
                "update raw_sales.{channel}_sales set {p}_sold_date_sk = {p}_sold_date_sk + 1 "
                "where {p}_sold_date_sk > {day} - 7",
            ),
        )
    ),
    customers(
        "F32",
        "a customer is there twice",
        "key_is_unique customer_id_is_unique counts_equal_the_source",
        "insert into raw_sales.customer select * from raw_sales.customer limit 1",
    ),
    customers(
        "F33",
        "the sync was cut at 90 %",
        "counts_equal_the_source customers_do_not_vanish",
        "delete from raw_sales.customer where c_customer_sk % 10 = 0",
    ),
    customers(
        "F34",
        "an address that nobody knows",
        "address_is_known",
        "update raw_sales.customer set c_current_addr_sk = 99999999 where c_customer_sk < 11",
    ),
)
