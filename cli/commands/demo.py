"""One whole day on this machine, from an empty folder to a publication."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from cli.console import say
from cli.flow_runs import refresh_now, show_refresh
from cli.prefect_api import send_what_waits
from sandbox import stack
from shelfgate.errors import ConfigurationError


def run_demo(home: Path, scale: float, through: date, *, as_json: bool) -> None:
    """Sandbox up, seed, refresh, summary, sandbox down (unless it was up before)."""
    was_up = _is_up(home)
    stack.up(home, with_parent=None if was_up else os.getpid(), on_progress=say)
    try:
        stack.seed(home, scale, through, on_progress=say)
        settings, refreshed = refresh_now(through)
        show_refresh(settings, refreshed, as_json=as_json)
    finally:
        if not was_up:
            say("bringing the sandbox down; its data and the warehouse are kept")
            send_what_waits()
            stack.down(home)


def _is_up(home: Path) -> bool:
    try:
        stack.info(home)
    except ConfigurationError:
        return False
    return True
