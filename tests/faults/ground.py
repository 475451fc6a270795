"""A landed day to inject faults into: five warehouses, ten weeks, a publication, and three days before their gate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from prefect import flow

from expectations.gates import Judge, Window
from flows.day import Day, a_day
from flows.land import land
from flows.manual import refresh_now
from flows.orchestrator import server
from sandbox import estate
from shelfgate.model import Gate, Verdict
from shelfgate.publication import current_publication
from shelfgate.warehouse.on_duckdb import DuckDBWarehouse, turn
from tests.faults.catalogue import Fault

PUBLISHED, LANDED = date(1998, 3, 4), date(1998, 3, 7)


@dataclass(frozen=True)
class Stopped:
    """What one fault met: rows it changed, the gate that stopped it (None: none did), the checks that fired."""

    fault: Fault
    rows_changed: int
    gate: Gate | None
    fired: frozenset[str]
    pointer_moved: bool

    @property
    def as_declared(self) -> bool:
        return (
            self.rows_changed > 0
            and not self.pointer_moved
            and self.gate is not None
            and list(Gate).index(self.gate) <= list(Gate).index(self.fault.gate)
            and (self.gate is not self.fault.gate or self.fault.killed_by <= self.fired)
        )


@flow(name="land only")
def land_only(business_date: date) -> Day:
    with a_day(business_date) as day:
        land(day)
        return day


@dataclass(frozen=True)
class Ground:
    """The landed warehouse, and a copy of it to go back to."""

    home: Path
    day: Day

    @property
    def file(self) -> Path:
        return self.home / "warehouse.duckdb"

    def restore(self) -> None:
        shutil.copy(self.file.with_suffix(".landed"), self.file)

    def judge(self) -> list[Verdict]:
        """The gates that stand before dbt, in their order."""
        run = self.day.run
        warehouse = DuckDBWarehouse(self.file)
        judge = Judge(warehouse.sqlalchemy_url, self.home / "data-docs")
        through = run.base.business_date if run.base else None
        window = Window(
            run.run_id, run.business_date, datetime.now(UTC).replace(tzinfo=None), run.judged_until, through
        )
        with warehouse.turn():
            return [judge.verdict(gate, window) for gate in (Gate.FILE, Gate.LANDING)]

    def stop(self, fault: Fault) -> Stopped:
        """Inject, judge, undo."""
        with turn(self.file) as connection:
            changed = sum(_changed(connection, statement) for statement in fault.statements)
        try:
            verdicts = self.judge()
            with DuckDBWarehouse(self.file).turn() as session:
                pointer = current_publication(session)
        finally:
            self.restore()
        closed = next((verdict for verdict in verdicts if not verdict.open), None)
        fired = {
            f"{suite.dataset}.{check.check_id}"
            for suite in (closed.suites if closed else ())
            for check in suite.checks
            if not check.passed
        }
        assert self.day.run.base is not None
        moved = pointer is None or pointer.publication_id != self.day.run.base.publication_id
        return Stopped(fault, changed, closed.gate if closed else None, frozenset(fired), moved)


@contextmanager
def ground(home: Path, scale: float = 1.0) -> Iterator[Ground]:
    """Land a day and keep it; the estate stays up for the length of the block."""
    estate.seed(home, scale, PUBLISHED, on_progress=lambda _: None)
    settings, refreshed = refresh_now(PUBLISHED)
    assert refreshed.publication.new
    estate.advance(home, (LANDED - PUBLISHED).days, on_progress=lambda _: None)
    with server(home, lambda _: None):
        day = land_only(LANDED)
    kept = Ground(home, day)
    shutil.copy(settings.warehouse_file, settings.warehouse_file.with_suffix(".landed"))
    yield kept


def _changed(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    counted = connection.execute(statement).fetchone()
    return int(counted[0]) if counted else 0
