"""Through the real flow, in a process of its own: killed inside dbt, told to end, paused and overtaken."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import psutil
import pytest

from cli.flow_runs import backfill_now
from shelfgate.errors import ExternalServiceUnavailable, WarehouseBusy
from tests.support.house import House
from tests.support.terminal import start

FIRST_DAY = date(1999, 3, 1)
PATIENCE_SECONDS = 300

pytestmark = pytest.mark.proofs


@pytest.fixture
def settled(house_of_the_module: House) -> House:
    """A house with a publication, and a day after it that nobody has published."""
    house = house_of_the_module
    if house.day == date.min:
        house.seed(0.01, FIRST_DAY)
        house.refresh()
        assert house.differences() == []
    house.advance()
    return house


def test_a_refresh_killed_inside_dbt_publishes_nothing_and_one_more_run_does(settled: House) -> None:
    before = settled.marts()
    with refreshing(settled) as process:
        await_line(process, "build marts ...")
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == -signal.SIGKILL
    assert settled.marts() == before
    converges(settled)


def test_a_refresh_that_is_told_to_end_gives_its_lease_back_and_publishes_nothing(settled: House) -> None:
    before = settled.marts()
    with refreshing(settled) as process:
        await_line(process, "landing gate ...")
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 128 + signal.SIGTERM, said[-2000:]
    assert "Nothing was published; readers keep pub-" in said
    assert "Traceback" not in said
    assert lease(settled)[1] is None, "the lease was not given back"
    assert settled.marts() == before
    converges(settled)


def test_prefect_server_that_dies_ends_the_run_with_status_5(settled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = settled.marts()
    with monkeypatch.context() as patch:
        patch.setenv("PREFECT_API_URL", "")
        with refreshing(settled) as process:
            await_line(process, "sync ...")
            (server,) = [one for one in psutil.Process(process.pid).children() if "uvicorn" in one.cmdline()]
            server.kill()
            _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == ExternalServiceUnavailable.exit_status, said[-2000:]
    assert "the Prefect server of this command" in said
    assert "stopped answering during the run" in said
    assert "Nothing was published; readers keep pub-" in said
    assert "Traceback" not in said
    assert settled.marts() == before
    converges(settled)


def test_a_paused_refresh_that_was_overtaken_ends_with_status_6_and_publishes_nothing(settled: House) -> None:
    with refreshing(settled) as zombie:
        await_line(zombie, "sync ...")
        zombie.send_signal(signal.SIGSTOP)
        with pytest.raises(WarehouseBusy, match="holds the warehouse until"):
            settled.refresh()
        with settled.warehouse() as connection:
            connection.execute("update ops.lease set expires_at = expires_at - interval 1 hour")
        assert settled.refresh().publication.new
        after = settled.marts()

        zombie.send_signal(signal.SIGCONT)
        out, said = zombie.communicate(timeout=PATIENCE_SECONDS)

    assert zombie.returncode == WarehouseBusy.exit_status, said[-2000:]
    assert json.loads(out)["error"] == "WarehouseBusy"
    assert "another run has taken over" in said
    assert settled.marts() == after
    assert not settled.refresh().publication.new
    assert settled.differences() == []


def test_two_refreshes_at_once_publish_once_and_the_other_ends_with_status_6(settled: House) -> None:
    with refreshing(settled) as first:
        await_line(first, "sync ...")
        with refreshing(settled) as second:
            out, said = second.communicate(timeout=PATIENCE_SECONDS)
        published, told = first.communicate(timeout=PATIENCE_SECONDS)

    assert first.returncode == 0, told[-2000:]
    assert json.loads(published)["result"] == "published"
    assert second.returncode == WarehouseBusy.exit_status, said[-2000:]
    assert "holds the warehouse until" in json.loads(out)["message"]
    converges(settled)


def test_a_backfill_that_is_killed_resumes_with_the_day_it_was_at(settled: House) -> None:
    first = settled.day
    settled.advance(2)
    process = start("backfill", "--from", first.isoformat(), "--to", settled.day.isoformat(), "--json")
    with ending(process):
        await_line(process, "published gate ...")
        await_line(process, "build marts ...")
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert settled.status()["publication"]["business_date"] == first.isoformat()

    assert len(backfill_now(first, settled.day)) == 2
    with settled.warehouse() as connection:
        days = connection.execute(
            "select business_date from ops.publication where business_date >= ? order by sequence_number", [first]
        ).fetchall()
    assert [day for (day,) in days] == [first + timedelta(days=n) for n in range(3)]
    assert settled.differences() == []


@contextmanager
def refreshing(house: House) -> Iterator[subprocess.Popen[str]]:
    with ending(start("refresh", "--business-date", house.day.isoformat(), "--json")) as process:
        yield process


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """No process outlives its test, a paused one neither."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def await_line(process: subprocess.Popen[str], wanted: str) -> None:
    """Read what the run says until it says this."""
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if line.rstrip().endswith(f"  {wanted}"):
            return
    raise AssertionError(f"it never said {wanted!r}:\n{''.join(said[-20:])}")


def lease(house: House) -> tuple[int, str | None]:
    with house.warehouse() as connection:
        found = connection.execute("select token, owner from ops.lease").fetchone()
    assert found is not None
    return found


def converges(house: House) -> None:
    """One more run brings what the oracle says, and another one finds nothing to do."""
    assert house.refresh().publication.business_date == house.day
    assert house.differences() == []
    assert not house.refresh().publication.new
