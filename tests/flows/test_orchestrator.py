"""Many runs in one process, as a soak or a backfill makes them; refuses to leave anything of each behind."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from prefect import flow, get_run_logger
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from flows.orchestrator import server


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
