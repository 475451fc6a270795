"""Faults of landed inventory, F01-F20; refuses those that a dump brings, which the sources' faults inject as dumps."""

from __future__ import annotations

from tests.faults.fault import PASSES, At, RowsFault, rows

LAST = "(select max(inv_date_sk) from ops.inventory_snapshot)"
TEN_WEEKS_AGO = "(select max(inv_date_sk) - 70 from ops.inventory_snapshot)"

# The raw table as somebody would make it anew by hand: without the constraints of the installation.
# Not by `alter table`: DuckDB 1.5.5 now and then ends in a fatal error on a table that was just altered.
UNGUARDED = "create or replace table raw_inventory.inventory as select * from raw_inventory.inventory"


def landed(fault_id: str, what: str, killed_by: str, *statements: str, scale: float = 0.1) -> RowsFault:
    checks = " ".join(f"inventory.{check}" for check in killed_by.split())
    return rows(fault_id, f"inventory: {what}", At.LANDED, checks, *statements, scale=scale)


def _week(change: str, where: str = "true", *, of: str = LAST) -> str:
    return f"update raw_inventory.inventory set {change} where inv_date_sk = {of} and {where}"


# An index from 1 within the week, in the order of items: keys themselves are sparse.
NUMBERED = (
    "select inv_item_sk, inv_warehouse_sk, row_number() over (order by inv_warehouse_sk, inv_item_sk) as n "
    f"from raw_inventory.inventory where inv_date_sk = {LAST}"
)

