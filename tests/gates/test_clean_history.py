"""On clean history no check fires: a gate that stops good days is turned off by those whom it wakes.

Two readings, both with the SQL of the committed suites. As a first load, whose window is the whole history, so that
each check by day or week judges all 261 weeks. And as daily runs of the landing gate, on sources that end on their
Saturday: inventory on all 261, sales and returns on every fourth, whose window holds the four weeks since the last.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.gates import Window
from shelfgate.model import Gate
from tests.conftest import at_home, estate_at
from tests.gates.growing_warehouse import GrowingWarehouse
from tests.gates.suite_runner import Fired, run_gate

LAST_SATURDAY = date(2002, 12, 28)
SATURDAYS = [date(1998, 1, 3) + timedelta(days=7 * week) for week in range(261)]
JUDGED_AT = datetime(2003, 1, 1)

# Later than every load: only the days decide what is in a daily window.
NOTHING_NEW = datetime(2100, 1, 1)

pytestmark = [pytest.mark.proofs, pytest.mark.alone]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, prefect_server: str, generated: Path) -> Path:
    """A warehouse of scale 0.1 after one refresh of the last Saturday that has a snapshot in its week."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, prefect_server, generated, patch)
        with estate_at(home) as house:
            house.seed(0.1, LAST_SATURDAY)
            house.refresh()
    return home / "warehouse.duckdb"


def test_no_check_fires_on_a_first_load_of_the_whole_history(warehouse: Path) -> None:
    ran = 0
    fired: list[Fired] = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = Window(_run_id(connection), LAST_SATURDAY, JUDGED_AT).names()
        for gate in (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS):
            checks, failed = run_gate(connection, gate, names)
            ran += checks
            fired += failed

    assert ran > 250
    assert [one for one in fired if one.severity == "critical"] == []
    assert len(fired) <= 0.01 * ran, fired


def test_on_no_saturday_a_critical_check_fires_and_hardly_a_warning(warehouse: Path) -> None:
    ran = 0
    warned: Counter[str] = Counter()
    with GrowingWarehouse.over(warehouse) as grown:
        run_id = _run_id(grown.connection)
        for week, saturday in enumerate(SATURDAYS):
            grown.grow(saturday)
            published_through = saturday - timedelta(days=1)
            names = Window(run_id, saturday, JUDGED_AT, NOTHING_NEW, published_through).names()
            checks, fired = run_gate(grown.connection, Gate.LANDING, names, without=_left_out(week, saturday))
            assert [one for one in fired if one.severity == "critical"] == [], saturday
            ran += checks
            warned.update(one.check for one in fired)

    assert ran > 10_000
    assert warned.total() <= 0.01 * ran, warned


def _left_out(week: int, saturday: date) -> tuple[str, ...]:
    """The datasets that are not judged on a Saturday."""
    # Customers have no weeks: the first load has judged them.
    left_out = ("customer",)
    # A window of sales is four weeks long, so every fourth Saturday leaves no week out.
    if week % 4:
        left_out += ("catalog_sales", "web_sales", "catalog_returns", "web_returns")
    # An empty table is no evidence and closes the gate; the first return of scale 0.1 is of February 1998.
    if saturday < date(1998, 3, 1):
        left_out += ("catalog_returns", "web_returns")
    return left_out


def _run_id(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("select max(run_id) from ops.publication").fetchone()
    assert row is not None
    return row[0]
