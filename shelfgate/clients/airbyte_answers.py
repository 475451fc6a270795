"""What Airbyte's answers about jobs and connections mean; refuses to take anything unforeseen for an answer.

Of Airbyte's seven statuses (pending, queued, running, incomplete, failed, succeeded, cancelled) three end a job. Any
other, one that is new tomorrow included, means that it still runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from shelfgate.clients.airbyte_session import Unanswered
from shelfgate.errors import OutsideWorldGaveUp, SyncFailed

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")


class JobNotSucceeded(SyncFailed):
    """A job failed or was cancelled. `link` leads to its reason, which Airbyte's API does not tell."""

    def __init__(self, message: str, job_id: int, status: str, link: str) -> None:
        super().__init__(message)
        self.job_id, self.status, self.link = job_id, status, link


class SyncOverdue(OutsideWorldGaveUp):
    """A job had not ended when its time was up. Waiting once more is somebody's decision, not a retry's."""

    worth_a_retry = False

    def __init__(self, message: str, job_id: int, link: str) -> None:
        super().__init__(message)
        self.job_id, self.link = job_id, link


@dataclass(frozen=True)
class Job:
    """A sync as Airbyte tells it.

    `rows_synced` counts rows moved, not rows gained, and may be missing on a good sync.
    """

    job_id: int
    connection_id: str
    status: str
    started_at: str | None = None
    rows_synced: int | None = None
    bytes_synced: int | None = None
    seconds: float | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def may_be_used(self) -> bool:
        """It has succeeded, or still can."""
        return not self.has_ended or self.status == "succeeded"


@dataclass(frozen=True)
class Note:
    """What is written down before a job is asked for and after: whoever comes back finds what was started.

    `fence`: the newest job before ours. `job_id`: the one to wait for, once it is known.
    """

    fence: int
    job_id: int | None = None
    ours: bool = False


@dataclass(frozen=True)
class Triggered:
    """A job to wait for.

    One that is not `ours` was started by somebody else, or may have been: it is not ours to cancel. One that is not
    `fresh` began before we asked: it may have read a table before the rows were there that we want.
    """

    job: Job
    ours: bool
    fresh: bool
    link: str
    usual_seconds: float | None = None


@dataclass(frozen=True)
class Connection:
    """`status`: active, inactive, deprecated or locked; only an active one can sync."""

    connection_id: str
    name: str
    status: str
    reason: str
    link: str


def as_job(answer: Any, job_id: int | None = None) -> Job:
    """
    Raises:
        Unanswered: it is no job, or not the one that was asked for.
    """
    if not isinstance(answer, dict):
        raise Unanswered("an answer that is no job")
    found, connection, status = answer.get("jobId"), answer.get("connectionId"), answer.get("status")
    if not (isinstance(found, int) and isinstance(connection, str) and isinstance(status, str)):
        raise Unanswered("an answer that is no job")
    if job_id is not None and found != job_id:
        raise Unanswered(f"an answer about job {found}")
    return Job(
        found,
        connection,
        status,
        answer.get("startTime"),
        _count(answer.get("rowsSynced")),
        _count(answer.get("bytesSynced")),
        _seconds(answer.get("duration")),
    )


def as_jobs(answer: Any, connection_id: str) -> list[Job]:
    """
    Raises:
        Unanswered: it is no list of this connection's jobs.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise Unanswered("an answer that is no list of jobs")
    jobs = [as_job(job) for job in answer["data"]]
    if any(job.connection_id != connection_id for job in jobs):
        raise Unanswered("a list of another connection's jobs")
    return jobs


def as_connection(answer: Any, web: str) -> Connection:
    """`web`: where people look at Airbyte.

    Raises:
        Unanswered: it is no connection.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        raise Unanswered("an answer that is no connection")
    reason, connection_id = answer.get("statusReason"), str(answer.get("connectionId"))
    return Connection(
        connection_id,
        str(answer.get("name")),
        answer["status"],
        f" ({reason})" if reason else "",
        f"{web}/workspaces/{answer.get('workspaceId')}/connections/{connection_id}/timeline",
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _seconds(value: Any) -> float | None:
    """Of a Java `Duration`, such as `PT8H6M12S`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
