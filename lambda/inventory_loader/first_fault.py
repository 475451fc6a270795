"""Finds the first line of a refused text that breaks the contract; refuses to repeat what the line says.

Only refused texts come here, so it may take a second a million lines; the fast readers stop without knowing where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from inventory_loader.contract import COLUMNS, MAX_DIGITS, MAX_KEY, QUANTITY

_LONGEST_LINE = 200
"""A good line has at most 80 bytes; more of a bad one need not be in memory to see that it is bad."""

# A column's usual values: lines made of these are passed over without a closer look.
_USUAL_KEY, _USUAL_QUANTITY = rb"[1-9][0-9]{0,8}", rb"(?:-?[0-9]{1,18})?"

_INTEGER = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}", re.ASCII)

_KINDS = (
    (re.compile(r""), "nothing"),
    (re.compile(r'.*".*'), "a quoted value"),
    (re.compile(r".*\r.*", re.DOTALL), "a carriage return inside the line"),
    (re.compile(r"\s.*|.*\s", re.DOTALL), "blanks around the value"),
    (re.compile(r"-?[0-9]+", re.ASCII), f"an integer out of range or of more than {MAX_DIGITS} digits"),
    (re.compile(r"[-+]?[0-9]*\.[0-9]*", re.ASCII), "a decimal number"),
    (re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", re.ASCII), "a number in scientific notation"),
    (re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}", re.ASCII), "a date"),
)


def first_fault(text: Path, columns: Sequence[str]) -> str | None:
    """Say in which line and column `text` (a file without its header) first breaks the contract, and how.

    Lines are numbered as in the dump: the header is line 1. None if every line keeps the contract.
    """
    usual = re.compile(b",".join(_USUAL_QUANTITY if name == QUANTITY else _USUAL_KEY for name in columns) + rb"\n?")
    with text.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), b""), start=2):
            if not usual.fullmatch(line) and (fault := _fault_of(line, columns)):
                return f"line {number:,}{fault}"
    return None


def _fault_of(line: bytes, columns: Sequence[str]) -> str | None:
    if b"\0" in line:
        return ": seen a NUL byte; wanted text"
    try:
        fields = line.decode().removesuffix("\n").split(",")
    except UnicodeDecodeError:
        return ": seen bytes that are not UTF-8; wanted UTF-8 text"
    if len(fields) != len(COLUMNS):
        seen = "an empty line" if fields == [""] else f"{len(fields)} fields"
        return f": seen {seen}; wanted {len(COLUMNS)} fields"
    for name, value in zip(columns, fields, strict=True):
        if not _is_good(name, value):
            wanted = "an integer or nothing" if name == QUANTITY else f"an integer from 1 to {MAX_KEY:,}"
            return f", column {name}: seen {_kind_of(value)}; wanted {wanted}"
    return None


def _is_good(column: str, value: str) -> bool:
    if column == QUANTITY and not value:
        return True
    return _INTEGER.fullmatch(value) is not None and (column == QUANTITY or 1 <= int(value) <= MAX_KEY)


def _kind_of(value: str) -> str:
    return next((words for kind, words in _KINDS if kind.fullmatch(value)), "text")
