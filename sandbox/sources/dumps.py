"""Writes the inventory dumps that a retailer's export would drop; refuses any order but that of the key."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb

from sandbox.sources.tpcds import day_number, quoted

# A weekly dump at scale 1 has 0.9 MB, the whole history 225.
GZIP_OVER_BYTES = 20_000_000
# Level 1 packs the history at scale 1 to 60 MB in 1.3 s; DuckDB's own gzip takes 15 s for 50 MB.
GZIP_LEVEL = 1


# The loader takes 400 MB of text and 20,000,000 rows in a dump. At scale 10 a line has 23 bytes at most, which makes
# 345 MB; the 11,745,000 rows of scale 1 stay one dump.
PART_ROWS = 15_000_000


def write(engine: duckdb.DuckDBPyConnection, day: date, work: Path, *, history: bool) -> Iterator[Path]:
    """Write the inventory known at the end of the day: its latest snapshot, or every one so far.

    More than PART_ROWS rows are several dumps of the day, of whole snapshots; each is written when it is asked for.
    """
    number = day_number(day)
    snapshots = engine.execute(
        "select inv_date_sk, count(*) from inventory where inv_date_sk <= ? group by 1 order by 1", [number]
    ).fetchall()
    assert snapshots, "no day is seeded before the first snapshot"
    parts = _parts(snapshots if history else snapshots[-1:])
    for place, (first, last) in enumerate(parts, 1):
        part = f"-part-{place:02}-of-{len(parts):02}" if len(parts) > 1 else ""
        file = work / f"{day}{part}.csv"
        # No order by: the generated table lies in the order of its key, and DuckDB keeps that order.
        engine.execute(
            f"copy (from inventory where inv_date_sk between {first} and {last})"
            f" to '{quoted(file)}' (format csv, header, delimiter ',', nullstr '')"
        )
        yield _gzipped(file) if file.stat().st_size > GZIP_OVER_BYTES else file


def _parts(snapshots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """First and last date of each part; a single snapshot is never split."""
    parts: list[tuple[int, int]] = []
    rows = 0
    for sk, more in snapshots:
        if parts and rows + more <= PART_ROWS:
            parts[-1] = (parts[-1][0], sk)
            rows += more
        else:
            parts.append((sk, sk))
            rows = more
    return parts


def _gzipped(file: Path) -> Path:
    packed = file.with_name(file.name + ".gz")
    pack = zlib.compressobj(GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    with file.open("rb") as plain, packed.open("wb") as target:
        while chunk := plain.read(1 << 20):
            target.write(pack.compress(chunk))
        target.write(pack.flush())
    file.unlink()
    return packed
