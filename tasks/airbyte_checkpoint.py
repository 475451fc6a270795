"""What a run shows of its sync in Prefect, and remembers there of its job; refuses to let the showing end a sync.

The note is an artifact of the flow run: whoever carries on the same run, a task that is tried again or another process,
finds in it the job that was started before.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.runtime import flow_run

from shelfgate.clients.airbyte.responses import Note, Triggered
from shelfgate.errors import ExternalServiceUnavailable
from shelfgate.untrusted_text import as_markdown

NOTE_KEY, PROGRESS_KEY = "airbyte-job", "airbyte-sync"
# An artifact costs Prefect 18 ms; nobody watches closer.
SHOW_EVERY_SECONDS = 10.0


def last_note() -> Note | None:
    """The note that this flow run kept last; None if it kept none, or has used the job that it leads to.

    Raises:
        ExternalServiceUnavailable: Prefect did not answer, or not with a note: nobody knows whether a job was started.
    """
    wanted = ArtifactFilter(
        key=ArtifactFilterKey(any_=[NOTE_KEY]),
        flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(flow_run.get_id())]),
    )
    try:
        client = get_client(sync_client=True)
        found = client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=1)
        return _note(found[0].data) if found else None
    except (httpx.HTTPError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ExternalServiceUnavailable(
            f"Prefect: no usable answer about artifact {NOTE_KEY} of this run ({type(error).__name__}); expected the "
            "job that it started before, or none. No sync was started and readers see what they saw; run again."
        ) from None


def _note(data: Any) -> Note | None:
    kept = json.loads(str(data))[0]
    used, fence, job_id, ours = kept["used"], kept["fence"], kept["job_id"], kept["ours"]
    numbers = [fence] if job_id is None else [fence, job_id]
    if not all(type(one) is int for one in numbers) or not all(type(one) is bool for one in (used, ours)):
        raise ValueError("fields of other types")
    return None if used else Note(fence, job_id, ours)


def keep_note(note: Note, *, used: bool = False) -> None:
    """Write it down. A run whose note cannot be kept starts no job: it would not find it again."""
    create_table_artifact(
        table=[{**asdict(note), "used": used}],
        key=NOTE_KEY,
        description="Airbyte's newest job before this run asked for one, and the job that this run waits for.",
    )


class SyncProgress:
    """One wait, as a bar: of the time that the last good sync took, or else of the time that this one may take."""

    def __init__(self, triggered: Triggered, deadline_seconds: float) -> None:
        self._job_id, self._link = triggered.job.job_id, triggered.link
        self._whole = triggered.usual_seconds or max(deadline_seconds, 1.0)
        self.measure = (
            f"the last good sync took {triggered.usual_seconds:.0f} s"
            if triggered.usual_seconds
            else f"it may take {deadline_seconds:.0f} s"
        )
        self._artifact: UUID | None = None
        self._shown: tuple[str, float] | None = None

    def show(self, seen: str, seconds: float) -> None:
        """Show what was seen at a look, if it is new or enough time has passed."""
        if self._shown is not None and self._shown[0] == seen and seconds - self._shown[1] < SHOW_EVERY_SECONDS:
            return
        self._shown = (seen, seconds)
        done = 100.0 if seen == "succeeded" else min(99.0, 100.0 * seconds / self._whole)
        told = f"[Job {self._job_id}]({self._link}): {as_markdown(seen)}, {seconds:.0f} s; {self.measure}."
        try:
            if self._artifact is None:
                created = create_progress_artifact(done, key=PROGRESS_KEY, description=told)
                self._artifact = cast(UUID, created)  # typed as what it is in asynchronous code, too
            else:
                update_progress_artifact(self._artifact, done, description=told)
        except httpx.HTTPError as error:
            get_run_logger().warning("Prefect did not take the progress of the sync: %s", type(error).__name__)
