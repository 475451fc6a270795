"""`python -m tests.reliability.engine_loop --warehouse FILE`: looks for what makes DuckDB fail inside itself.

A round: another process writes the file as the loader and a sync do, then this one opens it with several connections
that send the statements of the file and landing gates at once. FILE is a copy of a warehouse in which a run was made.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

import duckdb

from expectations.checks.window import Window
from expectations.validation.gate import suites_of
from expectations.validation.suite_runner import prepare
from shelfgate.model import Gate
from shelfgate.ops.pointer import current_publication
from shelfgate.ops.runs import Run, judged_until
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

WRITER = """
import sys, duckdb
path, alter, checkpoint = sys.argv[1], sys.argv[2] == "True", sys.argv[3] == "True"
for number, line in enumerate(sys.stdin):
    c = duckdb.connect(path)
    c.execute("create temp table week as select * from raw_inventory.inventory "
              "where inv_date_sk = (select max(inv_date_sk) from raw_inventory.inventory)")
    c.execute("create temp table lines as select * from raw_sales.web_sales "
              "where ws_order_number % 50 = ?", [number % 50])
    c.begin()
    c.execute("delete from raw_inventory.inventory where inv_date_sk in (select inv_date_sk from week)")
    c.execute("insert into raw_inventory.inventory select * from week")
    c.execute("update ops.load_ledger set loaded_at = now()::timestamp "
              "where object_key = (select max(object_key) from ops.load_ledger)")
    c.commit()
    c.begin()
    c.execute("create or replace table raw_sales.item as select * from raw_sales.item")
    c.execute("delete from raw_sales.web_sales where ws_order_number % 50 = ?", [number % 50])
    c.execute("insert into raw_sales.web_sales select * from lines")
    c.commit()
    if alter:
        c.execute(f"alter table raw_sales.web_sales add column extra_{number} integer")
        c.execute(f"alter table raw_sales.web_sales drop column extra_{number}")
    if checkpoint:
        c.execute("checkpoint")
    c.close()
    print(number, flush=True)
"""


def main() -> None:
    """One JSON object: what was done, how often, and every error of the engine with its stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--asking", type=int, default=2, help="connections beside the first")
    parser.add_argument("--statements", type=int, default=4, help="of each gate, drawn anew each round")
    parser.add_argument("--alter", action="store_true", help="the writer alters a table each round")
    parser.add_argument("--checkpoint", action="store_true", help="the writer checkpoints before it closes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(asked.warehouse, Path(folder) / "warehouse.duckdb"))
        done, errors = _rounds(file, asked)
    print(json.dumps({**vars(asked), **done, "errors": errors}, default=str))


def _rounds(file: Path, asked: argparse.Namespace) -> tuple[Counter[str], Counter[str]]:
    gates = _statements(file)
    done: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    command = [sys.executable, "-c", WRITER, str(file), str(asked.alter), str(asked.checkpoint)]
    ends_at = time.monotonic() + 60 * asked.minutes
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        while time.monotonic() < ends_at:
            print("write", file=writer.stdin, flush=True)
            # A statement of more than two seconds draws DuckDB's progress bar on the same output.
            while not (line := writer.stdout.readline()).strip().isdigit():
                if not line:
                    raise SystemExit(f"the writer ended after {done['rounds']} rounds")
            for statements in gates:
                sample = random.sample(statements, min(len(statements), asked.statements))
                errors.update(_answered(file, sample, asked.asking))
                done["statements"] += len(sample)
            done["rounds"] += 1
        writer.stdin.close()
    return done, errors


def _answered(file: Path, statements: list[str], asking: int) -> list[str]:
    """Send them at once, over one connection and `asking` more; gives the errors."""
    connections = [duckdb.connect(str(file)) for _ in range(1 + asking)]
    idle: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
    for connection in connections:
        idle.put(connection)

    def answer(sql: str) -> str | None:
        connection = idle.get()
        try:
            connection.execute(sql).fetchall()
        except duckdb.Error as error:
            return str(error)
        finally:
            idle.put(connection)
        return None

    with ThreadPoolExecutor(len(connections)) as pool:
        errors = [error for error in pool.map(answer, statements) if error]
    for connection in connections:
        connection.close()
    return errors


def _statements(file: Path) -> list[list[str]]:
    """Of the file gate, then of the landing gate: what a run would send."""
    with DuckDBWarehouse(file).turn() as session:
        base = current_publication(session)
        if base is None:
            raise SystemExit(f"{file}: nothing is published in it; expected a warehouse in which a run was made")
        run = Run("loop", base.business_date, base, judged_until(session, base))
    window = Window.of(run, datetime.now(UTC).replace(tzinfo=None))
    return [
        [prepare(suite, window).suite_query.statement for suite in suites_of(gate)]
        for gate in (Gate.FILE, Gate.LANDING)
    ]


if __name__ == "__main__":
    main()
