"""Ground to inject faults into: a day that is published, the next one built up to its marts gate, and a way back."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
from prefect import flow

from cli.flow_runs import refresh_now
from cli.prefect_api import server
from expectations.compiler.suites import SUITES
from expectations.validation.gate import Judge, Window
from expectations.validation.waivers import WAIVERS
from flows.build import build
from flows.land import land
from flows.run_context import RunContext, daily_run
from sandbox import stack
from shelfgate.model import Candidate, Gate, Publication, Verdict
from shelfgate.ops.pointer import current_publication
from shelfgate.ops.runs import Run
from shelfgate.publication.candidate import measure
from shelfgate.publication.publish import publish
from shelfgate.publication.readback import published_verdict
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse, turn
from tests.faults.fault import PASSES, STOPS, Fault

DAYS = {
    0.01: (None, date(2000, 12, 27)),
    0.1: (date(1999, 4, 28), date(1999, 5, 1)),
    1: (date(1998, 3, 4), date(1998, 3, 7)),
}
"""Published through a Wednesday, landed on the Saturday after the next snapshot; a year and more where it is cheap. At
the smallest scale nothing is published yet: the day is a first load."""


@dataclass(frozen=True)
class Met:
    """What one fault met: rows or objects it changed, where it was stopped, the checks that fired there."""

    fault: Fault
    changed: int
    stopped_at: str
    fired: frozenset[str]
    pointer_moved: bool
    healed: bool
    engine_failed: str = ""
    """What the engine said that failed twice: nothing is known of the fault then."""

    @classmethod
    def nothing(cls, fault: Fault, engine_failed: str) -> Met:
        """The engine failed, and failed again."""
        return cls(fault, 0, PASSES, frozenset(), pointer_moved=False, healed=True, engine_failed=engine_failed)

    @property
    def shortcomings(self) -> list[str]:
        """What is not as the catalogue says; empty if all of it is."""
        if self.engine_failed:
            return [f"the engine failed twice: {self.engine_failed}"]
        found = [] if self.changed > 0 else ["nothing was changed"]
        wanted = self.fault.stops_at
        if STOPS.index(self.stopped_at) > STOPS.index(wanted) or (wanted == PASSES != self.stopped_at):
            found.append(f"stopped at {self.stopped_at}, wanted {wanted}")
        if self.stopped_at == wanted and (silent := self.fault.killed_by - self.fired):
            found.append(f"did not fire: {', '.join(sorted(silent))}")
        if self.pointer_moved and self.stopped_at not in (PASSES, "published"):
            found.append("the pointer has moved")
        return found if self.healed else [*found, "undoing it did not heal the day"]


@flow(name="build only")
def build_only(business_date: date) -> tuple[RunContext, Candidate]:
    with daily_run(business_date) as day:
        return day, build(day, land(day))


@dataclass(frozen=True)
class Ground:
    """A warehouse whose candidate waits for its gate, and a copy of it to go back to."""

    home: Path
    day: RunContext
    candidate: Candidate
    suites: Path = SUITES

    @property
    def file(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(self.file)

    def keep(self) -> None:
        shutil.copy(self.file, self.file.with_suffix(".kept"))

    def restore(self) -> None:
        """Everything is again, to the byte, as it was kept."""
        shutil.copy(self.file.with_suffix(".kept"), self.file)

    def judge(self, *gates: Gate, waivers: Path = WAIVERS) -> list[Verdict]:
        """Hold gates as a run does, up to the first that stays closed."""
        judge = Judge(self.warehouse, self.home / "data-docs", self.suites, waivers)
        with self.warehouse.turn():
            return hold(judge, self.day.run, self.candidate, *gates)

    def publish(
        self, verdict: Verdict, *, before_reading_back: Callable[[], None] = lambda: None
    ) -> tuple[Publication, Verdict]:
        """Publish the candidate on a verdict of the marts gate, and read it back."""
        with self.warehouse.turn() as session:
            done = publish(session, self.candidate, verdict.approve(), self.day.run.token)
        before_reading_back()
        with self.warehouse.turn() as session:
            return done, published_verdict(session, self.candidate, done.publication_id)

    def measured(self) -> Candidate:
        """The candidate as it is now."""
        with self.warehouse.turn() as session:
            return replace(self.candidate, partitions=measure(session, self.candidate.base))

    def publication_id(self) -> str | None:
        with self.warehouse.turn() as session:
            current = current_publication(session)
        return current.publication_id if current else None

    def pointer_moved(self) -> bool:
        return self.publication_id() != self.day.run.base_id

    def change(self, *statements: str) -> int:
        """Run statements; a change of rows counts its rows, any other counts as one object."""
        with turn(self.file) as connection:
            return sum(_changed(connection, statement) for statement in statements)


@contextmanager
def ground(home: Path, scale: float) -> Iterator[Ground]:
    """Publish a day if there is one, build the next; the estate of this home is up, and SHELFGATE_HOME names it."""
    published, landed = DAYS[scale]
    stack.seed(home, scale, published or landed, on_progress=lambda _: None)
    if published:
        _, refreshed = refresh_now(published)
        assert refreshed.publication.new
        stack.advance(home, (landed - published).days, on_progress=lambda _: None)
    with server(home, lambda _: None):
        made = Ground(home, *build_only(landed))
        made.keep()
        yield made


def hold(judge: Judge, run: Run, candidate: Candidate, *gates: Gate) -> list[Verdict]:
    """The verdicts of gates in a day's order, up to the first that stays closed."""
    window = Window.of(run, datetime.now(UTC).replace(tzinfo=None))
    found: list[Verdict] = []
    for gate in gates:
        digest = candidate.digest if gate is Gate.MARTS else None
        found.append(judge.verdict(gate, window, data_digest=digest))
        if not found[-1].open:
            break
    return found


def fired_in(verdict: Verdict) -> frozenset[str]:
    """Every check of a verdict that did not pass, warnings as well."""
    checks = ((suite.dataset, check) for suite in verdict.suites for check in suite.checks)
    return frozenset(f"{dataset}.{check.check_id}" for dataset, check in checks if not check.passed)


def _changed(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    answer = connection.execute(statement)
    if not changes_rows(statement):
        return 1
    row = answer.fetchone()
    return int(row[0]) if row else 0


def changes_rows(statement: str) -> bool:
    """Whether a fault's statement changes rows; any other changes one object."""
    return statement.split()[0] in ("insert", "update", "delete")
