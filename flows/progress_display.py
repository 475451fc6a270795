"""How far a stage is, for a person: a bar on a terminal, a line every ten seconds anywhere else."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from shelfgate.progress import Step, listening
from shelfgate.untrusted_text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

LINE_EVERY_SECONDS = 10.0
# A stage that ends sooner needs no bar: it would only flicker.
BAR_AFTER_SECONDS = 1.0

_terminal: Console | None = None


def show_bars_on(console: Console) -> None:
    """Have each later stage of this process show a bar there, if it is a terminal. A worker has none: it logs lines."""
    global _terminal
    _terminal = console if console.is_terminal else None


@contextmanager
def shown(stage: str, log: Callable[[str], None]) -> Iterator[None]:
    """Within the block, show each step that is reported. A stage of less than ten seconds says nothing in a log."""
    display = _Display(stage, log)
    with listening(display.hear):
        display.start()
        try:
            yield
        finally:
            display.stop()


class _Display:
    def __init__(self, stage: str, log: Callable[[str], None]) -> None:
        self._stage, self._log = stage, log
        self._began = time.monotonic()
        self._step = Step()
        self._ended = threading.Event()
        work = self._lines if _terminal is None else partial(self._bar, _terminal)
        # In the caller's context: Prefect's settings are in it, and a line that is logged without them makes Prefect
        # start a server of its own, one a line.
        here = contextvars.copy_context()
        self._thread = threading.Thread(target=lambda: here.run(work), name="progress", daemon=True)

    def hear(self, step: Step) -> None:
        self._step = step

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _lines(self) -> None:
        while not self._ended.wait(LINE_EVERY_SECONDS):
            told = str(self._step) or "working"
            self._log(f"{self._stage}: {told} ({time.monotonic() - self._began:.0f} s)")

    def _bar(self, terminal: Console) -> None:
        if self._ended.wait(BAR_AFTER_SECONDS):
            return
        with _progress(terminal) as progress:
            bar = progress.add_task("", total=None)
            while True:
                step = self._step
                told = f"{self._stage}: {str(step) or 'working'}"
                progress.update(bar, description=printable(told), completed=step.done, total=step.total or None)
                if self._ended.wait(0.1):
                    return


def _progress(terminal: Console) -> Progress:
    """A bar on standard error that is gone when the stage ends; standard output is left alone."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
