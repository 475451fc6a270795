"""The edge of the function: environment, clock, event and log; refuses to know how a dump is loaded."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from os import environ
from pathlib import Path
from typing import Any, Protocol

import boto3

from inventory_loader.dropped import Request
from inventory_loader.errors import ConfigurationError
from inventory_loader.loading import Engine, load
from inventory_loader.receipt import Receipt
from inventory_loader.store import S3Store

_log = logging.getLogger("inventory_loader")
_log.setLevel(logging.INFO)  # the runtime's own level is WARNING


class Context(Protocol):
    """The part of Lambda's context that is used here."""

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Load the object that a direct invocation names; reply with its receipt.

    Event: `{"object_key": str, "version_id": str | null, "run_id": str}`. Whatever becomes of the object, a quarantine
    included, is a reply; a raised LoaderError means that there is none, and its class what to do.
    """
    ends_at = time.monotonic() + context.get_remaining_time_in_millis() / 1000
    request = Request.from_event(event)
    receipt = load(
        request,
        store=S3Store(boto3.client("s3"), _setting("SHELFGATE_S3_BUCKET", "the name of the landing bucket")),
        prefix=_prefix(),
        engine=_engine(ends_at),
        now=datetime.now(UTC).replace(tzinfo=None),
    )
    _log.info(_line(receipt, request.run_id))
    return receipt.as_reply()


def _engine(ends_at: float) -> Engine:
    target = _setting("SHELFGATE_TARGET", "duckdb")
    if target != "duckdb":
        raise ConfigurationError(f"SHELFGATE_TARGET is {target!r}; wanted duckdb, the only one this loader knows.")
    # Here, so that a function with another target need not carry DuckDB.
    from inventory_loader.into_duckdb import DuckDBEngine

    return DuckDBEngine(Path(_setting("SHELFGATE_DUCKDB_PATH", "the path of the warehouse file")), ends_at=ends_at)


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


def _line(receipt: Receipt, run_id: str) -> str:
    reply = receipt.as_reply()
    return json.dumps({"message": "dump judged", "run_id": run_id, **reply, "snapshots": len(reply["snapshots"])})
