"""What a person at a terminal sees of a run; refuses to change what Prefect itself records."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from shelfgate.status import as_json


def say(message: str) -> None:
    """A line of progress, on standard error: standard output belongs to the answer."""
    print(message, file=sys.stderr, flush=True)


def answer(value: Any) -> None:
    """One JSON object on standard output."""
    print(json.dumps(as_json(value), indent=2, default=str), flush=True)


def plain_run_logs() -> None:
    """Have Prefect print a run's messages as plain lines. Call it before Prefect is imported."""
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT", "%(asctime)s  %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT", "%(asctime)s    %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT", "%H:%M:%S")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "flows.console_handler.StepsOnlyHandler")
    os.environ.setdefault("PREFECT_LOGGING_COLORS", "false")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
