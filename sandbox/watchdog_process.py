"""The watchdog's own process: `python -m sandbox.watchdog_process DESCRIPTOR` waits for the end of a pipe."""

from __future__ import annotations

import os
import signal
import sys

from sandbox import processes
from sandbox.processes import Process

# A fast shutdown of Postgres takes under a second.
PATIENCE_SECONDS = 10.0


def main() -> None:
    """Wait until the other end of the pipe is closed, then end the process that was written into it, if any."""
    with os.fdopen(int(sys.argv[1]), "rb") as pipe:
        watched = pipe.read().decode().split()
    if watched:
        pid, started, number = watched
        processes.end(Process(int(pid), started), PATIENCE_SECONDS, signal.Signals(int(number)))


if __name__ == "__main__":
    main()
