"""The same days through the same flows on DuckDB and on Snowflake's wire: the same cells, and those of the oracle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from snowflake.connector.cursor import SnowflakeCursor

from cli.commands.gates import judge_gate
from cli.flow_runs import rollback_now, vacuum_now
from shelfgate.model import Gate
from shelfgate.publication.candidate import PUBLISHED_TABLES, published_columns
from shelfgate.settings import Settings
from tests.conftest import at_home, estate_at
from tests.support.house import House

# Nine weeks; the first day more is a Thursday, with a dump.
SCALE, FIRST = 0.01, date(1998, 3, 4)
ENGINES = ("duckdb", "snowflake")
WEEKLY = "fct_weekly_sales_inventory"
STEPS = ("first load", "a day with a dump", "a day without", "rolled back", "vacuumed")
RUN_STAGES = {
    *("begin", "sync", "inventory", "file gate", "landing gate", "build staging", "staging gate", "build marts"),
    *("marts gate", "publish", "published gate", "data docs", "end"),
}
DML = {"insert", "update", "delete", "merge", "select", "with", "copy"}


@dataclass(frozen=True)
class Step:
    """What readers saw after one step, and how that differed from the oracle, where it was asked."""

    publication: str
    rows: dict[str, list[tuple[Any, ...]]]
    differences: list[str] = field(default_factory=list)


@dataclass
class Lived:
    """One engine's days. `sent`: session and text of what this process sent; `history`: what the account received."""

    steps: dict[str, Step] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    gates: dict[str, bool] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, prefect_server: str, generated: Path) -> dict[str, Lived]:
    found: dict[str, Lived] = {}
    for engine in ENGINES:
        home, lived = tmp_path_factory.mktemp(engine), Lived()
        with at_this_home(home, prefect_server, generated), listening(lived.sent), estate_at(home, engine) as house:
            live(house, lived)
            if engine == "snowflake":
                settings = Settings.load()
                url = f"http://127.0.0.1:{settings.snowflake_port}/_emulator/history"
                token = settings.need("snowflake_admin_private_key_passphrase")
                lived.history = httpx.get(url, headers={"Authorization": f"Bearer {token}"}).json()["queries"]
        found[engine] = lived
    return found


@contextmanager
def at_this_home(home: Path, prefect_server: str, generated: Path) -> Iterator[None]:
    """Settings of the home's own file, vendors' keys among them, end with the block."""
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, prefect_server, generated, patch)
        try:
            yield
        finally:
            for name in set(os.environ) - set(before):
                del os.environ[name]


@contextmanager
def listening(sent: list[tuple[str, str]]) -> Iterator[None]:
    """Note what goes through the connector, whoever sends it."""
    execute = SnowflakeCursor.execute

    def noted(self: SnowflakeCursor, command: str, *args: Any, **kwargs: Any) -> Any:
        sent.append((str(self.connection.session_id), command))
        return execute(self, command, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SnowflakeCursor, "execute", noted)
        yield


def live(house: House, lived: Lived) -> None:
    house.seed(SCALE, FIRST)
    for step in STEPS[:3]:
        if step != STEPS[0]:
            house.advance()
        publication = house.refresh().publication
        assert publication.new
        lived.runs.append(publication.run_id)
        lived.steps[step] = seen(house, publication.publication_id, house.differences())
    settings = Settings.load()
    for gate in (Gate.FILE, Gate.STAGING, Gate.PUBLISHED):
        lived.gates[gate] = judge_gate(settings, gate).open
    lived.steps["rolled back"] = seen(house, rollback_now("pub-000002").publication_id)
    vacuum_now(keep=1)
    lived.steps["vacuumed"] = seen(house, "pub-000004")
    lived.status = house.status()


def seen(house: House, publication: str, differences: list[str] | None = None) -> Step:
    with house.warehouse() as connection:
        rows = {
            one.name: connection.execute(f"select * from marts.{one.name} order by all").fetchall()
            for one in PUBLISHED_TABLES
        }
    return Step(publication, rows, differences or [])


@pytest.mark.parametrize("engine", ENGINES)
def test_each_publication_equals_the_oracle_cell_by_cell(lived: dict[str, Lived], engine: str) -> None:
    steps = lived[engine].steps

    assert [steps[step].publication for step in STEPS[:3]] == ["pub-000001", "pub-000002", "pub-000003"]
    assert [steps[step].differences for step in STEPS[:3]] == [[], [], []]


@pytest.mark.parametrize("step", STEPS)
def test_readers_of_both_engines_see_the_same_cells(lived: dict[str, Lived], step: str) -> None:
    one, other = (lived[engine].steps[step] for engine in ENGINES)

    assert one.publication == other.publication
    for table, rows in one.rows.items():
        assert rows, table
        assert rows == other.rows[table], table


