"""What Airbyte's answers about jobs and connections mean; refuses to take anything unforeseen for an answer.

Of Airbyte's seven statuses (pending, queued, running, incomplete, failed, succeeded, cancelled) three end a job. Any
other, one that is new tomorrow included, means that it still runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

from shelfgate.clients.airbyte.http_session import Unanswered
from shelfgate.errors import ExternalServiceUnavailable, SyncFailed

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?")


class JobNotSucceeded(SyncFailed):
    """A job failed or was cancelled. `link` leads to its reason, which Airbyte's API does not tell."""

    def __init__(self, message: str, job_id: int, status: str, link: str) -> None:
        super().__init__(message)
        self.job_id, self.status, self.link = job_id, status, link


class SyncOverdue(ExternalServiceUnavailable):
    """A job had not ended when its time was up. Waiting once more is somebody's decision, not a retry's."""

    retryable = False

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


def as_job(
    answer: Any, job_id: int | None = None, connection_id: str | None = None, newer_than: int | None = None
) -> Job:
    """`job_id`, `connection_id`: those that were asked about. `newer_than`: the newest job before the one asked for.

    Raises:
        Unanswered: it is no sync, or not the one that was asked for.
    """
    if not isinstance(answer, dict):
        raise Unanswered("an answer that is no job")
    found, connection, status = answer.get("jobId"), answer.get("connectionId"), answer.get("status")
    if not (_is_number(found) and is_text(connection) and is_text(status)):
        raise Unanswered("an answer that is no job")
    if job_id is not None and found != job_id:
        raise Unanswered(f"an answer about job {found}")
    if connection_id is not None and connection != connection_id:
        raise Unanswered(f"an answer about job {found} of another connection")
    if newer_than is not None and found <= newer_than:
        raise Unanswered(f"an answer about job {found}, which is not new")
    if answer.get("jobType") != "sync":
        # A reset or a refresh that has succeeded has brought nothing that a sync would have.
        raise Unanswered(f"an answer about job {found}, which is not called a sync")
    started = answer.get("startTime")
    return Job(
        found,
        connection,
        status,
        started if isinstance(started, str) else None,
        _count(answer.get("rowsSynced")),
        _count(answer.get("bytesSynced")),
        _seconds(answer.get("duration")),
    )


def as_jobs(answer: Any, connection_id: str) -> list[Job]:
    """
    Raises:
        Unanswered: it is no list of this connection's syncs, newest first.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise Unanswered("an answer that is no list of jobs")
    jobs = [as_job(job) for job in answer["data"]]
    if any(job.connection_id != connection_id for job in jobs):
        raise Unanswered("a list of another connection's jobs")
    if any(older.job_id >= newer.job_id for newer, older in pairwise(jobs)):
        # Whoever takes the first for the newest would start a second sync beside a running one.
        raise Unanswered("a list of jobs that is not newest first")
    return jobs


def as_connection(answer: Any, connection_id: str, web: str) -> Connection:
    """`web`: where people look at Airbyte.

    Raises:
        Unanswered: it is no connection, or not the one that was asked for.
    """
    if not isinstance(answer, dict) or not all(is_text(answer.get(one)) for one in ("connectionId", "name", "status")):
        raise Unanswered("an answer that is no connection")
    if answer["connectionId"] != connection_id:
        raise Unanswered("an answer about another connection")
    reason, workspace = answer.get("statusReason"), answer.get("workspaceId")
    timeline = f"{web}/workspaces/{workspace}/connections/{connection_id}/timeline"
    return Connection(
        connection_id,
        answer["name"],
        answer["status"],
        f" ({reason})" if reason else "",
        timeline if is_text(workspace) else web,
    )


def is_text(value: Any) -> TypeGuard[str]:
    """It is a text, and not an empty one: an id or a name of Airbyte's never is."""
    return isinstance(value, str) and bool(value)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _count(value: Any) -> int | None:
    return value if _is_number(value) else None


def _seconds(value: Any) -> float | None:
    """Of a Java `Duration`, such as `PT8H6M12S`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
