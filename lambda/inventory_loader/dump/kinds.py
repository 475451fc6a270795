"""Says of what kind the content of a refused file is; refuses to repeat any of it.

A refusal goes into the ledger, logs and Data Docs, and a wrong file may hold customers. So each reason is made of words
that stand here, of the contract's own column names and of counts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import groupby

from inventory_loader.dump.contract import column_of

_BOM = b"\xef\xbb\xbf"
_NAMES_TOLD = 8

_BINARY = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "a zip archive, as an Excel workbook is one"),
    (b"\xd0\xcf\x11\xe0", "a file of old Excel or Word"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)

_OTHER_DELIMITERS = ((";", "semicolons"), ("\t", "tabs"), ("|", "pipes"))

_STARTS = (
    (re.compile(rb"\s*<"), "a markup tag"),
    (re.compile(rb"\s*(\{|\[\s*([{\[\"]|$))"), "JSON"),
    (re.compile(rb"\"?sep=", re.IGNORECASE), "a separator line of Excel"),
)

_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]*)*-?", re.ASCII)
_QUOTED = re.compile(r"([\"'`]).*\1|\[.*\]", re.DOTALL)
_FIELDS = (
    (re.compile(r""), "an empty name"),
    (_NUMBER, "a number"),
    (_QUOTED, "a quoted name"),
    (re.compile(r".*\".*", re.DOTALL), "a quote inside a name"),
    (re.compile(r"\s.*|.*\s", re.DOTALL), "a name with blanks around it"),
)

_VALUES = (
    (re.compile(r""), "nothing"),
    (re.compile(r".*\r.*", re.DOTALL), "a carriage return inside the line"),
    (re.compile(r".*\".*", re.DOTALL), "a quoted value"),
    (re.compile(r"\s.*|.*\s", re.DOTALL), "blanks around the value"),
    (re.compile(r"-?[0-9]+", re.ASCII), "an integer out of range"),
    (re.compile(r"[-+]?[0-9]*\.[0-9]*", re.ASCII), "a decimal number"),
    (re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", re.ASCII), "a number in scientific notation"),
    (re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}", re.ASCII), "a date"),
    (re.compile(r"[0-9.]+-", re.ASCII), "text: a number with its minus sign at the end"),
    (re.compile(r"\+[0-9.]+", re.ASCII), "text: a number with a plus sign"),
    (re.compile(r"null|none|nil|nan|n/?a|#n/a|\(null\)", re.IGNORECASE), "text: a word for NULL"),
    (re.compile(r"\\N"), "text: a backslash and N, which stand for NULL"),
    (re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+", re.ASCII), "text: a number with thousands separators"),
    (re.compile(r"=.*", re.DOTALL), "text: a formula"),
    (re.compile(r"[^\W\d_]+"), "text: a word"),
    (re.compile(r"[^\W\d_].* .*", re.DOTALL), "text: words"),
)


def fields_of(line: str) -> list[str]:
    """Take a line apart by RFC 4180; one whose quotes are no pairs, at its commas."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error:
        return line.split(",")


def kind_of_header(head: bytes) -> str:
    """Say what stands where the header should."""
    if known := kind_of_start(head):
        return known
    try:
        line = head.removeprefix(_BOM).removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    if not line:
        return "nothing"
    if "\r" in line:
        return "a carriage return inside the line"
    return kind_of_fields(line) or _kind_of_names(fields_of(line))


def kind_of_start(head: bytes) -> str | None:
    """Say what a file is that begins so; None if it may be text in lines."""
    binary = next((words for magic, words in _BINARY if head.startswith(magic)), None)
    if binary or b"\0" in head:
        return binary or "NUL bytes: UTF-16, or no text"
    text = head.removeprefix(_BOM)
    return next((words for form, words in _STARTS if form.match(text)), None)


def kind_of_fields(line: str) -> str | None:
    """Say what separates the fields of a line in which no comma does; None if nothing that is known."""
    if "," in line:
        return None
    return next((f"one field with {words}" for mark, words in _OTHER_DELIMITERS if mark in line), None)


def kind_of_value(value: str) -> str:
    """Say what stands where an integer should."""
    if column_of(value):
        return "text: a column's name, as of a second header"
    return next((words for form, words in _VALUES if form.fullmatch(value)), "text")


def _kind_of_names(names: Sequence[str]) -> str:
    if any(names) and all(_NUMBER.fullmatch(name) or not name for name in names):
        return f"{len(names)} numbers: no header?"
    if len(names) == 1 and not column_of(names[0]):
        return "one field with blanks: a title?" if " " in names[0] else "one field that is no column's name"
    if not any(map(column_of, names)) and not any(map(_QUOTED.fullmatch, names)):
        return f"{len(names)} fields, none of them a column's name: no header?"
    told = [_kind_of_name(name) for name in names[:_NAMES_TOLD]]
    words = ", ".join(_counted(kind, len(list(group))) for kind, group in groupby(told))
    more = len(names) - len(told)
    return f"{words} and {more} more" if more else words


def _kind_of_name(name: str) -> str:
    return column_of(name) or next((words for form, words in _FIELDS if form.fullmatch(name)), "another name")


def _counted(kind: str, times: int) -> str:
    return kind if times == 1 else f"{kind} ({times} times)"
