"""Airbyte's public API over HTTP, in front of a sync that really moves rows; refuses every path but the vendor's own.

Written from the vendor's specification. Left out: attempts (a job that fails is not tried again, so `incomplete` never
shows), jobs that clear or refresh, and building connections.
"""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox import airbyte_sync
from sandbox.airbyte_jobs import Job, JobEnded, JobRuns, Jobs
from sandbox.airbyte_shapes import Problem, as_problem, connection_answer, job_answer, page_answer
from sandbox.airbyte_source import STREAMS

BASE_PATH = "/api/public/v1"
"""Where self-managed Airbyte has its API; part of SHELFGATE_AIRBYTE_URL."""


@dataclass(frozen=True)
class AirbyteConfig:
    """One connection, from one Postgres database to one warehouse file.

    `unknown_id_title`: a self-managed Airbyte answers an unknown connection with `resource-not-found`, Cloud with
    `forbidden`, because it cannot tell the workspace.
    """

    postgres_dsn: str
    warehouse: Path
    state_folder: Path
    client_id: str
    client_secret: str
    connection_id: str
    token_ttl_seconds: int = 900
    warehouse_wait_seconds: float = 300.0
    unknown_id_title: str = "resource-not-found"


def airbyte_app(config: AirbyteConfig) -> Starlette:
    """The stand-in as an application; its lifespan ends the job that runs.

    Raises:
        ConfigurationError: the records in the state folder cannot be read.
    """
    api = _Api(config)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(api.jobs.close)

    routes = [
        Route("/applications/token", api.token, methods=["POST"]),
        Route("/jobs", api.create_job, methods=["POST"]),
        Route("/jobs", api.list_jobs, methods=["GET"]),
        Route("/jobs/{job_id:int}", api.get_job, methods=["GET"]),
        Route("/jobs/{job_id:int}", api.cancel_job, methods=["DELETE"]),
        Route("/connections/{connection_id}", api.get_connection, methods=["GET"]),
        Route("/connections/{connection_id}", api.patch_connection, methods=["PATCH"]),
    ]
    return Starlette(
        routes=[Mount(BASE_PATH, routes=routes)], lifespan=lifespan, exception_handlers={Problem: as_problem}
    )


