"""Starts a Python module as a process that ends with this one, however this one ends.

The child reads from a pipe whose other end only the parent holds. The system closes that end with the parent, after
SIGKILL too, on Linux and macOS alike. Python does not hand it on to other children. Linux's PR_SET_PDEATHSIG would tie
the child to the thread that started it, and macOS has no such call.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

ENDS_WITH: dict[int, int] = {}
"""The parent's ends of the pipes, by the process that reads the other one: they stay open as long as this process."""


def start(
    module: str,
    arguments: Sequence[str],
    *,
    log: IO[bytes],
    environment: dict[str, str],
    folder: Path | None = None,
    sockets: Sequence[socket.socket] = (),
) -> subprocess.Popen[bytes]:
    """Run `python -m module arguments` in a session of its own: a terminal's Ctrl-C is for the parent only.

    When this process ends, the child and all of its process group are killed. It inherits `sockets`, by number.
    """
    reads, ends = os.pipe()
    try:
        child = subprocess.Popen(  # noqa: S603  (this Python, and a module that the caller names)
            [sys.executable, "-m", "shelfgate.child_processes", str(reads), module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            pass_fds=(reads, *(one.fileno() for one in sockets)),
            start_new_session=True,
        )
    except BaseException:
        os.close(ends)
        raise
    finally:
        os.close(reads)
    ENDS_WITH[child.pid] = ends
    return child


def stop(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask the child to end, and kill it after so many seconds or when somebody interrupts the wait."""
    child.terminate()
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        pass  # it is killed below
    finally:
        child.kill()
        child.wait()
        if (ends := ENDS_WITH.pop(child.pid, None)) is not None:
            os.close(ends)


def _end_with_parent(reads: int) -> None:
    os.read(reads, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _run() -> None:
    reads, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_parent, args=(int(reads),), name="with-parent", daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run()
