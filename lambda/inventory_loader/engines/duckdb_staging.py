"""Parses and weighs a checked text with DuckDB, on scratch disk; refuses every value that a cast would bend.

The text is parsed once, into a Parquet file a ninth of its size: weighing reads that several times, and the warehouse
inserts from it in two thirds of the time that the text would take, which is time that others wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from inventory_loader.dump.contract import LONGEST_LINE, MAX_KEY, MAX_SNAPSHOTS
from inventory_loader.dump.reader import Text
from inventory_loader.dump.row_errors import first_fault
from inventory_loader.errors import DumpRefused, ScratchSpaceFailed
from inventory_loader.load import Staged
from inventory_loader.snapshots import Snapshot

MEMORY_LIMIT = "256MB"
"""DuckDB spills beyond it; with boto3 and Python the function stays under 400 MB for SF1's whole history."""

_ROWS_AT_ONCE = 1_000_000
"""Looking for repeated keys in all 11.7 million rows of SF1 at once takes 780 MB; a million at a time takes 190 MB."""

# Typed columns bend nothing here: the text is known to be four fields a line of digits and minus signs, so a value is
# an integer or raises (`1-2`). In other texts they would take 10.7 for 11. Casting by a pattern takes twice as long.
_PARSE = """
    copy (
        select inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand
        from read_csv(
            $text, columns = $columns, header = false, auto_detect = false, delim = ',', quote = '', escape = '',
            new_line = '\\n', strict_mode = true, null_padding = false, max_line_size = $longest
        )
    ) to $staged (format parquet)
"""

_COUNT_GOOD_KEYS = """
    select count(*) from read_parquet($staged)
    where inv_date_sk between 1 and $max and inv_item_sk between 1 and $max and inv_warehouse_sk between 1 and $max
"""

# A sum of hashes does not depend on the order of rows; DuckDB's `hash` is its own, so digests never leave the engine.
_WEIGH = """
    select inv_date_sk, count(*), sum(hash(inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)::hugeint)
    from read_parquet($staged)
    group by inv_date_sk
    order by inv_date_sk
"""

_COUNT_REPEATED = """
    select inv_date_sk, sum(times - 1)::bigint
    from (
        select inv_date_sk, count(*) as times
        from read_parquet($staged)
        where inv_date_sk between $first and $last
        group by inv_date_sk, inv_item_sk, inv_warehouse_sk
        having count(*) > 1
    )
    group by inv_date_sk
"""


def stage(text: Text, folder: Path) -> Staged:
    """Parse the text into a Parquet file in `folder`, with bigint columns by name, and weigh its snapshots.

    Raises:
        DumpRefused: a value is not what its column wants; the reason names the first line and column.
        ScratchSpaceFailed: disk or memory gave out.
    """
    staged = str(folder / "rows.parquet")
    try:
        with closing(_scratch_connection(folder)) as connection:
            if not _parsed(connection, text, staged):
                fault = first_fault(text.path, text.columns)
                raise DumpRefused(fault or f"{text.rows:,} rows by the bytes, another number parsed; wanted the same")
            return Staged(staged, text.rows, _weighed(connection, staged))
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise ScratchSpaceFailed(f"scratch space: {error}. Nothing was loaded.") from error


def _scratch_connection(folder: Path) -> duckdb.DuckDBPyConnection:
    # The order of rows means nothing, and keeping it costs a third more memory.
    return duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder), "preserve_insertion_order": False}
    )


def _parsed(connection: duckdb.DuckDBPyConnection, text: Text, staged: str) -> bool:
    source = {"text": str(text.path), "columns": dict.fromkeys(text.columns, "BIGINT")}
    try:
        connection.execute(_PARSE, {**source, "longest": LONGEST_LINE, "staged": staged})
    except (duckdb.ConversionException, duckdb.InvalidInputException):
        return False
    good = connection.execute(_COUNT_GOOD_KEYS, {"staged": staged, "max": MAX_KEY}).fetchall()
    return good == [(text.rows,)]


def _weighed(connection: duckdb.DuckDBPyConnection, staged: str) -> tuple[Snapshot, ...]:
    weights = connection.execute(_WEIGH, {"staged": staged}).fetchmany(MAX_SNAPSHOTS + 1)
    if len(weights) > MAX_SNAPSHOTS:
        raise DumpRefused(f"more than {MAX_SNAPSHOTS:,} snapshot dates; wanted no more than that")
    repeated: dict[int, int] = {}
    for first, last in _batches(weights):
        found = connection.execute(_COUNT_REPEATED, {"staged": staged, "first": first, "last": last})
        repeated |= dict(found.fetchall())
    return tuple(Snapshot(sk, rows, repeated.get(sk, 0), f"{rows}-{total}") for sk, rows, total in weights)


def _batches(weights: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """Group neighbouring dates into spans of about a million rows, first and last date each."""
    span: list[int] = []
    rows = 0
    for sk, more, _ in weights:
        if span and rows + more > _ROWS_AT_ONCE:
            yield span[0], span[-1]
            span, rows = [], 0
        span.append(sk)
        rows += more
    yield span[0], span[-1]
