"""A console handler for Prefect that leaves out its words around each step; its server keeps all of them."""

from __future__ import annotations

import logging

from prefect.logging.handlers import PrefectConsoleHandler

from cli.console import say

STARTS = (
    "Beginning flow run",
    "Beginning subflow run",
    "View at",
    "Created ",
    "Encountered exception",
    "Crash detected!",
    "Running hook ",
)
PARTS = ("Finished in state", "Task run failed with exception", "finished running successfully")


class StepsOnlyHandler(PrefectConsoleHandler):
    """Prints what our steps say. A failure is told once, by the command, with what to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if text.startswith(STARTS) or any(part in text for part in PARTS):
            return False
        return bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            say(self.format(record))
        except Exception:  # noqa: BLE001  (as every handler of the standard library: a line less, not a run less)
            self.handleError(record)
