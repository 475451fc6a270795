"""What a terminal or a pipe is given: text from outside as it is, and nothing that a person would copy cut."""

from __future__ import annotations

import io
import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.console import say, show, show_table
from shelfgate.model import CheckResult, Gate, Severity, SuiteResult, Verdict, Waiver
from shelfgate.ops.ledger import record_verdict
from shelfgate.untrusted_text import as_markdown, printable
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.support.terminal import on_terminal, run

HOSTILE = "inbound/inventory/2001-12-30[/bold][old]\x1b[2J\x9b31m\u202ecsv"
SHOWN = r"inbound/inventory/2001-12-30[/bold][old]\x1b[2J\x9b31m\u202ecsv"
LONG_KEY = "inbound/inventory/2001-12-30-a-corrected-dump-of-the-warehouse-in-Cologne-number-17.csv.gz"
DAY = date(2001, 12, 30)
WAIVER = Waiver("web_sales.prices_add_up", "web_sales", "2001-12-30", "known", "A. B.", DAY, DAY, 9.0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose last run was closed by a check that names a hostile item, over a hostile key in quarantine."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "settings.env").write_text("SHELFGATE_TARGET=duckdb\n")
    waived = CheckResult(
        "prices_add_up", Severity.CRITICAL, False, "2", "0", observed=2.0, waivable=True, waiver=WAIVER
    )
    closes = CheckResult.critical("key_is_unique", False, f"1 offending rows, first: item {HOSTILE}", "no row")
    suites = (
        SuiteResult(Gate.LANDING, "catalog_sales", "landing.catalog_sales", "", 1, 5, (closes,)),
        SuiteResult(Gate.LANDING, "web_sales", "landing.web_sales", "", 1, 5, (waived,)),
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    with DuckDBWarehouse(folder / "warehouse.duckdb").turn() as session:
        install(session)
        verdict = Verdict(Gate.LANDING, "run-1", DAY, suites, ("catalog_sales", "web_sales"))
        record_verdict(session, verdict, now, "file:///a/folder/with/data-docs")
        columns = [
            row["column_name"]
            for row in session.rows(
                "select column_name from information_schema.columns where table_name = 'load_ledger' "
                "and is_nullable = 'NO' order by ordinal_position"
            )
        ]
        filled = {"status": "quarantined", "loaded_at": now, "last_modified": now, "version_id": "v", "etag": "e"}
        for key in (HOSTILE, LONG_KEY):
            row = {**dict.fromkeys(columns, 1), **{k: v for k, v in filled.items() if k in columns}}
            row |= {"object_key": key, "status": "quarantined", "loaded_at": now, "reason": f"header of {key}"}
            session.insert("ops.load_ledger", list(row), [tuple(row.values())])
    return folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(home))


@pytest.mark.parametrize("columns", [80, 40])
def test_status_on_a_terminal_cuts_no_name(columns: int) -> None:
    status, out = on_terminal(columns, "status")

    assert status == 0, out
    assert "…" not in out
    assert f"quarantined {SHOWN}: header of {SHOWN}" in out
    assert f"quarantined {LONG_KEY}: header of {LONG_KEY}" in out
    assert "catalog_sales.key_is_unique: 1 offending rows" in out
    assert "open, 1 waived" in " ".join(out.split())
    assert {"catalog_sales", "web_sales", "landing"} <= set(out.split())


def test_status_in_a_pipe_has_a_line_a_row() -> None:
    status, out, err = run("status")

    assert status == 0, err
    assert f"quarantined {SHOWN}: header of {SHOWN}\n" in out
    assert "\x1b" not in out
    (line,) = [line for line in out.splitlines() if "│" in line and "web_sales" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "landing",
        "web_sales",
        "open, 1 waived",
        "1",
        "5",
        "2001-12-30",
    ]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_folds_no_word(columns: int) -> None:
    rows = [
        (
            "closes the gate",
            "fct_weekly_sales_inventory.on_hand_equals_raw",
            "critical",
            f"first: {LONG_KEY}",
            "no row",
        ),
        (
            "waived",
            "pub-000001",
            "critical",
            "5c0b1a2e-7f7e-4f6e-9d0c-1234567890ab",
            "a sentence of some more words " * 4,
        ),
    ]
    out = io.StringIO()

    show_table(("result", "check", "severity", "observed", "expected"), rows, console=Console(file=out, width=columns))

    words = set(out.getvalue().replace("│", " ").split())
    assert {word for row in rows for cell in row for word in cell.split()} <= words
    if columns == 200:
        assert all(len(line) <= columns for line in out.getvalue().splitlines())


def test_lines_keep_text_from_outside_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"key {HOSTILE} is refused\nsecond line")
    show("key ", HOSTILE)

    shown = capsys.readouterr()
    assert shown.err == f"key {SHOWN} is refused\nsecond line\n"
    assert shown.out == f"key {SHOWN}\n"


