"""Our Airbyte client against a stand-in whose answers get lost, come late or make no sense: never two jobs, never a
sync called good that Airbyte did not call succeeded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.airbyte.api_server import BASE_PATH, airbyte_app
from shelfgate.clients.airbyte.api import AirbyteApi
from shelfgate.clients.airbyte.responses import Job
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure, SyncFailed
from tests.contract.airbyte.airbyte_connection import CONNECTION, configured
from tests.contract.serving import served

# No test here needs a row: a job that finds no source fails at once, and counts as a job.
NO_SOURCE = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


@dataclass
class Fault:
    """What happens to the next request of its kind.

    `carried_out`: the stand-in does it, and only its answer is lost; `late_by` seconds; `changed` goes into a good one.
    """

    method: str
    path: str
    status: int = 0
    body: str = "<html>no</html>"
    headers: dict[str, str] = field(default_factory=dict)
    carried_out: bool = False
    late_by: float = 0.0
    changed: dict[str, Any] | None = None


class Faulty:
    """The stand-in behind a network that does what the script says, one fault a request; then it behaves."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.script: list[Fault] = []
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(BASE_PATH)
        self.seen.append(f"{scope['method']} {path}")
        fault = next((f for f in self.script if f.method == scope["method"] and path.startswith(f.path)), None)
        if fault is None:
            await self._app(scope, receive, send)
            return
        self.script.remove(fault)
        answer = _Answer()
        if fault.carried_out or fault.changed is not None:
            await self._app(scope, receive, answer)
        await asyncio.sleep(fault.late_by)
        status, headers, body = fault.status, fault.headers, fault.body.encode()
        if fault.changed is not None:
            status, body = answer.status, json.dumps({**json.loads(answer.body), **fault.changed}).encode()
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def count(self, request: str) -> int:
        return sum(seen.startswith(request) for seen in self.seen)


