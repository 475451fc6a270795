"""Starting, stopping and outliving `small_run`, and what must be true of its warehouse after any end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shelfgate.failpoints import VARIABLE
from shelfgate.ops.pointer import current_publication, publications
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.warehouse import Session
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.processes.small_run import content, readers_see, run_day

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60


def start(file: Path, day: int, *arguments: str, armed: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.processes.small_run", str(file), str(day), *arguments],
        cwd=ROOT,
        env={**os.environ, VARIABLE: armed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status (negative: the signal) and what it said on standard error."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, said


def await_stopped(process: subprocess.Popen[str]) -> None:
    """Wait until SIGSTOP has taken hold."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), f"it ended instead: {status}"


@contextmanager
def session_at(file: Path) -> Iterator[Session]:
    with DuckDBWarehouse(file, wait_seconds=PATIENCE_SECONDS).turn() as session:
        yield session


def look(file: Path) -> int | None:
    """The day that readers see, after seeing that all of the store and its history is in order."""
    with session_at(file) as session:
        day, units = readers_see(session)
        current = current_publication(session)
        assert (day is None) == (current is None)
        if day is None or current is None:
            return None
        assert units == content(day)
        verdict = published_verdict(session, promised_by(session, current), current.publication_id)
        assert verdict.open, verdict.reasons
        history = publications(session)
        assert len({one.run_id for one in history}) == len(history), "a run published twice"
        assert [one.business_date for one in history] == sorted((o.business_date for o in history), reverse=True)
        _nothing_is_stored_twice_or_unpublished(session)
    return day


def _nothing_is_stored_twice_or_unpublished(session: Session) -> None:
    for fact in ("fct_weekly_sales_inventory", "fct_daily_sales"):
        twice = session.rows(
            f"select build_id, week_start_date, item_id from store.{fact} group by all having count(*) > 1"
        )
        assert twice == []
        strangers = session.rows(
            f"select distinct build_id from store.{fact} where build_id not in (select build_id from ops.manifest)"
        )
        assert strangers == []


def converges(file: Path, day: int) -> None:
    """One more run brings the day, and another one finds nothing to do."""
    run_day(file, day)
    assert not run_day(file, day).new
    assert look(file) == day
