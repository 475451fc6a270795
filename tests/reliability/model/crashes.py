"""Runs that end at a chosen place, and the one that comes after; refuses to forgive what the second leaves behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shelfgate import failpoints
from shelfgate.failpoints import start_counting_anew
from shelfgate.model import Publication
from tests.reliability.model.engine_room import EngineRoom
from tests.reliability.model.invariants import Invariants
from tests.reliability.model.runs import InProgress, refreshing, rolling_back, vacuuming
from tests.reliability.model.shop import WEEKS
from tests.reliability.model.wire import Break

NEVER = "vacuum.after_commit@999999=fail"
"""Armed, so that passings are counted; it does nothing."""


@dataclass
class Scene:
    """A published history, and a day's news that is not published yet."""

    room: EngineRoom
    promises: Invariants
    dead_process: int
    runs: int = 0

    def refresh(self) -> InProgress:
        return refreshing(self.room, self._name())

    def roll_back(self) -> InProgress:
        return rolling_back(self.room, self._name(), "pub-000001")

    def vacuum(self) -> InProgress:
        return vacuuming(self.room, self._name(), 1)

    def _name(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def killed(self, work: str, place: str) -> bool:
        """Run until the failpoint, and no further; False if the run never came by."""
        with armed(f"{place}=crash"):
            run = getattr(self, work)().to_its_end()
        if run.crashed:
            self.reopen()
        return run.crashed

    def broken(self, work: str, statement: int, how: Break) -> bool:
        """Run until the statement; False if the run had fewer."""
        self.room.watch.arm(statement, how)
        run = getattr(self, work)().to_its_end()
        broke = self.room.watch.broke
        self.room.watch.arm(None)
        if run.crashed:
            self.reopen()
        return broke

    def reopen(self) -> None:
        """The process is gone, and with it whatever it had not committed."""
        self.room.close()
        self.room.open()
        self.room.the_process_is_gone(self.dead_process)

    def one_more_run_heals(self, work: str) -> None:
        """The next run of the same work leaves everything as if nothing had happened."""
        if not self.room.ask("select 1 from ops.lease where owner is null"):
            # The session was lost while the lease was taken or given back; then the command ended.
            self.room.the_process_is_gone(self.dead_process)
        run = getattr(self, work)().to_its_end()
        assert not isinstance(run.outcome, Exception), f"recovery is one more run, and it ended with {run.outcome!r}"
        self.promises.look_at_what_is_published()
        self.promises.look_at_what_has_landed()
        self.promises.look_at_all_publications()
        history = self.room.ask("select action from ops.publication order by sequence_number")
        if work == "refresh":
            self.promises.nothing_is_lost(run.run_id)
            assert isinstance(run.outcome, Publication)
            assert history == [("publish",)] * 3, f"one day's news were published as {history}"
        elif work == "roll_back":
            assert history[:3] == [("publish",), ("publish",), ("rollback",)]
        else:
            assert self.room.ask("select count(distinct publication_id) from ops.manifest") == [(1,)]


class Stage:
    """Sets the same scene again and again."""

    def __init__(self, scene: Scene, folder: Path, dead_process: int) -> None:
        self._dead_process = dead_process
        self._folder = folder
        self._kept = folder / "kept.duckdb"
        scene.room.tell("checkpoint")
        scene.room.close()
        shutil.copy(scene.room.path, self._kept)
        self._scene = scene

    @classmethod
    def with_news(cls, template: Path, folder: Path, dead_process: int) -> Stage:
        room = EngineRoom.opened(template, folder)
        scene = Scene(room, Invariants(room), dead_process)
        for _ in range(2):
            assert isinstance(scene.refresh().to_its_end().outcome, Publication)
            room.shop.sell(WEEKS[3] + timedelta(days=2), 7)
            room.shop.drop([WEEKS[1], WEEKS[3]], days_late=7)
        room.shop.drop_poison(WEEKS[2])
        room.shop.move(room.shop.movable()[0], WEEKS[4])
        room.shop.move_a_customer()
        room.business_date += timedelta(days=1)
        return cls(scene, folder, dead_process)

    def set(self) -> Scene:
        """The scene as it was at first: the file copied back, the memory of the test with it."""
        first = self._scene
        room = EngineRoom.opened(self._kept, self._folder)
        room.shop, room.business_date, room.moments = first.room.shop, first.room.business_date, first.room.moments
        room.pinned, room.tokens = dict(first.room.pinned), dict(first.room.tokens)
        room.rolled_back_to = dict(first.room.rolled_back_to)
        promises = Invariants(room)
        promises.remember(first.promises)
        return Scene(room, promises, self._dead_process, first.runs)

    def places(self, work: str) -> list[str]:
        """Every passing of every failpoint by one run of the work, as `name@n`."""
        scene = self.set()
        with armed(NEVER):
            assert not isinstance(getattr(scene, work)().to_its_end().outcome, Exception)
            passed = dict(failpoints._passed)
        scene.room.close()
        return [f"{name}@{n}" for name, times in passed.items() for n in range(1, times + 1)]

    def statements(self, work: str) -> int:
        """How many statements one run of the work sends."""
        scene = self.set()
        scene.room.watch.arm(None)
        assert not isinstance(getattr(scene, work)().to_its_end().outcome, Exception)
        scene.room.close()
        return scene.room.watch.count

    def survives(self, work: str, strike: Callable[[Scene], bool]) -> bool:
        """Strike the work down, then run it once more; False if the strike missed."""
        scene = self.set()
        try:
            hit = strike(scene)
            scene.one_more_run_heals(work)
        finally:
            scene.room.close()
        return hit

    @contextmanager
    def after(self, strike: Callable[[Scene], bool]) -> Iterator[Stage]:
        """A stage whose scene has been struck down once already: what comes second need not wait for the first."""
        scene = self.set()
        strike(scene)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield Stage(scene, Path(folder), self._dead_process)


@contextmanager
def armed(failpoint: str) -> Iterator[None]:
    start_counting_anew()
    os.environ[failpoints.VARIABLE] = failpoint
    try:
        yield
    finally:
        del os.environ[failpoints.VARIABLE]
