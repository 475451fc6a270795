"""After Ctrl-C or SIGTERM nothing is published, even if the exception of the signal handler got lost on its way."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import capture_sigterm

from flows.cancellation import as_prefect_expects
from shelfgate import interruption
from shelfgate.interruption import Interrupted
from tests.reliability.processes import small_run
from tests.reliability.processes.losing import lose
from tests.reliability.processes.small_process import converges, look
from tests.reliability.processes.small_run import run_day

PLACES = ["source.before", "dbt.before", "gate.before", "gate.after", "publish.begun", "publish.before_commit"]
ALWAYS = {"gate.before", "publish.before_commit"}
LOST_AT = [place if place in ALWAYS else pytest.param(place, marks=pytest.mark.proofs) for place in PLACES]


@pytest.fixture
def lose_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Arms one failpoint of the small run, once, with a signal whose exception gets lost."""

    def arm(place: str, number: int) -> None:
        armed = [place]

        def failpoint(name: str) -> None:
            if name in armed:
                armed.clear()
                lose(number)

        monkeypatch.setattr(small_run, "failpoint", failpoint)
        monkeypatch.setattr("shelfgate.warehouse.engines.duckdb.warehouse.failpoint", failpoint)

    return arm


@pytest.mark.parametrize("place", LOST_AT)
def test_lost_interrupt_publishes_nothing(file: Path, lose_at: Callable[[str, int], None], place: str) -> None:
    lose_at(place, signal.SIGINT)

    with interruption.watched(), pytest.raises(Interrupted) as ended:
        run_day(file, 1)

    assert ended.value.number == signal.SIGINT
    assert look(file) == 0
    converges(file, 1)


def test_lost_termination_ends_as_prefect_expects(file: Path, lose_at: Callable[[str, int], None]) -> None:
    """Prefect puts a SIGTERM handler of its own around a flow, and what that raises can get lost as well."""
    lose_at("gate.before", signal.SIGTERM)
    ended_by: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: ended_by.append(number))
    try:
        with interruption.watched(), pytest.raises(TerminationSignal), capture_sigterm(), as_prefect_expects():
            run_day(file, 1)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert ended_by == [signal.SIGTERM], "Prefect hands the signal on to whoever handled it before"
    assert look(file) == 0


def test_interrupt_after_the_commit_does_not_undo_it(file: Path, lose_at: Callable[[str, int], None]) -> None:
    lose_at("publish.after_commit", signal.SIGINT)

    with interruption.watched():
        assert run_day(file, 1).new

    assert look(file) == 1


def test_interrupt_is_seen_by_every_thread_and_by_foreign_handlers() -> None:
    from concurrent.futures import ThreadPoolExecutor

    handled: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: handled.append(number))
    try:
        with interruption.watched():
            assert interruption.requested() is None
            signal.raise_signal(signal.SIGINT)
            with ThreadPoolExecutor(4) as pool:
                seen = list(pool.map(lambda _: interruption.requested(), range(20)))
    finally:
        signal.signal(signal.SIGINT, before)

    assert handled == [signal.SIGINT]
    assert seen == [signal.SIGINT] * 20
    assert interruption.requested() is None, "the end of the block forgets it"
