"""What a person at a terminal sees: lines, tables and answers. The only module that renders with rich, so that text
from outside is made safe in one place."""

from __future__ import annotations

import atexit
import json
import os
import select
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from shelfgate.errors import PermanentFailure
from shelfgate.ops.status import as_json
from shelfgate.untrusted_text import printable

if TYPE_CHECKING:
    from rich.console import Console

UNLIMITED = 100_000
"""Columns of what is no terminal: there a row is a line, whatever its length."""

BORDERS = 3
"""Columns that a cell takes beside its text."""

READER_GONE = "Whoever read standard output has gone."


class Styled(NamedTuple):
    """Text with a style of rich's."""

    text: str
    style: str = "bold"


def say(message: str) -> None:
    """A line of progress, on standard error: standard output belongs to the answer. Raises nothing if nobody can read
    it: a line less, not a run less."""
    try:
        _print(screen(), message)
    except OSError:
        screen().on_broken_pipe()


def show(*parts: str | Styled) -> None:
    """A line of the answer for people, on standard output. It is never folded: a terminal does that, and copies it
    whole."""
    with _answering():
        _print(_paper(), *parts)


def answer(value: Any) -> None:
    """One JSON object on standard output."""
    with _answering():
        print(json.dumps(as_json(value), indent=2, default=str), flush=True)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, console: Console | None = None) -> None:
    """A table of which no word is ever cut or folded; a block of `heading value` lines a row if it is too wide."""
    with _answering():
        _show_table(console or _paper(), headings, rows)


def _show_table(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

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
    return _console_class()(stderr=True, markup=False, highlight=False, emoji=False)


def make_streams_safe() -> None:
    """Whatever standard output and error are, printing to them cannot harm a file or the exit status."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The next file that is opened would take this number, and whoever prints would write into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  (as long as the process)
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    atexit.unregister(flush)
    atexit.register(flush)


def flush() -> None:
    """Write what is left; drop what cannot be written, at which the interpreter would end with a status of its own."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            discard(stream)


def discard(stream: TextIO) -> None:
    """Lead a stream, and what child processes write to it, to nowhere."""
    with suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def reader_has_gone() -> bool:
    """Whether standard output is a pipe or a terminal that nobody reads any more."""
    look = select.poll()
    try:
        look.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return False
    return bool(look.poll(0))


def plain_run_logs() -> None:
    """Have Prefect print a run's messages as plain lines. Call it before Prefect is imported."""
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT", "%(asctime)s  %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT", "%(asctime)s    %(message)s")
    os.environ.setdefault("PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT", "%H:%M:%S")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_CLASS", "cli.console_handler.StepsOnlyHandler")
    os.environ.setdefault("PREFECT_LOGGING_COLORS", "false")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")


def _paper() -> Console:
    """Standard output; of a pipe or a file, without an end to its lines."""
    width = None if sys.stdout.isatty() else UNLIMITED
    return _console_class()(markup=False, highlight=False, emoji=False, width=width)


@cache
def _console_class() -> type[Console]:
    from rich.console import Console

    class OurConsole(Console):
        def on_broken_pipe(self) -> None:
            """Rich's own ends the process."""
            if not self.stderr:
                raise BrokenPipeError(READER_GONE)
            discard(sys.stderr)
            self.quiet = True

    return OurConsole


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        # Without an errno: click would end the process at EPIPE, and keep no cause.
        raise BrokenPipeError(READER_GONE) from None
    except OSError as error:
        raise PermanentFailure(
            f"Standard output: {error.strerror}. Expected a file, a pipe or a terminal that takes the answer. What the "
            "command did stands, only its answer is not complete. `shelfgate status` shows what readers see."
        ) from error


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