class _Answer:
    """Keeps an answer that the caller does not get."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


class World:
    """A client with a clock of its own, which only sleeping moves."""

    def __init__(self, faulty: Faulty, address: str) -> None:
        self.faulty = faulty
        self.now = 0.0
        self.slept: list[float] = []
        self.statuses: list[str] = []
        self.api = AirbyteApi(
            address + BASE_PATH,
            "shop",
            "shop-secret",
            timeout_seconds=5,
            slow_call_seconds=0.5,
            sleep=self.sleep,
            clock=lambda: self.now,
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def await_job(self, job_id: int, deadline_seconds: float = 3600) -> Job:
        return self.api.await_job(job_id, deadline_seconds, lambda job: self.statuses.append(job.status))

    def is_told(self, *statuses: str) -> None:
        """What the next looks at a job will see."""
        self.faulty.script += [Fault("GET", "/jobs/", changed={"status": status}) for status in statuses]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    faulty = Faulty(airbyte_app(configured(NO_SOURCE, tmp_path)))
    with served(faulty) as address:
        yield World(faulty, address)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/jobs", late_by=0.8, carried_out=True, status=200),
        Fault("POST", "/jobs", status=500, carried_out=True),
        Fault("POST", "/jobs", status=504, carried_out=True),
        Fault("POST", "/jobs", status=200, carried_out=True),
        Fault("POST", "/jobs", status=200, body="{}", carried_out=True),
    ],
    ids=["too late", "500", "504 of a proxy", "a page", "no job in it"],
)
def test_a_job_whose_answer_got_lost_is_adopted_as_ours(world: World, fault: Fault) -> None:
    world.faulty.script = [fault]

    triggered = world.api.trigger(CONNECTION)

    assert (triggered.job.job_id, triggered.ours) == (1, True)
    assert world.faulty.count("POST /jobs") == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_job_that_was_not_started_is_asked_for_again(world: World, status: int) -> None:
    world.faulty.script = [Fault("POST", "/jobs", status=status), Fault("POST", "/jobs", status=status)]

    triggered = world.api.trigger(CONNECTION)

    assert (triggered.job.job_id, triggered.ours) == (1, True)
    assert world.faulty.count("POST /jobs") == 3
    assert len(world.api.list_jobs(CONNECTION)) == 1


def test_an_airbyte_that_starts_nothing_is_given_up_with_what_was_seen(world: World) -> None:
    world.faulty.script = [Fault("POST", "/jobs", status=503, body='{"message": "no room"}') for _ in range(9)]

    with pytest.raises(
        ExternalServiceUnavailable, match=rf"connection {CONNECTION}: no sync started in 4 .* 503 no room"
    ):
        world.api.trigger(CONNECTION)

    assert world.api.list_jobs(CONNECTION) == []


def test_a_job_that_somebody_started_between_our_two_calls_is_adopted_as_theirs(world: World) -> None:
    running = {"data": [{"jobId": 12, "connectionId": CONNECTION, "status": "running", "jobType": "sync"}]}
    world.faulty.script = [
        Fault("GET", "/jobs", changed={"data": []}),
        Fault("POST", "/jobs", status=409, body='{"title": "try-again-later"}'),
        Fault("GET", "/jobs", changed=running),
    ]

    triggered = world.api.trigger(CONNECTION)

    assert (triggered.job.job_id, triggered.ours) == (12, False)


def test_only_three_statuses_end_a_job(world: World) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    told = ("pending", "queued", "running", "incomplete", "running", "new-in-2027", "succeeded")
    world.is_told(*told)

    job = world.await_job(job_id)

    assert tuple(world.statuses) == told
    assert job.status == "succeeded"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_did_not_succeed_is_named(world: World, status: str) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    world.is_told("running", status)

    with pytest.raises(SyncFailed, match=f"job {job_id} of connection {CONNECTION} {status}"):
        world.await_job(job_id)


def test_an_airbyte_that_stumbles_while_we_wait_fails_no_sync(world: World) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    world.faulty.script = [
        Fault("GET", "/jobs/", status=429, body='{"message": "You are being rate limited."}'),
        Fault("GET", "/jobs/", status=200),
        Fault("GET", "/jobs/", status=200, body="{}"),
        Fault("GET", "/jobs/", status=200, body="[]"),
        Fault("GET", "/jobs/", status=401, body="{}"),
        *[Fault("GET", "/jobs/", status=502) for _ in range(20)],
    ]
    world.is_told("succeeded")

    assert world.await_job(job_id).status == "succeeded"
    assert world.faulty.count("POST /applications/token") == 2


def test_polls_begin_quick_and_get_slow(world: World) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    world.is_told(*["running"] * 20, "succeeded")
    world.slept.clear()

    world.await_job(job_id)

    assert 0.18 < world.slept[0] < 0.32
    assert 22 < world.slept[-1] < 38


def test_a_job_that_never_ends_is_given_up_at_the_deadline_and_left_alone(world: World) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    world.is_told(*["running"] * 60)

    with pytest.raises(
        ExternalServiceUnavailable, match=rf"job {job_id}: not ended after 600 s \(last seen: running\)"
    ):
        world.await_job(job_id, deadline_seconds=600)

    assert world.now == pytest.approx(600)
    assert world.faulty.count("DELETE") == 0


@pytest.mark.parametrize(("told", "pause"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("86400", 60.0)])
def test_a_server_that_says_when_to_come_back_is_obeyed_within_reason(world: World, told: str, pause: float) -> None:
    world.faulty.script = [Fault("GET", "/jobs", status=429, headers={"retry-after": told})]

    world.api.list_jobs(CONNECTION)

    assert max(world.slept) >= pause
    assert max(world.slept) <= max(pause, 1)


def test_a_token_that_is_refused_even_when_new_is_a_configuration_error(world: World) -> None:
    world.faulty.script = [Fault("GET", "/jobs", status=401, body="{}") for _ in range(2)]

    with pytest.raises(ConfigurationError, match="a new access token was not accepted"):
        world.api.list_jobs(CONNECTION)


def test_a_token_is_used_until_a_minute_before_its_end(world: World) -> None:
    for moment in (0.0, 839.0, 841.0):
        world.now = moment
        world.api.list_jobs(CONNECTION)

    assert world.faulty.count("POST /applications/token") == 2


def test_a_refusal_is_final(world: World) -> None:
    world.faulty.script = [Fault("POST", "/jobs", status=422, body='{"data": {"message": "not this one"}}')]

    with pytest.raises(PermanentFailure, match="422 not this one"):
        world.api.trigger(CONNECTION)

    assert world.faulty.count("POST /jobs") == 1


def test_nobody_there_is_given_up(world: World) -> None:
    api = AirbyteApi("http://127.0.0.1:1/api/public/v1", "shop", "shop-secret", sleep=world.sleep)

    with pytest.raises(ExternalServiceUnavailable, match=r"no usable answer in 4 attempts \(last: ConnectError\)"):
        api.trigger(CONNECTION)


def test_each_retry_says_where_which_attempt_and_when_next(world: World) -> None:
    said: list[str] = []
    api = AirbyteApi("http://127.0.0.1:1/api/public/v1", "shop", "shop-secret", sleep=world.sleep, on_retry=said.append)

    with pytest.raises(ExternalServiceUnavailable, match=r"Airbyte at 127\.0\.0\.1:1, connection .*: no usable answer"):
        api.trigger(CONNECTION)

    assert [line.partition(". Next attempt in ")[0] for line in said] == [
        f"Airbyte at 127.0.0.1:1, connection {CONNECTION}: ConnectError, attempt {attempt} of 4"
        for attempt in (1, 2, 3)
    ]
    assert [float(line.rpartition(" in ")[2].removesuffix(" s.")) for line in said] == pytest.approx(
        world.slept, abs=0.06
    )


def test_a_job_that_cannot_be_looked_at_is_said(world: World) -> None:
    job_id = world.api.trigger(CONNECTION).job.job_id
    said: list[str] = []
    world.api._on_retry = said.append
    world.is_told(*["running"] * 60)
    world.faulty.script.insert(0, Fault("GET", f"/jobs/{job_id}", status=503))

    with pytest.raises(ExternalServiceUnavailable):
        world.await_job(job_id, deadline_seconds=60)

    (line,) = said
    assert f"job {job_id}: 503" in line
    assert "The job itself may go on; next look in" in line
    assert "given up in" in line
