"""What the answers of Airbyte's public API look like, quirks included; refuses to know where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.airbyte.jobs import SandboxJob

_PROBLEMS = {
    "bad-request": (400, "The request could not be understood."),
    "invalid-api-key": (401, "The access token is missing, unknown or expired."),
    "forbidden": (403, "You do not have the required permissions."),
    "resource-not-found": (404, "There is no such resource."),
    "try-again-later": (409, "Please try again later."),
    "state-conflict": (409, "State conflict."),
    "unprocessable-entity": (422, "The request could not be processed."),
}


class Problem(Exception):
    """A refusal in Airbyte's problem form."""

    def __init__(self, title: str, message: str) -> None:
        self.title = title
        self.message = message


async def as_problem(_: Request, problem: Exception) -> Response:
    """Starlette's handler for `Problem`; any other exception goes on as it came."""
    if not isinstance(problem, Problem):
        raise problem
    status, detail = _PROBLEMS[problem.title]
    return JSONResponse(
        {
            "status": status,
            "type": f"https://reference.airbyte.com/reference/errors#{problem.title}",
            "title": problem.title,
            "detail": detail,
            "documentationUrl": None,
            "data": {"message": problem.message},
        },
        status,
    )


def job_answer(job: SandboxJob, now: datetime) -> dict[str, Any]:
    """JobResponse: no `duration` while pending, `lastUpdatedAt` only when ended, counts once they are committed."""
    answer: dict[str, Any] = {
        "jobId": job.job_id,
        "status": job.status,
        "jobType": job.job_type,
        "startTime": offset_date_time(job.created_at),
        "connectionId": job.connection_id,
        "bytesSynced": job.bytes,
        "rowsSynced": job.rows,
    }
    if job.status != "pending":
        answer["duration"] = iso_duration((job.updated_at if job.has_ended else now) - job.created_at)
    if job.has_ended:
        answer["lastUpdatedAt"] = offset_date_time(job.updated_at)
    return answer


def refresh_answer(job: SandboxJob, namespace: str, streams: Sequence[str]) -> dict[str, Any]:
    """JobReadResponse of the Config API: times are whole seconds since the epoch."""
    return {
        "job": {
            "id": job.job_id,
            "configType": job.job_type,
            "configId": job.connection_id,
            "createdAt": int(job.created_at.timestamp()),
            "updatedAt": int(job.updated_at.timestamp()),
            "status": job.status,
            "refreshConfig": {"streamsToRefresh": [{"name": name, "namespace": namespace} for name in streams]},
        }
    }


def page_answer(url: str, query: Mapping[str, str], limit: int, offset: int, data: Sequence[Any]) -> dict[str, Any]:
    """A page of a list. Airbyte names a next page after every page that is not empty, whether or not there is one."""

    def at(where: int) -> str:
        return f"{url}?{urlencode({**query, 'limit': limit, 'offset': where})}"

    return {
        "previous": at(max(0, offset - limit)) if offset else "",
        "next": at(offset + limit) if data else "",
        "data": data,
    }


def offset_date_time(moment: datetime) -> str:
    """As Java's `OffsetDateTime.toString()`: no seconds when they are zero."""
    moment = moment.astimezone(UTC).replace(microsecond=0)
    return moment.strftime("%Y-%m-%dT%H:%MZ" if moment.second == 0 else "%Y-%m-%dT%H:%M:%SZ")


def iso_duration(length: timedelta) -> str:
    """As Java's `Duration.toString()` in whole seconds: `PT4M7S`, `PT0S`."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if value]
    return "PT" + ("".join(parts) or "0S")
