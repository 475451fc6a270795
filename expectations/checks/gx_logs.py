"""Great Expectations without its log; refuses nothing: what may be kept of an error is evidence, not a log line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_gx_logs() -> Iterator[None]:
    """Great Expectations logs an OperationalError of the engine word for word, and every check that replaces one."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
