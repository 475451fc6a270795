"""Postgres to the warehouse through Airbyte; refuses to take another sync's end for its own."""

from __future__ import annotations

from prefect import get_run_logger, task

from shelfgate.clients.airbyte_api import AirbyteApi, Job, Triggered
from shelfgate.settings import Settings
from tasks.retrying import OUTSIDE_CALL


@task(name="trigger sync", **OUTSIDE_CALL)
def trigger_sync(settings: Settings) -> Triggered:
    """Start a sync of our connection, or adopt the one that runs; never two."""
    triggered = _client(settings).trigger(settings.need("airbyte_connection_id"))
    how = "started" if triggered.ours else "adopted: it was running already"
    get_run_logger().info("Airbyte job %d %s", triggered.job.job_id, how)
    return triggered


@task(name="await sync", **OUTSIDE_CALL)
def await_sync(settings: Settings, triggered: Triggered) -> Job:
    """Wait until the job has succeeded.

    Raises:
        SyncFailed: it failed or was cancelled.
        OutsideWorldGaveUp: it had not ended by SHELFGATE_AIRBYTE_DEADLINE_SECONDS.
    """
    logger = get_run_logger()

    def tell(job: Job) -> None:
        logger.info("Airbyte job %d is %s", job.job_id, job.status)

    job = _client(settings).await_job(triggered.job.job_id, settings.airbyte_deadline_seconds, tell)
    logger.info("Airbyte job %d moved %s rows", job.job_id, f"{job.rows_synced or 0:,}")
    return job


def sync(settings: Settings) -> Job:
    """A whole sync that began after this run did.

    One that was running already may have read a table before its last rows were there: it is waited for, then comes
    ours.
    """
    triggered = trigger_sync(settings)
    job = await_sync(settings, triggered)
    while not triggered.ours:
        triggered = trigger_sync(settings)
        job = await_sync(settings, triggered)
    return job


def _client(settings: Settings) -> AirbyteApi:
    return AirbyteApi(
        settings.need("airbyte_url"), settings.need("airbyte_client_id"), settings.need("airbyte_client_secret")
    )
