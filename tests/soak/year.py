"""Day after day in one process, measured; refuses to go on over a difference from the oracle."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from statistics import median

import psutil

from cli.console import say
from cli.flow_runs import vacuum_now
from tests.soak.trouble import TROUBLES, NotAsPromised, Trouble
from tests.support.house import House

TROUBLE_EVERY = 5
VACUUM_EVERY = 14
KEEP = 7
# dbt, Great Expectations and Prefect fill their caches during the first days.
WARM_UP_DAYS = 10
OPERATIONS = ("publication", "manifest", "gate_result", "load_ledger", "source_total", "inventory_snapshot", "lease")


@dataclass(frozen=True)
class Measured:
    """A day that ended well: `seconds` of its plain run, memory of this process, what the warehouse holds."""

    day: str
    trouble: str | None
    seconds: float
    compared: bool
    rss: int
    file_bytes: int
    pages: int
    published_rows: int
    stored_rows: int
    readable: int
    operations: dict[str, int]


def soak(house: House, days: int, rng: random.Random, minutes: float | None = None) -> list[Measured]:
    """A run a day; a trouble every fifth, after which one more run must bring what the oracle says.

    After `minutes` no further day begins; the one on hand is the last.

    Raises:
        NotAsPromised: a promise did not hold; the message names the day.
    """
    found: list[Measured] = []
    bag: list[Trouble] = []
    began = time.monotonic()
    for number in range(days):
        over = minutes is not None and time.monotonic() - began > 60 * minutes
        if number:
            house.advance()
        trouble = None
        if number % TROUBLE_EVERY == TROUBLE_EVERY - 1:
            # Without replacement: after ten troubles each has come once.
            bag = bag or rng.sample(TROUBLES, len(TROUBLES))
            trouble = bag.pop()
            say(f"{house.day}: {trouble.name}")
            trouble.strike(house, rng)
        if number % VACUUM_EVERY == VACUUM_EVERY - 1:
            before = house.marts()
            vacuum_now(KEEP)
            if house.marts() != before:
                raise NotAsPromised(f"{house.day}: vacuum changed what readers see")
        compared = number == 0 or trouble is not None or over or number == days - 1
        found.append(_run(house, trouble.name if trouble else None, compared=compared))
        say(f"day {number + 1} of {days}, {house.day}: {found[-1].seconds:.1f} s, {found[-1].rss / 1e6:.0f} MB")
        if over:
            break
    return found


def _run(house: House, trouble: str | None, *, compared: bool) -> Measured:
    began = time.monotonic()
    publication = house.refresh_despite_the_engine().publication
    seconds = round(time.monotonic() - began, 2)
    if publication.business_date != house.day:
        raise NotAsPromised(f"{house.day}: one more run left readers at {publication.business_date}")
    if compared and (differences := house.differences()):
        raise NotAsPromised(f"{house.day}, after {trouble}: {differences}")
    return _measure(house, trouble, seconds, compared)


def _measure(house: House, trouble: str | None, seconds: float, compared: bool) -> Measured:
    with house.warehouse() as connection:

        def count(query: str) -> int:
            row = connection.execute(query).fetchone()
            return int(row[0]) if row else 0

        operations = {name: count(f"select count(*) from ops.{name}") for name in OPERATIONS}
        served = count("select sum(row_count) from marts.data_status")
        stored = count("select sum(estimated_size) from duckdb_tables() where schema_name = 'store' and not internal")
        readable = count("select count(distinct publication_id) from ops.manifest")
    return Measured(
        house.day.isoformat(),
        trouble,
        seconds,
        compared,
        psutil.Process(os.getpid()).memory_info().rss,
        (house.home / "warehouse.duckdb").stat().st_size,
        sum(1 for _ in (house.home / "data-docs").rglob("*.html")),
        served,
        stored,
        readable,
        operations,
    )


def memory_growth(days: list[Measured]) -> float:
    """The last ten days' memory over that of the first ten after the warm-up, less 1."""
    warm = [one.rss for one in days[WARM_UP_DAYS:]]
    return median(warm[-10:]) / median(warm[:10]) - 1 if warm else 0.0


def promises_broken(days: list[Measured]) -> list[str]:
    """What should have stayed flat and did not; the other promises end the soak on the day they break."""
    broken: list[str] = []
    if (growth := memory_growth(days)) >= 0.2:
        broken.append(f"memory grew by {growth:.0%}; wanted under 20 %")
    # A day with a trouble holds its gates two or three times.
    most_verdicts = 2 * (KEEP + 1) * days[0].operations["gate_result"]
    after = days[VACUUM_EVERY - 1 :: VACUUM_EVERY]
    for one in after:
        # The publication of the vacuum's own day comes on top.
        if one.readable > KEEP + 1:
            broken.append(f"{one.day}: {one.readable} publications readable after vacuum --keep {KEEP}")
        if one.operations["gate_result"] > most_verdicts:
            broken.append(f"{one.day}: {one.operations['gate_result']} verdicts kept for {one.readable} publications")
        if one.stored_rows > 3 * one.published_rows:
            broken.append(f"{one.day}: {one.stored_rows} rows stored, {one.published_rows} served")
    if len(after) > 1:
        grown = after[-1].file_bytes / after[0].file_bytes
        history = after[-1].published_rows / after[0].published_rows
        if grown > 1.5 * history:
            broken.append(f"the file grew by a factor of {grown:.2f}, what it serves by {history:.2f}")
    return broken


def summary(days: list[Measured]) -> dict[str, object]:
    """The figures of docs/reliability.md."""
    last = days[-1]
    troubles = Counter(one.trouble for one in days if one.trouble)
    return {
        "days": len(days),
        "through": last.day,
        "troubles": dict(sorted(troubles.items())),
        "days_compared_with_oracle": sum(one.compared for one in days),
        "seconds_a_day_median": round(median(one.seconds for one in days), 1),
        "rss_mb_after_warm_up": round(days[min(WARM_UP_DAYS, len(days) - 1)].rss / 1e6),
        "rss_mb_at_the_end": round(last.rss / 1e6),
        "rss_growth": round(memory_growth(days), 3),
        "file_mb_by_vacuum": [round(one.file_bytes / 1e6, 1) for one in days[VACUUM_EVERY - 1 :: VACUUM_EVERY]],
        "rows_served": last.published_rows,
        "rows_stored": last.stored_rows,
        "publications_readable": last.readable,
        "operations_rows": last.operations,
        "pages_of_data_docs": last.pages,
    }
