"""A whole run with a toy for sources and dbt, in a process that a test can kill; refuses to catch what ends it.

The steps and their turns are those of `flows/`: lease, counts, build, measure, verdict, publish, read back. What a day
must publish is `content(day)`: worked out from the day alone.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shelfgate.clients.source_postgres import SourceTotal
from shelfgate.errors import ShelfgateError
from shelfgate.failpoints import failpoint
from shelfgate.model import Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.lease import release, renew, take
from shelfgate.ops.ledger import record_source_totals, record_verdict
from shelfgate.ops.runs import Run, begin_run
from shelfgate.publication.candidate import PUBLISHED_TABLES, measure, served_partitions
from shelfgate.publication.publish import publish
from shelfgate.publication.readback import published_verdict
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

FIRST = date(2002, 1, 6)
WEEKS = [FIRST - timedelta(weeks=n) for n in range(6)]
ROWS = 50
"""Of a week in each fact."""
FACTS = {"fct_weekly_sales_inventory": "sum_qty_wk", "fct_daily_sales": "catalog_qty"}
WAIT_SECONDS = 0.5


def content(day: int) -> dict[date, int]:
    """Units of every item by week: each day changes one week, the sixth day all have changed."""
    return {week: max(n for n in range(-len(WEEKS), day + 1) if n % len(WEEKS) == i) for i, week in enumerate(WEEKS)}


def run_day(file: Path, day: int, rows: int = ROWS, *, owner: str | None = None) -> Publication:
    """Carry a day to readers; raises whatever a run raises."""
    warehouse = DuckDBWarehouse(file, wait_seconds=WAIT_SECONDS)
    with warehouse.turn() as session:
        install(session)
        lease = take(session, owner or f"run-{day}-{os.getpid()}-{datetime.now(UTC).timestamp()}")
        run = begin_run(session, lease, FIRST + timedelta(days=day))
    try:
        failpoint("source.before")
        with warehouse.turn() as session:
            renew(session, lease)
            record_source_totals(session, run.run_id, [SourceTotal("catalog_sales", run.business_date, rows)])
        failpoint("dbt.before")
        with warehouse.turn() as session:
            renew(session, lease)
            build(session, run, day, rows)
        failpoint("dbt.after")
        with warehouse.turn() as session:
            renew(session, lease)
            candidate = Candidate(run.run_id, run.business_date, run.base_id, measure(session, run.base_id))
            failpoint("gate.before")
            verdict = judge(candidate)
            record_verdict(session, verdict, datetime.now(UTC).replace(tzinfo=None))
        failpoint("gate.after")
        with warehouse.turn() as session:
            renew(session, lease)
            publication = publish(session, candidate, verdict.approve(), run.token)
            published_verdict(session, candidate, publication.publication_id).approve()
    finally:
        with warehouse.turn() as session:
            release(session, lease)
    return publication


def build(session: Session, run: Run, day: int, rows: int = ROWS) -> None:
    """The weeks whose inputs are not those that the base was built from, the newest always, and every dimension."""
    session.run("drop table if exists candidate.partition_inputs")
    session.run(
        "create table candidate.partition_inputs (table_name varchar, week_start_date date, through_date date, "
        "input_digest varchar, is_touched boolean)"
    )
    for table in PUBLISHED_TABLES:
        session.run(f"drop table if exists candidate.{table.name}")
        session.run(f"create table candidate.{table.name} as select * exclude (build_id) from store.{table.name}")
        session.run(f"delete from candidate.{table.name}")
        if not table.by_week:
            session.run(f"insert into candidate.{table.name} default values")
    session.run("update candidate.dim_warehouse set warehouse_sk = ?", [day])
    served = served_partitions(session, run.base_id)
    for week, units in content(day).items():
        for fact, column in FACTS.items():
            inputs = f"{units} units in {rows} rows"
            before = served.get((fact, week))
            touched = week == FIRST or before is None or before["input_digest"] != inputs
            session.run(
                "insert into candidate.partition_inputs values (?, ?, ?, ?, ?)",
                [fact, week, run.business_date, inputs, touched],
            )
            if touched:
                session.run(
                    f"insert into candidate.{fact} (warehouse_sk, item_id, week_start_date, {column}) "
                    "select 1, 'I' || item, ?, ? from range(?) as items (item)",
                    [week, units, rows],
                )


def judge(candidate: Candidate) -> Verdict:
    """One check over what was measured."""
    check = CheckResult.critical("rows_seen", candidate.rows > 0, str(candidate.rows), "1 or more")
    suite = SuiteResult.of_code(Gate.MARTS, "facts", candidate.rows, (check,))
    return Verdict(
        Gate.MARTS, candidate.run_id, candidate.business_date, (suite,), ("facts",), data_digest=candidate.digest
    )


def readers_see(session: Session) -> tuple[int | None, dict[date, int]]:
    """The day that readers are told, and the units of every week; sees that no table tells another day.

    None before the first publication.
    """
    told = session.rows(
        """
        with seen as (
            select 'weekly' as name, week_start_date as week, sum_qty_wk as units, publication_id
            from marts.fct_weekly_sales_inventory
            union all
            select 'daily', week_start_date, catalog_qty, publication_id from marts.fct_daily_sales
            union all
            select 'day', null, warehouse_sk, publication_id from marts.dim_warehouse
            union all
            select 'told', null, date_diff('day', ?, business_date), publication_id from marts.data_status
        )
        select name, week, units, publication_id, count(*) as row_count from seen group by all order by all
        """,
        [FIRST],
    )
    if not told:
        return None, {}
    assert len({row["publication_id"] for row in told}) == 1, told
    days = {row["units"] for row in told if row["name"] in {"day", "told"}}
    assert len(days) == 1, told
    weekly = [(row["week"], row["units"], row["row_count"]) for row in told if row["name"] == "weekly"]
    daily = [(row["week"], row["units"], row["row_count"]) for row in told if row["name"] == "daily"]
    assert weekly == daily, told
    assert len(weekly) == len(WEEKS), told
    assert len({row_count for _, _, row_count in weekly}) == 1, told
    return days.pop(), {week: units for week, units, _ in weekly}


def main() -> None:
    """Run one day, or with --days several, each told on standard output when it stands."""
    asked = argparse.ArgumentParser()
    asked.add_argument("file", type=Path)
    asked.add_argument("day", type=int)
    asked.add_argument("--days", type=int, default=1)
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--file-limit", type=int, help="bytes that no file may grow beyond")
    asked.add_argument("--obey-modes", action="store_true", help="root passes over file modes: give that up")
    given = asked.parse_args()
    if given.file_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.file_limit, resource.RLIM_INFINITY))
    if given.obey_modes and os.geteuid() == 0:
        give_up_passing_over_modes()
    try:
        for day in range(given.day, given.day + given.days):
            print(f"{day} {run_day(given.file, day, given.rows).publication_id}", flush=True)
    except ShelfgateError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)


def give_up_passing_over_modes() -> None:
    """Drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capset(2), version 3 of the structure)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~0b110
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    main()
