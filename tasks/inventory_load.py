"""S3 to the warehouse through the Lambda; refuses to read a dump itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prefect import get_run_logger, task

from shelfgate import interruption
from shelfgate.clients import lambda_api
from shelfgate.clients.lambda_response import Ended, ended
from shelfgate.clients.landing_bucket import DUMP_SUFFIXES, DroppedObject, dropped_objects
from shelfgate.ops.ledger import not_yet_judged, record_bucket_findings
from shelfgate.ops.runs import Run
from shelfgate.progress import Step, report
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.aws_blocks import lambda_client, landing
from tasks.retries import EXTERNAL_CALL

DUMPS_AN_INVOCATION = 20
"""The most that the loader takes. A call costs as much as a small dump; after each, the run tells how far it is."""


IGNORED_LOGGED = 20
"""Objects; a folder of thousands of others is counted."""


@task(name="find dropped dumps", **EXTERNAL_CALL)
def find_dropped(settings: Settings, warehouse: Warehouse) -> list[DroppedObject]:
    """The object versions in the landing bucket that the loader has no verdict on, oldest dump first."""
    bucket, prefix, client = landing(settings)
    objects = dropped_objects(bucket, prefix, client)
    _log_ignored(objects)
    with warehouse.turn() as session:
        record_bucket_findings(session, prefix, objects)
        return not_yet_judged(session, [one for one in objects if one.is_dump])


def _log_ignored(objects: Sequence[DroppedObject]) -> None:
    logger = get_run_logger()
    ignored = {one.object_key: one for one in objects if not one.is_dump}
    for one in list(ignored.values())[:IGNORED_LOGGED]:
        log = logger.warning if one.looks_like_a_dump else logger.info
        log("%s ignored: no dump by its name, which would end in %s", one.object_key, " or ".join(DUMP_SUFFIXES))
    if len(ignored) > IGNORED_LOGGED:
        logger.info("%d more objects ignored: no dumps by their names", len(ignored) - IGNORED_LOGGED)


@task(name="load dumps", task_run_name="load {batch[0].object_key} ...", **EXTERNAL_CALL)
def load_batch(settings: Settings, run: Run, batch: Sequence[DroppedObject]) -> list[Ended]:
    """Have the Lambda load up to DUMPS_AN_INVOCATION object versions, each in a transaction of its own.

    Answers in the order given; what the function had no time for is missing. Safe to repeat: the loader answers for a
    version that it has judged with the receipt it gave first.

    Raises:
        LoadInterrupted, ExternalServiceUnavailable: no answer this time; the task tries again.
        LoadFailed: the function failed for good, or its reply does not account for every dump.
    """
    asked = [
        {"object_key": one.object_key, "version_id": one.version_id, "idempotency_key": one.idempotency_key}
        for one in batch
    ]
    reply = lambda_api.invoke(
        settings.need("lambda_function"), {"objects": asked, "run_id": run.run_id}, client=lambda_client(settings)
    )
    return ended(reply, batch)


def load_dumps(settings: Settings, warehouse: Warehouse, run: Run) -> Counter[str]:
    """Load what is new in the bucket; counts what became of it."""
    logger = get_run_logger()
    waiting = find_dropped(settings, warehouse)
    counted: Counter[str] = Counter()
    while (done := counted.total()) < len(waiting):
        interruption.raise_if_requested()
        report(Step("dumps", done, len(waiting), waiting[done].object_key))
        for number, one in enumerate(load_batch(settings, run, waiting[done : done + DUMPS_AN_INVOCATION]), done + 1):
            counted[one.status] += 1
            log = logger.warning if one.status == "vanished" else logger.info
            reason = f": {one.reason}" if one.reason else ""
            log("dump %d of %d: %s %s%s", number, len(waiting), one.dropped.object_key, one.status, reason)
    if not waiting:
        logger.info("no dump that the loader does not know already")
    return counted
