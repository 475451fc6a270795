"""Loads many object versions in one invocation; refuses to let one of them stop the others, or to outlast its time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory_loader.errors import (
    EventNotUnderstood,
    LoaderError,
    ObjectVanished,
    ScratchSpaceFailed,
    StoreRefused,
    StoreUnavailable,
)
from inventory_loader.load import Mark
from inventory_loader.objects import NO_VERSION, Dropped, Request
from inventory_loader.receipt import Receipt

LEAST_SECONDS = 30.0
"""What a further dump must have left: a week takes under a second, its turn up to 20 s of waiting."""

MOST_OBJECTS = 20
"""In one request: with 2,000 snapshots each, the receipts are 4 MB, and Lambda replies with 6 MB at most."""

_OF_ONE_OBJECT = (StoreRefused, StoreUnavailable, ScratchSpaceFailed)
"""Faults that the next object need not have. Any other is the warehouse's or ours, and would only come again."""


@dataclass(frozen=True)
class Loads:
    """What became of a list of requests; `fault` is the first, if there was one."""

    receipts: Sequence[Receipt]
    vanished: Sequence[Request]
    left: int
    """Requests without an answer: time was up, or a fault came between."""
    fault: LoaderError | None

    def counted(self) -> dict[str, int]:
        """Give the number of receipts by status, what vanished and what is left."""
        found = Counter(str(receipt.status) for receipt in self.receipts)
        return {**found, "vanished": len(self.vanished), "left": self.left}


def requests_of(event: Mapping[str, Any]) -> list[Request]:
    """Read `{"objects": [{"object_key", "version_id", "idempotency_key"}, ...], "run_id": str}`.

    Raises:
        EventNotUnderstood: no list of one to MOST_OBJECTS objects, or one of them has another form.
    """
    found = event["objects"]
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_OBJECTS:
        seen = f"{len(found)} objects" if isinstance(found, list) else f"objects as a {type(found).__name__}"
        raise EventNotUnderstood(f"event: seen {seen}; wanted a list of 1 to {MOST_OBJECTS}. Nothing was loaded.")
    run_id = event.get("run_id")
    return [Request.from_event({**one, "run_id": run_id} if isinstance(one, Mapping) else one) for one in found]


def unrecorded(listed: Iterable[Dropped], judged: Mapping[tuple[str, str], Mark]) -> list[Dropped]:
    """Give what the ledger has no verdict on, oldest dump first: by key, then by time of upload.

    In a bucket that keeps no versions, ETag and time tell a new upload from the one that was judged.
    """

    def is_judged(one: Dropped) -> bool:
        mark = judged.get((one.object_key, one.version_id))
        return mark is not None and (one.version_id != NO_VERSION or mark == (one.etag, one.last_modified))

    fresh = [one for one in listed if not is_judged(one)]
    # S3 tells time in whole seconds and lists the newest version of a key first: of one second, the last is the oldest.
    fresh.reverse()
    return sorted(fresh, key=lambda one: (one.object_key, one.last_modified))


def load_each(requests: Sequence[Request], load_one: Callable[[Request], Receipt], ends_at: float) -> Loads:
    """Load in the order given until `ends_at` (in `time.monotonic` seconds) is near; the first is always tried.

    So each invocation gets on, and a dump that takes long has a whole one for itself once it is the oldest.
    """
    receipts: list[Receipt] = []
    vanished: list[Request] = []
    faults: list[LoaderError] = []
    for number, request in enumerate(requests):
        if number and time.monotonic() + LEAST_SECONDS > ends_at:
            break
        try:
            receipts.append(load_one(request))
        except ObjectVanished:
            vanished.append(request)
        except LoaderError as error:
            faults.append(error)
            if not isinstance(error, _OF_ONE_OBJECT):
                break
    left = len(requests) - len(receipts) - len(vanished)
    return Loads(receipts, vanished, left, faults[0] if faults else None)
