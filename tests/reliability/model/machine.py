"""All that may happen to a warehouse, in any order; refuses to go on after a broken promise."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import duckdb
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from inventory_loader.errors import LoaderError

from shelfgate import failpoints
from shelfgate.errors import ShelfgateError
from shelfgate.failpoints import NAMES, start_counting_anew
from shelfgate.model import Publication
from shelfgate.ops.lease import take
from tests.reliability.model.engine_room import LAST_DAY, EngineRoom, gone_process
from tests.reliability.model.invariants import Invariants
from tests.reliability.model.runs import InProgress, refreshing, rolling_back, vacuuming
from tests.reliability.model.shop import WEEKS, Line
from tests.reliability.model.wire import Break

weeks = st.sampled_from(WEEKS)
any_of = st.integers(0, 40)
OF_A_REFRESH = sorted(name for name in NAMES if not name.startswith(("rollback", "vacuum")))


class Days(RuleBasedStateMachine):
    """A shop whose sources change, and runs that are begun, interleaved, overtaken, killed and begun again."""

    template: ClassVar[Path]
    dead_process: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).dead_process = type(self).dead_process or gone_process()
        self.folder = Path(tempfile.mkdtemp(prefix="days-"))
        self.room = EngineRoom.opened(self.template, self.folder)
        self.promises = Invariants(self.room)
        self.shop = self.room.shop
        self.running: list[InProgress] = []
        self.runs = 0

    @initialize()
    def a_first_day(self) -> None:
        self.everything_comes_to_rest()

    # What happens in the sources

    @rule(week=weeks, day=st.integers(0, 6), quantity=st.integers(1, 50))
    def a_line_is_sold_or_comes_late(self, week, day: int, quantity: int) -> None:
        self.shop.sell(week + timedelta(days=day), quantity)

    def _line(self, which: int) -> Line | None:
        found = self.shop.movable()
        return found[which % len(found)] if found else None

    @rule(which=any_of, quantity=st.integers(0, 50))
    def a_line_is_corrected(self, which: int, quantity: int) -> None:
        lines = list(self.shop.now.lines.values())
        self.shop.correct(lines[which % len(lines)], quantity)

    @rule(which=any_of, week=weeks, day=st.integers(0, 6))
    def a_line_moves_to_another_week(self, which: int, week, day: int) -> None:
        if line := self._line(which):
            self.shop.move(line, week + timedelta(days=day))

    @rule(which=any_of)
    def a_line_is_deleted(self, which: int) -> None:
        if line := self._line(which):
            self.shop.remove(line)

    @rule(week=weeks, quantity=st.sampled_from([-3, 5000]))
    def a_line_is_poison(self, week, quantity: int) -> None:
        self.shop.sell(week, quantity)

    @rule()
    def an_item_and_a_customer_change(self) -> None:
        self.shop.rename_an_item()
        self.shop.move_a_customer()

    @precondition(lambda self: self.room.business_date < LAST_DAY)
    @rule(days=st.integers(1, 7))
    def days_go_by(self, days: int) -> None:
        self.room.business_date += timedelta(days=days)

    # What happens in the landing bucket

    @rule(some=st.sets(weeks, min_size=1, max_size=3), days_late=st.sampled_from([0, 0, 7, 14]))
    def a_dump_is_dropped_in_time_or_late_or_corrected(self, some: set, days_late: int) -> None:
        self.shop.drop(sorted(some), days_late=days_late)

    @rule(which=any_of, name=st.sampled_from([None, "-again"]))
    def a_dump_is_dropped_again(self, which: int, name: str | None) -> None:
        self.shop.drop_again(self.shop.uploads[which % len(self.shop.uploads)], name=name)

    @rule(week=weeks)
    def a_poisoned_dump_is_dropped(self, week) -> None:
        self.shop.drop_poison(week)

    @rule(which=any_of)
    def an_event_has_a_dump_loaded(self, which: int) -> None:
        """At any moment, in any order, any number of times."""
        upload = self.shop.uploads[-1 - which % len(self.shop.uploads)]
        self.room.load(upload.object_key, upload.version_id, "an event")

    @rule()
    def airbyte_syncs_by_its_own_schedule(self) -> None:
        self.room.sync()

    # What happens to runs

    def next_run(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def _begun(self) -> InProgress:
        return refreshing(self.room, self.next_run())

    def _ended(self, run: InProgress) -> InProgress:
        """A run may fail in the ways that it may fail in, and in no other."""
        if isinstance(run.outcome, Exception) and not isinstance(run.outcome, ShelfgateError | LoaderError):
            assert self.room.watch.broke, f"{run.run_id} ended with {run.outcome!r}"
            assert isinstance(run.outcome, duckdb.Error)
        return run

    @precondition(lambda self: len(self.running) < 3)
    @rule(steps=st.integers(1, 14))
    def a_run_begins(self, steps: int) -> None:
        run = self._begun()
        self.running.append(run)
        self._step(run, steps)

    @precondition(lambda self: self.running)
    @rule(which=any_of, steps=st.integers(1, 14))
    def a_run_goes_on(self, which: int, steps: int) -> None:
        self._step(self.running[which % len(self.running)], steps)

    def _step(self, run: InProgress, steps: int) -> None:
        for _ in range(steps):
            if not run.over:
                run.step()
        if run.over:
            self.running.remove(self._ended(run))

    @rule()
    def a_lease_expires(self) -> None:
        """Whoever had it is a zombie if somebody takes it now: it sleeps among the running, and wakes up."""
        self.room.let_the_lease_expire()

    @precondition(lambda self: self.running)
    @rule(which=any_of)
    def the_lease_is_wrong_about_who_is_alive(self, which: int) -> None:
        """It takes an old run for the newest: the compare-and-set alone has to keep it from harm."""
        run = self.running[which % len(self.running)]
        self.room.let_the_lease_expire()
        with self.room.turn() as session:
            self.room.tokens[run.run_id] = take(session, run.run_id).token

    @rule()
    def a_run_passes(self) -> None:
        self.room.let_the_lease_expire()
        self._ended(self._begun().to_its_end())

    @rule(name=st.sampled_from(OF_A_REFRESH), time=st.integers(1, 6))
    def a_run_is_killed_at_a_failpoint(self, name: str, time: int) -> None:
        self.room.let_the_lease_expire()
        start_counting_anew()
        os.environ[failpoints.VARIABLE] = f"{name}@{time}=crash"
        try:
            run = self._ended(self._begun().to_its_end())
        finally:
            del os.environ[failpoints.VARIABLE]
        if run.crashed:
            self.room.the_process_is_gone(self.dead_process)

    @rule(statement=st.integers(1, 180), how=st.sampled_from(Break))
    def a_run_is_broken_at_a_statement(self, statement: int, how: Break) -> None:
        self.room.let_the_lease_expire()
        self.room.watch.arm(statement, how)
        run = self._ended(self._begun().to_its_end())
        self.room.watch.arm(None)
        if run.crashed:
            self.room.the_process_is_gone(self.dead_process)

    @rule()
    def a_gate_breaks(self) -> None:
        self.room.let_the_lease_expire()
        self.room.gate_breaks = True
        try:
            run = self._ended(self._begun().to_its_end())
        finally:
            self.room.gate_breaks = False
        assert not isinstance(run.outcome, Publication), "I5: a gate broke, and the run ended well"

    @rule(which=any_of)
    def readers_are_given_an_older_publication(self, which: int) -> None:
        kept = [row[0] for row in self.room.ask("select distinct publication_id from ops.manifest order by 1")]
        self.room.let_the_lease_expire()
        self._ended(rolling_back(self.room, self.next_run(), kept[which % len(kept)]).to_its_end())

    @rule(keep=st.integers(1, 3))
    def a_vacuum_passes(self, keep: int) -> None:
        self.room.let_the_lease_expire()
        self._ended(vacuuming(self.room, self.next_run(), keep).to_its_end())
        self.promises.look_at_what_is_published()
        assert self.promises.look_at_all_publications()

    @rule()
    def everything_comes_to_rest(self) -> None:
        """The sources are mended; one more run publishes all that there is, and another one has nothing to add."""
        self.shop.heal()
        self.room.let_the_lease_expire()
        first = self._begun().to_its_end()
        assert isinstance(first.outcome, Publication), f"I3: a clean run ended with {first.outcome!r}"
        self.promises.nothing_is_lost(first.run_id)
        again = self._begun().to_its_end()
        assert isinstance(again.outcome, Publication), again.outcome
        assert not again.outcome.new, "I4: a run without changes published something new"

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else a promise is broken already, and that is what is to be told
                self.everything_comes_to_rest()
                self.promises.look_at_all_publications()
        finally:
            self.put_away()

    def put_away(self) -> None:
        self.room.close()
        shutil.rmtree(self.folder)
