"""Many runs in one process, as a soak or a backfill makes them; refuses to leave anything of each behind."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from prefect import flow, get_run_logger
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from flows import orchestrator
from flows.orchestrator import server
from shelfgate.disk_room import refuse_full_disk
from shelfgate.errors import PermanentFailure


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
    monkeypatch.setattr(orchestrator, "_from_profile", lambda: None)

    with pytest.raises(PermanentFailure, match=r"16\.. MB are free on its disk\. Expected 50 MB") as full:
        run_once(small_disk / "home")

    assert str(small_disk / "home") in str(full.value)
    assert not (small_disk / "home").exists()


def test_a_disk_that_fills_up_under_a_run_is_told(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Prefect makes of it is an error of its own: the server answers 500, or nothing any more."""
    monkeypatch.setattr(orchestrator, "_from_profile", lambda: None)
    monkeypatch.setattr(orchestrator, "refuse_full_disk", refuse_what_is_full)

    def filling(home: Path) -> None:
        with server(home, lambda _: None):
            fill(small_disk)
            nothing_but_a_line()

    with pytest.raises(PermanentFailure, match="Make room there, then run again"):
        filling(small_disk / "home")


def refuse_what_is_full(folder: Path, purpose: str, needed: int = 0) -> None:
    """The first look asks for no room here: the disk is small, and not yet full."""
    refuse_full_disk(folder, purpose, needed)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))
