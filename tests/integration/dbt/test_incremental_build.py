"""Whatever changes in the sources: the weeks built and the weeks carried over are what a build of everything gives.

Which weeks a change touches is read from one model, on a copy of the published history, for each change by itself. That
readers see what a full build gives is compared once a group: changes of a group lie in weeks of their own, so that none
hides what another one missed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from shelfgate.model import Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.lease import release, take
from shelfgate.ops.runs import begin_run
from shelfgate.publication.candidate import measure
from shelfgate.publication.publish import publish
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.support.small_warehouse import Dbt, make_warehouse

DAY = "2002-12-21"
FACTS = ("fct_weekly_sales_inventory", "fct_daily_sales", "dim_week")
JULIAN_OF_1998 = 2450815


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """A published history of five years at scale 0.01."""
    path = tmp_path_factory.mktemp("incremental") / "warehouse.duckdb"
    make_warehouse(path)
    parsed = Dbt(path, path.parent)("parse", "--no-partial-parse", business_date=DAY)
    one = Dbt(path, path.parent, parsed.manifest)
    assert one("run", "--selector", "staging", business_date=DAY).success
    build_and_publish(one, "first")
    return one


@pytest.fixture
def copied(dbt: Dbt, tmp_path: Path) -> Dbt:
    """The same history on a copy, which a test may change. Views name their database: the file keeps its name."""
    path = tmp_path / dbt.warehouse.name
    shutil.copyfile(dbt.warehouse, path)
    return Dbt(path, tmp_path, dbt.manifest)


def build(dbt: Dbt, day: str = DAY, *, full_rebuild: bool = False, only: str | None = None) -> None:
    chosen = ("--select", only) if only else ("--selector", "marts")
    ran = dbt("run", *chosen, business_date=day, run_id="r", code_digest="code", full_rebuild=full_rebuild)
    assert ran.success, ran.complaints


def build_and_publish(dbt: Dbt, run_id: str, day: str = DAY) -> tuple[Publication, Candidate]:
    """One run without its gates, which have tests of their own."""
    build(dbt, day)
    with DuckDBWarehouse(dbt.warehouse).turn() as session:
        lease = take(session, run_id)
        run = begin_run(session, lease, date.fromisoformat(day))
        candidate = Candidate(run_id, run.business_date, run.base_id, measure(session, run.base_id))
        check = CheckResult.critical("rows_seen", True, "1", "1")
        suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (check,))
        verdict = Verdict(Gate.MARTS, run_id, run.business_date, (suite,), ("fct",), candidate.digest)
        publication = publish(session, candidate, verdict.approve(), run.token)
        release(session, lease)
    return publication, candidate


def differences(dbt: Dbt, day: str) -> dict[str, int]:
    """Rows that readers see and a build of everything does not give, or the other way round, by table."""
    build(dbt, day, full_rebuild=True)
    found = {}
    with duckdb.connect(str(dbt.warehouse)) as connection:
        for table in FACTS:
            published = f"select * exclude (publication_id) from marts.{table}"
            everything = f"select * from candidate.{table}"
            found[table] = sum(
                len(connection.execute(f"({one}) except all ({other})").fetchall())
                for one, other in ((published, everything), (everything, published))
            )
    return found


def a_line_arrives_for_an_old_week(run: Callable[[str], int]) -> int:
    return run(
        "insert into raw_sales.web_sales select * replace (ws_order_number + 90000000 as ws_order_number) "
        "from raw_sales.web_sales where ws_sold_date_sk between 2451000 and 2451100 limit 1"
    )


def a_price_is_corrected(run: Callable[[str], int]) -> int:
    return run(
        "update raw_sales.catalog_sales set cs_ext_sales_price = cs_ext_sales_price + 1 "
        "where cs_order_number = (select min(cs_order_number) from raw_sales.catalog_sales "
        "where cs_sold_date_sk = 2451500)"
    )


def an_order_moves_to_another_week(run: Callable[[str], int]) -> int:
    return run(
        "update raw_sales.catalog_sales set cs_sold_date_sk = cs_sold_date_sk + 70 where cs_order_number = "
        "(select min(cs_order_number) from raw_sales.catalog_sales where cs_sold_date_sk = 2451600)"
    )


def an_order_is_deleted(run: Callable[[str], int]) -> int:
    return run(
        "delete from raw_sales.catalog_sales where cs_order_number = "
        "(select min(cs_order_number) from raw_sales.catalog_sales where cs_sold_date_sk = 2451700)"
    )


def a_quantity_moves_between_warehouses(run: Callable[[str], int]) -> int:
    return run(
        "update raw_sales.web_sales set ws_warehouse_sk = null where ws_order_number = "
        "(select min(ws_order_number) from raw_sales.web_sales where ws_sold_date_sk between 2451800 and 2451810)"
    )


def the_sale_behind_a_return_changes_warehouse(run: Callable[[str], int]) -> int:
    return run(
        "update raw_sales.web_sales set ws_warehouse_sk = null from raw_sales.web_returns "
        "where ws_item_sk = wr_item_sk and ws_order_number = wr_order_number "
        "and wr_order_number = (select min(wr_order_number) from raw_sales.web_returns)"
    )


def a_return_is_corrected(run: Callable[[str], int]) -> int:
    return run(
        "update raw_sales.catalog_returns set cr_return_quantity = coalesce(cr_return_quantity, 0) + 1 where "
        "cr_order_number = (select max(cr_order_number) from raw_sales.catalog_returns)"
    )


def an_old_week_is_restated(run: Callable[[str], int]) -> int:
    return run(
        "update raw_inventory.inventory set inv_quantity_on_hand = 7 where inv_date_sk = "
        f"{JULIAN_OF_1998} + 700 and inv_item_sk % 9 = 1"
    )


def a_stock_becomes_unknown(run: Callable[[str], int]) -> int:
    return run(
        "update raw_inventory.inventory set inv_quantity_on_hand = null where inv_date_sk = "
        f"{JULIAN_OF_1998} + 707 and inv_item_sk = (select min(inv_item_sk) from raw_inventory.inventory "
        f"where inv_date_sk = {JULIAN_OF_1998} + 707 and inv_quantity_on_hand is not null)"
    )


def a_week_gets_a_later_snapshot(run: Callable[[str], int]) -> int:
    return run(
        "insert into raw_inventory.inventory select * replace (inv_date_sk + 1 as inv_date_sk, 3 as "
        f"inv_quantity_on_hand) from raw_inventory.inventory where inv_date_sk = {JULIAN_OF_1998} + 714"
    )


def an_item_is_revised(run: Callable[[str], int]) -> int:
    return run(
        "insert into raw_sales.item select * replace (90001 as i_item_sk, date '2001-05-05' as i_rec_start_date, "
        "cast(null as date) as i_rec_end_date) from raw_sales.item where i_item_sk = "
        "(select max(i_item_sk) from raw_sales.item where i_rec_end_date is null)"
    )


def a_revision_turns_out_to_be_another_item(run: Callable[[str], int]) -> int:
    return run("update raw_sales.item set i_item_id = (select max(i_item_id) from raw_sales.item) where i_item_sk = 5")


def a_date_is_taken_out_of_the_calendar(run: Callable[[str], int]) -> int:
    return run("delete from raw_sales.date_dim where d_date_sk = 2451650")


OF_SALES = (
    a_line_arrives_for_an_old_week,
    a_price_is_corrected,
    an_order_moves_to_another_week,
    an_order_is_deleted,
    a_quantity_moves_between_warehouses,
    the_sale_behind_a_return_changes_warehouse,
    a_date_is_taken_out_of_the_calendar,
)
OF_RETURNS_AND_STOCK = (
    a_return_is_corrected,
    an_old_week_is_restated,
    a_stock_becomes_unknown,
    a_week_gets_a_later_snapshot,
)
# Each of these touches so many weeks that it would hide what another change missed.
OF_ITEMS = (an_item_is_revised, a_revision_turns_out_to_be_another_item)
GROUPS = {
    "sales": OF_SALES,
    "returns and stock": OF_RETURNS_AND_STOCK,
    **{change.__name__: (change,) for change in OF_ITEMS},
}


def make(dbt: Dbt, *changes: Callable[[Callable[[str], int]], int]) -> None:
    with DuckDBWarehouse(dbt.warehouse).turn() as session:
        for change in changes:
            assert change(session.run) > 0, change.__name__


@pytest.mark.parametrize("change", [*OF_SALES, *OF_RETURNS_AND_STOCK, *OF_ITEMS], ids=lambda one: one.__name__)
def test_a_change_touches_its_weeks(copied: Dbt, change: Callable[[Callable[[str], int]], int]) -> None:
    make(copied, change)

    build(copied, only="int_partition_inputs")

    touched = copied.read("select table_name, week_start_date from candidate.partition_inputs where is_touched")
    newest = set(copied.read("select table_name, max(week_start_date) from candidate.partition_inputs group by all"))
    assert newest < set(touched)
    if change not in OF_ITEMS:
        assert len(touched) <= 2 * 5 + 2, "the weeks near one day or two"


@pytest.mark.slow
@pytest.mark.parametrize("changes", GROUPS.values(), ids=GROUPS)
def test_after_changes_readers_see_a_full_build(
    copied: Dbt, changes: tuple[Callable[[Callable[[str], int]], int], ...]
) -> None:
    make(copied, *changes)

    publication, candidate = build_and_publish(copied, "changed")

    assert publication.new
    assert publication.partitions_changed > 0
    if not set(changes) & set(OF_ITEMS):
        built = [partition for partition in candidate.partitions if partition.touched]
        assert len(built) <= 5 + len(changes) * 2 * 5 + 2, "the dimensions, and the weeks near one day or two a change"
    assert differences(copied, DAY) == dict.fromkeys(FACTS, 0)


def test_days_later_only_their_week_is_built(dbt: Dbt) -> None:
    assert dbt("run", "--selector", "staging", business_date="2002-12-26").success
    publication, candidate = build_and_publish(dbt, "next days", "2002-12-26")

    assert publication.new
    weekly = [p.week_start_date for p in candidate.partitions if p.touched and p.table_name == FACTS[0]]
    assert weekly == [date(2002, 12, 22)]
    assert differences(dbt, "2002-12-26") == dict.fromkeys(FACTS, 0)


def test_without_a_change_the_newest_weeks_are_built_and_nothing_is_published(dbt: Dbt) -> None:
    assert dbt("run", "--selector", "staging", business_date="2002-12-27").success
    build_and_publish(dbt, "once", "2002-12-27")

    publication, candidate = build_and_publish(dbt, "again", "2002-12-27")

    assert not publication.new
    assert sum(partition.touched for partition in candidate.partitions) == 5 + 2
