"""Runs the stand-in's jobs and remembers them; refuses a second job while one runs, and to forget a job's number.

The records are a JSON file, so that job numbers keep growing when the stand-in starts again: a client that remembered
one must never meet it again as another job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from sandbox.airbyte.landing import RefreshMode
from sandbox.airbyte.sync import Moved, Route, Sync, SyncCancelled, read_json, write_json
from shelfgate.errors import ShelfgateError

log = logging.getLogger(__name__)

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class JobRuns(Exception):
    """The connection has a job that has not ended."""


class JobEnded(Exception):
    """The job is not running, so it cannot be cancelled."""


@dataclass(frozen=True)
class SandboxJob:
    """One job as the stand-in remembers it. `failure` is ours: Airbyte's public API tells no reason."""

    job_id: int
    connection_id: str
    status: str
    created_at: datetime
    updated_at: datetime
    rows: int | None = None
    bytes: int | None = None
    failure: str | None = None
    job_type: str = "sync"

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


class Jobs:
    """Every job there was, newest last, and the threads of those that run."""

    def __init__(self, file: Path, route: Callable[[str], Route], now: Callable[[], datetime]) -> None:
        """`route`: what a job of a connection, given by its id, has to do."""
        self._file = file
        self._route = route
        self._now = now
        self._lock = threading.RLock()
        self._jobs: dict[int, SandboxJob] = {}
        self._running: dict[int, tuple[Sync, threading.Thread]] = {}
        for record in read_json(file) if file.exists() else []:
            times = {key: datetime.fromisoformat(record[key]) for key in ("created_at", "updated_at")}
            self._jobs[record["job_id"]] = SandboxJob(**{**record, **times})
        for job in [job for job in self._jobs.values() if not job.has_ended]:
            self._change(job.job_id, "failed", failure="The stand-in ended while this job ran. Nothing was landed.")

    def all(self) -> list[SandboxJob]:
        with self._lock:
            return list(self._jobs.values())

    def get(self, job_id: int) -> SandboxJob | None:
        with self._lock:
            return self._jobs.get(job_id)

    def start(self, connection_id: str, refreshed: Mapping[str, RefreshMode] | None = None) -> SandboxJob:
        """A sync; or a refresh, which reads all rows of the named streams anew and syncs the others.

        Raises:
            JobRuns: the job before has not ended.
        """
        with self._lock:
            if any(not job.has_ended for job in self._jobs.values() if job.connection_id == connection_id):
                raise JobRuns
            route = replace(self._route(connection_id), refreshed=refreshed or {})
            now = self._now()
            job = SandboxJob(max(self._jobs, default=0) + 1, connection_id, "pending", now, now)
            job = replace(job, job_type="refresh") if refreshed else job
            self._jobs[job.job_id] = job
            self._save()
            sync = Sync(route, job.job_id, now)
            thread = threading.Thread(target=self._run, args=(job.job_id, sync), daemon=True)
            self._running[job.job_id] = (sync, thread)
            thread.start()
            return job

    def cancel(self, job_id: int) -> SandboxJob:
        """Cancel and wait until the job has stopped; one that was about to commit may still succeed.

        Raises:
            JobEnded: there was nothing to cancel.
        """
        with self._lock:
            if job_id not in self._running or self._jobs[job_id].has_ended:
                raise JobEnded
            sync, thread = self._running[job_id]
        while thread.is_alive():
            # DuckDB forgets an interruption that arrives between two statements.
            sync.cancel()
            thread.join(0.05)
        return self._jobs[job_id]

    def close(self) -> None:
        """Stop the jobs that run."""
        for job_id, (_, thread) in list(self._running.items()):
            try:
                self.cancel(job_id)
            except JobEnded:
                thread.join()

    def _run(self, job_id: int, sync: Sync) -> None:
        self._change(job_id, "running")
        try:
            moved = sync.run()
        except SyncCancelled as cancelled:
            self._change(job_id, "cancelled", failure=str(cancelled))
        except ShelfgateError as error:
            # No traceback: it may quote the connection string.
            log.error("job %d failed: %s", job_id, error)  # noqa: TRY400
            self._change(job_id, "failed", failure=str(error))
        except BaseException as error:
            # A thread that dies would leave its job running for ever.
            self._change(job_id, "failed", failure=f"{type(error).__name__}: {error}")
            raise
        else:
            self._change(job_id, "succeeded", moved=moved)

    def _change(self, job_id: int, status: str, moved: Moved | None = None, failure: str | None = None) -> None:
        with self._lock:
            job = replace(self._jobs[job_id], status=status, updated_at=self._now(), failure=failure)
            if moved is not None:
                job = replace(job, rows=moved.rows, bytes=moved.bytes)
            self._jobs[job_id] = job
            self._save()

    def _save(self) -> None:
        records = [asdict(job) for job in self._jobs.values()]
        for record in records:
            record.update({key: record[key].isoformat() for key in ("created_at", "updated_at")})
        write_json(self._file, records)
