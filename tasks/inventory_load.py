"""S3 to the warehouse through the Lambda; refuses to read a dump itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

from prefect import get_run_logger, task

from shelfgate.clients import lambda_api
from shelfgate.clients.landing_bucket import DroppedObject, dropped_objects
from shelfgate.errors import DumpVanished, LoadFailed
from shelfgate.ledger import Run, not_yet_judged
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.aws_blocks import lambda_client, landing
from tasks.retrying import OUTSIDE_CALL

STATUSES = frozenset({"loaded", "superseded", "unchanged", "quarantined"})


@task(name="find dropped dumps", **OUTSIDE_CALL)
def find_dropped(settings: Settings, warehouse: Warehouse) -> list[DroppedObject]:
    """The object versions in the landing bucket that the loader has no verdict on, oldest dump first."""
    dropped = dropped_objects(*landing(settings))
    with warehouse.turn() as session:
        return not_yet_judged(session, dropped)


@task(name="load dump", task_run_name="load {dropped.object_key}", **OUTSIDE_CALL)
def load_dump(settings: Settings, run: Run, dropped: DroppedObject) -> dict[str, Any]:
    """Have the Lambda load one object version; answers with its receipt.

    Safe to repeat: the loader answers for a version that it has judged with the receipt it gave first.

    Raises:
        LoadInterrupted, OutsideWorldGaveUp: no answer this time; the task tries again.
        DumpVanished: the object was deleted since it was found.
        LoadFailed: the function failed for good, or its answer is not a receipt.
    """
    receipt = lambda_api.invoke(
        settings.need("lambda_function"),
        {
            "object_key": dropped.object_key,
            "version_id": dropped.version_id,
            "run_id": run.run_id,
            "idempotency_key": dropped.idempotency_key,
        },
        client=lambda_client(settings),
    )
    if receipt.get("status") not in STATUSES:
        raise LoadFailed(
            f"inventory load: {dropped.object_key} ended as {receipt.get('status')!r}, "
            f"wanted one of {sorted(STATUSES)}."
        )
    return receipt


def load_dumps(settings: Settings, warehouse: Warehouse, run: Run) -> Counter[str]:
    """Load what is new in the bucket; counts what became of it."""
    logger = get_run_logger()
    waiting = find_dropped(settings, warehouse)
    ended: Counter[str] = Counter()
    for number, dropped in enumerate(waiting, start=1):
        try:
            receipt = load_dump(settings, run, dropped)
        except DumpVanished as gone:
            ended["vanished"] += 1
            logger.warning("dump %d of %d: %s is gone: %s", number, len(waiting), dropped.object_key, gone)
            continue
        ended[receipt["status"]] += 1
        reason = f": {receipt['reason']}" if receipt.get("reason") else ""
        logger.info("dump %d of %d: %s %s%s", number, len(waiting), dropped.object_key, receipt["status"], reason)
    if not waiting:
        logger.info("no dump that the loader does not know already")
    return ended
