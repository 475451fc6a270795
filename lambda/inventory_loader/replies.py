"""Turns what became of the requests into the reply of each form of event, or raises its fault; logs what is left."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from inventory_loader.batch import LoadOutcome
from inventory_loader.errors import LoaderError, TimeIsUp
from inventory_loader.events import ParsedEvent

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

_log = logging.getLogger("inventory_loader")


def of_object(outcomes: Sequence[LoadOutcome]) -> dict[str, Any]:
    """Give the receipt; any fault is raised, an object that vanished included."""
    (outcome,) = outcomes
    if outcome.fault:
        raise outcome.fault
    return _receipts(outcomes)[0]


def of_objects(outcomes: Sequence[LoadOutcome]) -> dict[str, Any]:
    """Give the receipts, what vanished and how many are left; the first fault is raised."""
    left = _warn(outcomes)
    _raise_first_fault(outcomes)
    vanished = [outcome.request for outcome in outcomes if outcome.vanished]
    return {
        "receipts": _receipts(outcomes),
        "vanished": [{"object_key": each.object_key, "version_id": each.version_id} for each in vanished],
        "left": left,
    }


def of_sweep(outcomes: Sequence[LoadOutcome], run_id: str, listed: int) -> dict[str, Any]:
    """Give the number of receipts by status, what vanished and what is left; the first fault is raised."""
    left = _warn(outcomes)
    statuses = Counter(str(outcome.receipt.status) for outcome in outcomes if outcome.receipt)
    vanished = sum(outcome.vanished for outcome in outcomes)
    summary = {"run_id": run_id, "listed": listed, "waiting": len(outcomes), **statuses}
    summary |= {"vanished": vanished, "left": left}
    _log.info("swept", extra=summary)
    _raise_first_fault(outcomes)
    return summary


def of_notification(outcomes: Sequence[LoadOutcome]) -> dict[str, Any]:
    """Give the receipts; the first fault is raised, after the other records had their try."""
    _warn_of_vanished(outcomes)
    _raise_first_fault(outcomes)
    return {"receipts": _receipts(outcomes)}


def of_messages(parsed: ParsedEvent, outcomes: Sequence[LoadOutcome]) -> PartialItemFailureResponse:
    """Name the messages that SQS is to deliver again; never raises for one of them."""
    _warn_of_vanished(outcomes)
    faults: dict[str | None, Exception] = {**parsed.refused}
    for outcome in outcomes:
        if not outcome.done:
            faults.setdefault(outcome.request.message_id, outcome.fault or _time_is_up())
    failed = [message_id for message_id in parsed.message_ids if message_id in faults]
    for message_id in failed:
        _log.warning("message not done", extra={"message_id": message_id, **_described(faults[message_id])})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _time_is_up() -> TimeIsUp:
    return TimeIsUp("batch: too little time left for another message; it will be delivered again.")


def _receipts(outcomes: Sequence[LoadOutcome]) -> list[dict[str, Any]]:
    return [outcome.receipt.as_reply() for outcome in outcomes if outcome.receipt]


def _faults(outcomes: Sequence[LoadOutcome]) -> list[Exception]:
    return [outcome.fault for outcome in outcomes if outcome.fault and not outcome.vanished]


def _raise_first_fault(outcomes: Sequence[LoadOutcome]) -> None:
    for fault in _faults(outcomes):
        raise fault


def _warn(outcomes: Sequence[LoadOutcome]) -> int:
    """Log what vanished and how many are left, the faulty ones among them; give that number."""
    for outcome in outcomes:
        if outcome.vanished:
            _log.warning("object vanished", extra={"object_key": outcome.request.object_key})
    left = sum(not outcome.done for outcome in outcomes)
    if left:
        faults = _faults(outcomes)
        reason = _described(faults[0]) if faults else {"error_type": TimeIsUp.__name__}
        _log.warning("dumps left to the next invocation", extra={"left": left, **reason})
    return left


def _warn_of_vanished(outcomes: Sequence[LoadOutcome]) -> None:
    for outcome in outcomes:
        if outcome.fault and outcome.vanished:
            # Not a fault: what is gone cannot come back by asking again, and nothing of it was loaded.
            extra = {"object_key": outcome.request.object_key, **_described(outcome.fault)}
            _log.warning("object vanished", extra=extra)


def _described(error: Exception) -> dict[str, str]:
    described = {"error_type": type(error).__name__}
    # The text of any other may quote what the dump holds.
    return described | {"error": str(error)} if isinstance(error, LoaderError) else described
