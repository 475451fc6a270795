"""S3 to the warehouse through the Lambda; refuses to read a dump itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prefect import get_run_logger, task

from shelfgate.clients import lambda_api
from shelfgate.clients.landing_bucket import DroppedObject, dropped_objects
from shelfgate.clients.loader_reply import Ended, ended
from shelfgate.ledger import Run, not_yet_judged
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.aws_blocks import lambda_client, landing
from tasks.retrying import OUTSIDE_CALL

DUMPS_AN_INVOCATION = 20
"""The most that the loader takes. A call costs as much as a small dump; after each, the run tells how far it is."""


@task(name="find dropped dumps", **OUTSIDE_CALL)
def find_dropped(settings: Settings, warehouse: Warehouse) -> list[DroppedObject]:
    """The object versions in the landing bucket that the loader has no verdict on, oldest dump first."""
    dropped = dropped_objects(*landing(settings))
    with warehouse.turn() as session:
        return not_yet_judged(session, dropped)


@task(name="load dumps", task_run_name="load {batch[0].object_key} ...", **OUTSIDE_CALL)
def load_batch(settings: Settings, run: Run, batch: Sequence[DroppedObject]) -> list[Ended]:
    """Have the Lambda load up to DUMPS_AN_INVOCATION object versions, each in a transaction of its own.

    Answers in the order given; what the function had no time for is missing. Safe to repeat: the loader answers for a
    version that it has judged with the receipt it gave first.

    Raises:
        LoadInterrupted, OutsideWorldGaveUp: no answer this time; the task tries again.
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
        for number, one in enumerate(load_batch(settings, run, waiting[done : done + DUMPS_AN_INVOCATION]), done + 1):
            counted[one.status] += 1
            log = logger.warning if one.status == "vanished" else logger.info
            reason = f": {one.reason}" if one.reason else ""
            log("dump %d of %d: %s %s%s", number, len(waiting), one.dropped.object_key, one.status, reason)
    if not waiting:
        logger.info("no dump that the loader does not know already")
    return counted
