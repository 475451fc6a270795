"""Which exception Prefect is given for a run that a signal ended."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.exceptions import TerminationSignal

from shelfgate.interruption import Interrupted


@contextmanager
def as_prefect_expects() -> Iterator[None]:
    """Turn an `Interrupted` of SIGTERM into Prefect's own exception, by which it tells a cancelled run from a crash.

    Prefect raises that itself, in its handler of SIGTERM, unless it got lost there.
    """
    try:
        yield
    except Interrupted as interrupted:
        if interrupted.number != signal.SIGTERM:
            raise
        termination = TerminationSignal(signal=interrupted.number)
        for note in getattr(interrupted, "__notes__", ()):
            termination.add_note(note)
        raise termination from interrupted