FAULTS = (
    landed(
        "F01",
        "the week is missing",
        "weeks_are_contiguous",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST}",
        f"delete from ops.inventory_snapshot where inv_date_sk = {LAST}",
    ),
    landed(
        "F02",
        "one warehouse is missing",
        "rows_per_week ledger_knows_every_snapshot reconciles_with_its_dump",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_warehouse_sk = 1",
        scale=1,
    ),
    landed(
        "F03",
        "a tenth of the week is lost",
        "rows_per_week rows_per_warehouse",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_item_sk % 10 = 3",
    ),
    landed(
        "F04",
        "one row is lost",
        "rows_per_week rows_per_warehouse",
        f"delete from raw_inventory.inventory where inv_date_sk = {LAST} and inv_warehouse_sk = 1 "
        f"and inv_item_sk = (select min(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
    ),
    landed(
        "F05",
        "the week is there twice",
        "rows_per_week key_is_unique",
        f"insert into raw_inventory.inventory select * from raw_inventory.inventory where inv_date_sk = {LAST}",
    ),
    landed(
        "F06",
        "one key is there twice with another quantity",
        "rows_per_week key_is_unique",
        "insert into raw_inventory.inventory select inv_date_sk, inv_item_sk, inv_warehouse_sk, 999 "
        f"from raw_inventory.inventory where inv_date_sk = {LAST} limit 1",
    ),
    landed(
        "F07",
        "one row lost and another doubled: the count is right",
        "key_is_unique reconciles_with_its_dump",
        _week(
            f"inv_item_sk = (select min(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
            "inv_warehouse_sk = 1 and inv_item_sk = "
            f"(select max(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
        ),
    ),
    landed(
        "F08",
        "the snapshot is dated Friday",
        "snapshot_is_a_thursday weeks_are_contiguous",
        _week("inv_date_sk = inv_date_sk + 1"),
        f"update ops.inventory_snapshot set inv_date_sk = inv_date_sk + 1 where inv_date_sk = {LAST}",
    ),
    landed(
        "F09",
        "the snapshot is dated ten years ahead",
        "snapshot_is_not_of_the_future weeks_are_contiguous",
        _week("inv_date_sk = inv_date_sk + 3654"),
        f"update ops.inventory_snapshot set inv_date_sk = inv_date_sk + 3654 where inv_date_sk = {LAST}",
    ),
    landed(
        "F10",
        "last week's stock once more under the new date",
        "stock_is_not_last_weeks reconciles_with_its_dump",
        "update raw_inventory.inventory set inv_quantity_on_hand = last.quantity from ("
        "select held.inv_date_sk + 7 as date_sk, held.inv_warehouse_sk as warehouse_sk, this_item.i_item_sk as item_sk,"
        " max(held.inv_quantity_on_hand) as quantity from raw_inventory.inventory as held "
        "inner join raw_sales.item as last_item on last_item.i_item_sk = held.inv_item_sk "
        "inner join raw_sales.item as this_item on this_item.i_item_id = last_item.i_item_id "
        f"where held.inv_date_sk = {LAST} - 7 group by 1, 2, 3) as last "
        "where inventory.inv_date_sk = last.date_sk and inventory.inv_warehouse_sk = last.warehouse_sk "
        "and inventory.inv_item_sk = last.item_sk",
    ),
    landed(
        "F11",
        "three negative quantities",
        "inv_quantity_on_hand_in_range",
        _week(
            "inv_quantity_on_hand = -1", f"inv_item_sk in (select inv_item_sk from ({NUMBERED}) as one where n <= 3)"
        ),
    ),
    landed("F12", "every quantity is unknown", "unknown_stock_is_usual", _week("inv_quantity_on_hand = null")),
    landed(
        "F13",
        "one warehouse of five knows a tenth less",
        "unknown_stock_is_usual",
        _week("inv_quantity_on_hand = null", "inv_warehouse_sk = 1 and inv_item_sk % 10 = 0"),
        scale=1,
    ),
    landed(
        "F14",
        "unknown written as 0",
        "unknown_stock_is_usual empty_shelves_are_usual",
        _week("inv_quantity_on_hand = 0", "inv_quantity_on_hand is null"),
    ),
    landed(
        "F14-seven",
        "unknown written as 7, which no other check sees",
        "unknown_stock_is_usual",
        _week("inv_quantity_on_hand = 7", "inv_quantity_on_hand is null"),
    ),
    landed(
        "F15",
        "one warehouse counts in dozens",
        "empty_shelves_are_usual mean_stock_moves_little",
        _week("inv_quantity_on_hand = floor(inv_quantity_on_hand / 12)", "inv_warehouse_sk = 1"),
    ),
    landed(
        "F16",
        "the column has slipped by a row: the values are right, their items are not",
        "reconciles_with_its_dump",
        "update raw_inventory.inventory set inv_quantity_on_hand = slipped.quantity from ("
        "select inv_item_sk, inv_warehouse_sk, lag(inv_quantity_on_hand) over ("
        "partition by inv_warehouse_sk order by inv_item_sk) as quantity "
        f"from raw_inventory.inventory where inv_date_sk = {LAST}) as slipped "
        f"where inventory.inv_date_sk = {LAST} and inventory.inv_item_sk = slipped.inv_item_sk "
        "and inventory.inv_warehouse_sk = slipped.inv_warehouse_sk and slipped.quantity is not null",
    ),
    landed(
        "F17",
        "an item that nobody knows",
        "item_is_known",
        _week("inv_item_sk = 999999", f"inv_item_sk in (select inv_item_sk from ({NUMBERED}) as one where n = 1)"),
    ),
    landed(
        "F18",
        "a warehouse that nobody knows",
        "warehouse_is_known",
        _week("inv_warehouse_sk = 77", "inv_warehouse_sk = 1"),
    ),
    landed(
        "F19",
        "one warehouse of five counts under old revisions",
        "one_revision_an_item",
        "update raw_inventory.inventory set inv_item_sk = other.i_item_sk from raw_sales.item as mine "
        "inner join raw_sales.item as other on other.i_item_id = mine.i_item_id and other.i_item_sk <> mine.i_item_sk "
        f"where inventory.inv_date_sk = {LAST} and inventory.inv_warehouse_sk = 1 "
        "and mine.i_item_sk = inventory.inv_item_sk",
        scale=1,
    ),
    landed(
        "F10-older",
        "the snapshot of two weeks ago under this date, one cell of it changed",
        "stock_is_not_an_earlier_weeks",
        "update raw_inventory.inventory set inv_quantity_on_hand = old.inv_quantity_on_hand "
        f"from raw_inventory.inventory as old where inventory.inv_date_sk = {LAST} and old.inv_date_sk = {LAST} - 14 "
        "and old.inv_item_sk = inventory.inv_item_sk and old.inv_warehouse_sk = inventory.inv_warehouse_sk",
        f"update raw_inventory.inventory set inv_quantity_on_hand = 1 where inv_date_sk = {LAST} and inv_item_sk = "
        f"(select max(inv_item_sk) from raw_inventory.inventory where inv_date_sk = {LAST})",
    ),
    landed(
        "F12-default",
        "a default of 500 stands for every known quantity, which is the usual mean",
        "no_quantity_is_too_frequent",
        _week("inv_quantity_on_hand = 500", "inv_quantity_on_hand is not null"),
    ),
    rows(
        "F17-new",
        "inventory: an item that begins after the last snapshot is on file and not counted yet",
        At.LANDED,
        "",
        "insert into raw_sales.item select * replace (1000001 as i_item_sk, 'NEWITEM000000001' as i_item_id, "
        "date '1999-04-30' as i_rec_start_date, null as i_rec_end_date) from raw_sales.item limit 1",
        "update ops.source_total set row_count = row_count + 1 where dataset = 'item'",
        stops_at=PASSES,
    ),
    landed(
        "F20",
        "a published week is rewritten past the loader",
        "published_weeks_are_unchanged",
        _week("inv_quantity_on_hand = 1000 - inv_quantity_on_hand", of=TEN_WEEKS_AGO),
    ),
    landed(
        "F20-lost",
        "a published week is gone",
        "ledger_knows_every_snapshot published_weeks_are_unchanged",
        f"delete from raw_inventory.inventory where inv_date_sk = {TEN_WEEKS_AGO}",
    ),
    landed(
        "F20-first",
        "the first published week is gone from raw and from the ledger's list, which leaves no hole",
        "published_weeks_are_unchanged",
        *(
            f"delete from {table} where inv_date_sk = (select min(inv_date_sk) from raw_inventory.inventory)"
            for table in ("ops.inventory_snapshot", "raw_inventory.inventory")
        ),
    ),
    landed(
        "F20-midrun",
        "a published week is rewritten, and the restatement on record is older than its publication's judgment",
        "published_weeks_are_unchanged",
        "update ops.inventory_snapshot set restated_at = (select min(judged_at) from ops.gate_result) "
        f"- interval '1 minute' where inv_date_sk = {TEN_WEEKS_AGO}",
        _week("inv_quantity_on_hand = 1000 - inv_quantity_on_hand", of=TEN_WEEKS_AGO),
    ),
    rows(
        "F20-restated",
        "inventory: a published week is restated after its publication's judgment, before the publication itself",
        At.LANDED,
        "",
        "update ops.inventory_snapshot set restated_at = (select min(judged_at) from ops.gate_result) "
        f"+ interval '1 millisecond' where inv_date_sk = {TEN_WEEKS_AGO}",
        _week("inv_quantity_on_hand = 1000 - inv_quantity_on_hand", of=TEN_WEEKS_AGO),
        stops_at=PASSES,
    ),
    landed(
        "F25-inventory",
        "NULL keys, in a table made anew without its constraints",
        "inv_item_sk_is_known inv_warehouse_sk_is_known",
        UNGUARDED,
        _week("inv_item_sk = null", "inv_item_sk % 400 = 1"),
        _week("inv_warehouse_sk = null", "inv_item_sk % 400 = 2"),
    ),
    landed(
        "F25-inventory-date",
        "a row without a date, in a table made anew without its constraints",
        "ledger_knows_every_snapshot",
        UNGUARDED,
        _week("inv_date_sk = null", "inv_item_sk % 400 = 1"),
    ),
    rows(
        "F48-inventory",
        "inventory: the tables are empty",
        At.LANDED,
        "inventory.rows_seen",
        "delete from raw_inventory.inventory",
        "delete from ops.inventory_snapshot",
    ),
)
