"""The request to end a run, kept as a flag. Apart, because an exception alone does not end a run for sure.

CPython drops an exception that a signal handler raises inside a weakref callback or a `__del__`. Libraries replace
handlers: Prefect's flow engine that of SIGTERM, Snowflake's connector that of SIGINT during each statement. So the flag
does not depend on a handler either: the interpreter itself writes the number of each signal to a socket, before any
handler runs (`signal.set_wakeup_fd`).
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEASE: Final = "lease"
UNHANDLED: Final = (signal.SIG_DFL, signal.default_int_handler)

# More bytes than signals can arrive in a run; reading does not remove them.
_LOOK_BYTES = 65536

_noted: list[int] = []
_socket: socket.socket | None = None


class Interrupted(KeyboardInterrupt):
    """Somebody asked this process to end. No `except Exception` catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{name_of(number)} arrived")
        self.number = number


def name_of(number: int) -> str:
    """Ctrl-C, SIGTERM, SIGHUP."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def requested() -> int | None:
    """The number of the first signal that asked this process to end; None if none did. Any thread may call it."""
    if _noted:
        return _noted[0]
    watching = _socket
    if watching is None:
        return None
    try:
        # Peeked at and left there: a second thread has to see what the first one saw.
        arrived = watching.recv(_LOOK_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    return next((number for number in arrived if number in ENDING), None)


def raise_if_requested() -> None:
    """
    Raises:
        Interrupted: a signal asked this process to end, however long ago.
    """
    number = requested()
    if number is not None:
        raise Interrupted(number)


def raise_before_commit(transaction: str) -> None:
    """The last look before a commit. An interrupted run commits one transaction more: it gives its lease back.

    Raises:
        Interrupted: as `raise_if_requested`; the transaction is rolled back.
    """
    if transaction != LEASE:
        raise_if_requested()


@contextmanager
def watched() -> Iterator[None]:
    """Remember SIGINT, SIGTERM and SIGHUP for the length of the block; raise `Interrupted` for those nobody handles.

    The end of the block forgets them. A block inside another one changes nothing, nor does one outside the main
    thread, which cannot handle signals.
    """
    global _socket
    if _socket is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    _socket = reader
    replaced = {number: signal.getsignal(number) for number in ENDING if signal.getsignal(number) in UNHANDLED}
    try:
        for number in replaced:
            signal.signal(number, _raise)
        yield
    finally:
        for number, handler in replaced.items():
            if signal.getsignal(number) is _raise:
                signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        _socket = None
        _noted.clear()
        reader.close()
        writer.close()


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    _noted.append(number)
    raise Interrupted(number)
