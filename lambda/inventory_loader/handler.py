"""The edge of the function: environment, clock and log; parses the event, loads what it asks for and replies."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from os import environ
from typing import Any, Protocol

import boto3
from aws_lambda_powertools import Logger

from inventory_loader import function_environment as settings
from inventory_loader import replies
from inventory_loader.batch import LoadOutcome, load_all
from inventory_loader.engines import EngineOfRun
from inventory_loader.events import Form, LandingLocation, parse
from inventory_loader.load import Engine, load
from inventory_loader.objects import Dropped, LoadRequest, is_dump_by_name
from inventory_loader.receipt import Receipt
from inventory_loader.s3_store import S3Store
from inventory_loader.sweep import not_in_ledger

_log = Logger(service="inventory_loader")


class Context(Protocol):
    """The part of Lambda's context that is used here."""

    @property
    def aws_request_id(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Load what the event names: one object or several, an S3 notification, an event of EventBridge, a batch of SQS.

    `{"object_key": str, "version_id": str | null, "run_id": str}` is replied to with the receipt, and
    `{"objects": [...], "run_id": str}` with the receipts and what is left. `{"sweep": true}` and EventBridge's
    scheduled event load what lies in the bucket and is not in the ledger; the reply counts.

    Whatever becomes of the object, a quarantine included, is a reply; a raised LoaderError means that there is none,
    and its class what to do. A batch replies with the messages to be delivered again, and never raises for one of them.
    """
    ends_at = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    parsed = parse(event, context.aws_request_id, _landing)
    for reason in parsed.ignored:
        _log.info("event ignored", extra={"reason": reason})
    if parsed.form is Form.SWEEP:
        return _sweep(context.aws_request_id, ends_at)
    outcomes = _load_requests(parsed.requests, ends_at)
    if parsed.form is Form.OBJECT:
        return replies.of_object(outcomes)
    if parsed.form is Form.OBJECTS:
        return replies.of_objects(outcomes)
    if parsed.form is Form.NOTIFICATION:
        return replies.of_notification(outcomes)
    return dict(replies.of_messages(parsed, outcomes))


def _load_requests(requests: Sequence[LoadRequest], ends_at: float) -> list[LoadOutcome]:
    if not requests:
        return []
    store = _store()
    with EngineOfRun(environ, ends_at=ends_at) as engines:
        return load_all(requests, store=store, engines=engines, load_one=_loading_from(store), ends_at=ends_at)


def _sweep(run_id: str, ends_at: float) -> dict[str, Any]:
    store = _store()
    listed = store.listed(settings.prefix(environ))
    with EngineOfRun(environ, ends_at=ends_at) as engines:
        judged = engines.of(run_id).judged()
        requests = not_in_ledger(filter(_is_dump, listed), judged, run_id)
        outcomes = load_all(requests, store=store, engines=engines, load_one=_loading_from(store), ends_at=ends_at)
    return replies.of_sweep(outcomes, run_id, len(listed))


def _is_dump(version: Dropped) -> bool:
    if is_dump_by_name(version.object_key):
        return True
    _log.info("object ignored", extra={"reason": f"{version.object_key} is no dump by its name"})
    return False


def _loading_from(store: S3Store) -> Callable[[LoadRequest, Engine], Receipt]:
    def load_one(request: LoadRequest, engine: Engine) -> Receipt:
        receipt = load(request, store=store, prefix=settings.prefix(environ), engine=engine, clock=_utc_now)
        about = {"run_id": request.run_id, "idempotency_key": request.idempotency_key}
        _log.info("dump judged", extra={**about, **receipt.as_reply(), "snapshots": len(receipt.snapshots)})
        return receipt

    return load_one


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _store() -> S3Store:
    return S3Store(boto3.client("s3"), settings.bucket(environ))


def _landing() -> LandingLocation:
    return LandingLocation(settings.bucket(environ), settings.prefix(environ))
