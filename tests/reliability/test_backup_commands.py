"""`shelfgate backup` and `restore` from a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from shelfgate.errors import ConfigurationError, WarehouseBusy
from shelfgate.ops.lease import take
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.processes.small_process import look
from tests.reliability.processes.small_run import run_day


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_TARGET", "duckdb")
    run_day(tmp_path / "warehouse.duckdb", 0)
    return tmp_path / "warehouse.duckdb"


def test_a_day_taken_back_is_what_the_backup_held(file: Path) -> None:
    saved = CliRunner().invoke(cli, ["backup", "--json"])
    backup = json.loads(saved.stdout)
    run_day(file, 1)

    put_back = CliRunner().invoke(cli, ["restore", "--from", backup["backup"], "--json"])

    restored = json.loads(put_back.stdout)
    assert Path(backup["backup"]).parent == file.parent / "backups"
    assert backup["content"]["publication"] == restored["content"]["publication"] == "pub-000001"
    assert Path(restored["kept_aside"]).exists()
    assert look(file) == 0


def test_a_restore_says_what_to_do_next(file: Path) -> None:
    saved = CliRunner().invoke(cli, ["backup", "--to", str(file.parent / "mine")])

    put_back = CliRunner().invoke(cli, ["restore", "--from", str(file.parent / "mine")])

    assert "readers see pub-000001" in saved.stdout
    assert "the file before is kept as" in put_back.stdout
    assert "refresh all streams in Airbyte" in put_back.stdout


def test_a_run_under_way_refuses_both(file: Path) -> None:
    CliRunner().invoke(cli, ["backup", "--to", str(file.parent / "mine")])
    with DuckDBWarehouse(file).turn() as session:
        take(session, "a run")

    for command in (["backup"], ["restore", "--from", str(file.parent / "mine")]):
        ended = CliRunner().invoke(cli, command).exception
        assert isinstance(ended, WarehouseBusy)
        assert ended.exit_status == 6


def test_a_warehouse_in_an_account_is_no_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_TARGET", "snowflake")

    ended = CliRunner().invoke(cli, ["backup"]).exception

    assert isinstance(ended, ConfigurationError)
    assert "only the DuckDB warehouse is a file" in str(ended)
