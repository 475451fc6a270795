"""Clean history with a real run each Saturday: `python -m tests.integration.gates.history_by_runs --scale 0.1`.

Every gate judges what a daily run shows it, the marts and published gates too. Refuses to call a week good that it did
not publish.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import date

from cli.console import plain_run_logs, say
from shelfgate.errors import GateClosed
from tests.faults.injecting import new_home
from tests.integration.gates.history import SATURDAYS, Judged
from tests.integration.gates.suite_runner import Fired
from tests.support.house import House


def run_saturdays(house: House, scale: float, saturdays: Sequence[date]) -> Judged:
    """A first load on the first of these Saturdays, a run on each of the others; what any check said beside "passed".

    Raises:
        AssertionError: a run ended well and published another day.
    """
    found = Judged()
    began = time.monotonic()
    house.seed(scale, saturdays[0])
    for number, saturday in enumerate(saturdays):
        if number:
            house.advance(7)
        assert house.day == saturday
        try:
            published = house.refresh().publication
            assert published.new
            assert published.business_date == saturday
        except GateClosed as closed:
            say(str(closed))
        _add(found, house)
        found.seconds = time.monotonic() - began
        fired = [one.check for day, one in found.critical if day == saturday]
        say(
            f"{saturday}: {found.checks:,} checks so far, critical: {', '.join(fired) or 'none'}; {found.seconds:.0f} s"
        )
    return found


def _add(found: Judged, house: House) -> None:
    """What the gates recorded of the last run."""
    with house.warehouse() as connection:
        rows = connection.execute(
            "select gate || '.' || dataset, checks_evaluated, evidence from ops.gate_result where run_id = "
            "(select run_id from ops.gate_result order by judged_at desc limit 1) and business_date = ?",
            [house.day],
        ).fetchall()
    fired = [
        Fired(f"{suite}.{one['check']}", one["severity"], int(one["observed"] or 0), ())
        for suite, _, evidence in rows
        for one in json.loads(evidence)
    ]
    found.days += 1
    found.add(house.day, sum(checks for _, checks, _ in rows), fired)


def main() -> int:
    """0 if no critical check fired, others once in a hundred at most, and the oracle makes the same facts."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.gates.history_by_runs", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument(
        "--first",
        type=date.fromisoformat,
        default=SATURDAYS[0],
        metavar="SATURDAY",
        help="the day of the first load (1998-01-03); what was there before is judged at once, so that a history of "
        "hours can be made in parts",
    )
    parser.add_argument("--weeks", type=int, default=len(SATURDAYS), help="so many Saturdays, at most up to 2002-12-28")
    asked = parser.parse_args()
    if asked.first not in SATURDAYS or asked.weeks < 1:
        parser.error(f"--first is a Saturday from {SATURDAYS[0]} to {SATURDAYS[-1]}, --weeks 1 or more")
    saturdays = SATURDAYS[SATURDAYS.index(asked.first) :][: asked.weeks]
    plain_run_logs()
    with new_home() as home:
        house = House(home)
        found = run_saturdays(house, asked.scale, saturdays)
        differences = house.differences(facts_only=True)
    told = {"first": str(saturdays[0]), "through": str(saturdays[-1]), "differences_from_the_oracle": differences}
    print(json.dumps(found.as_json() | told, indent=2))
    return 1 if found.critical or differences or found.warned.total() > 0.01 * found.checks else 0


if __name__ == "__main__":
    sys.exit(main())
