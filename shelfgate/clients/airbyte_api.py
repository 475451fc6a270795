"""Airbyte's public API, as much of it as a sync needs; refuses to start a second job where one may already run.

`POST /jobs` is not idempotent and may take the server a minute, so an answer that never came proves nothing: the newest
job of the connection tells whether one was started (public reports: airbyte-api-python-sdk#141, dagster#32390).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from shelfgate.clients.airbyte_session import SLOW_CALL_SECONDS, AirbyteSession, Conflict, Unanswered
from shelfgate.errors import ConfigurationError, OutsideWorldGaveUp, SyncFailed

ATTEMPTS = 4
FIRST_POLL_SECONDS = 0.25
# Airbyte sheds load with a bare 429 and advises a poll every 10 to 30 s.
LONGEST_PAUSE_SECONDS = 30.0
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Job:
    """A sync as Airbyte tells it. Any status that is not terminal, known to us or not, means that it still runs.

    `rows_synced` counts rows moved, not rows gained, and may be missing on a good sync.
    """

    job_id: int
    connection_id: str
    status: str
    started_at: str | None = None
    rows_synced: int | None = None
    bytes_synced: int | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True)
class Triggered:
    """A job to wait for. One that is not `ours` was started by somebody else: it is not ours to cancel, and it may
    have begun to read before the rows were there that we want."""

    job: Job
    ours: bool


@dataclass(frozen=True)
class Connection:
    """`status`: active, inactive, deprecated or locked; only an active one can sync."""

    connection_id: str
    name: str
    status: str
    reason: str


class AirbyteApi:
    """`base_url` is the API's: `https://api.airbyte.com/v1`, or `http://HOST/api/public/v1` on a server of one's own.

    Every call raises ConfigurationError when credentials or ids are not accepted, PermanentFailure when the request
    is refused, and OutsideWorldGaveUp when Airbyte gave no usable answer, retries included.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        timeout_seconds: float = 30.0,
        slow_call_seconds: float = SLOW_CALL_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = AirbyteSession(
            base_url,
            client_id,
            client_secret,
            timeout_seconds=timeout_seconds,
            slow_call_seconds=slow_call_seconds,
            clock=clock,
        )
        self._name = self._session.name
        self._sleep = sleep
        self._clock = clock

    def connection(self, connection_id: str) -> Connection:
        return self._retried("GET", f"connections/{connection_id}", f"connection {connection_id}", _as_connection)

    def get_job(self, job_id: int) -> Job:
        return self._retried("GET", f"jobs/{job_id}", f"job {job_id}", _as_job)

    def list_jobs(self, connection_id: str, limit: int = 20) -> list[Job]:
        """The syncs of the connection, newest first."""
        query = {"connectionId": connection_id, "jobType": "sync", "limit": limit, "orderBy": "createdAt|DESC"}
        return self._retried("GET", "jobs", f"connection {connection_id}", _as_jobs, params=query)

    def trigger(self, connection_id: str) -> Triggered:
        """Start a sync, or adopt the one that runs; call it again after a crash and it finds what it started."""
        self._need_active(connection_id)
        newest = self._newest(connection_id)
        if newest is not None and not newest.has_ended:
            return Triggered(newest, ours=False)
        fence = newest.job_id if newest is not None else 0
        wanted = {"connectionId": connection_id, "jobType": "sync"}
        seen, pause = "", 0.0
        for attempt in range(ATTEMPTS):
            try:
                created = self._session.send("POST", "jobs", f"connection {connection_id}", json=wanted)
                return Triggered(_as_job(created), ours=True)
            except Conflict as conflict:
                ours, seen = False, str(conflict)
                self._need_active(connection_id)
            except Unanswered as unanswered:
                ours, seen, pause = True, str(unanswered), unanswered.pause_seconds
            # First wait, then look: a job that was asked for may take a moment to be listed.
            self._sleep(max(pause, _back_off(attempt)))
            newest = self._newest(connection_id)
            if newest is not None and newest.job_id > fence:
                return Triggered(newest, ours=ours)
        raise OutsideWorldGaveUp(
            f"{self._name}, connection {connection_id}: no sync started in {ATTEMPTS} attempts (last: {seen}) and none "
            f"is newer than job {fence}. Nothing was landed; run again later."
        )

    def cancel(self, job_id: int) -> None:
        """Cancel a job and wait until it has stopped. A job that had already ended stays as it is."""
        try:
            self._retried("DELETE", f"jobs/{job_id}", f"job {job_id}", _as_job)
        except Conflict:
            return

    def await_job(
        self,
        job_id: int,
        deadline_seconds: float,
        on_status: Callable[[Job], None],
        *,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> Job:
        """Poll until the job has succeeded; `on_status` hears every change. The job itself is left alone.

        An Airbyte that does not answer is waited for as well: only the deadline ends that.

        Raises:
            SyncFailed: it failed or was cancelled.
            OutsideWorldGaveUp: it had not ended, or could not be seen, when the deadline came.
        """
        sleep, clock = sleep or self._sleep, clock or self._clock
        deadline = clock() + deadline_seconds
        pause, status, seen = FIRST_POLL_SECONDS, "", ""
        while True:
            least_pause = 0.0
            try:
                job = _as_job(self._session.send("GET", f"jobs/{job_id}", f"job {job_id}"))
                if job.status != status:
                    on_status(job)
                status = seen = job.status
                if job.has_ended:
                    return _succeeded(job, self._name)
            except Unanswered as unanswered:
                seen, least_pause = str(unanswered), unanswered.pause_seconds
            left = deadline - clock()
            if left <= 0:
                raise OutsideWorldGaveUp(
                    f"{self._name}, job {job_id}: not ended after {deadline_seconds:.0f} s (last seen: {seen}). "
                    "It was left running; run again to wait for it."
                )
            sleep(min(left, max(least_pause, pause * random.uniform(0.75, 1.25))))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _need_active(self, connection_id: str) -> None:
        found = self.connection(connection_id)
        if found.status != "active":
            raise ConfigurationError(
                f"{self._name}, connection {connection_id} ({found.name}) is {found.status}{found.reason}; wanted: "
                "active. No sync was started; enable it in Airbyte."
            )

    def _newest(self, connection_id: str) -> Job | None:
        return next(iter(self.list_jobs(connection_id, limit=1)), None)

    def _retried(
        self, method: str, path: str, what: str, read: Callable[[Any], Answer], params: dict[str, Any] | None = None
    ) -> Answer:
        seen = ""
        for attempt in range(ATTEMPTS):
            try:
                return read(self._session.send(method, path, what, params=params))
            except Unanswered as unanswered:
                seen = str(unanswered)
                self._sleep(max(unanswered.pause_seconds, _back_off(attempt)))
        raise OutsideWorldGaveUp(f"{self._name}, {what}: no usable answer in {ATTEMPTS} attempts (last: {seen}).")


def _as_job(answer: Any) -> Job:
    try:
        return Job(
            int(answer["jobId"]),
            str(answer["connectionId"]),
            str(answer["status"]),
            answer.get("startTime"),
            answer.get("rowsSynced"),
            answer.get("bytesSynced"),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Unanswered("an answer that is no job") from None


def _as_jobs(answer: Any) -> list[Job]:
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise Unanswered("an answer that is no list of jobs")
    return [_as_job(job) for job in answer["data"]]


def _as_connection(answer: Any) -> Connection:
    if not isinstance(answer, dict) or "status" not in answer:
        raise Unanswered("an answer that is no connection")
    reason = answer.get("statusReason")
    return Connection(
        str(answer.get("connectionId")),
        str(answer.get("name")),
        str(answer["status"]),
        f" ({reason})" if reason else "",
    )


def _succeeded(job: Job, airbyte: str) -> Job:
    if job.status != "succeeded":
        raise SyncFailed(
            f"{airbyte}: job {job.job_id} of connection {job.connection_id} {job.status}. Its API tells no reason: see "
            "the connection's timeline in Airbyte. Nothing of this sync may be used."
        )
    return job


def _back_off(attempt: int) -> float:
    return min(0.5 * 3**attempt, LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)
