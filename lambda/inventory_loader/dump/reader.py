"""Turns the bytes of a dump into checked CSV text on disk; refuses any text that two readers could read differently.

DuckDB 1.5.5 alone would skip blank lines, take `1,2,3,4,` for four fields and read a reordered header by position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inventory_loader.dump.contract import COLUMNS, MAX_ROWS
from inventory_loader.dump.csv_stream import Sheet
from inventory_loader.dump.gzip_stream import Gunzip
from inventory_loader.dump.row_errors import first_fault
from inventory_loader.errors import DumpRefused


@dataclass(frozen=True)
class Text:
    """Checked text without its header, lines ended by a bare newline."""

    path: Path
    columns: tuple[str, ...]
    """In the order of the file."""
    rows: int
    open_ended: bool = False
    """The last line has no newline: it may be whole, or cut inside a number that still looks like one."""
    quoted: bool = False
    """The object's own lines have quotes, which these have not."""


@dataclass(frozen=True)
class Reading:
    """What came out of the bytes: a text, or else the reason why there is none."""

    sha256: str
    bytes: int
    text: Text | None
    refusal: str | None

    def checked(self) -> Text:
        """Give the text.

        Raises:
            DumpRefused: there is none.
        """
        if self.text is None:
            raise DumpRefused(self.refusal)
        return self.text


def read_dump(chunks: Iterable[bytes], *, gzipped: bool, into: Path) -> Reading:
    """Read a dump to its end, in memory that does not grow with it, and write its text to the file `into`.

    A refused dump is read to its end, too: the ledger wants the digest of the whole object.
    """
    raw = _Digested(chunks)
    text, refusal = None, None
    try:
        text = _text_of(raw, gzipped=gzipped, into=into)
    except DumpRefused as refused:
        refusal = str(refused)
        for _ in raw:
            pass
    return Reading(raw.sha256.hexdigest(), raw.bytes, text, refusal)


def _text_of(raw: Iterable[bytes], *, gzipped: bool, into: Path) -> Text:
    with into.open("wb") as file:
        sheet = Sheet(file)
        for piece in _unpacked(raw, gzipped=gzipped):
            sheet.take(piece)
        columns, rows = sheet.finish()
    if rows is None:
        raise DumpRefused(first_fault(into, columns) or f"lines that are not {len(COLUMNS)} plain fields")
    if rows == 0:
        raise DumpRefused("no row after the header; wanted at least one")
    if rows > MAX_ROWS:
        raise DumpRefused(f"{rows:,} rows; wanted at most {MAX_ROWS:,}: split it by snapshot date")
    return Text(into, columns, rows, sheet.open_ended, sheet.quoted)


def _unpacked(raw: Iterable[bytes], *, gzipped: bool) -> Iterator[bytes]:
    if not gzipped:
        yield from raw
        return
    gunzip = Gunzip()
    for chunk in raw:
        yield from gunzip.feed(chunk)
    gunzip.finish()


class _Digested:
    """Passes chunks on and keeps their digest; a second loop goes on where the first one stopped."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.sha256 = hashlib.sha256()
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.sha256.update(chunk)
            self.bytes += len(chunk)
            yield chunk
