"""Ctrl-C and SIGTERM at fifty instants of a real run, from its first word to its last: none of them lets it publish."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import date

import pytest

from tests.support.house import House
from tests.support.terminal import SHELFGATE

FIRST_DAY = date(1999, 3, 1)
INSTANTS = 50
PATIENCE_SECONDS = 600

pytestmark = pytest.mark.proofs


@dataclass(frozen=True)
class Ended:
    """One run: its exit status, all that it said, and what it had said when the signal was sent."""

    status: int
    said: str
    said_before: str


def test_no_instant_of_a_run_lets_a_signal_publish(house: House) -> None:
    house.seed(0.01, FIRST_DAY)
    house.refresh()
    house.advance()
    begun = time.monotonic()
    assert run(house).status == 0
    seconds = time.monotonic() - begun
    house.advance()

    for instant in range(INSTANTS):
        number = (signal.SIGINT, signal.SIGTERM)[instant % 2]
        before = current(house)
        ended = run(house, number, seconds * instant / INSTANTS)
        after = current(house)
        told = f"instant {instant} of {seconds:.1f} s, {number.name}:\n{ended.said[-3000:]}"

        assert "Traceback" not in ended.said, told
        if "publish ..." not in ended.said_before:
            assert after == before, told
        if ended.status == 128 + number:
            assert after == before or f"{after} was published before that" in ended.said, told
        else:
            assert ended.status == 0, told
        if after != before:
            house.advance()

    house.refresh()
    assert not house.refresh().publication.new


def run(house: House, number: int | None = None, after_seconds: float = 0.0) -> Ended:
    """Refresh the newest day; send the signal to the whole group, as a terminal does, so long after the first word."""
    process = subprocess.Popen(
        [*SHELFGATE, "refresh", "--business-date", house.day.isoformat()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), True)
        before = process.stderr.readline()
        if number is not None:
            os.set_blocking(process.stderr.fileno(), False)
            time.sleep(after_seconds)  # waits for nothing: it makes the instant
            before += process.stderr.read() or ""
            os.set_blocking(process.stderr.fileno(), True)
            if process.poll() is None:
                os.killpg(process.pid, number)
        _, rest = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    return Ended(process.returncode, before + rest, before)


def current(house: House) -> str:
    return house.status()["publication"]["publication_id"]
