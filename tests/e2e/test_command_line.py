"""The commands as a person or a script runs them: in processes of their own, side by side, by their exit status."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shelfgate.warehouse.engines.duckdb.warehouse import turn
from tests.conftest import at_home, estate_at
from tests.support.house import House
from tests.support.terminal import answered, run, start


@pytest.fixture
def house_elsewhere(
    tmp_path: Path, prefect_server: str, generated: Path, _clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """An estate in Tokyo, in no language, in a folder with blanks and umlauts."""
    home = tmp_path / "Grüße aus Köln"
    home.mkdir()
    at_home(home, prefect_server, generated, monkeypatch)
    for name, value in {"TZ": "Asia/Tokyo", "LANG": "C", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    with estate_at(home) as one:
        yield one


@pytest.mark.slow
def test_a_refresh_and_a_second_terminal_work_side_by_side(house_elsewhere: House) -> None:
    house = house_elsewhere
    house.seed(0.01, date(1999, 3, 6))

    refresh = start("refresh", "--json")
    advanced = answered("sandbox", "advance")
    seen = answered("status")
    out, err = refresh.communicate(timeout=240)

    assert refresh.returncode == 0, err
    report = json.loads(out)
    assert report["result"] == "published"
    assert report["publication"]["business_date"] == "1999-03-06"
    assert set(report["seconds"]) >= {"sync", "inventory", "build marts", "publish", "total"}
    docs = Path(report["data_docs"]).parent
    pages = {path.resolve().as_uri() for path in docs.rglob("validations/**/*.html")}
    assert pages == {gate["docs"] for gate in report["gates"]}
    assert len(pages) > 20
    assert "Data Docs: no page" not in err
    assert advanced["through"] == "1999-03-07"
    assert seen["publication"] is None or seen["publication"]["publication_id"] == "pub-000001"

    status = answered("status")
    assert status["publication"]["publication_id"] == "pub-000001"
    assert {gate["result"] for gate in status["gates"]} == {"open"}
    assert [one["publication_id"] for one in answered("publications")["publications"]] == ["pub-000001"]
    assert answered("sandbox", "info")["warehouse"] == str(house.home / "warehouse.duckdb")


def test_a_warehouse_that_somebody_holds_is_exit_status_6(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_WAREHOUSE_WAIT_SECONDS", "0.5")
    with turn(house.home / "warehouse.duckdb"):
        status, _, err = run("status")

    assert status == 6
    assert f"process {os.getpid()} still holds the file" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["refresh", "--business-date", "yesterday"], "yesterday"),
        (["sandbox", "seed"], "--through"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_is_exit_status_2(arguments: list[str], said: str) -> None:
    status, _, err = run(*arguments)

    assert status == 2
    assert said in err


def test_without_a_target_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))

    status, out, err = run("status", "--json")

    assert status == 2
    assert "SHELFGATE_TARGET is not set" in err
    assert json.loads(out)["exit_status"] == 2


def test_every_command_has_help() -> None:
    from cli.main import cli

    def walk(command: Any, path: list[str]) -> list[tuple[list[str], str | None]]:
        found = [(path, command.help)]
        for name, sub in getattr(command, "commands", {}).items():
            found += walk(sub, [*path, name])
        return found

    assert all(help_text for _, help_text in walk(cli, ["shelfgate"]))
