"""What each run cost, by the tag on its statements; refuses to call unknown credits 0.

Snowflake attributes credits to statements up to eight hours late. It leaves out statements of about 100 ms and less,
and the time in which a warehouse idles before it suspends itself ([QUERY_ATTRIBUTION_HISTORY view], November 2026).
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shelfgate.errors import ExternalServiceUnavailable, NotVisible
from shelfgate.warehouse import Row, Session
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession

LATENCY = timedelta(hours=8)
RUNS_SHOWN = 10

# The view keeps a year of the whole account: without a bound on start_time it is read whole.
ATTRIBUTED = (
    "select query_tag, count(*) as statements, sum(credits_attributed_compute) as compute, "
    "sum(coalesce(credits_used_query_acceleration, 0)) as acceleration "
    "from snowflake.account_usage.query_attribution_history where start_time >= ? "
    """and (query_tag like '%"application": "shelfgate"%' or query_tag like '%"by": "inventory_loader"%') """
    "group by query_tag"
)
LAST_RUNS = (
    "select run_id, min(judged_at) as first_seen, max(judged_at) as last_seen from ops.gate_result "
    "group by run_id order by last_seen desc, run_id limit ?"
)


@dataclass(frozen=True)
class RunCost:
    """Credits of a run and of its stages; None where nobody knows, and then `why` says it."""

    run_id: str
    credits: float | None
    statements: int = 0
    by_stage: dict[str, float] = field(default_factory=dict)
    why: str | None = None


@dataclass(frozen=True)
class Costs:
    """The newest runs, newest first; none and the reason where credits cannot be read at all."""

    runs: tuple[RunCost, ...] = ()
    why: str | None = None

    @property
    def available(self) -> bool:
        return self.why is None


def costs(session: Session) -> Costs:
    """Attributed credits of the last runs that reached a gate. Reads only; a refusal is an answer, not an error."""
    if not isinstance(session, SnowflakeSession):
        return Costs(why="this warehouse is not Snowflake, so nothing is metered")
    last = session.rows(LAST_RUNS, [RUNS_SHOWN])
    if not last:
        return Costs(why="no run has reached a gate yet")
    # A run's sync and load come before its first verdict.
    since = min(row["first_seen"] for row in last) - timedelta(days=1)
    now = session.rows(f"select {session.utc_now} as now")[0]["now"]
    try:
        tagged = session.rows(ATTRIBUTED, [since])
    except NotVisible:
        return Costs(
            why="this role may not read SNOWFLAKE.ACCOUNT_USAGE; an ACCOUNTADMIN can `grant database role "
            "snowflake.usage_viewer to role shelfgate_publisher` (deployments/snowflake/01_bootstrap.sql does)"
        )
    except ExternalServiceUnavailable as error:
        return Costs(why=str(error))
    by_run = _by_run(tagged)
    return Costs(tuple(_cost(row, by_run.get(row["run_id"], []), now) for row in last))


def _by_run(tagged: list[Row]) -> dict[str, list[tuple[str, Row]]]:
    found: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    for row in tagged:
        run, stage = _run_and_stage(row["query_tag"])
        if run is not None:
            found[str(run)].append((str(stage), row))
    return found


def _run_and_stage(text: str) -> tuple[Any, Any]:
    """Of the flows' tags and the loader's. Anybody in the account may write one that looks alike: those have no run."""
    try:
        tag = json.loads(text)
    except ValueError:
        return None, None
    if not isinstance(tag, dict):
        return None, None
    if tag.get("by") == "inventory_loader":
        return tag.get("run_id"), "inventory_loader"
    return tag.get("run") if tag.get("application") == "shelfgate" else None, tag.get("stage", "unnamed")


def _cost(run: Row, tagged: list[tuple[str, Row]], now: datetime) -> RunCost:
    settled = run["last_seen"] + LATENCY <= now
    known = [(stage, row) for stage, row in tagged if row["compute"] is not None]
    if not known:
        return RunCost(
            run["run_id"],
            None,
            why="no statement of it was attributed: each took less than about 100 ms, or bore no tag"
            if settled
            else "not yet: attribution comes up to 8 hours late",
        )
    by_stage: dict[str, float] = defaultdict(float)
    for stage, row in known:
        by_stage[stage] += float(row["compute"]) + float(row["acceleration"] or 0)
    return RunCost(
        run["run_id"],
        sum(by_stage.values()),
        sum(int(row["statements"]) for _, row in known),
        dict(sorted(by_stage.items())),
        None if settled else "so far: attribution comes up to 8 hours late",
    )
