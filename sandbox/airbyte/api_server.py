"""Airbyte's public API over HTTP, in front of a sync that really moves rows; refuses every path but the vendor's own.

Written from the vendor's specification. Left out: attempts (a job that fails is not tried again, so `incomplete` never
shows), jobs that clear, schedules, and taking sources, destinations and connections away. As at the vendor's, a refresh
is no job of the public API: it is asked for at the Config API of a server of one's own, as its interface does. One that
is asked for while a job runs is refused here; Airbyte keeps it for its next job.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sandbox.airbyte import sync
from sandbox.airbyte.declared_environment import declared_environment
from sandbox.airbyte.jobs import JobEnded, JobRuns, Jobs, SandboxJob
from sandbox.airbyte.landing import RefreshMode
from sandbox.airbyte.requests import form_or_json, json_object, page
from sandbox.airbyte.response_shapes import Problem, as_problem, job_answer, refresh_answer
from sandbox.airbyte.source import SCHEMA
from sandbox.airbyte.tokens import Tokens
from sandbox.airbyte.workspace_registry import Record, Registry, shown
from sandbox.loopback import FOR_THIS_MACHINE

if TYPE_CHECKING:
    from sandbox.airbyte.snowflake_destination import SnowflakeDestination

BASE_PATH = "/api/public/v1"
"""Where self-managed Airbyte has its API; part of SHELFGATE_AIRBYTE_URL."""
CONFIG_PATH = "/api/v1"
"""Where it has its Config API, of which the stand-in knows the refresh only."""


@dataclass(frozen=True)
class AirbyteConfig:
    """One workspace with one connection to begin with, from one Postgres database; all land in one warehouse.

    `account`: where rows land instead of the warehouse file.

    `unknown_id_title`: a self-managed Airbyte answers an unknown connection with `resource-not-found`, Cloud with
    `forbidden`, because it cannot tell the workspace.
    """

    postgres_dsn: str
    warehouse: Path
    state_folder: Path
    client_id: str
    client_secret: str
    connection_id: str
    account: SnowflakeDestination | None = None
    token_ttl_seconds: int = 900
    warehouse_wait_seconds: float = 300.0
    unknown_id_title: str = "resource-not-found"
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def workspace_id(self) -> str:
        return workspace_of(self.connection_id)


def workspace_of(connection_id: str) -> str:
    """The workspace's id is made from the connection's: it stays the same where that does."""
    return str(uuid.uuid5(uuid.UUID(connection_id), "workspace"))


def airbyte_app(config: AirbyteConfig, jobs: Jobs | None = None) -> Starlette:
    """The stand-in as an application; its lifespan ends the job that runs. `jobs`: others than those that move rows.

    Raises:
        ConfigurationError: the records in the state folder cannot be read.
    """
    api = _AirbyteServer(config, jobs)

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
        *[route for kind in ("source", "destination", "connection") for route in api.routes_of(kind)],
    ]
    return Starlette(
        routes=[
            Mount(BASE_PATH, routes=routes),
            Route(f"{CONFIG_PATH}/connections/refresh", api.refresh, methods=["POST"]),
        ],
        lifespan=lifespan,
        middleware=[FOR_THIS_MACHINE],
        exception_handlers={Problem: as_problem},
    )


class _AirbyteServer:
    def __init__(self, config: AirbyteConfig, jobs: Jobs | None) -> None:
        config.state_folder.mkdir(parents=True, exist_ok=True)
        self._config = config
        self._tokens = Tokens(config.client_id, config.client_secret, config.token_ttl_seconds, config.clock)
        self._registry = Registry(config.workspace_id, config.unknown_id_title, config.now)
        self._registry.seed(declared_environment(config.postgres_dsn), config.connection_id)
        self.jobs = jobs or Jobs(config.state_folder / "airbyte_jobs.json", self._route, now=config.now)

    def routes_of(self, kind: str) -> list[Route]:
        one = f"/{kind}s/{{{kind}_id}}"

        async def create(request: Request) -> Response:
            self._tokens.check(request)
            return JSONResponse(shown(self._registry.create(kind, await json_object(request))))

        async def get(request: Request) -> Response:
            self._tokens.check(request)
            return JSONResponse(shown(self._registry.get(kind, request.path_params[f"{kind}_id"])))

        async def patch(request: Request) -> Response:
            self._tokens.check(request)
            body = await json_object(request)
            return JSONResponse(shown(self._registry.patch(kind, request.path_params[f"{kind}_id"], body)))

        async def list_(request: Request) -> Response:
            self._tokens.check(request)
            wanted = request.query_params.getlist("workspaceIds")
            if any(workspace != self._config.workspace_id for workspace in wanted):
                raise Problem("forbidden", "You may not read this workspace.")
            return page(request, [shown(record) for record in self._registry.all(kind)])

        return [
            Route(f"/{kind}s", create, methods=["POST"]),
            Route(f"/{kind}s", list_, methods=["GET"]),
            Route(one, get, methods=["GET"]),
            Route(one, patch, methods=["PATCH"]),
        ]

    def _route(self, connection_id: str) -> sync.Route:
        """What a job of the connection has to do, as the connection is now."""
        connection = self._registry.get("connection", connection_id)
        mark = "" if connection_id == self._config.connection_id else f"_{connection_id}"
        return sync.Route(
            self._registry.dsn(connection),
            self._config.account or self._config.warehouse,
            self._config.state_folder / f"airbyte_streams{mark}.json",
            self._config.warehouse_wait_seconds,
            self._registry.streams(connection),
        )

    async def token(self, request: Request) -> Response:
        given = await form_or_json(request)
        token = self._tokens.issue(str(given.get("client_id")), str(given.get("client_secret")))
        if token is None:
            return JSONResponse({"errorId": str(uuid.uuid4())}, 401)
        life = self._config.token_ttl_seconds
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": life})

    async def create_job(self, request: Request) -> Response:
        self._tokens.check(request)
        wanted = await json_object(request)
        if wanted.get("jobType") == "refresh":
            raise Problem("unprocessable-entity", "Refreshes are not supported in the public API")
        if wanted.get("jobType") != "sync":
            raise Problem("unprocessable-entity", "This stand-in runs jobs of the type sync only.")
        connection: Record = self._registry.get("connection", wanted.get("connectionId"))
        return JSONResponse(job_answer(self._started(connection), self._config.now()))

    async def refresh(self, request: Request) -> Response:
        """Without streams, all of the connection's are refreshed."""
        self._tokens.check(request)
        wanted = await json_object(request)
        mode = wanted.get("refreshMode")
        if mode not in get_args(RefreshMode):
            raise Problem("unprocessable-entity", f"refreshMode: expected one of {get_args(RefreshMode)}.")
        connection: Record = self._registry.get("connection", wanted.get("connectionId"))
        known = [stream.name for stream in self._registry.streams(connection)]
        named = [str(one.get("streamName")) for one in wanted.get("streams") or []] or known
        if unknown := set(named) - set(known):
            raise Problem("unprocessable-entity", f"Not a stream of this connection: {', '.join(sorted(unknown))}.")
        refreshed: dict[str, RefreshMode] = dict.fromkeys(named, "Merge" if mode == "Merge" else "Truncate")
        job = self._started(connection, refreshed)
        return JSONResponse(refresh_answer(job, SCHEMA, named))

    def _started(self, connection: Record, refreshed: Mapping[str, RefreshMode] | None = None) -> SandboxJob:
        connection_id = connection["connectionId"]
        if connection["status"] != "active":
            raise Problem("state-conflict", "Could not fulfill request")
        try:
            return self.jobs.start(connection_id, refreshed)
        except JobRuns:
            raise Problem("try-again-later", f"A sync is already running for: {connection_id}") from None

    async def list_jobs(self, request: Request) -> Response:
        self._tokens.check(request)
        query = request.query_params
        field, _, direction = query.get("orderBy", "createdAt|DESC").partition("|")
        if field not in ("createdAt", "updatedAt") or direction not in ("ASC", "DESC"):
            raise Problem("bad-request", "orderBy: wanted createdAt or updatedAt, a bar, ASC or DESC.")

        def age(job: SandboxJob) -> tuple[datetime, int]:
            return (job.created_at if field == "createdAt" else job.updated_at), job.job_id

        wanted = {
            "connectionId": query.get("connectionId"),
            "jobType": query.get("jobType"),
            "status": query.get("status"),
        }
        answers = [
            job_answer(job, self._config.now()) for job in sorted(self.jobs.all(), key=age, reverse=direction == "DESC")
        ]
        found = [answer for answer in answers if all(answer[key] == value for key, value in wanted.items() if value)]
        return page(request, found)

    async def get_job(self, request: Request) -> Response:
        self._tokens.check(request)
        return JSONResponse(job_answer(self._job(request), self._config.now()))

    async def cancel_job(self, request: Request) -> Response:
        self._tokens.check(request)
        job = self._job(request)
        try:
            # As Airbyte does, this waits until the job has stopped.
            stopped = await run_in_threadpool(self.jobs.cancel, job.job_id)
        except JobEnded:
            raise Problem("state-conflict", "Job is not currently running") from None
        return JSONResponse(job_answer(stopped, self._config.now()))

    def _job(self, request: Request) -> SandboxJob:
        job_id = request.path_params["job_id"]
        job = self.jobs.get(job_id)
        if job is None:
            raise Problem("resource-not-found", f"Could not find a job with id {job_id}.")
        return job
