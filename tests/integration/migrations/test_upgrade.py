"""A warehouse that an earlier release made: migrated, refreshed, rolled back, read as of an old publication.

`warehouse-0.1.0.duckdb.gz` is what release 0.1.0 (commit c39651a, before there were migrations) made with
`python -m tests.reliability.processes.small_run warehouse.duckdb 1 --days 3 --rows 5`: three publications.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shelfgate.failpoints import VARIABLE, SimulatedCrash, start_counting_anew
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.migrate import schema_version
from tests.integration.migrations.going_back import back_to_each
from tests.reliability.processes.small_run import content, run_day

ROOT = Path(__file__).parents[3]
RELEASED = Path(__file__).with_name("warehouse-0.1.0.duckdb.gz")
ROWS = 5
DAYS = (1, 2, 3)
NEW_COLUMN = """
      - name: days_sold
        logicalType: integer
        physicalType: bigint
        description: Days of the week on which it sold
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(gzip.decompress(RELEASED.read_bytes()))
    return path


def as_published(days: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    return {f"pub-{day:06d}": {"day": day, "units": sum(content(day).values()), "reasons": []} for day in days}


def units_as_of(session: Session, publication: str) -> int:
    return session.rows(
        "select sum(units) as units from (select distinct week_start_date, sum_qty_wk as units "
        "from store.fct_weekly_sales_inventory_as_of where publication_id = ?)",
        [publication],
    )[0]["units"]


def test_an_older_warehouse_keeps_its_publications(file: Path) -> None:
    run_day(file, 4, ROWS)

    with DuckDBWarehouse(file).turn() as session:
        assert [units_as_of(session, f"pub-{day:06d}") for day in DAYS] == [sum(content(day).values()) for day in DAYS]
        assert back_to_each(session) == as_published((*DAYS, 4))
        versions = session.rows("select distinct schema_version from ops.manifest where build_id = 'pub-000004'")
    assert versions == [{"schema_version": schema_version()}]


@pytest.mark.parametrize("place", ["migration.begun", "migration.before_commit", "migration.after_commit"])
@pytest.mark.parametrize("nth", range(1, schema_version() + 1))
def test_an_upgrade_killed_anywhere_loses_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, place: str, nth: int
) -> None:
    start_counting_anew()
    monkeypatch.setenv(VARIABLE, f"{place}@{nth}=crash")
    with pytest.raises(SimulatedCrash), DuckDBWarehouse(file).turn() as session:
        install(session)
    monkeypatch.delenv(VARIABLE)

    with DuckDBWarehouse(file).turn() as session:
        install(session)

        assert back_to_each(session) == as_published(DAYS)


@pytest.fixture(scope="module")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This code with one column more in a contract, compiled."""
    tree = tmp_path_factory.mktemp("next") / "release"
    for name in (
        "shelfgate",
        "expectations",
        "cli",
        "flows",
        "tasks",
        "dbt",
        "lambda",
        "docs",
        "tests/reliability",
        "tests/integration/migrations",
        "tests/support",
    ):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    contract = tree / "expectations" / "contracts" / "fct_weekly_sales_inventory.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("\n    quality:", f"{NEW_COLUMN}    quality:", 1), encoding="utf-8")
    compiled = of_release(tree, "cli.main", "contracts", "compile")
    assert f"{schema_version() + 1:04d}_add_fct_weekly_sales_inventory_days_sold.sql" in compiled
    return tree


def of_release(tree: Path, module: str, *arguments: str) -> str:
    """What a module of that code prints."""
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_column_added_to_a_contract_loses_no_history(next_release: Path, file: Path) -> None:
    ran = of_release(next_release, "tests.reliability.processes.small_run", str(file), "4", "--rows", str(ROWS))
    assert ran.split() == ["4", "pub-000004"]

    found = json.loads(of_release(next_release, "tests.integration.migrations.going_back", str(file)))

    assert found == as_published((*DAYS, 4))
    with DuckDBWarehouse(file).turn() as session:
        names = {row["column_name"] for row in session.rows("describe marts.fct_weekly_sales_inventory")}
        assert "days_sold" in names


def test_this_release_refuses_the_warehouse_of_the_next(next_release: Path, file: Path) -> None:
    of_release(next_release, "tests.reliability.processes.small_run", str(file), "4", "--rows", str(ROWS))

    ran = subprocess.run(
        [sys.executable, "-m", "tests.reliability.processes.small_run", str(file), "5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 2
    assert f"observed migration {schema_version() + 1:04d}_add_fct_weekly_sales_inventory_days_sold" in ran.stderr
