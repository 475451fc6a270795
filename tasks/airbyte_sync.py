"""Postgres to the warehouse through Airbyte; refuses to take another sync's end for its own."""

from __future__ import annotations

import time

from prefect import get_run_logger, task

from shelfgate import interruption
from shelfgate.clients.airbyte.api import AirbyteApi
from shelfgate.clients.airbyte.responses import Job, JobNotSucceeded, Note, SyncOverdue, Triggered
from shelfgate.errors import ShelfgateError
from shelfgate.progress import Step, report
from shelfgate.settings import Settings
from tasks.airbyte_checkpoint import SyncProgress, keep_note, last_note
from tasks.retries import EXTERNAL_CALL

# A worker that was told to end has 30 s before it is killed.
CANCEL_SECONDS = 20.0


@task(name="trigger sync", **EXTERNAL_CALL)
def trigger_sync(settings: Settings) -> Triggered:
    """Start a sync of our connection, or adopt the one that runs or that this flow run started before; never two."""
    before = last_note()
    triggered = _client(settings).trigger(settings.need("airbyte_connection_id"), before, keep_note)
    if before is not None and before.job_id == triggered.job.job_id:
        how = "found again"
    else:
        how = "started" if triggered.ours else "adopted"
    since = "" if triggered.fresh else ": it began before this run asked, so another comes after it"
    get_run_logger().info("Airbyte job %d %s%s. %s", triggered.job.job_id, how, since, triggered.link)
    return triggered


@task(name="await sync", **EXTERNAL_CALL)
def await_sync(settings: Settings, triggered: Triggered, deadline_seconds: float) -> Job:
    """Wait until the job has succeeded. One that is ours is cancelled at the deadline, and when this run is ended.

    Raises:
        JobNotSucceeded: it failed or was cancelled.
        SyncOverdue: it had not ended in time.
    """
    logger = get_run_logger()
    api, progress = _client(settings), SyncProgress(triggered, deadline_seconds)

    def tell(job: Job) -> None:
        logger.info("Airbyte job %d is %s", job.job_id, job.status)

    def look(seen: str, seconds: float) -> None:
        interruption.raise_if_requested()
        progress.show(seen, seconds)
        report(Step(now=f"Airbyte job {triggered.job.job_id} is {seen}; {progress.measure}"))

    try:
        job = api.await_job(triggered.job.job_id, deadline_seconds, tell, on_poll=look)
    except SyncOverdue as overdue:
        raise SyncOverdue(f"{overdue} {_let_go(api, triggered)}", overdue.job_id, overdue.link) from None
    except BaseException as ended:
        # After a defect of ours or a refusal the job may be good: the next attempt finds it by its note. After SIGTERM,
        # a cancelled run or Ctrl-C nobody will be there to use what it lands.
        if not isinstance(ended, Exception):
            logger.warning("ended while waiting. %s", _let_go(api, triggered))
        raise
    progress.show(job.status, job.seconds or 0.0)
    logger.info("Airbyte job %d moved %s rows", job.job_id, f"{job.rows_synced or 0:,}")
    return job


def sync(settings: Settings) -> Job:
    """A whole sync that began after this run did, within SHELFGATE_AIRBYTE_DEADLINE_SECONDS.

    One that was running already may have read a table before its last rows were there: it is waited for, however it
    ends, and then comes ours.
    """
    ends_at = time.monotonic() + settings.airbyte_deadline_seconds
    while True:
        triggered = trigger_sync(settings)
        try:
            job = await_sync(settings, triggered, ends_at - time.monotonic())
        except JobNotSucceeded as ended:
            if triggered.ours:
                raise
            get_run_logger().warning("%s It was not ours: ours comes next.", ended)
            continue
        if triggered.fresh:
            # Used: should this run be carried on after a later step failed, the source may have changed by then.
            keep_note(Note(job.job_id, job.job_id, triggered.ours), used=True)
            return job


def _let_go(api: AirbyteApi, triggered: Triggered) -> str:
    """Cancel the job if it is ours; says what became of it."""
    job_id = triggered.job.job_id
    if not triggered.ours:
        return f"Job {job_id} was left running: it is not ours to cancel."
    try:
        api.cancel(job_id, CANCEL_SECONDS)
    except ShelfgateError as error:
        return f"Job {job_id} was told to end, without an answer ({error}); look at {triggered.link}."
    return f"Job {job_id} was cancelled."


def _client(settings: Settings) -> AirbyteApi:
    return AirbyteApi(
        settings.need("airbyte_url"),
        settings.need("airbyte_client_id"),
        settings.need("airbyte_client_secret"),
        on_retry=get_run_logger().warning,
    )
