"""One writer at a time; refuses to wait longer than the session's LOCK_TIMEOUT.

Snowflake is READ COMMITTED: each statement sees what was committed before it began, and an UPDATE, DELETE or MERGE
waits for the transaction that changed the table before it. DuckDB gives a transaction one snapshot and fails on
conflict. A transaction here therefore begins in DuckDB with its first write, and from then on no other session can
write until it ends: what it reads is the newest there is. Snowflake lets writers of different tables overlap.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

from .errors import error


class Holder(Protocol):
    label: str

    def abandon(self, idle_seconds: float) -> bool:
        """Roll back if nothing has been asked of the session for so long; False if it is at work or not idle yet."""
        ...


class WriteTurn:
    """Who may write. Taken by a session for a statement or for the rest of its transaction."""

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._holder: Holder | None = None

    def take(self, session: Holder, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._holder is not None and self._holder is not session:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise error(
                        625,
                        "57014",
                        f"Statement has waited {timeout:g} s (LOCK_TIMEOUT) for a lock held by session "
                        f"{self._holder.label}, and this lock has not yet been released.",
                    )
                # A client that died leaves its transaction open: Snowflake aborts it once it has blocked for 5 minutes.
                if self._holder.abandon(self._idle_seconds):
                    self._holder = None
                    break
                self._changed.wait(min(left, 0.2))
            self._holder = session

    def give_back(self, session: Holder) -> None:
        with self._changed:
            if self._holder is session:
                self._holder = None
                self._changed.notify_all()
