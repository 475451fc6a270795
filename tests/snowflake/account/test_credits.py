"""What a run cost: read from the documented columns, and "not available" with its reason wherever nobody knows.

The emulator has no records of an account. Here a database SNOWFLAKE is made in it with the view's documented columns
([QUERY_ATTRIBUTION_HISTORY view]), so that our statement runs over the wire; that Snowflake fills them as documented,
and that USAGE_VIEWER suffices, only an account can say (`live_snowflake`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cli.rendering import show_costs
from sandbox.snowflake.emulator.sql.dialect import objections
from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.errors import ExternalServiceUnavailable, NotVisible, PermanentFailure
from shelfgate.ops.status import status_with_costs
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.engines.snowflake.credits import ATTRIBUTED, LAST_RUNS, costs
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from tests.snowflake.conftest import Installed

NOW = datetime(2026, 11, 22, 12, 0)
# As the view's documentation names and types them.
COLUMNS = """
    query_id varchar, parent_query_id varchar, root_query_id varchar, warehouse_id number, warehouse_name varchar,
    query_hash varchar, query_parameterized_hash varchar, query_tag varchar, user_name varchar,
    start_time timestamp_ltz, end_time timestamp_ltz, credits_attributed_compute float,
    credits_used_query_acceleration float
"""


def tag(run: str, stage: str | None = None) -> str:
    said = {"application": "shelfgate", "run": run, **({"stage": stage} if stage else {})}
    return json.dumps(said, sort_keys=True)


@dataclass
class Records(SnowflakeSession):
    """A session that answers with these rows, in the shapes in which the connector gives them."""

    attributed: list[dict[str, Any]] | Exception
    seen: list[tuple[str, datetime]] = field(default_factory=list)

    def rows(self, sql: str, parameters: Any = ()) -> list[dict[str, Any]]:
        if sql == LAST_RUNS:
            return [{"run_id": run, "first_seen": at, "last_seen": at} for run, at in self.seen]
        if sql == ATTRIBUTED:
            if isinstance(self.attributed, Exception):
                raise self.attributed
            return self.attributed
        return [{"now": NOW}]


def attributed(query_tag: str, compute: float | None, statements: int = 1, acceleration: float = 0.0) -> dict[str, Any]:
    return {"query_tag": query_tag, "statements": statements, "compute": compute, "acceleration": acceleration}


def test_credits_are_summed_by_run_and_stage_and_tags_of_others_are_none_of_ours() -> None:
    rows = [
        attributed(tag("r-1", "publish"), 0.25, 3),
        attributed(tag("r-1", "build marts"), 0.5, 40, acceleration=0.125),
        attributed(tag("r-1"), 0.0625),
        attributed('{"run_id": "r-1", "by": "inventory_loader"}', 1.0, 2),
        attributed(tag("r-2", "publish"), 9.0),
        attributed('"application": "shelfgate" in no JSON', 100.0),
        attributed('["application", {"application": "shelfgate"}]', 100.0),
        attributed('{"application": "shelfgate-copy", "run": "r-1", "note": {"application": "shelfgate"}}', 100.0),
    ]
    (run,) = costs(Records(rows, [("r-1", NOW - timedelta(hours=9))])).runs

    assert (run.credits, run.statements, run.why) == (1.9375, 46, None)
    assert run.by_stage == {"build marts": 0.625, "inventory_loader": 1.0, "publish": 0.25, "unnamed": 0.0625}


@pytest.mark.parametrize(
    ("hours", "rows", "known", "why"),
    [
        (9, [attributed(tag("r-1", "publish"), 0.5)], 0.5, None),
        (7, [attributed(tag("r-1", "publish"), 0.5)], 0.5, "so far"),
        (7, [], None, "not yet"),
        (9, [], None, "no statement of it was attributed"),
        (9, [attributed(tag("r-1", "publish"), None)], None, "no statement of it was attributed"),
    ],
)
def test_credits_that_nobody_knows_yet_are_not_0(
    hours: int, rows: list[dict[str, Any]], known: float | None, why: str | None
) -> None:
    (run,) = costs(Records(rows, [("r-1", NOW - timedelta(hours=hours))])).runs

    assert run.credits == known
    assert run.why == why or (why is not None and run.why is not None and run.why.startswith(why))


@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (NotVisible("002003"), "grant database role snowflake.usage_viewer to role shelfgate_publisher"),
        (ExternalServiceUnavailable("stopped after its time"), "stopped after its time"),
    ],
)
def test_a_role_that_may_not_look_gets_a_reason(refusal: Exception, why: str) -> None:
    found = costs(Records(refusal, [("r-1", NOW)]))

    assert not found.available
    assert why in str(found.why)
    assert shown({"available": False, "why": found.why, "runs": []}).startswith("credits: not available: ")


def test_another_error_is_not_taken_for_a_missing_right() -> None:
    with pytest.raises(PermanentFailure, match="000904"):
        costs(Records(PermanentFailure("000904 invalid identifier"), [("r-1", NOW)]))


def shown(found: dict[str, Any]) -> str:
    out = StringIO()
    with redirect_stdout(out):
        show_costs(found)
    return out.getvalue()


def test_status_says_what_each_run_cost_and_never_0_for_not_available(tmp_path: Path) -> None:
    with DuckDBWarehouse(tmp_path / "w.duckdb").turn() as session:
        install(session)
        found = status_with_costs(session)["credits"]
    assert found == {"available": False, "why": "this warehouse is not Snowflake, so nothing is metered", "runs": []}

    cost = {"credits": 0.9375, "statements": 44, "by_stage": {"publish": 0.9375}, "why": None}
    none = {"credits": None, "statements": 0, "by_stage": {}, "why": "not yet: .."}
    text = shown({"available": True, "why": None, "runs": [{"run_id": "r-1", **cost}, {"run_id": "r-2", **none}]})
    lines = {line.split()[1]: line for line in text.splitlines() if " r-" in line}
    assert "0.9375" in lines["r-1"]
    assert "publish 0.9375" in lines["r-1"]
    assert "not available" in lines["r-2"]
    assert " 0" not in lines["r-2"]


def test_the_statement_is_snowflakes_and_bounds_what_it_reads() -> None:
    assert objections(ATTRIBUTED) == []
    assert "where start_time >= ?" in ATTRIBUTED


@pytest.fixture
def account(installed: Installed) -> Iterator[Session]:
    """An administrator's session; nothing of an account's records is there."""
    with installed.estate.warehouse(installed.database, ADMIN, "ACCOUNTADMIN").turn() as session:
        yield session
        session.run("drop database if exists snowflake")


def test_over_the_wire_the_documented_columns_give_a_runs_credits(installed: Installed, account: Session) -> None:
    with installed.warehouse("publisher").turn() as session:
        judged(session, "r-1", hours_ago=9)
        judged(session, "r-2", hours_ago=1)
        refused = status_with_costs(session)["credits"]
        assert (refused["available"], refused["runs"]) == (False, [])
        assert "usage_viewer" in refused["why"]

        account.run("create database snowflake")
        account.run("create schema snowflake.account_usage")
        account.run(f"create table snowflake.account_usage.query_attribution_history ({COLUMNS})")
        for query_tag, started, spent in (
            (tag("r-1", "publish"), "dateadd(hour, -9, current_timestamp())", 0.25),
            ('{"run_id": "r-1", "by": "inventory_loader"}', "dateadd(hour, -9, current_timestamp())", 0.5),
            (tag("r-1", "build"), "dateadd(day, -30, current_timestamp())", 100),
            ("somebody's", "dateadd(hour, -9, current_timestamp())", 100),
        ):
            account.run(
                "insert into snowflake.account_usage.query_attribution_history "
                "(query_id, query_tag, start_time, credits_attributed_compute) "
                f"select 'q', ?, {started}, {spent}",
                [query_tag],
            )
        found = status_with_costs(session)["credits"]

    assert found["available"]
    assert [(run["run_id"], run["credits"], run["statements"]) for run in found["runs"]] == [
        ("r-2", None, 0),
        ("r-1", 0.75, 2),
    ]
    assert found["runs"][0]["why"].startswith("not yet")


def judged(session: Session, run_id: str, hours_ago: int) -> None:
    session.run(
        "insert into ops.gate_result (run_id, gate, dataset, suite, suite_sha256, business_date, judged_at, "
        "checks_expected, checks_evaluated, rows_seen, critical_failed, warnings_failed, errors_raised, result, "
        "evidence) select ?, 'marts', 'd', 's', 'x', cast('2002-12-28' as date), "
        f"dateadd(hour, -{hours_ago}, {session.utc_now}), 1, 1, 1, 0, 0, 0, 'open', '[]'",
        [run_id],
    )
