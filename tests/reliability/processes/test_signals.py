"""SIGKILL, SIGTERM and SIGSTOP of a real process at each place: readers see all of a day or nothing of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from shelfgate import failpoints
from shelfgate.errors import WarehouseBusy
from shelfgate.failpoints import VARIABLE, start_counting_anew
from tests.reliability.processes.small_process import (
    PATIENCE_SECONDS,
    await_stopped,
    converges,
    ended,
    look,
    session_at,
    start,
)
from tests.reliability.processes.small_run import FIRST, run_day

IN_TRANSACTIONS = [
    f"{name}.{side}"
    for name in ("lease", "source_totals", "verdict", "publish")
    for side in ("begun", "before_commit", "after_commit")
]
BETWEEN_TURNS = ["source.before", "dbt.before", "dbt.after", "gate.after"]
PLACES = [*IN_TRANSACTIONS, *BETWEEN_TURNS, "gate.before"]
PUBLISHED_BY_THEN = {"publish.after_commit"}
# One inside each transaction, all around the pointer's, and between turns; `make proofs` takes the others.
ALWAYS = {
    "lease.before_commit",
    "source_totals.before_commit",
    "verdict.after_commit",
    "publish.begun",
    "publish.before_commit",
    "publish.after_commit",
    "dbt.after",
}
KILLED_AT = [one if one in ALWAYS else pytest.param(one, marks=pytest.mark.proofs) for one in PLACES]
PAUSED_AT = [one if one == "gate.after" else pytest.param(one, marks=pytest.mark.proofs) for one in BETWEEN_TURNS]


def test_every_place_that_a_run_passes_is_killed_at_below(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "vacuum.begun=kill")
    start_counting_anew()

    run_day(file, 1)

    assert set(failpoints._passed) == set(PLACES)


@pytest.mark.parametrize("place", KILLED_AT)
def test_a_run_that_is_killed_leaves_a_whole_day_and_one_more_run_brings_the_next(file: Path, place: str) -> None:
    status, _ = ended(start(file, 1, armed=f"{place}=kill"))

    assert status == -signal.SIGKILL
    assert look(file) == (1 if place in PUBLISHED_BY_THEN else 0)
    converges(file, 1)


@pytest.mark.parametrize("place", ["publish.before_commit", pytest.param("dbt.after", marks=pytest.mark.proofs)])
def test_a_run_that_is_told_to_end_leaves_a_whole_day_and_its_lease_is_free_at_once(file: Path, place: str) -> None:
    status, _ = ended(start(file, 1, armed=f"{place}=term"))

    assert status == -signal.SIGTERM
    assert look(file) == 0
    converges(file, 1)


@pytest.mark.parametrize("place", PAUSED_AT)
def test_a_paused_run_keeps_others_out_until_its_lease_expires_and_is_fenced_when_it_wakes(
    file: Path, place: str
) -> None:
    zombie = start(file, 1, armed=f"{place}=stop")
    try:
        await_stopped(zombie)
        with pytest.raises(WarehouseBusy, match="holds the warehouse until"):
            run_day(file, 2)
        assert look(file) == 0
        expire_the_lease(file)
        run_day(file, 2)
        assert look(file) == 2

        zombie.send_signal(signal.SIGCONT)
        status, said = ended(zombie)
    finally:
        zombie.kill()

    assert status == WarehouseBusy.exit_status, said
    assert "another run has taken over" in said
    assert look(file) == 2
    converges(file, 3)


def test_a_run_paused_inside_its_transaction_keeps_the_file_and_ends_well_when_it_wakes(file: Path) -> None:
    paused = start(file, 1, armed="publish.before_commit=stop")
    try:
        await_stopped(paused)
        with pytest.raises(WarehouseBusy, match=f"process {paused.pid} still holds the file"):
            run_day(file, 2)
        paused.send_signal(signal.SIGCONT)
        assert ended(paused)[0] == 0
    finally:
        paused.kill()

    assert look(file) == 1
    converges(file, 2)


def test_a_run_killed_while_paused_is_gone_at_once(file: Path) -> None:
    paused = start(file, 1, armed="gate.after=stop")
    await_stopped(paused)
    paused.kill()
    assert ended(paused)[0] == -signal.SIGKILL

    converges(file, 1)


@pytest.mark.parametrize("rounds", [2, pytest.param(40, marks=pytest.mark.proofs)])
def test_kills_at_random_moments_lose_nothing_that_was_acknowledged(file: Path, rounds: int) -> None:
    rng = random.Random(7)
    reached = acknowledged = 0
    for _ in range(rounds):
        process = start(file, reached + 1, "--days", "1000")
        assert process.stdout is not None
        for _ in range(rng.randrange(1, 4)):
            acknowledged = int(process.stdout.readline().partition(" ")[0] or refuse_its_end(process))
        time.sleep(rng.uniform(0, 0.15))  # waits for nothing: it makes the moment random
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
        acknowledged = int(rest.split()[-2]) if rest.count("pub-") else acknowledged

        seen = look(file)

        # One more may stand than was said: it was killed between its commit and its word.
        assert seen in {acknowledged, acknowledged + 1}
        reached = seen or 0
    assert reached >= rounds
    converges(file, reached + 1)


def test_two_runs_of_one_day_at_once_publish_it_once(file: Path) -> None:
    both = [start(file, 1), start(file, 1)]
    ends = [ended(one) for one in both]

    assert {status for status, _ in ends} <= {0, WarehouseBusy.exit_status}, ends
    assert 0 in {status for status, _ in ends}, ends
    assert look(file) == 1
    with session_at(file) as session:
        found = session.rows(
            "select count(*) as n from ops.publication where business_date = ?", [FIRST + timedelta(1)]
        )
    assert found[0]["n"] == 1


def refuse_its_end(process: subprocess.Popen[str]) -> NoReturn:
    """Nobody had killed it yet."""
    status, said = ended(process)
    pytest.fail(f"it ended by itself with status {status}: {said[-2000:]}")


def expire_the_lease(file: Path) -> None:
    """As half an hour would."""
    with session_at(file) as session:
        assert (
            session.run("update ops.lease set expires_at = expires_at - interval 1 hour where owner is not null") == 1
        )
