"""The edge of the function: environment, clock, events and log; refuses to know how a dump is loaded."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import Any, Protocol

import boto3
from aws_lambda_powertools import Logger

from inventory_loader.batch import LEAST_SECONDS, Loads, load_each, requests_of, unrecorded
from inventory_loader.errors import ConfigurationError, EventNotUnderstood, LoaderError, ObjectVanished, TimeIsUp
from inventory_loader.events import LandingLocation, announced
from inventory_loader.load import Engine, load
from inventory_loader.objects import Dropped, Request, is_dump_by_name
from inventory_loader.receipt import Receipt
from inventory_loader.s3_store import S3Store

_log = Logger(service="inventory_loader")

_ROLLBACK_SECONDS = 5.0
"""Kept free after the longest wait for Snowflake, to roll back and to say so."""


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
    if not isinstance(event, Mapping):
        raise EventNotUnderstood(f"event: a {type(event).__name__}; wanted an object. Nothing was loaded.")
    if "object_key" in event:
        return _loaded(Request.from_event(event), ends_at, _store())
    if "objects" in event:
        return _loaded_several(requests_of(event), ends_at)
    if _is_sweep(event):
        return _swept(context.aws_request_id, ends_at)
    if _is_batch(event):
        return _batch(event, context, ends_at)
    return {"receipts": _loaded_all(event, context.aws_request_id, ends_at)}


def _is_sweep(event: Mapping[str, Any]) -> bool:
    scheduled = (event.get("source"), event.get("detail-type")) == ("aws.events", "Scheduled Event")
    return scheduled or event.get("sweep") is True


def _loaded_several(requests: list[Request], ends_at: float) -> dict[str, Any]:
    store = _store()
    with _engine(ends_at, requests[0].run_id) as engine:
        done = load_each(requests, lambda request: _judged(request, engine, store), ends_at)
    _warn(done)
    if done.fault:
        raise done.fault
    return {
        "receipts": [receipt.as_reply() for receipt in done.receipts],
        "vanished": [{"object_key": one.object_key, "version_id": one.version_id} for one in done.vanished],
        "left": done.left,
    }


def _swept(run_id: str, ends_at: float) -> dict[str, Any]:
    store = _store()
    listed = store.listed(_prefix())
    with _engine(ends_at, run_id) as engine:
        waiting = unrecorded(filter(_is_dump, listed), engine.judged())
        requests = [Request(one.object_key, one.version_id, run_id) for one in waiting]
        done = load_each(requests, lambda request: _judged(request, engine, store), ends_at)
    _warn(done)
    summary = {"run_id": run_id, "listed": len(listed), "waiting": len(waiting), **done.counted()}
    _log.info("swept", extra=summary)
    if done.fault:
        raise done.fault
    return summary


def _is_dump(one: Dropped) -> bool:
    if is_dump_by_name(one.object_key):
        return True
    _log.info("object ignored", extra={"reason": f"{one.object_key} is no dump by its name"})
    return False


def _warn(done: Loads) -> None:
    for request in done.vanished:
        _log.warning("object vanished", extra={"object_key": request.object_key})
    if done.left:
        fault = _told(done.fault) if done.fault else {"error_type": "TimeIsUp"}
        _log.warning("dumps left to the next invocation", extra={"left": done.left, **fault})


def _is_batch(event: Mapping[str, Any]) -> bool:
    records = event.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records)
    )


def _batch(event: Mapping[str, Any], context: Context, ends_at: float) -> dict[str, Any]:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    def handle(record: SQSRecord) -> None:
        try:
            if time.monotonic() + LEAST_SECONDS > ends_at and loaded:
                raise TimeIsUp("batch: too little time left for another message; it will be delivered again.")
            _loaded_all(_body_of(record.body), f"{context.aws_request_id}/{record.message_id}", ends_at)
            loaded.append(record.message_id)
        except LoaderError as error:
            _log.warning("message not done", extra={"message_id": record.message_id, **_told(error)})
            raise

    loaded: list[str] = []
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(dict(event), handle, processor))


def _body_of(text: str) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        raise EventNotUnderstood("message: its body is not JSON; wanted an event of S3. Nothing was loaded.") from None
    if not isinstance(body, Mapping):
        raise EventNotUnderstood("message: its body is no object; wanted an event of S3. Nothing was loaded.")
    return body


def _loaded_all(event: Mapping[str, Any], run_id: str, ends_at: float) -> list[dict[str, Any]]:
    """Load each object of one event; the first fault is raised after the others had their try."""
    asked = announced(event, LandingLocation(_bucket(), _prefix()), run_id)
    for reason in asked.ignored:
        _log.info("event ignored", extra={"reason": reason})
    receipts, faults = [], []
    store = _store()
    for request in asked.requests:
        try:
            store.check_current(request.object_key)
            receipts.append(_loaded(request, ends_at, store))
        except ObjectVanished as error:
            # Not a fault: what is gone cannot come back by asking again, and nothing of it was loaded.
            _log.warning("object vanished", extra={"object_key": request.object_key, **_told(error)})
        except LoaderError as error:
            faults.append(error)
    if faults:
        raise faults[0]
    return receipts


def _loaded(request: Request, ends_at: float, store: S3Store) -> dict[str, Any]:
    with _engine(ends_at, request.run_id) as engine:
        return _judged(request, engine, store).as_reply()


def _judged(request: Request, engine: Engine, store: S3Store) -> Receipt:
    receipt = load(request, store=store, prefix=_prefix(), engine=engine, clock=_utc_now)
    about = {"run_id": request.run_id, "idempotency_key": request.idempotency_key}
    _log.info("dump judged", extra={**about, **receipt.as_reply(), "snapshots": len(receipt.snapshots)})
    return receipt


def _utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _store() -> S3Store:
    return S3Store(boto3.client("s3"), _bucket())


@contextmanager
def _engine(ends_at: float, run_id: str) -> Iterator[Engine]:
    # Imported by target, so that a function with one engine need not carry the other.
    target = _setting("SHELFGATE_TARGET", "duckdb or snowflake")
    if target == "duckdb":
        from inventory_loader.engines.duckdb import DuckDBEngine

        yield DuckDBEngine(Path(_setting("SHELFGATE_DUCKDB_PATH", "the path of the warehouse file")), ends_at=ends_at)
    elif target == "snowflake":
        from inventory_loader.engines.snowflake import SnowflakeEngine
        from inventory_loader.engines.snowflake_login import open_session

        def connect() -> Any:
            return open_session(environ, run_id=run_id, seconds_left=ends_at - time.monotonic() - _ROLLBACK_SECONDS)

        stage = environ.get("SHELFGATE_SNOWFLAKE_STAGE") or None
        with closing(SnowflakeEngine(connect, stage=stage, prefix=_prefix())) as engine:
            yield engine
    else:
        raise ConfigurationError(f"SHELFGATE_TARGET is {target!r}; wanted duckdb or snowflake.")


def _bucket() -> str:
    return _setting("SHELFGATE_S3_BUCKET", "the name of the landing bucket")


def _prefix() -> str:
    prefix = environ.get("SHELFGATE_S3_PREFIX", "inbound/inventory/")
    if not prefix.endswith("/"):
        raise ConfigurationError(f"SHELFGATE_S3_PREFIX is {prefix!r}; wanted a folder, ending with a slash.")
    return prefix


def _setting(name: str, wanted: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set; wanted {wanted}.")
    return value


def _told(error: LoaderError) -> dict[str, str]:
    return {"error_type": type(error).__name__, "error": str(error)}