class _Tokens:
    """Access tokens, in memory: after a restart every client has to ask again, as after an expiry."""

    def __init__(self, config: AirbyteConfig) -> None:
        self._config = config
        self._valid_until: dict[str, float] = {}

    def issue(self, client_id: str, client_secret: str) -> str | None:
        """A new token; None for somebody unknown."""
        known = hmac.compare_digest(client_id.encode(), self._config.client_id.encode())
        proven = hmac.compare_digest(client_secret.encode(), self._config.client_secret.encode())
        if not (known and proven):
            return None
        now = time.monotonic()
        self._valid_until = {token: until for token, until in self._valid_until.items() if until > now}
        token = secrets.token_urlsafe(32)
        self._valid_until[token] = now + self._config.token_ttl_seconds
        return token

    def check(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._valid_until.get(token, 0.0) <= time.monotonic():
            raise Problem("invalid-api-key", "Ask for an access token at /applications/token.")


class _Api:
    def __init__(self, config: AirbyteConfig) -> None:
        config.state_folder.mkdir(parents=True, exist_ok=True)
        self._config = config
        self._tokens = _Tokens(config)
        self._status = "active"
        streams_file = config.state_folder / "airbyte_streams.json"
        route = airbyte_sync.Route(config.postgres_dsn, config.warehouse, streams_file, config.warehouse_wait_seconds)
        self.jobs = Jobs(config.state_folder / "airbyte_jobs.json", route, now=_now)

    async def token(self, request: Request) -> Response:
        given = await _form_or_json(request)
        token = self._tokens.issue(str(given.get("client_id")), str(given.get("client_secret")))
        if token is None:
            return JSONResponse({"errorId": str(uuid.uuid4())}, 401)
        life = self._config.token_ttl_seconds
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": life})

    async def create_job(self, request: Request) -> Response:
        self._tokens.check(request)
        wanted = await _json_object(request)
        if wanted.get("jobType") == "refresh":
            raise Problem("unprocessable-entity", "Refreshes are not supported in the public API")
        if wanted.get("jobType") != "sync":
            raise Problem("unprocessable-entity", "This stand-in runs jobs of the type sync only.")
        self._check_connection(wanted.get("connectionId"))
        if self._status != "active":
            raise Problem("state-conflict", "Could not fulfill request")
        try:
            job = self.jobs.start(self._config.connection_id)
        except JobRuns:
            raise Problem("try-again-later", f"A sync is already running for: {self._config.connection_id}") from None
        return JSONResponse(job_answer(job, _now()))

    async def list_jobs(self, request: Request) -> Response:
        self._tokens.check(request)
        query = request.query_params
        limit, offset = _number(query, "limit", 20), _number(query, "offset", 0)
        if not 1 <= limit <= 100 or offset < 0:
            raise Problem("bad-request", "limit: wanted 1 to 100; offset: wanted 0 or more.")
        field, _, direction = query.get("orderBy", "createdAt|DESC").partition("|")
        if field not in ("createdAt", "updatedAt") or direction not in ("ASC", "DESC"):
            raise Problem("bad-request", "orderBy: wanted createdAt or updatedAt, a bar, ASC or DESC.")

        def age(job: Job) -> tuple[datetime, int]:
            return (job.created_at if field == "createdAt" else job.updated_at), job.job_id

        wanted = {
            "connectionId": query.get("connectionId"),
            "jobType": query.get("jobType"),
            "status": query.get("status"),
        }
        answers = [job_answer(job, _now()) for job in sorted(self.jobs.all(), key=age, reverse=direction == "DESC")]
        found = [answer for answer in answers if all(answer[key] == value for key, value in wanted.items() if value)]
        page = found[offset : offset + limit]
        return JSONResponse(page_answer(str(request.url.replace(query="")), query, limit, offset, page))

    async def get_job(self, request: Request) -> Response:
        self._tokens.check(request)
        return JSONResponse(job_answer(self._job(request), _now()))

    async def cancel_job(self, request: Request) -> Response:
        self._tokens.check(request)
        job = self._job(request)
        try:
            # As Airbyte does, this waits until the job has stopped.
            stopped = await run_in_threadpool(self.jobs.cancel, job.job_id)
        except JobEnded:
            raise Problem("state-conflict", "Job is not currently running") from None
        return JSONResponse(job_answer(stopped, _now()))

    async def get_connection(self, request: Request) -> Response:
        self._tokens.check(request)
        self._check_connection(request.path_params["connection_id"])
        return JSONResponse(connection_answer(self._config.connection_id, self._status, STREAMS))

    async def patch_connection(self, request: Request) -> Response:
        """Only the status can be changed, and only until the stand-in ends."""
        self._tokens.check(request)
        self._check_connection(request.path_params["connection_id"])
        changes = await _json_object(request)
        if set(changes) != {"status"} or changes["status"] not in ("active", "inactive", "deprecated"):
            raise Problem("bad-request", "This stand-in changes the status only: active, inactive or deprecated.")
        self._status = changes["status"]
        return await self.get_connection(request)

    def _check_connection(self, connection_id: Any) -> None:
        if connection_id != self._config.connection_id:
            raise Problem(self._config.unknown_id_title, f"Could not find a connection with id {connection_id}.")

    def _job(self, request: Request) -> Job:
        job_id = request.path_params["job_id"]
        job = self.jobs.get(job_id)
        if job is None:
            raise Problem("resource-not-found", f"Could not find a job with id {job_id}.")
        return job


def _now() -> datetime:
    return datetime.now(UTC)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise Problem("bad-request", f"{name}: wanted a whole number.") from None


async def _form_or_json(request: Request) -> dict[str, Any]:
    """The token endpoint takes both: the vendor's SDK sends a form, everybody else JSON."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl((await request.body()).decode(errors="replace")))
    return await _json_object(request)


async def _json_object(request: Request) -> dict[str, Any]:
    try:
        found = await request.json()
    except ValueError:
        raise Problem("bad-request", "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Problem("bad-request", "The body is not a JSON object.")
    return found
