"""What a person at a terminal sees: lines, tables and answers. The only module that renders with rich, so that text
from outside is made safe in one place."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from shelfgate.outside_text import printable
from shelfgate.status import as_json

if TYPE_CHECKING:
    from rich.console import Console

UNLIMITED = 100_000
"""Columns of what is no terminal: there a row is a line, whatever its length."""

BORDERS = 3
"""Columns that a cell takes beside its text."""


class Styled(NamedTuple):
    """Text with a style of rich's."""

    text: str
    style: str = "bold"


def say(message: str) -> None:
    """A line of progress, on standard error: standard output belongs to the answer."""
    _print(screen(), message)


def show(*parts: str | Styled) -> None:
    """A line of the answer for people, on standard output. It is never folded: a terminal does that, and copies it
    whole."""
    _print(_paper(), *parts)


def answer(value: Any) -> None:
    """One JSON object on standard output."""
    print(json.dumps(as_json(value), indent=2, default=str), flush=True)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, console: Console | None = None) -> None:
    """A table of which no word is ever cut or folded; a block of `heading value` lines a row if it is too wide."""
    from rich.table import Table
    from rich.text import Text

    console = console or _paper()
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = _widths(headings, cells, console.width)
    if widths is None:
        _show_as_blocks(console, headings, cells)
        return
    table = Table()
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, width=width, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table, crop=False)


@cache
def screen() -> Console:
    """Standard error. Whatever prints there while a bar stands on it must print by this."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def plain_run_logs() -> None:
    """Have Prefect print a run's messages as plain lines. Call it before Prefect is imported."""
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT", "%(asctime)s  %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT", "%(asctime)s    %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT", "%H:%M:%S")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "flows.console_handler.StepsOnlyHandler")
    os.environ.setdefault("PREFECT_LOGGING_COLORS", "false")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


def _paper() -> Console:
    """Standard output; of a pipe or a file, without an end to its lines."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNLIMITED
    return Console(markup=False, highlight=False, emoji=False, width=width)


def _print(console: Console, *parts: str | Styled) -> None:
    from rich.text import Text

    line = Text()
    for part in parts:
        text, style = part if isinstance(part, Styled) else (part, "")
        line.append(printable(text, keep_lines=True), style)
    console.print(line, soft_wrap=True)


def _widths(headings: Sequence[str], cells: list[list[str]], width: int) -> list[int] | None:
    """Columns for each cell, none less than its longest word; None if that is more than there are."""
    from rich.cells import cell_len

    columns = list(zip(headings, *cells, strict=True))
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    wanted = [max(cell_len(cell) for cell in column) for column in columns]
    left = width - 1 - BORDERS * len(columns) - sum(least)
    if left < 0:
        return None
    # Narrow columns first: what they leave goes to those that hold sentences.
    for number, place in enumerate(sorted(range(len(columns)), key=lambda place: wanted[place] - least[place])):
        given = min(wanted[place] - least[place], left // (len(columns) - number))
        least[place] += given
        left -= given
    return least


def _show_as_blocks(console: Console, headings: Sequence[str], cells: list[list[str]]) -> None:
    indent = max(map(len, headings)) + 2
    for row in cells:
        _print(console, "-" * min(console.width, 20))
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                _print(console, f"{heading:{indent}}{cell}")
