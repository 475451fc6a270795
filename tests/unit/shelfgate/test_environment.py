"""What a home may hold and still be Shelfgate's alone."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from cli.exits import _keep_traceback
from sandbox.home import Home, write_settings
from shelfgate.environment import keep_private
from shelfgate.publication.backup import back_up, restore
from shelfgate.warehouse.engines.duckdb.file_copies import unfinished
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.processes.small_run import run_day


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One in which all was done that leaves files, some of it cut short."""
    home = tmp_path / "home"
    monkeypatch.setenv("SHELFGATE_HOME", str(home))
    warehouse = DuckDBWarehouse(home / "warehouse.duckdb")
    run_day(warehouse.path, 0, rows=1)
    restore(warehouse, Path(back_up(warehouse).backup))
    with unfinished(warehouse.path) as part:
        shutil.copy(warehouse.path, part)
        part.rename(part.with_name(part.name.replace(".part", "0.part")))
    _keep_traceback(ValueError())
    write_settings(Home(home), {"SHELFGATE_TARGET": "duckdb"})
    shutil.copy(home / "settings.env", home / ".unfinished-4711")
    home.chmod(0o755)
    return home


def test_a_home_with_all_that_we_leave_there_is_shut(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list(home.iterdir())) == 7

    with caplog.at_level(logging.WARNING):
        keep_private(home)

    assert home.stat().st_mode & 0o777 == 0o700
    assert caplog.messages == []


def test_a_home_with_a_file_of_others_is_named_and_left_open(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "notes.txt").write_text("mine")

    keep_private(home)

    assert home.stat().st_mode & 0o777 == 0o755
    assert "It holds other things, too" in caplog.text
