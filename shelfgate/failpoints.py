"""Places at which a test ends a run, around every commit and every outside call; refuses to be armed in production.

A failpoint does nothing unless SHELFGATE_FAILPOINTS names it: `publish.before_commit=kill`, several separated by
commas, `@3` after a name for its third passing only. `shelfgate.warehouse.open_warehouse` refuses the variable on a
target that is not this machine's own.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLE: Final = "SHELFGATE_FAILPOINTS"
TRANSACTIONS: Final = frozenset(
    {"lease", "bucket_findings", "source_totals", "verdict", "publish", "rollback", "vacuum", "migration"}
)
OUTSIDE_CALLS: Final = frozenset({"airbyte", "source", "bucket", "lambda", "dbt", "gate", "docs"})
NAMES: Final = frozenset(
    {f"{name}.{side}" for name in TRANSACTIONS for side in ("begun", "before_commit", "after_commit")}
    | {f"{name}.{side}" for name in OUTSIDE_CALLS for side in ("before", "after")}
)
SIGNALS: Final = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}
ACTIONS: Final = frozenset({*SIGNALS, "crash", "fail"})

_passed: Counter[str] = Counter()


class SimulatedCrash(BaseException):
    """The process is gone: no `except Exception` may see it, as none sees SIGKILL."""


class SimulatedFailure(RuntimeError):
    """An error that nobody foresaw."""


def failpoint(name: str) -> None:
    """Do what SHELFGATE_FAILPOINTS asks for at this place; nothing, if it asks for nothing."""
    armed = os.environ.get(VARIABLE)
    if not armed:
        return
    if name not in NAMES:
        raise KeyError(f"failpoint {name!r} is not in shelfgate/failpoints.py; wanted one of {sorted(NAMES)}")
    _passed[name] += 1
    action = read(armed).get((name, _passed[name])) or read(armed).get((name, None))
    if action is None:
        return
    if action in SIGNALS:
        os.kill(os.getpid(), SIGNALS[action])
    elif action == "crash":
        raise SimulatedCrash(name)
    else:
        raise SimulatedFailure(f"failpoint {name}")


@contextmanager
def outside_call(name: str) -> Iterator[None]:
    """Brackets a call to a system outside with failpoints; serves as a decorator, too."""
    failpoint(f"{name}.before")
    yield
    failpoint(f"{name}.after")


def read(armed: str) -> dict[tuple[str, int | None], str]:
    """`a.before=kill,b.after@2=stop` as {(a.before, None): kill, (b.after, 2): stop}.

    Raises:
        ValueError: a name or an action is not known.
    """
    found: dict[tuple[str, int | None], str] = {}
    for one in armed.split(","):
        place, _, action = one.strip().partition("=")
        name, _, number = place.partition("@")
        if name not in NAMES or action not in ACTIONS:
            raise ValueError(f"{VARIABLE}: {one!r}; wanted NAME[@N]=ACTION, an action of {sorted(ACTIONS)}")
        found[name, int(number) if number else None] = action
    return found


def start_counting_anew() -> None:
    """Forget how often each place was passed."""
    _passed.clear()
