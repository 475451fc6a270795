"""Airbyte's public API, as much of it as a sync needs; refuses to start a second job where one may already run.

`POST /jobs` is not idempotent and may take the server a minute, so an answer that never came proves nothing: the newest
job of the connection tells whether one was started (public reports: airbyte-api-python-sdk#141, dagster#32390).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shelfgate.clients.airbyte.http_session import SLOW_CALL_SECONDS, AirbyteSession, Conflict, Unanswered
from shelfgate.clients.airbyte.responses import (
    Connection,
    Job,
    JobNotSucceeded,
    Note,
    SyncOverdue,
    Triggered,
    as_connection,
    as_job,
    as_jobs,
)
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, ShelfgateError

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 4
FIRST_POLL_SECONDS = 0.25
# Airbyte sheds load with a bare 429 and advises a poll every 10 to 30 s.
LONGEST_PAUSE_SECONDS = 30.0
# A call that nobody has set a deadline for does not wait longer, whatever Retry-After says.
LONGEST_RETRY_AFTER_SECONDS = 60.0
LINK_SECONDS = 10.0

Answer = TypeVar("Answer")


class AirbyteApi:
    """`base_url`: `https://api.airbyte.com/v1`, or `http://HOST/api/public/v1` on a server of one's own.

    Every call raises ConfigurationError when credentials or ids are not accepted, PermanentFailure when the request
    is refused, and ExternalServiceUnavailable when Airbyte gave no usable answer, retries included.
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
        transport: httpx.BaseTransport | None = None,
        on_retry: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._on_retry = on_retry
        self._session = AirbyteSession(
            base_url,
            client_id,
            client_secret,
            timeout_seconds=timeout_seconds,
            slow_call_seconds=slow_call_seconds,
            clock=clock,
            transport=transport,
        )
        self._name = self._session.name
        self._sleep, self._clock = sleep, clock

    def connection(self, connection_id: str) -> Connection:
        def read(answer: Any) -> Connection:
            return as_connection(answer, connection_id, self._session.web)

        return self._retried("GET", f"connections/{connection_id}", f"connection {connection_id}", read)

    def get_job(self, job_id: int) -> Job:
        return self._retried("GET", f"jobs/{job_id}", f"job {job_id}", lambda answer: as_job(answer, job_id))

    def list_jobs(self, connection_id: str, limit: int = 20) -> list[Job]:
        """The syncs of the connection, newest first."""
        query = {"connectionId": connection_id, "jobType": "sync", "limit": limit, "orderBy": "createdAt|DESC"}

        def read(answer: Any) -> list[Job]:
            return as_jobs(answer, connection_id)

        return self._retried("GET", "jobs", f"connection {connection_id}", read, params=query)

    def trigger(
        self, connection_id: str, before: Note | None = None, keep: Callable[[Note], None] = lambda _: None
    ) -> Triggered:
        """Start a sync, or adopt the one that runs.

        `keep` stores a note before a job is asked for and after; given back as `before`, it leads a later call to the
        job that an earlier one started, whatever became of that one.
        """
        link = self._need_active(connection_id).link
        jobs = self.list_jobs(connection_id, limit=5)
        usual = next((job.seconds for job in jobs if job.status == "succeeded"), None)
        if before is not None and (found := self._resumed(before, jobs)) is not None:
            return Triggered(found, ours=before.ours, fresh=True, link=link, usual_seconds=usual)
        if jobs and not jobs[0].has_ended:
            return Triggered(jobs[0], ours=False, fresh=False, link=link, usual_seconds=usual)
        fence = jobs[0].job_id if jobs else 0
        keep(Note(fence))
        job, ours = self._start(connection_id, fence)
        keep(Note(fence, job.job_id, ours))
        return Triggered(job, ours, fresh=True, link=link, usual_seconds=usual)

    def cancel(self, job_id: int, within_seconds: float = 4 * SLOW_CALL_SECONDS) -> None:
        """Cancel a job and wait until it has stopped. A job that had already ended stays as it is."""
        until = self._clock() + within_seconds
        try:
            self._retried("DELETE", f"jobs/{job_id}", f"job {job_id}", lambda answer: as_job(answer, job_id), until)
        except Conflict:
            return

    def await_job(
        self,
        job_id: int,
        deadline_seconds: float,
        on_status: Callable[[Job], None],
        *,
        on_poll: Callable[[str, float], None] = lambda *_: None,
    ) -> Job:
        """Poll until the job has succeeded; the job itself is left alone.

        `on_status` hears every change, `on_poll` what was seen at each look and how many seconds have passed. An
        Airbyte that does not answer is waited for as well: only the deadline ends that.

        Raises:
            JobNotSucceeded: it failed or was cancelled.
            SyncOverdue: it had not ended, or could not be seen, when the deadline came.
        """
        began = self._clock()
        deadline = began + deadline_seconds
        pause, status, seen, connection_id = FIRST_POLL_SECONDS, "", "nothing", ""
        while True:
            least_pause, unanswered_by = 0.0, None
            try:
                # Never under a second: at the deadline there is one last look.
                until = max(deadline, self._clock() + 1.0)
                job = as_job(self._session.send("GET", f"jobs/{job_id}", f"job {job_id}", until=until), job_id)
                connection_id = job.connection_id
                if job.status != status:
                    on_status(job)
                status = job.status
                seen = f"{status}, {job.rows_synced:,} rows" if job.rows_synced else status
                if job.has_ended:
                    return self._succeeded(job)
            except Unanswered as unanswered:
                unanswered_by = unanswered
                seen, least_pause = str(unanswered), unanswered.pause_seconds
            on_poll(seen, self._clock() - began)
            left = deadline - self._clock()
            if left <= 0:
                link = self._link(connection_id)
                raise SyncOverdue(
                    f"{self._name}, job {job_id}: not ended after {deadline_seconds:.0f} s (last seen: {seen}). {link}",
                    job_id,
                    link,
                )
            until_next = min(left, max(least_pause, pause * random.uniform(0.75, 1.25)))
            if unanswered_by is not None:
                self._on_retry(
                    f"{self._name}, job {job_id}: {seen}. The job itself may go on; next look in {until_next:.0f} s, "
                    f"given up in {left:.0f} s."
                )
            self._sleep(until_next)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _start(self, connection_id: str, fence: int) -> tuple[Job, bool]:
        """Have a job started that is newer than `fence`; also whether it is certainly ours."""
        wanted = {"connectionId": connection_id, "jobType": "sync"}
        seen, pause, refused = "", 0.0, False
        for attempt in range(ATTEMPTS):
            try:
                answer = self._session.send("POST", "jobs", f"connection {connection_id}", json=wanted)
                return as_job(answer, connection_id=connection_id, newer_than=fence), True
            except Conflict as conflict:
                refused, seen = True, str(conflict)
                self._need_active(connection_id)
            except Unanswered as unanswered:
                seen, pause = str(unanswered), unanswered.pause_seconds
            # First wait, then look: a job that was asked for may take a moment to be listed.
            wait = max(min(pause, LONGEST_RETRY_AFTER_SECONDS), _back_off(attempt))
            self._say_retry(f"connection {connection_id}", attempt, seen, wait)
            self._sleep(wait)
            newest = next(iter(self.list_jobs(connection_id, limit=1)), None)
            if newest is not None and newest.job_id > fence:
                # A refusal means that a job ran which may be anybody's, also if an earlier request of ours got lost.
                return newest, not refused
        raise ExternalServiceUnavailable(
            f"{self._name}, connection {connection_id}: no sync started in {ATTEMPTS} attempts (last: {seen}) and none "
            f"is newer than job {fence}. Nothing was landed; run again later."
        )

    def _resumed(self, note: Note, jobs: list[Job]) -> Job | None:
        """The job that the note leads to, if there is one that has succeeded or still can."""
        if note.job_id is not None:
            found = self.get_job(note.job_id)
        else:
            # The process ended between asking and noting the answer: what is newer was started since.
            found = next((job for job in jobs if job.job_id > note.fence), None)
        return found if found is not None and found.may_be_used else None

    def _need_active(self, connection_id: str) -> Connection:
        found = self.connection(connection_id)
        if found.status != "active":
            raise ConfigurationError(
                f"{self._name}, connection {connection_id} ({found.name}) is {found.status}{found.reason}; wanted: "
                f"active. No sync was started; enable it in Airbyte: {found.link}"
            )
        return found

    def _succeeded(self, job: Job) -> Job:
        if job.status == "succeeded":
            return job
        link = self._link(job.connection_id)
        raise JobNotSucceeded(
            f"{self._name}: job {job.job_id} of connection {job.connection_id} {job.status}. Its API tells no reason: "
            f"see {link}. Nothing of this sync may be used.",
            job.job_id,
            job.status,
            link,
        )

    def _link(self, connection_id: str) -> str:
        """For people: where the connection's jobs and their logs are; Airbyte itself if that cannot be asked."""
        path, until = f"connections/{connection_id}", self._clock() + LINK_SECONDS
        try:
            answer = self._session.send("GET", path, path, until=until)
            return as_connection(answer, connection_id, self._session.web).link
        except (Unanswered, ShelfgateError):
            return self._session.web

    def _retried(
        self,
        method: str,
        path: str,
        what: str,
        read: Callable[[Any], Answer],
        until: float = float("inf"),
        params: dict[str, Any] | None = None,
    ) -> Answer:
        seen, attempt = "", 0
        for attempt in range(ATTEMPTS):
            try:
                return read(self._session.send(method, path, what, until=until, params=params))
            except Unanswered as unanswered:
                seen = str(unanswered)
                pause = max(min(unanswered.pause_seconds, LONGEST_RETRY_AFTER_SECONDS), _back_off(attempt))
            if self._clock() + pause >= until:
                break
            if attempt + 1 == ATTEMPTS:
                break
            self._say_retry(what, attempt, seen, pause)
            self._sleep(pause)
        raise ExternalServiceUnavailable(
            f"{self._name}, {what}: no usable answer in {attempt + 1} attempts (last: {seen})."
        )

    def _say_retry(self, what: str, attempt: int, seen: str, pause: float) -> None:
        self._on_retry(
            f"{self._name}, {what}: {seen}, attempt {attempt + 1} of {ATTEMPTS}. Next attempt in {pause:.1f} s."
        )


def _back_off(attempt: int) -> float:
    return min(0.5 * 3**attempt, LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)
