"""Clean history, judged as by daily runs: `python -m tests.integration.gates.history --scale 1` prints what fired.

Each Saturday the sources end on that day, and every gate up to dbt's staging is judged over the window of a daily run:
inventory over the last snapshot, sales over four weeks. Refuses to look away: a week is left out by nobody.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from cli.console import plain_run_logs, say
from expectations.validation.gate import Window
from shelfgate.model import Gate
from tests.integration.gates.growing_warehouse import GrowingWarehouse
from tests.integration.gates.suite_runner import Fired, run_gate

LAST_SATURDAY = date(2002, 12, 28)
SATURDAYS = [date(1998, 1, 3) + timedelta(days=7 * week) for week in range(261)]
JUDGED_AT = datetime(2003, 1, 1)

# Later than every load: only the days decide what is in a daily window.
NOTHING_NEW = datetime(2100, 1, 1)

WEEKLY = ("inventory",)


@dataclass
class Judged:
    """How many checks were evaluated over how many days, and what failed."""

    days: int = 0
    checks: int = 0
    critical: list[tuple[date, Fired]] = field(default_factory=list)
    warned: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, day: date, checks: int, fired: Sequence[Fired]) -> None:
        self.checks += checks
        self.critical += [(day, one) for one in fired if one.severity == "critical"]
        self.warned.update(one.check for one in fired if one.severity != "critical")

    def as_json(self) -> dict[str, Any]:
        return {
            "days": self.days,
            "checks_evaluated": self.checks,
            "critical_fired": [[str(day), one.check, one.rows] for day, one in self.critical],
            "others_fired": dict(self.warned),
            "others_fired_share": round(self.warned.total() / self.checks, 6) if self.checks else None,
            "seconds": round(self.seconds, 1),
        }


def judge_saturdays(
    grown: GrowingWarehouse,
    saturdays: Sequence[date] = tuple(SATURDAYS),
    *,
    all_every: int = 4,
    tell: Callable[[str], None] = lambda _: None,
) -> Judged:
    """Judge inventory on each Saturday, and everything on each `all_every`-th: a window of sales is four weeks long."""
    found = Judged()
    began = time.monotonic()
    for week, saturday in enumerate(saturdays):
        grown.grow(saturday)
        names = Window(grown.run_id, saturday, JUDGED_AT, NOTHING_NEW, saturday - timedelta(days=1)).names()
        if week % all_every:
            checks, fired = run_gate(grown.connection, Gate.LANDING, names, only=WEEKLY)
        else:
            grown.stage(saturday)
            checks, fired = 0, []
            for gate in (Gate.FILE, Gate.LANDING, Gate.STAGING):
                ran, failed = run_gate(grown.connection, gate, names)
                checks, fired = checks + ran, [*fired, *failed]
        found.days += 1
        found.add(saturday, checks, fired)
        tell(f"{saturday}: {checks} checks, fired: {', '.join(one.check for one in fired) or 'none'}")
    found.seconds = time.monotonic() - began
    return found


def judge_first_load(warehouse: Path, gates: Sequence[Gate]) -> Judged:
    """Judge the whole history at once: its window is all of it, so each check by day or week judges every week."""
    found = Judged(days=1)
    began = time.monotonic()
    with duckdb.connect() as connection:
        # Its staging views name it so, whatever the file is called.
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        connection.execute("use warehouse")
        run_id, day = connection.execute(
            "select (select max(run_id) from ops.source_total), (select max(business_date) from ops.publication)"
        ).fetchone() or ("", LAST_SATURDAY)
        names = Window(run_id, day, JUDGED_AT).names()
        for gate in gates:
            found.add(day, *run_gate(connection, gate, names))
    found.seconds = time.monotonic() - began
    return found


def main() -> int:
    """0 if no critical check fired, and others in one evaluation of a hundred at most."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.gates.history", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--warehouse", type=Path, help="a complete warehouse to judge, instead of making one")
    parser.add_argument("--all-every", type=int, default=4, metavar="WEEKS", help="judge every gate each so many weeks")
    parser.add_argument("--first-load", action="store_true", help="judge the whole history at once, up to staging")
    asked = parser.parse_args()
    plain_run_logs()
    if asked.warehouse:
        found = _judge(asked.warehouse, asked)
    else:
        from tests.faults.injecting import new_home
        from tests.support.house import House

        with new_home() as home:
            house = House(home)
            house.seed(asked.scale, LAST_SATURDAY)
            house.refresh()
            found = _judge(home / "warehouse.duckdb", asked)
    print(json.dumps(found.as_json(), indent=2))
    return 1 if found.critical or found.warned.total() > 0.01 * found.checks else 0


def _judge(warehouse: Path, asked: argparse.Namespace) -> Judged:
    if asked.first_load:
        return judge_first_load(warehouse, (Gate.FILE, Gate.LANDING, Gate.STAGING))
    with GrowingWarehouse.over(warehouse) as grown:
        return judge_saturdays(grown, all_every=asked.all_every, tell=say)


if __name__ == "__main__":
    sys.exit(main())
