"""Readers a hundred times a second while publications go on: each read is all of one publication."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from shelfgate.model import Candidate
from shelfgate.ops.lease import release, take
from shelfgate.ops.runs import Run, begin_run
from shelfgate.publication.candidate import measure
from shelfgate.publication.publish import publish
from shelfgate.publication.rollback import roll_back
from shelfgate.publication.vacuum import vacuum
from shelfgate.warehouse import Session
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession, DuckDBWarehouse
from tests.reliability.processes.small_run import FIRST, build, content, judge, readers_see

INTERVAL_SECONDS = 0.01
PATIENCE_SECONDS = 60


@dataclass
class Reader:
    """A thread with a cursor of its own; `read` until told to stop, and what it saw kept."""

    session: Session
    read: Callable[[Session], int]
    seen: list[int] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Reader:
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(PATIENCE_SECONDS)

    def _go_on(self) -> None:
        while not self._enough.wait(INTERVAL_SECONDS):
            try:
                self.seen.append(self.read(self.session))
            except BaseException as error:  # noqa: BLE001 - the test's own thread tells it
                self.failed.append(error)
                return


@pytest.mark.parametrize("publications", [12, pytest.param(150, marks=pytest.mark.proofs)])
def test_every_read_is_all_of_one_publication(file: Path, publications: int) -> None:
    with DuckDBWarehouse(file).turn() as session:
        in_one_statement = Reader(cursor_of(session), whole_day)
        in_one_transaction = Reader(cursor_of(session), day_table_by_table)
        with in_one_statement, in_one_transaction:
            for day in range(1, publications + 1):
                publish_day(session, day)
                if day % 10 == 0:
                    with run_of(session, f"vacuum-{day}") as run:
                        vacuum(session, run, keep=2)
                if day % 7 == 0:
                    there_and_back(session, day)

    for reader in (in_one_statement, in_one_transaction):
        assert reader.failed == []
        assert reader.seen, "it never read"
        assert len(set(reader.seen)) > 1, "it never saw a publication come"


def cursor_of(session: DuckDBSession) -> Session:
    return DuckDBSession(session.connection.cursor())


def publish_day(session: Session, day: int) -> None:
    with run_of(session, f"run-{day}", FIRST + timedelta(days=day)) as run:
        build(session, run, day)
        candidate = Candidate(run.run_id, run.business_date, run.base_id, measure(session, run.base_id))
        assert publish(session, candidate, judge(candidate).approve(), run.token).new


@contextmanager
def run_of(session: Session, name: str, day: date | None = None) -> Iterator[Run]:
    lease = take(session, name)
    yield begin_run(session, lease, day)
    release(session, lease)


def there_and_back(session: Session, day: int) -> None:
    """To the publication before, and to the day again."""
    for name in ("there", "back"):
        before = session.rows(
            "select publication.publication_id from ops.publication inner join ops.manifest using (publication_id) "
            "group by publication_id order by publication_id desc limit 1 offset 1"
        )[0]["publication_id"]
        with run_of(session, f"{name}-{day}") as run:
            assert roll_back(session, run, before).action == "rollback"


def whole_day(session: Session) -> int:
    """All tables in one statement."""
    day, units = readers_see(session)
    assert day is not None, "readers saw nothing"
    assert units == content(day)
    return day


def day_table_by_table(session: Session) -> int:
    """One table after another in one transaction of the reader's."""
    session.run("begin transaction")
    try:
        day = session.rows("select warehouse_sk from marts.dim_warehouse")[0]["warehouse_sk"]
        for fact, column in (("fct_weekly_sales_inventory", "sum_qty_wk"), ("fct_daily_sales", "catalog_qty")):
            found = session.rows(f"select week_start_date as week, {column} as units from marts.{fact} group by all")
            assert {row["week"]: row["units"] for row in found} == content(day)
            assert len(found) == len(content(day))
    finally:
        session.run("rollback")
    return day
