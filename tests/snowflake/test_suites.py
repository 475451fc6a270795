"""The committed suites on both engines: each check of each comes out alike, and no key leaves the connector."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest

from expectations.gates import Judge, Window, suites_of
from shelfgate.model import CheckResult, Gate, Verdict
from shelfgate.warehouse.on_duckdb import DuckDBWarehouse
from shelfgate.warehouse.on_snowflake import SnowflakeWarehouse
from tests.snowflake.conftest import Estate, Installed, install_database
from tests.snowflake.raw_landing import generate, land
from tests.snowflake.test_dbt_build import build, on_duckdb

WINDOW = Window("run-1", date(2003, 1, 8), datetime(2003, 1, 9, 6, 0))
GATES = (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS)


@dataclass(frozen=True)
class Both:
    """The same landed data, built by the same project, on either engine."""

    duckdb: DuckDBWarehouse
    snowflake: SnowflakeWarehouse


@pytest.fixture(scope="module")
def both(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("suites")
    installed: Installed = install_database(estate, "SUITES")
    land(installed, generate(folder / "tpcds.duckdb", 0.01), folder)
    build(installed, folder)
    return Both(DuckDBWarehouse(on_duckdb(folder).warehouse), installed.warehouse("publisher"))


def checks(verdict: Verdict) -> dict[str, CheckResult]:
    return {f"{suite.dataset}.{check.check_id}": check for suite in verdict.suites for check in suite.checks}


@pytest.mark.parametrize("gate", GATES)
def test_every_check_of_every_suite_comes_out_as_on_duckdb(both: Both, tmp_path: Path, gate: Gate) -> None:
    theirs, ours = (
        Judge(one, tmp_path / name).verdict(gate, WINDOW)
        for name, one in (("duckdb", both.duckdb), ("snowflake", both.snowflake))
    )
    wanted, found = checks(theirs), checks(ours)

    expected = Counter(suite["meta"]["dataset"] for suite in suites_of(gate) for _ in suite["expectations"])
    assert Counter(name.split(".")[0] for name in found) == expected
    assert {name: check.seen for name, check in found.items() if check.raised} == {}
    outcome = {name: (check.passed, check.observed) for name, check in found.items()}
    assert outcome == {name: (check.passed, check.observed) for name, check in wanted.items()}
    assert [suite.rows_seen for suite in ours.suites] == [suite.rows_seen for suite in theirs.suites]
