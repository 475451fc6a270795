"""Writes the inventory dumps that a retailer's export would drop; refuses any order but that of the key."""

from __future__ import annotations

import zlib
from datetime import date
from pathlib import Path

import duckdb

from sandbox.tpcds import day_number, quoted

# A weekly dump at scale 1 has 0.9 MB, the whole history 225.
GZIP_OVER_BYTES = 20_000_000
# Level 1 packs the history at scale 1 to 60 MB in 1.3 s; DuckDB's own gzip takes 15 s for 50 MB.
GZIP_LEVEL = 1


def write(engine: duckdb.DuckDBPyConnection, day: date, work: Path, *, history: bool) -> Path:
    """Write the inventory known at the end of the day: its latest snapshot, or every one so far."""
    number = day_number(day)
    latest = engine.execute("select max(inv_date_sk) from inventory where inv_date_sk <= ?", [number]).fetchone()
    assert latest is not None, "an aggregate has a row"
    file = work / f"{day}.csv"
    # No order by: the generated table lies in the order of its key, and DuckDB keeps that order.
    engine.execute(
        f"copy (from inventory where inv_date_sk between {0 if history else latest[0]} and {number})"
        f" to '{quoted(file)}' (format csv, header, delimiter ',', nullstr '')"
    )
    return _gzipped(file) if file.stat().st_size > GZIP_OVER_BYTES else file


def _gzipped(file: Path) -> Path:
    packed = file.with_name(file.name + ".gz")
    pack = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    with file.open("rb") as plain, packed.open("wb") as target:
        while chunk := plain.read(1 << 20):
            target.write(pack.compress(chunk))
        target.write(pack.flush())
    return packed
