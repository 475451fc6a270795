"""Decompresses a gzip stream piece by piece; refuses what is cut off, damaged or followed by anything else.

Here and not in DuckDB, which reads a gzip file cut at a block boundary as if it were whole (1,000 of 2,000 rows, no
error: DuckDB 1.5.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from inventory_loader.errors import DumpRefused

MAGIC = b"\x1f\x8b"
PIECE_BYTES = 1 << 20
_GZIP = 31  # zlib's wbits for a gzip wrapper around the widest window


class Gunzip:
    """One or more gzip members end to end (what `cat a.gz b.gz` and parallel compressors write)."""

    def __init__(self) -> None:
        self._member: Any = None

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Give the text in `chunk`, never more than `PIECE_BYTES` at a time.

        Raises:
            DumpRefused: not gzip, or damaged.
        """
        rest = chunk
        while True:
            member = self._member or (zlib.decompressobj(_GZIP) if rest else None)
            if member is None:
                return
            try:
                piece = member.decompress(rest, PIECE_BYTES)
            except zlib.error:
                raise DumpRefused("gzip damaged or mixed with other bytes; wanted gzip alone under .csv.gz") from None
            if piece:
                yield piece
            rest = member.unused_data if member.eof else member.unconsumed_tail
            self._member = None if member.eof else member
            # A full piece may leave text inside zlib even when it has taken all the input.
            if not rest and len(piece) < PIECE_BYTES:
                return

    def finish(self) -> None:
        """Say that there is no more to feed.

        Raises:
            DumpRefused: the last member has not come to its end.
        """
        if self._member is not None:
            raise DumpRefused("gzip cut off; wanted one readable to its end")
