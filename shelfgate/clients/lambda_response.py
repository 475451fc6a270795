"""Reads what the inventory loader replied to a list of dumps; a reply counts only if it accounts for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelfgate.clients.landing_bucket import DroppedObject
from shelfgate.errors import LoadFailed

STATUSES = frozenset({"loaded", "superseded", "unchanged", "quarantined"})
_ENDING = "What it loaded is in the ledger; run again."


@dataclass(frozen=True)
class Ended:
    """What became of one dump: one of STATUSES, or `vanished`."""

    dropped: DroppedObject
    status: str
    reason: str | None = None


def ended(reply: Mapping[str, Any], asked: Sequence[DroppedObject]) -> list[Ended]:
    """In the order in which they were asked for; what the function had no time for (`left`) is missing.

    Raises:
        LoadFailed: the reply has another form, or does not account for every dump.
    """
    by_version: dict[tuple[str, str], tuple[str, str | None]] = {}
    for entry in _list(reply, "vanished"):
        _add(by_version, entry, "vanished", "gone since it was found")
    for entry in _list(reply, "receipts"):
        status, reason = _judged(entry)
        _add(by_version, entry, status, reason)
    left = reply.get("left")
    if not isinstance(left, int) or isinstance(left, bool) or left < 0:
        raise LoadFailed(f"inventory load: the reply's `left` is {_kind(left)}; expected a number of dumps. {_ENDING}")
    found = [
        Ended(one, *by_version.pop((one.object_key, one.version_id)))
        for one in asked
        if (one.object_key, one.version_id) in by_version
    ]
    if by_version or not found or len(found) + left != len(asked):
        raise LoadFailed(
            f"inventory load: the function answered for {len(found)} of {len(asked)} dumps and for {len(by_version)} "
            f"that nobody asked for, {left} left; expected an answer for each. {_ENDING}"
        )
    return found


def _list(reply: Mapping[str, Any], name: str) -> list[Any]:
    found = reply.get(name)
    if not isinstance(found, list):
        raise LoadFailed(f"inventory load: the reply's `{name}` is {_kind(found)}; expected a list. {_ENDING}")
    return found


def _judged(entry: Any) -> tuple[str, str | None]:
    status = entry.get("status") if isinstance(entry, dict) else None
    reason = entry.get("reason") if isinstance(entry, dict) else None
    if not isinstance(status, str) or status not in STATUSES or not isinstance(reason, str | None):
        raise LoadFailed(
            f"inventory load: a receipt has status {str(status)[:40]!r} and a reason that is {_kind(reason)}; expected "
            f"one of {sorted(STATUSES)} and a text or none. {_ENDING}"
        )
    return status, reason


def _add(
    by_version: dict[tuple[str, str], tuple[str, str | None]], entry: Any, status: str, reason: str | None
) -> None:
    key = entry.get("object_key") if isinstance(entry, dict) else None
    version = entry.get("version_id") if isinstance(entry, dict) else None
    if not isinstance(key, str) or not isinstance(version, str):
        raise LoadFailed(
            f"inventory load: an answer names its dump by {_kind(key)} and {_kind(version)}; expected object_key and "
            f"version_id. {_ENDING}"
        )
    if (key, version) in by_version:
        raise LoadFailed(f"inventory load: two answers for {key}; expected one. {_ENDING}")
    by_version[key, version] = status, reason


def _kind(value: Any) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
