"""How far a stage is: whoever does the work reports each step, whoever shows it listens; neither knows the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """`done` of `total` units are done and `now` is being worked on; a `total` of 0 means that nobody knows it."""

    unit: str = ""
    done: int = 0
    total: int = 0
    now: str = ""

    def __str__(self) -> str:
        counted = f"{self.done:,} of {self.total:,} {self.unit}" if self.total else ""
        return ", ".join(part for part in (counted, f"now {self.now}" if self.now and counted else self.now) if part)


Listener = Callable[[Step], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within the block `listener` hears every step that is reported in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(step: Step) -> None:
    """Say how far the work is; nobody may be listening."""
    reporter()(step)


def reporter() -> Listener:
    """The listener of this thread, for other threads that work for it."""
    return _listener.get() or _nobody


def _nobody(step: Step) -> None:
    pass
