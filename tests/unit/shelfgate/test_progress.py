"""How far a stage is: told by real events, as a bar on a terminal, as lines elsewhere."""

from __future__ import annotations

import io
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from expectations.engines import registry
from expectations.validation import gate
from flows import progress_display
from flows.progress_display import show_bars_on, shown
from shelfgate.progress import Step, listening, report, reporter
from tests.support.evidence import judge_run

SET_UP = "setting up Great Expectations"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Standard error, no terminal; a test makes it one by `force_terminal`."""
    out = io.StringIO()
    monkeypatch.setattr(progress_display, "_terminal", None)
    show_bars_on(Console(file=out, width=80))
    return out


def test_a_step_is_told_in_words() -> None:
    assert str(Step("suites", 7, 15, "web_sales")) == "7 of 15 suites, now web_sales"
    assert str(Step("models and tests", 0, 12)) == "0 of 12 models and tests"
    assert str(Step(now="Airbyte job 7 is running, 1,200 rows")) == "Airbyte job 7 is running, 1,200 rows"


def test_in_a_pipe_a_long_stage_says_how_far_it_is(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_display, "LINE_EVERY_SECONDS", 0.01)
    said: list[str] = []
    heard = threading.Event()

    def log(line: str) -> None:
        said.append(line)
        if "7 of 15" in line:
            heard.set()

    with shown("landing gate", log):
        report(Step("suites", 7, 15, "web_sales"))
        assert heard.wait(10)

    assert said[-1].startswith("landing gate: 7 of 15 suites, now web_sales (")
    assert screen.getvalue() == ""


def test_lines_are_logged_in_the_context_of_the_stage(screen: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect keeps its settings there: without them a log line starts a server."""
    monkeypatch.setattr(progress_display, "LINE_EVERY_SECONDS", 0.01)
    setting: ContextVar[str] = ContextVar("setting", default="another")
    setting.set("the run's")
    heard, seen = threading.Event(), set()

    def log(line: str) -> None:
        seen.add(setting.get())
        heard.set()

    with shown("landing gate", log):
        assert heard.wait(10)

    assert seen == {"the run's"}


def test_a_short_stage_says_nothing(screen: io.StringIO) -> None:
    said: list[str] = []

    with shown("publish", said.append):
        report(Step("tables", 1, 7, "dim_item"))

    assert (said, screen.getvalue()) == ([], "")


class Drawn(io.StringIO):
    """A terminal's screen that says when a text has been drawn."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self._awaited = awaited
        self.done = threading.Event()

    def write(self, text: str, /) -> int:
        written = super().write(text)
        if self._awaited in self.getvalue():
            self.done.set()
        return written


def test_on_a_terminal_there_is_a_bar_and_nothing_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Drawn("7 of 15 suites, now [web_sales]")
    terminal = Console(file=out, width=80, force_terminal=True, markup=False)
    monkeypatch.setattr(progress_display, "_terminal", None)
    show_bars_on(terminal)
    monkeypatch.setattr(progress_display, "BAR_AFTER_SECONDS", 0.0)
    said: list[str] = []

    with shown("landing gate", said.append):
        report(Step("suites", 7, 15, "[web_sales]"))
        assert out.done.wait(10), out.getvalue()

    assert "━" in out.getvalue()
    assert said == []
    assert capsys.readouterr().out == ""


def test_a_gate_reports_each_suite(tmp_path: Path) -> None:
    heard: list[Step] = []

    with listening(heard.append):
        judge_run(tmp_path / "docs")

    assert [step for step in heard if step.now != SET_UP] == [
        Step("suites", 0, 1, "inventory"),
        Step("suites", 0, 1, "fct_weekly"),
    ]


def test_a_gate_names_a_step_before_great_expectations_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Step] = []
    before_loading: list[list[Step]] = []

    def source_on(*given: Any, **named: Any) -> Any:
        before_loading.append(list(heard))
        return registry.source_on(*given, **named)

    monkeypatch.setattr(gate, "source_on", source_on)
    with listening(heard.append):
        judge_run(tmp_path / "docs")

    assert before_loading[0] == [Step("suites", 0, 1, SET_UP)]


def test_nobody_has_to_listen_and_other_threads_report_for_theirs() -> None:
    report(Step(now="nothing"))
    heard: list[Step] = []

    with listening(heard.append):
        tell = reporter()
        thread = threading.Thread(target=tell, args=[Step(now="in a thread")])
        thread.start()
        thread.join()
    report(Step(now="later"))

    assert heard == [Step(now="in a thread")]