@pytest.mark.parametrize("engine", ENGINES)
def test_from_its_count_on_an_open_week_has_stock_and_no_supply(lived: dict[str, Lived], engine: str) -> None:
    names = published_columns()[WEEKLY]
    read = [dict(zip(names, row, strict=False)) for row in lived[engine].steps["a day without"].rows[WEEKLY]]
    counted = [row for row in read if not row["is_complete_week"] and row["inv_on_hand_qty_wk"] is not None]

    assert any(row["sum_qty_wk"] for row in counted)
    assert {(row["wks_sply"], row["wks_sply_4w"], row["supply_status"]) for row in counted} == {
        (None, None, "week_open")
    }
    assert {row["supply_status"] for row in read if row["wks_sply"] is not None} == {"known"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rollback_serves_the_older_cells_and_vacuum_keeps_them(lived: dict[str, Lived], engine: str) -> None:
    steps = lived[engine].steps

    def content(step: str) -> dict[str, list[str]]:
        return {table: sorted(map(repr, (row[:-1] for row in rows))) for table, rows in steps[step].rows.items()}

    assert content("rolled back") == content("a day with a dump") != content("a day without")
    assert content("vacuumed") == content("rolled back")


@pytest.mark.parametrize("engine", ENGINES)
def test_gates_judged_by_hand_and_status_answer(lived: dict[str, Lived], engine: str) -> None:
    one = lived[engine]

    assert one.gates == {Gate.FILE: True, Gate.STAGING: True, Gate.PUBLISHED: True}
    assert one.status["publication"]["publication_id"] == "pub-000004"
    assert {gate["result"] for gate in one.status["gates"]} == {"open"}


def test_nothing_but_dml_is_sent_between_begin_and_commit(lived: dict[str, Lived]) -> None:
    account = lived["snowflake"]
    received = [(one["session_id"], one["query_text"]) for one in account.history]

    for statements in (account.sent, received):
        inside = transactions(statements)
        published = [one for one in inside if any("insert into store.fct_daily_sales" in text for text in one)]
        assert len(published) == 3
        assert all(any("update ops.pointer" in text for text in one) for one in published)
        others = {text for one in inside for text in one if text.split()[0].lower() not in DML}
        assert not others


def transactions(statements: list[tuple[str, str]]) -> list[list[str]]:
    """What each session sent between `begin` and the end of that transaction."""
    found: list[list[str]] = []
    for session in dict.fromkeys(session for session, _ in statements):
        inside: list[str] | None = None
        for text in (" ".join(text.split()) for one, text in statements if one == session):
            word = text.split()[0].lower()
            if word == "begin":
                inside = []
            elif word in {"commit", "rollback"}:
                found += [inside] if inside else []
                inside = None
            elif inside is not None:
                inside.append(text)
    return found


def test_every_statement_of_a_run_carries_its_run_and_stage(lived: dict[str, Lived]) -> None:
    account = lived["snowflake"]
    tags = {
        user: [json.loads(one["query_tag"]) for one in account.history if one["user_name"] == user]
        for user in ("SHELFGATE_PUBLISHER", "SHELFGATE_TRANSFORMER", "SHELFGATE_AIRBYTE", "SHELFGATE_LOADER")
    }

    assert {(tag["run"], tag["stage"]) for tag in tags["SHELFGATE_TRANSFORMER"]} == {
        (run, stage) for run in account.runs for stage in ("build staging", "build marts")
    }
    for run in account.runs:
        assert {tag["stage"] for tag in tags["SHELFGATE_PUBLISHER"] if tag.get("run") == run} == RUN_STAGES
    assert {tag["job"] for tag in tags["SHELFGATE_AIRBYTE"]} == {"1", "2", "3"}
    assert {tag["run_id"] for tag in tags["SHELFGATE_LOADER"]} <= set(account.runs)


def test_no_run_sends_ddl_as_publisher(lived: dict[str, Lived]) -> None:
    sent = [
        one["query_text"].lower().split()
        for one in lived["snowflake"].history
        if one["user_name"] == "SHELFGATE_PUBLISHER"
    ]

    # snowflake-sqlalchemy switches the autocommit of its session, and rolls back what it read.
    assert {" ".join(words[:3]) for words in sent if words[0] == "alter"} <= {"alter session set"}
    verbs = {words[0] for words in sent} - {"alter"}
    assert verbs == {"select", "with", "insert", "update", "delete", "begin", "commit", "rollback"}
