"""An engine is complete: its folder, its file of the gates and its line in each registry, under one name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from expectations.engines.registry import GATE_ENGINES
from shelfgate.settings import Settings
from shelfgate.warehouse.registry import TARGETS, open_to_read, target_of

ROOT = Path(__file__).parents[3]
OF_NO_ENGINE = {"__init__", "datasource", "registry"}


def test_every_engine_is_in_each_registry() -> None:
    folders = {path.parent.name for path in (ROOT / "shelfgate/warehouse/engines").glob("*/target.py")}
    files = {path.stem for path in (ROOT / "expectations/engines").glob("*.py")} - OF_NO_ENGINE

    assert len(folders) > 1
    assert set(TARGETS) == set(GATE_ENGINES) == folders == files


@pytest.mark.parametrize("name", TARGETS)
def test_a_warehouse_has_the_name_of_its_target(name: str, tmp_path: Path) -> None:
    needed = dict.fromkeys(TARGETS[name](Settings(home=tmp_path)).needed_settings, "MYORG-ACCOUNT")
    keys = {f"snowflake_{user}private_key_path": tmp_path / "key.p8" for user in ("", "build_")}
    settings = Settings(home=tmp_path).model_copy(update={**needed, **keys, "target": name})

    assert target_of(settings).open_warehouse().engine == name


def test_a_missing_file_reads_as_empty_and_is_not_created(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, target="duckdb")

    with open_to_read(settings) as session:
        assert session.rows("select table_name from information_schema.tables") == []

    assert target_of(settings).missing_file == tmp_path / "warehouse.duckdb"
    assert list(tmp_path.iterdir()) == []


def test_a_command_loads_no_driver_and_no_prefect_before_it_needs_them() -> None:
    """An installation has the extra of its own engine only, and `status` must answer when Prefect does not start."""
    code = (
        "import sys, cli.rendering, cli.preconditions, cli.without_prefect, expectations.engines.registry; "
        "print(*{'duckdb', 'duckdb_sqlalchemy', 'snowflake.connector', 'prefect', 'httpx'} & set(sys.modules))"
    )

    found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)

    assert found.strip() == ""
