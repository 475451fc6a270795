"""`make bench`: our way and the bare way, side by side in one run; prints ratios and judges nothing.

Machines are noisy, so each pair takes turns and the best of its rounds counts, in CPU seconds of this process; the
loader, which has a process of its own, in wall and CPU seconds (`tests.bench.loading`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.bench.loading import MEMORY_MB, ROUNDS, Loading, loadings, write_dump


@dataclass(frozen=True)
class Pair:
    """One comparison: `ratio` is ours over bare."""

    what: str
    ours_seconds: float
    bare: str
    bare_seconds: float

    @property
    def ratio(self) -> float:
        return self.ours_seconds / self.bare_seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--weeks", type=int, default=261, help="weeks of 45,000 rows in the history dump")
    parser.add_argument("--scale", type=float, default=1, help="scale of the daily run whose gates are timed; 0: none")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()
    if arguments.weeks < 2:
        parser.error("--weeks is 2 or more: one week is always measured")
    loaded = list(loadings(arguments.weeks))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        pairs = [
            gate_on_one_week(Path(folder)),
            *(gates_of_a_day(Path(folder) / "home", patch, arguments.scale) if arguments.scale else ()),
        ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.json:
        found = {
            "loadings": [each.as_json() for each in loaded],
            "pairs": [{**asdict(p), "ratio": p.ratio} for p in pairs],
            "peak_mib": round(peak),
        }
        print(json.dumps(found, indent=2))
        return
    for each in loaded:
        print(told(each))
    for pair in pairs:
        print(f"{pair.what}: {pair.ours_seconds:.2f} s; {pair.bare}: {pair.bare_seconds:.2f} s; ratio {pair.ratio:.2f}")
    print(
        f"CPU seconds, best of {ROUNDS}; the gates of a day: wall seconds, each once; "
        f"peak memory of this process {peak:,.0f} MiB"
    )


def told(found: Loading) -> str:
    return (
        f"loader, {found.what} ({found.rows:,} rows): {found.ours_seconds:.2f} s; read_csv into a table: "
        f"{found.bare_seconds:.2f} s; {found.speed:.2f} of its speed, {found.cpu_speed:.2f} in CPU seconds; "
        f"peak memory of the function {found.peak_mib:,} MiB of {MEMORY_MB}"
    )


def gate_on_one_week(folder: Path) -> Pair:
    """The landing suite of inventory over one week of 45,000 rows against its own queries sent as bare SQL."""
    from datetime import date, datetime

    import great_expectations  # noqa: F401  (its import is paid once a process and not measured)

    from expectations.checks.window import render
    from expectations.validation.gate import Judge, Window, suites_of
    from shelfgate.model import Gate
    from shelfgate.warehouse import install
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

    warehouse = DuckDBWarehouse(folder / "gate.duckdb")
    write_dump(folder / "week.csv", 1)
    window = Window("bench", date(1998, 1, 3), datetime(2003, 1, 1), None, None)
    (suite,) = (s for s in suites_of(Gate.LANDING) if s["meta"]["dataset"] == "inventory")
    with warehouse.turn() as session:
        install(session)
        session.run_script(
            f"""
            create table raw_sales.item as
            select i as i_item_sk, 'I' || i as i_item_id, date '1997-10-27' as i_rec_start_date
            from range(1, 9001) as t (i);
            create table raw_sales.warehouse as select i as w_warehouse_sk from range(1, 6) as t (i);
            create table raw_sales.date_dim as
            select 2450815 + i as d_date_sk, date '1998-01-01' + cast(i as integer) as d_date
            from range(-7, 40) as t (i);
            insert into raw_inventory.inventory
            select * from read_csv('{folder / "week.csv"}', header = true);
            insert into ops.inventory_snapshot
            select 2450815, 'k', 'v', date '1998-01-01', timestamp '1998-01-01', 45000, 'd', null, null, false;
            insert into ops.load_ledger values
            ('k', 'v', 'e', 's', 1, 45000, 'loaded', null, 'r', timestamp '2003-01-01', date '1998-01-01',
            timestamp '1998-01-01');
            """
        )
        judge = Judge(warehouse, folder / "docs")
        names = window.names(suite["meta"]["window"])
        batch = f"({render(suite['meta']['window'], names)})"
        columns = [e["kwargs"]["column"] for e in suite["expectations"] if "column" in e["kwargs"]]
        counts = ", ".join(f"count({c}), min({c}), max({c})" for c in columns)

        def bare() -> None:
            session.rows(f"select count(*), {counts} from {batch} as one_week")
            for expectation in suite["expectations"]:
                if "query" in expectation["kwargs"]:
                    session.rows(f"select count(*) as n from ({render(expectation['kwargs']['query'], names)}) as q")

        def ours() -> None:
            from unittest.mock import patch

            with patch("expectations.validation.gate.suites_of", return_value=[suite]):
                judge.verdict(Gate.LANDING, window)

        return best("landing suite, one week", lambda: cpu(ours), "the same checks as bare SQL", lambda: cpu(bare))


def gates_of_a_day(home: Path, patch: pytest.MonkeyPatch, scale: float) -> list[Pair]:
    """Every gate of a daily run, as the run timed it, against the queries of its suites sent as bare SQL."""
    from datetime import date, timedelta

    from cli.flow_runs import refresh_now
    from sandbox import stack

    pairs: list[Pair] = []
    patch.setenv("SHELFGATE_HOME", str(home))
    first = date(2002, 12, 6)  # nearly all of the history is there: the dearest days that a gate can have
    stack.up(home, with_parent=os.getpid(), on_progress=lambda _: None)
    try:
        stack.seed(home, scale, first, on_progress=lambda _: None)
        refresh_now(first)  # pays for the first load, and for the imports of this process
        for number in range(1, ROUNDS + 1):
            day = first + timedelta(days=number)
            stack.advance(home, 1, on_progress=lambda _: None)
            settings, refreshed = refresh_now(day)
            ours = {stage: spent for stage, spent in refreshed.seconds.items() if stage.endswith(" gate")}
            bare = _seconds_of_bare_queries(settings.warehouse_file)
            pairs.append(
                Pair(f"all gates of {day}, scale {scale:g}", sum(ours.values()), "their queries as bare SQL", bare)
            )
            each = ", ".join(f"{stage} {spent:.2f} s" for stage, spent in ours.items())
            print(f"  {pairs[-1].what}: {pairs[-1].ratio:.2f} ({each})", file=sys.stderr)
    finally:
        stack.down(home)
    return pairs


def _seconds_of_bare_queries(warehouse: Path) -> float:
    """The last run's gates once more, without Great Expectations; what is published by now is their base."""
    from datetime import UTC, datetime

    from expectations.checks.window import Window, render
    from expectations.validation.gate import suites_of
    from shelfgate.model import Gate
    from shelfgate.ops.pointer import publications
    from shelfgate.ops.runs import Run, judged_until
    from shelfgate.publication.readback import promised_by, published_verdict
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

    with DuckDBWarehouse(warehouse).turn() as session:
        last, base = publications(session)[:2]
        run = Run(last.run_id, last.business_date, base, judged_until(session, base))
        window = Window.of(run, datetime.now(UTC).replace(tzinfo=None))
        began = time.monotonic()
        for suite in (suite for gate in Gate for suite in suites_of(gate)):
            names = window.names(suite["meta"]["window"])
            session.rows(f"select count(*) from ({render(suite['meta']['window'], names)}) as judged")
            for expectation in suite["expectations"]:
                if "query" in expectation["kwargs"]:
                    session.rows(f"select count(*) as n from ({render(expectation['kwargs']['query'], names)}) as q")
        published_verdict(session, promised_by(session, last), last.publication_id)
        return time.monotonic() - began


def best(what: str, ours: Callable[[], float], bare_name: str, bare: Callable[[], float]) -> Pair:
    rounds = [(ours(), bare()) for _ in range(ROUNDS)]
    pair = Pair(what, min(o for o, _ in rounds), bare_name, min(b for _, b in rounds))
    print(f"  {what}: {pair.ratio:.2f}", file=sys.stderr)
    return pair


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process, all its threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    os.environ.setdefault("DO_NOT_TRACK", "1")
    main()
