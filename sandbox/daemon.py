"""The one background process of an estate: has everything started, says where it is, and lets nothing outlive it.

It refuses a home that another daemon has, and stops when asked, when its state file goes, when the process it was bound
to ends, or when Postgres or Prefect does.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from sandbox import home as homes
from sandbox import processes, startup
from sandbox.home import Home
from sandbox.home_ownership import home_at
from sandbox.processes import Process
from sandbox.startup import RunningStack
from shelfgate.errors import PermanentFailure, ShelfgateError

LOOK_SECONDS = 0.5

TAKEN = 75
"""Exit status of a daemon whose home another daemon has (EX_TEMPFAIL)."""

log = logging.getLogger("sandbox")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.daemon", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--warehouse", choices=homes.WAREHOUSES, help="of a home that has none yet")
    parser.add_argument("--with-parent", type=int, help="stop when this process ends")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    # It writes a line a request: a year of dumps would bury everything else.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    home = home_at(arguments.home)
    lock = homes.take_lock(home)
    if lock is None:
        log.error("another daemon has %s", home.root)
        sys.exit(TAKEN)
    homes.clear(home)
    try:
        _serve(home, arguments.warehouse, arguments.with_parent)
    except ShelfgateError as error:
        log.critical("%s", error)
        sys.exit(error.exit_status)


def _serve(home: Home, warehouse: str | None, parent_pid: int | None) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parent = processes.find(parent_pid) if parent_pid is not None else None
    if parent_pid is not None and parent is None:
        raise PermanentFailure(f"process {parent_pid}, to which this estate is bound, has ended. Nothing was started.")
    with ExitStack() as undo:
        estate = startup.start(home, undo, warehouse)
        undo.callback(homes.forget_endpoints, home)
        undo.callback(home.state.unlink, missing_ok=True)
        homes.write_settings(home, estate.settings)
        # Last: whoever sees this file may use everything.
        homes.write_running(home, estate.running)
        log.info("ready: %s", home.root)
        while (reason := _reason_to_stop(stop, home, estate, parent)) is None:
            estate.bucket.keep()
            stop.wait(LOOK_SECONDS)
        log.info("stopping: %s", reason)
    log.info("stopped")


def _reason_to_stop(stop: threading.Event, home: Home, estate: RunningStack, parent: Process | None) -> str | None:
    if stop.is_set():
        return "asked to"
    if not home.state.exists():
        return "the state file is gone"
    if parent is not None and not parent.is_running():
        return f"process {parent.pid} has ended"
    for child in estate.children:
        if not child.is_running():
            return f"child {child.pid} has ended by itself; its log is beside this one"
    return None


if __name__ == "__main__":
    main()
