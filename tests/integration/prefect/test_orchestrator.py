"""Many runs in one process, as a soak or a backfill makes them; refuses to leave anything of each behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prefect import flow, get_run_logger
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from cli import prefect_api
from cli.prefect_api import server
from shelfgate.disk_room import refuse_full_disk
from shelfgate.errors import ExternalServiceUnavailable, GateClosed, PermanentFailure

GONE = "http://127.0.0.1:9/api"


@flow(name="nothing but a line")
def nothing_but_a_line() -> None:
    get_run_logger().info("a line")


def test_many_runs_under_one_server_share_their_senders(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that is stopped is kept by Prefect until the process ends, with its clients: 3 MB a run."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    run_once(tmp_path)
    after_one = senders()
    assert after_one, "Prefect sends in another way now: look again at what a run leaves behind"

    for _ in range(3):
        run_once(tmp_path)

    assert senders() == after_one


def test_the_server_of_a_command_asks_for_its_key(prefect_server: str) -> None:
    user, _, key = os.environ["PREFECT_API_AUTH_STRING"].partition(":")

    def asked(auth: tuple[str, str] | None) -> httpx.Response:
        origin = {"Origin": "http://evil.example"}
        return httpx.post(f"{prefect_server}/flows/count", json={}, headers=origin, auth=auth)

    answers = [asked(auth) for auth in (None, (user, "guessed"), (user, key))]

    assert [one.status_code for one in answers] == [401, 401, 200]
    assert not any("access-control-allow-origin" in one.headers for one in answers)


def test_answer_at_the_port_of_a_server_that_has_ended_is_not_believed(prefect_server: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    ended.wait()

    with pytest.raises(ExternalServiceUnavailable, match="what went ended with status 3"):
        prefect_api._await_health(prefect_server, lambda _: None, "what went", ended)


def test_prefect_that_goes_away_is_told_as_the_outside_world(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = httpx.ConnectError("All connection attempts failed")
    refused.add_note("Nothing was published; readers keep pub-000001.")

    with pytest.raises(
        ExternalServiceUnavailable, match=r"what went stopped answering .* readers keep pub-000001\. Run again"
    ):
        lost(refused, GONE)
    with pytest.raises(httpx.ConnectError):
        lost(refused, prefect_server)
    with pytest.raises(KeyError):
        lost(KeyError("a defect of ours"), GONE)


def test_end_of_a_run_counts_for_more_than_prefects(tmp_path: Path) -> None:
    told: list[str] = []
    refused = httpx.ConnectError("All connection attempts failed")
    refused.__context__ = GateClosed("landing gate closed")

    with pytest.raises(GateClosed), prefect_api._explaining_its_end(GONE, "what went", told.append):
        raise refused

    assert told == [
        "what went stopped answering during the run. Expected it to answer until the end. Its record of this run is "
        "not complete."
    ]


def lost(error: Exception, url: str) -> None:
    with prefect_api._explaining_its_end(url, "what went", lambda _: None):
        raise error


def run_once(home: Path) -> None:
    with server(home, lambda _: None):
        nothing_but_a_line()


def senders() -> int:
    gc.collect()
    return sum(isinstance(one, EventsWorker | APILogWorker) for one in gc.get_objects())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB, as a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root mounts a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_before_a_server_is_started(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefect_api, "_from_profile", lambda: None)

    with pytest.raises(PermanentFailure, match=r"16\.. MB are free on its disk\. Expected 50 MB") as full:
        run_once(small_disk / "home")

    assert str(small_disk / "home") in str(full.value)
    assert not (small_disk / "home").exists()


def test_a_disk_that_fills_up_while_the_server_starts_is_told(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends then, and its log has no room to say why."""
    monkeypatch.setattr(prefect_api, "_from_profile", lambda: None)
    monkeypatch.setattr(prefect_api, "refuse_full_disk", refuse_what_is_full)
    (small_disk / "home").mkdir()
    fill(small_disk)

    with pytest.raises(PermanentFailure, match="Make room there, then run again"):
        run_once(small_disk / "home")


def refuse_what_is_full(folder: Path, purpose: str, needed: int = 0) -> None:
    """The first look asks for no room here: the disk is small, and not yet full."""
    refuse_full_disk(folder, purpose, needed)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))
