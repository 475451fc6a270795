"""`make soak DAYS=365`: a run a day, something wrong every fifth day; refuses to end well unless all promises held."""

from __future__ import annotations

import argparse
import json
import random
import sys
from datetime import date

from cli.console import plain_run_logs, say

plain_run_logs()

FIRST_DAY = date(1999, 3, 1)
SCALE = 0.01


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    asked.add_argument("--days", type=int, default=365, help="business dates to run (at most 1400: the data end)")
    asked.add_argument("--seed", type=int, default=1, help="decides which trouble comes when")
    asked.add_argument(
        "--minutes", type=float, help="the day that begins after so many is the last, however many days were asked for"
    )
    asked.add_argument("--json", action="store_true", help="the figures as one JSON object on standard output")
    given = asked.parse_args()

    from tests.faults.injecting import new_home
    from tests.soak.year import promises_broken, soak, summary
    from tests.support.house import House

    with new_home(say) as home:
        house = House(home)
        house.seed(SCALE, FIRST_DAY)
        days = soak(house, given.days, random.Random(given.seed), given.minutes)
    found = summary(days) | {"seed": given.seed, "scale": SCALE}
    broken = promises_broken(days)
    print(json.dumps(found | {"promises_broken": broken}, indent=2) if given.json else _told(found))
    for one in broken:
        say(f"NOT KEPT: {one}")
    return 1 if broken else 0


def _told(found: dict[str, object]) -> str:
    return "\n".join(f"{name:28} {value}" for name, value in found.items())


if __name__ == "__main__":
    sys.exit(main())
