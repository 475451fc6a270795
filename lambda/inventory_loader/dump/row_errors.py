"""Finds the first line of a refused text that breaks the contract; refuses to repeat what the line says.

Only refused texts come here, so it may take a second a million lines; the fast readers stop without knowing where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from inventory_loader.dump.contract import COLUMNS, LONGEST_LINE, MAX_KEY, MAX_QUANTITY, QUANTITY
from inventory_loader.dump.kinds import fields_of, kind_of_fields, kind_of_value

# A column's usual values: lines made of these are passed over without a closer look.
_USUAL_KEY, _USUAL_QUANTITY = rb"[1-9][0-9]{0,8}", rb"(?:-?[0-9]{1,18})?"

_WANTED_KEY = f"an integer from 1 to {MAX_KEY:,}"
_WANTED_QUANTITY = "an integer of 64 bits, or nothing"
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


def first_fault(text: Path, columns: Sequence[str]) -> str | None:
    """Say in which line and column `text` (a file without its header) first breaks the contract, and how.

    Lines are numbered as in the dump: the header is line 1. None if every line keeps the contract.
    """
    usual = re.compile(b",".join(_USUAL_QUANTITY if name == QUANTITY else _USUAL_KEY for name in columns) + rb"\n?")
    with text.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), b""), start=2):
            if not usual.fullmatch(line) and (fault := _fault_of(line, columns)):
                return f"line {number:,}{fault}"
    return None


def _fault_of(line: bytes, columns: Sequence[str]) -> str | None:
    if len(line) > LONGEST_LINE:
        return f": seen more than {LONGEST_LINE} bytes; wanted {len(COLUMNS)} fields in no more than that"
    if b"\0" in line:
        return ": seen a NUL byte; wanted text"
    try:
        whole = line.decode().removesuffix("\n")
    except UnicodeDecodeError:
        return ": seen bytes that are not UTF-8; wanted UTF-8 text"
    fields = fields_of(whole)
    if len(fields) != len(COLUMNS):
        seen = "an empty line" if not whole else kind_of_fields(whole) or f"{len(fields)} fields"
        return f": seen {seen}; wanted {len(COLUMNS)} fields"
    for name, value in zip(columns, fields, strict=True):
        if not _is_good(name, value):
            wanted = _WANTED_QUANTITY if name == QUANTITY else _WANTED_KEY
            return f", column {name}: seen {kind_of_value(value)}; wanted {wanted}"
    return None


def _is_good(column: str, value: str) -> bool:
    if column == QUANTITY and not value:
        return True
    if _INTEGER.fullmatch(value) is None:
        return False
    return -MAX_QUANTITY <= int(value) <= MAX_QUANTITY if column == QUANTITY else 1 <= int(value) <= MAX_KEY
