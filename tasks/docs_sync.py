"""Data Docs to their bucket; refuses to fail a run: the pages on disk and `ops.gate_result` are whole without it."""

from __future__ import annotations

from prefect import get_run_logger, task

from expectations.docs import KEEP_RUNS
from shelfgate.clients.docs_bucket import Synced, sync_pages
from shelfgate.errors import ShelfgateError
from shelfgate.settings import Settings
from tasks.aws_blocks import docs_client
from tasks.retrying import ONCE


@task(name="sync docs", **ONCE)
def sync_docs(settings: Settings) -> Synced | None:
    """Bring the bucket up to the folder, if one is set; None if there is none or it could not be reached."""
    if settings.docs_bucket is None:
        return None
    logger = get_run_logger()
    try:
        client = docs_client(settings)
        synced = sync_pages(settings.docs_folder, settings.docs_bucket, settings.docs_prefix, KEEP_RUNS, client)
    except (ShelfgateError, OSError) as error:
        logger.warning("Data Docs are not in the bucket, the next run tries again: %s", error)
        return None
    logger.info("Data Docs: %d pages uploaded, %d deleted", synced.uploaded, synced.deleted)
    return synced
