"""Ends a child with its parent where the system does not do it: everywhere but on Linux.

For programs that cannot watch a pipe themselves (Postgres, the emulator in an environment of its own); a Python module
of ours is started by `shelfgate.child_processes` instead.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import IO

_ends: list[IO[bytes]] = []
"""This process's ends of the pipes: the system closes them with it."""


def start() -> IO[bytes]:
    """Start a watchdog, before the child that it watches: `watch` tells it which one that is."""
    reads, ends = os.pipe()
    try:
        subprocess.Popen(
            [sys.executable, "-m", "sandbox.watchdog_process", str(reads)],
            stdin=subprocess.DEVNULL,
            pass_fds=(reads,),
            start_new_session=True,
        )
    finally:
        os.close(reads)
    _ends.append(os.fdopen(ends, "wb", buffering=0))
    return _ends[-1]


def watch(watchdog: IO[bytes], pid: int, started: str, number: signal.Signals) -> None:
    """Have the process sent this signal when the calling process has ended, however that ended."""
    watchdog.write(f"{pid} {started} {int(number)}".encode())
