"""Loads all that one invocation asks for; the one way on. Decides which fault stops the others, and when time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inventory_loader.engines import EngineOfRun
from inventory_loader.errors import LoaderError, ObjectVanished, ScratchSpaceFailed, StoreRefused, StoreUnavailable
from inventory_loader.load import Engine
from inventory_loader.objects import LoadRequest
from inventory_loader.receipt import Receipt
from inventory_loader.s3_store import S3Store

LEAST_SECONDS = 30.0
"""What a further dump must have left: a week takes under a second, its turn up to 20 s of waiting."""

_OF_ONE_OBJECT = (ObjectVanished, StoreRefused, StoreUnavailable, ScratchSpaceFailed)
"""Faults that the next object need not have. Any other is the warehouse's or ours, and would only come again."""


@dataclass(frozen=True)
class LoadOutcome:
    """What became of one request: a receipt or a fault; neither if it was left to the next invocation."""

    request: LoadRequest
    receipt: Receipt | None = None
    fault: Exception | None = None

    @property
    def vanished(self) -> bool:
        """Whether the object was gone, which is no fault of an event or of a list: invoking again cannot help."""
        return isinstance(self.fault, ObjectVanished)

    @property
    def done(self) -> bool:
        return self.receipt is not None or self.vanished

    @property
    def left(self) -> bool:
        return self.receipt is None and self.fault is None


def load_all(
    requests: Sequence[LoadRequest],
    *,
    store: S3Store,
    engines: EngineOfRun,
    load_one: Callable[[LoadRequest, Engine], Receipt],
    ends_at: float,
) -> list[LoadOutcome]:
    """Load in the order given until `ends_at` (in `time.monotonic` seconds) is near; the first is always tried.

    So each invocation gets on, and a dump that takes long has a whole one for itself once it is the oldest.

    Raises:
        ConfigurationError: requests that no event makes have no engine. A request of an event has it as its fault.
    """
    if requests and not requests[0].notified:
        engines.of(requests[0].run_id)
    outcomes: list[LoadOutcome] = []
    for request in requests:
        leave = _is_left_of_event(request, outcomes, ends_at) if request.notified else _is_left(outcomes, ends_at)
        outcomes.append(LoadOutcome(request) if leave else _load(request, store, engines, load_one))
    return outcomes


def _is_left(before: Sequence[LoadOutcome], ends_at: float) -> bool:
    if not before:
        return False
    last = before[-1]
    stopped = last.left or (last.fault is not None and not isinstance(last.fault, _OF_ONE_OBJECT))
    return stopped or _is_short(ends_at)


def _is_left_of_event(request: LoadRequest, before: Sequence[LoadOutcome], ends_at: float) -> bool:
    """Whether time is up for another message. No fault stops the others, for each event is delivered by itself."""
    if not before:
        return False
    if before[-1].request.message_id == request.message_id:
        return before[-1].left
    failed = {outcome.request.message_id for outcome in before if not outcome.done}
    return _is_short(ends_at) and any(outcome.request.message_id not in failed for outcome in before)


def _is_short(ends_at: float) -> bool:
    return time.monotonic() + LEAST_SECONDS > ends_at


def _load(
    request: LoadRequest, store: S3Store, engines: EngineOfRun, load_one: Callable[[LoadRequest, Engine], Receipt]
) -> LoadOutcome:
    try:
        if request.notified:
            store.check_current(request.object_key)
        return LoadOutcome(request, load_one(request, engines.of(request.run_id)))
    except LoaderError as error:
        if not isinstance(error, _OF_ONE_OBJECT):
            engines.close()  # its session may be broken
        return LoadOutcome(request, fault=error)
    except Exception as error:
        if request.message_id is None:
            raise
        # A message fails by itself: raised, it would return the messages that are done to the queue as well.
        engines.close()
        return LoadOutcome(request, fault=error)
