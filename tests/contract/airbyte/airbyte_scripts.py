"""An Airbyte that follows a script, on a clock that only waiting moves: the stand-in's API before jobs without rows.

It refuses to be kinder than a network: a request that takes longer than its client waits is not answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx

from sandbox.airbyte.api_server import BASE_PATH, AirbyteConfig, airbyte_app
from sandbox.airbyte.jobs import TERMINAL, JobEnded, JobRuns, Jobs, SandboxJob
from shelfgate.clients.airbyte.api import AirbyteApi
from tests.contract.airbyte.airbyte_connection import CONNECTION

BEGAN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
NO_SOURCE = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of a good answer.

    `carried_out`: the server does it all the same. `dropped`: no answer at all. `seconds`: how long the server takes.
    `changed` goes into the good answer. `only`: the method that it waits for, and those behind it with it.
    """

    status: int = 200
    body: str = "<html>no</html>"
    headers: tuple[tuple[str, str], ...] = ()
    carried_out: bool = False
    dropped: bool = False
    seconds: float = 0.0
    changed: tuple[tuple[str, Any], ...] = ()
    only: str = "GET"


class ScriptedJobs:
    """Jobs whose status is a matter of the clock: `story` says which follows which after how many seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.story: Sequence[tuple[float, str]] = ((0, "pending"), (1, "running"), (20, "succeeded"))
        self._began: dict[int, tuple[float, Sequence[tuple[float, str]]]] = {}
        self._cancelled: dict[int, float] = {}
        self.cancels = 0

    def all(self) -> list[SandboxJob]:
        return [self._job(job_id) for job_id in self._began]

    def get(self, job_id: int) -> SandboxJob | None:
        return self._job(job_id) if job_id in self._began else None

    def start(self, connection_id: str, refreshed: Any = None) -> SandboxJob:
        assert connection_id == CONNECTION
        if any(job.status not in TERMINAL for job in self.all()):
            raise JobRuns
        job_id = len(self._began) + 1
        self._began[job_id] = (self._now(), tuple(self.story))
        return self._job(job_id)

    def cancel(self, job_id: int) -> SandboxJob:
        if self._job(job_id).status in TERMINAL:
            raise JobEnded
        self.cancels += 1
        self._cancelled[job_id] = self._now()
        return self._job(job_id)

    def close(self) -> None:
        """Nothing runs."""

    def _job(self, job_id: int) -> SandboxJob:
        began, story = self._began[job_id]
        age = self._now() - began
        status = [status for after, status in story if after <= age][-1]
        if job_id in self._cancelled:
            status = "cancelled"
        rows = 7 if status == "succeeded" else None
        at = BEGAN + timedelta(seconds=began)
        return SandboxJob(job_id, CONNECTION, status, at, at + timedelta(seconds=age), rows, rows)


@dataclass
class Script(httpx.BaseTransport):
    """The wire between a client and the scripted Airbyte."""

    folder: Path
    now: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.jobs = ScriptedJobs(lambda: self.now)
        config = AirbyteConfig(
            postgres_dsn=NO_SOURCE,
            warehouse=self.folder / "warehouse.duckdb",
            state_folder=self.folder,
            client_id="shop",
            client_secret="shop-secret",
            connection_id=CONNECTION,
            clock=lambda: self.now,
            now=lambda: BEGAN + timedelta(seconds=self.now),
        )
        self._app = airbyte_app(config, cast(Jobs, self.jobs))
        self._loop = asyncio.new_event_loop()
        self.api = AirbyteApi(
            f"http://127.0.0.1{BASE_PATH}",
            "shop",
            "shop-secret",
            sleep=self.sleep,
            clock=lambda: self.now,
            transport=self,
        )

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def count(self, start: str) -> int:
        return sum(one.startswith(start) for one in self.asked)

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(BASE_PATH)
        self.asked.append(f"{request.method} {path}")
        if not self.faults or self.faults[0].only != request.method or not path.startswith("/jobs"):
            return self._answer(request)
        fault = self.faults.pop(0)
        patience = float(request.extensions["timeout"]["read"])
        answer = self._answer(request) if fault.carried_out or fault.changed else None
        self.now += min(fault.seconds, patience)
        if fault.seconds > patience:
            raise httpx.ReadTimeout("scripted", request=request)
        if fault.dropped:
            raise httpx.RemoteProtocolError("scripted", request=request)
        if answer is not None and fault.changed:
            body = {**answer.json(), **dict(fault.changed)}
            return httpx.Response(answer.status_code, content=json.dumps(body), request=request)
        return httpx.Response(fault.status, content=fault.body, headers=fault.headers, request=request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        status, body = self._loop.run_until_complete(self._call(request))
        return httpx.Response(status, content=body, request=request)

    async def _call(self, request: httpx.Request) -> tuple[int, bytes]:
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": request.content}

        async def send(message: Any) -> None:
            told.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": ("127.0.0.1", 80),
        }
        await self._app(cast(Any, scope), cast(Any, receive), send)
        return told[0]["status"], b"".join(one.get("body", b"") for one in told[1:])
