"""The sync as a Prefect run meets it: killed and carried on, cancelled, too slow, beside somebody else's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.sorting import ArtifactSort
from prefect.states import Pending

from shelfgate.clients.airbyte.responses import JobNotSucceeded, SyncOverdue
from tests.contract.airbyte.airbyte_connection import CONNECTION, Connection, configured, connected, held
from tests.contract.airbyte.only_sync import carry_on, only_sync

SECRET = "shop-secret-canary"


@pytest.fixture
def connection(small_source: str, tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(small_source, tmp_path, client_secret=SECRET)) as connection:
        yield connection


@pytest.fixture
def run_id(connection: Connection, prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A flow run that waits to be carried out, in an environment that knows the connection."""
    for name, value in {
        "PREFECT_API_URL": prefect_server,
        "SHELFGATE_HOME": str(tmp_path),
        "SHELFGATE_AIRBYTE_URL": connection.url,
        "SHELFGATE_AIRBYTE_CLIENT_ID": connection.config.client_id,
        "SHELFGATE_AIRBYTE_CLIENT_SECRET": SECRET,
        "SHELFGATE_AIRBYTE_CONNECTION_ID": CONNECTION,
    }.items():
        monkeypatch.setenv(name, value)
    return get_client(sync_client=True).create_flow_run(only_sync, state=Pending()).id


@contextmanager
def in_a_process(run_id: UUID) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.airbyte.only_sync", str(run_id)], cwd=Path(__file__).parents[3]
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def running_job(connection: Connection) -> int:
    deadline = time.monotonic() + 90
    while not (jobs := connection.api.list_jobs(CONNECTION)) or jobs[0].status != "running":
        assert time.monotonic() < deadline, "no job was started"
        time.sleep(0.05)
    return jobs[0].job_id


def artifacts(run_id: UUID, kind: str) -> list[str]:
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    found = get_client(sync_client=True).read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC)
    return [f"{one.description} {one.data}" for one in found if one.type == kind]


def test_a_run_killed_while_it_waits_is_carried_on_with_the_same_job(connection: Connection, run_id: UUID) -> None:
    with held(connection.config.warehouse), in_a_process(run_id) as process:
        started = running_job(connection)
        wait_for_note(run_id, started)
        process.send_signal(signal.SIGKILL)
        process.wait()
    get_client(sync_client=True).set_flow_run_state(run_id, Pending(), force=True)

    assert carry_on(run_id) == started

    assert [job.job_id for job in connection.api.list_jobs(CONNECTION)] == [started]
    (progress,) = [one for one in artifacts(run_id, "progress") if "succeeded" in one]
    assert f"[Job {started}]" in progress
    assert f"connections/{CONNECTION}/timeline" in progress
    assert progress.endswith(" 100")
    assert SECRET not in json.dumps([artifacts(run_id, "progress"), artifacts(run_id, "table")])

    # The job was used: should the run be carried on once more, the source may have changed.
    get_client(sync_client=True).set_flow_run_state(run_id, Pending(), force=True)
    assert carry_on(run_id) == started + 1


def wait_for_note(run_id: UUID, job_id: int) -> None:
    deadline = time.monotonic() + 30
    while not any(f'"job_id": {job_id}' in one for one in artifacts(run_id, "table")):
        assert time.monotonic() < deadline, "no note was kept"
        time.sleep(0.05)


def test_a_run_that_is_told_to_end_cancels_its_job(connection: Connection, run_id: UUID) -> None:
    with held(connection.config.warehouse), in_a_process(run_id) as process:
        started = running_job(connection)
        wait_for_note(run_id, started)
        while not artifacts(run_id, "progress"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)

        assert process.wait(60) != 0
        assert connection.api.get_job(started).status == "cancelled"


def test_an_overdue_job_of_ours_is_cancelled_and_not_waited_for_again(
    connection: Connection, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGATE_AIRBYTE_DEADLINE_SECONDS", "1")

    with (
        held(connection.config.warehouse),
        pytest.raises(SyncOverdue, match=r"job 1: .* Job 1 was cancelled") as raised,
    ):
        carry_on(run_id)

    assert raised.value.link.endswith(f"/connections/{CONNECTION}/timeline")
    assert [job.status for job in connection.api.list_jobs(CONNECTION)] == ["cancelled"]


def test_a_job_of_somebody_else_is_waited_for_and_never_cancelled(
    connection: Connection, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGATE_AIRBYTE_DEADLINE_SECONDS", "1")

    with held(connection.config.warehouse):
        theirs = connection.api.trigger(CONNECTION).job.job_id
        with pytest.raises(SyncOverdue, match="left running: it is not ours to cancel"):
            carry_on(run_id)
        assert not connection.api.get_job(theirs).has_ended


def test_after_a_failed_job_of_somebody_else_comes_ours(connection: Connection, run_id: UUID) -> None:
    with held(connection.config.warehouse):
        theirs = connection.api.trigger(CONNECTION).job.job_id
        found: list[int] = []
        # Prefect's settings belong to a context; a new thread has an empty one.
        run = partial(copy_context().run, lambda: found.append(carry_on(run_id)))
        thread = threading.Thread(target=run)
        thread.start()
        while not artifacts(run_id, "progress"):
            assert thread.is_alive()
        connection.api.cancel(theirs)
    thread.join(60)

    assert found == [theirs + 1]


def test_a_job_of_ours_that_fails_ends_the_run_with_its_link(connection: Connection, run_id: UUID) -> None:
    connection.landed("create schema raw_sales; create view raw_sales.item as select 1 as a")

    with pytest.raises(JobNotSucceeded, match=r"job 1 of connection .* failed.* see http") as raised:
        carry_on(run_id)

    assert (raised.value.job_id, raised.value.status) == (1, "failed")
    assert [job.job_id for job in connection.api.list_jobs(CONNECTION)] == [1]