def test_a_log_line_of_a_run_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    from cli.console_handler import StepsOnlyHandler

    handler = StepsOnlyHandler()
    handler.emit(logging.LogRecord("a", logging.INFO, "", 1, "dump 1 of 1: %s", (HOSTILE,), None))

    assert capsys.readouterr().err == f"dump 1 of 1: {SHOWN}\n"


@pytest.mark.parametrize(
    "line",
    [
        "Running hook 'say_last_attempt' in response to entering state 'Failed'",
        "Hook 'say_last_attempt' finished running successfully",
    ],
)
def test_a_log_line_about_a_hook_that_went_well_is_left_out(line: str) -> None:
    from cli.console_handler import StepsOnlyHandler

    assert not StepsOnlyHandler().filter(logging.LogRecord("a", logging.INFO, "", 1, line, (), None))


def test_gates_check_shows_what_failed_and_counts_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    from cli.commands.gates import show_verdict

    passed = CheckResult.critical("rows_seen", True, "5", "at least 1 row")
    warned = CheckResult("weight_is_usual", Severity.WARNING, False, "2", "0")
    waived = CheckResult(
        "prices_add_up", Severity.CRITICAL, False, "2", "0", observed=2.0, waivable=True, waiver=WAIVER
    )
    closes = CheckResult.critical("key_is_unique", False, f"first: item {HOSTILE}", "no row")
    suites = tuple(
        SuiteResult(Gate.LANDING, dataset, f"landing.{dataset}", "", len(checks), 5, checks)
        for dataset, checks in {"item": (passed, warned, waived), "web_sales": (passed, closes)}.items()
    )

    def shown(*suites: SuiteResult, all_checks: bool = False) -> str:
        show_verdict(Verdict(Gate.LANDING, "run-1", DAY, suites, ()), all_checks=all_checks)
        return capsys.readouterr().out

    closed, everything, is_open = shown(*suites), shown(*suites, all_checks=True), shown(suites[0])

    places = [closed.index(name) for name in ("key_is_unique", "prices_add_up", "weight_is_usual")]
    assert places == sorted(places)
    assert "rows_seen" not in closed
    assert f"  - web_sales.key_is_unique: first: item {SHOWN}; " in closed
    assert "landing gate closed, 2001-12-30: 2 of 5 checks passed (`--all` shows them)" in closed
    assert everything.count("rows_seen") == 2
    assert everything.index("weight_is_usual") < everything.index("rows_seen")
    assert "landing gate open, 1 waived, 1 warning, 2001-12-30: 1 of 3 checks passed" in is_open


def test_only_the_console_renders_with_rich() -> None:
    root = Path(__file__).parents[3]
    with_rich = {
        path.relative_to(root).as_posix()
        for folder in ("cli", "flows", "tasks", "expectations", "shelfgate")
        for path in (root / folder).rglob("*.py")
        if "from rich" in path.read_text() or "import rich" in path.read_text() or "click.echo" in path.read_text()
    }

    assert with_rich <= {"cli/console.py", "flows/progress_display.py"}


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("[a link](http://x)", r"\[a link\]\(http://x\)"),
        ("<img src=x onerror=alert(1)>", r"&lt;img src=x onerror=alert\(1\)&gt;"),
        ("a | b\n# c", r"a \| b\\n\# c"),
        ("landing.catalog-sales: 5 rows", "landing.catalog-sales: 5 rows"),
    ],
)
def test_markdown_shows_text_word_for_word(text: str, escaped: str) -> None:
    assert as_markdown(text) == escaped


def test_text_that_cannot_be_encoded_is_escaped() -> None:
    assert printable("a\udcffb\x00é ü") == r"a\udcffb\x00é ü"
