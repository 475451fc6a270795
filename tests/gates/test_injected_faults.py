"""Each fault of the landing gate's catalogue closes the gate, by the check that is there for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.gates import Window
from shelfgate.model import Gate
from tests.conftest import at_home, estate_at
from tests.gates.growing_warehouse import GrowingWarehouse
from tests.gates.suite_runner import run_gate

SATURDAY = date(1999, 5, 1)
LAST_THURSDAY = 2451298

WEEK = f"inv_date_sk = {LAST_THURSDAY}"
DAY = f"sold_date_sk = {LAST_THURSDAY}"

FAULTS = {
    "inventory.empty_shelves_are_usual": f"update raw_inventory.inventory set inv_quantity_on_hand = 0 where {WEEK} "
    "and inv_quantity_on_hand is null",
    "inventory.unknown_stock_is_usual": f"update raw_inventory.inventory set inv_quantity_on_hand = 7 where {WEEK} "
    "and inv_quantity_on_hand is null",
    "inventory.mean_stock_moves_little": f"update raw_inventory.inventory set inv_quantity_on_hand = "
    f"inv_quantity_on_hand // 12 where {WEEK}",
    "inventory.stock_is_not_last_weeks": f"""update raw_inventory.inventory as this set inv_quantity_on_hand = (
        select any_value(last.inv_quantity_on_hand) from raw_inventory.inventory as last
        inner join raw_sales.item as last_item on last_item.i_item_sk = last.inv_item_sk
        inner join raw_sales.item as this_item on this_item.i_item_id = last_item.i_item_id
        where last.inv_date_sk = this.inv_date_sk - 7 and this_item.i_item_sk = this.inv_item_sk) where {WEEK}""",
    "inventory.published_weeks_are_unchanged": "update raw_inventory.inventory set inv_quantity_on_hand = "
    f"1000 - inv_quantity_on_hand where inv_date_sk = {LAST_THURSDAY - 70}",
    "inventory.ledger_knows_every_snapshot": "delete from raw_inventory.inventory "
    f"where inv_date_sk = {LAST_THURSDAY - 70}",
    "inventory.snapshot_is_not_of_the_future": "update ops.inventory_snapshot set inv_date_sk = inv_date_sk + 7000 "
    f"where {WEEK}",
    "inventory.inv_quantity_on_hand_in_range": f"update raw_inventory.inventory set inv_quantity_on_hand = -1 "
    f"where {WEEK} and inv_item_sk % 400 = 1",
    "inventory.rows_per_warehouse": f"delete from raw_inventory.inventory where {WEEK} and inv_item_sk % 400 = 1",
    "catalog_sales.orders_are_contiguous": "delete from raw_sales.catalog_sales where cs_order_number = 200",
    "catalog_sales.no_day_is_missing": f"delete from raw_sales.catalog_sales where cs_{DAY}",
    "catalog_sales.amount_is_quantity_times_price": "update raw_sales.catalog_sales set cs_sales_price = "
    f"cs_sales_price * 100 where cs_{DAY}",
    "catalog_sales.discount_is_list_minus_sales": "update raw_sales.catalog_sales set cs_ext_discount_amt = "
    f"-cs_ext_discount_amt where cs_{DAY}",
    "catalog_sales.paid_with_both_adds_both": "update raw_sales.catalog_sales set cs_ext_tax = cs_ext_tax + 1 "
    f"where cs_{DAY}",
    "catalog_sales.sold_at_list_price_at_most": "update raw_sales.catalog_sales set cs_sales_price = cs_list_price, "
    f"cs_list_price = cs_sales_price where cs_{DAY}",
    "catalog_sales.shipped_after_sold": "update raw_sales.catalog_sales set cs_ship_date_sk = cs_sold_date_sk, "
    f"cs_sold_date_sk = cs_ship_date_sk where cs_{DAY}",
    "catalog_sales.bill_customer_is_known": f"update raw_sales.catalog_sales set cs_bill_customer_sk = -1 "
    f"where cs_{DAY}",
    "catalog_sales.promotion_is_known": f"update raw_sales.catalog_sales set cs_promo_sk = -1 where cs_{DAY}",
    "web_sales.warehouse_nulls_are_usual": "update raw_sales.web_sales set ws_warehouse_sk = null "
    f"where ws_sold_date_sk > {LAST_THURSDAY - 7}",
    "web_sales.quantity_nulls_are_usual": "update raw_sales.web_sales set ws_quantity = null "
    f"where ws_sold_date_sk > {LAST_THURSDAY - 7}",
    "web_sales.undated_lines_are_few": "update raw_sales.web_sales set ws_sold_date_sk = null, "
    f"_airbyte_extracted_at = timestamp '2100-01-02' where ws_sold_date_sk > {LAST_THURSDAY - 7}",
    "web_sales.key_is_unique": f"insert into raw_sales.web_sales from raw_sales.web_sales where ws_{DAY}",
    "web_sales.reconciles_by_day": "update raw_sales.web_sales set ws_sold_date_sk = ws_sold_date_sk + 1 "
    f"where ws_sold_date_sk > {LAST_THURSDAY - 7}",
    "web_returns.sale_is_known": "update raw_sales.web_returns set wr_order_number = -wr_order_number",
    "web_returns.no_more_returned_than_sold": "update raw_sales.web_returns set wr_return_quantity = 100",
    "customer.email_has_its_shape": "update raw_sales.customer set c_email_address = c_last_name "
    "where c_customer_sk = 7",
    "customer.flag_is_yes_or_no": "update raw_sales.customer set c_preferred_cust_flag = '1' where c_customer_sk = 7",
    "customer.birth_date_is_plausible": "update raw_sales.customer set c_birth_year = 92 where c_customer_sk = 7",
    "customer.household_is_known": "update raw_sales.customer set c_current_hdemo_sk = 0 where c_customer_sk = 7",
    "customer.tables_around_have_their_keys": "insert into raw_sales.income_band from raw_sales.income_band limit 1",
    "customer.customer_id_is_unique": "insert into raw_sales.customer from raw_sales.customer where c_customer_sk = 7",
    "customer.counts_equal_the_source": "delete from raw_sales.customer where c_customer_sk = 7",
    "customer.customers_do_not_vanish": "delete from raw_sales.customer where c_customer_sk % 10 = 7",
}

WARNED = {
    "catalog_sales.week_mean_amount_is_usual": "update raw_sales.catalog_sales set cs_ext_sales_price = "
    f"cs_ext_sales_price * 3 where cs_sold_date_sk > {LAST_THURSDAY - 7}",
    "customer.birth_year_nulls_are_usual": "update raw_sales.customer set c_birth_year = 1970 "
    "where c_birth_year is null",
    "customer.email_nulls_are_usual": "update raw_sales.customer set c_email_address = null "
    "where c_customer_sk % 10 = 7",
}

pytestmark = pytest.mark.proofs


@pytest.fixture(scope="module")
def warehouse(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: str, generated: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse of scale 0.1, in memory, on a Saturday."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, prefect_server, generated, patch)
        with estate_at(home) as house:
            house.seed(0.1, SATURDAY)
            house.refresh()
    with GrowingWarehouse.over(home / "warehouse.duckdb") as grown:
        grown.grow(SATURDAY)
        yield grown.connection


@pytest.mark.parametrize(("check", "fault"), FAULTS.items(), ids=list(FAULTS))
def test_a_fault_closes_the_gate_by_its_check(warehouse: duckdb.DuckDBPyConnection, check: str, fault: str) -> None:
    assert _fired(warehouse, fault)[f"landing.{check}"] == "critical"


@pytest.mark.parametrize(("check", "fault"), WARNED.items(), ids=list(WARNED))
def test_an_oddity_is_noted(warehouse: duckdb.DuckDBPyConnection, check: str, fault: str) -> None:
    assert _fired(warehouse, fault)[f"landing.{check}"] == "warning"


def test_without_a_fault_nothing_fires(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert _fired(warehouse, "select 1") == {}


def _fired(warehouse: duckdb.DuckDBPyConnection, fault: str) -> dict[str, str]:
    """The checks of the landing gate that fail after a change, which is taken back; every change must change a row."""
    run_id = warehouse.execute("select max(run_id) from ops.publication").fetchone()
    assert run_id is not None
    published_through = SATURDAY - timedelta(days=1)
    names = Window(run_id[0], SATURDAY, datetime(2003, 1, 1), datetime(2100, 1, 1), published_through).names()
    warehouse.execute("begin")
    try:
        changed = warehouse.execute(fault).fetchone()
        assert changed is not None
        assert changed[0] > 0, "the fault changed nothing"
        _, fired = run_gate(warehouse, Gate.LANDING, names)
    finally:
        warehouse.execute("rollback")
    return {one.check: one.severity for one in fired}
