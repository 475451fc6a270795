"""A signal whose exception gets lost where CPython loses it: what a weakref callback raises is reported, no more."""

from __future__ import annotations

import os
import signal
import sys
import weakref
from unittest.mock import patch


class _Watched:
    """An object whose end is watched."""


def lose(number: int) -> None:
    """Send the signal to this process while it runs a weakref callback; the exception of its handler ends there."""

    def callback(_: object) -> None:
        signal.raise_signal(number)
        # The handler runs between two instructions of this function, so its exception belongs to the callback.
        for _turn in range(1000):
            pass

    lost: list[object] = []
    with patch.object(sys, "unraisablehook", lambda unraisable: lost.append(unraisable.exc_type)):
        watched = _Watched()
        reference = weakref.ref(watched, callback)
        del watched
    assert reference() is None
    assert len(lost) == 1, f"the exception was not lost: {lost}, process {os.getpid()}"
