"""Data Docs to their bucket; refuses to fail a run: the pages on disk and `ops.gate_result` are whole without it."""

from __future__ import annotations

from prefect import get_run_logger, task

from expectations.data_docs.site import KEEP_RUNS, build
from shelfgate.clients.docs_bucket import Synced, sync_pages
from shelfgate.errors import ShelfgateError
from shelfgate.redaction import withhold_values
from shelfgate.settings import Settings
from tasks.aws_blocks import docs_client
from tasks.retries import ONCE


@task(name="sync docs", **ONCE)
def sync_docs(settings: Settings) -> Synced | None:
    """Bring the bucket up to the folder, if one is set; None if there is none or it could not be reached."""
    return bring_to_bucket(settings)


def show_what_closed(settings: Settings, run_id: str) -> None:
    """The pages of a run whose gate is closed, on disk and in the bucket: nobody after it will build them."""
    if build_pages(settings, run_id):
        bring_to_bucket(settings)


def build_pages(settings: Settings, run_id: str) -> bool:
    """Build the pages of a run; False, and a line that says why, if they could not be built at all."""
    try:
        build(settings.docs_folder, run_id, warn=lambda line: get_run_logger().warning(line))
    except Exception as error:  # noqa: BLE001  (whatever it is, a run ends as its gates and its publication did)
        get_run_logger().warning(
            "Data Docs of this run could not be built: %s: %s. Its verdicts are in ops.gate_result; `shelfgate docs` "
            "builds the pages again.",
            type(error).__name__,
            withhold_values(str(error)),
        )
        return False
    return True


def bring_to_bucket(settings: Settings) -> Synced | None:
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
