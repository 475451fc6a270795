"""A gate that crashes, wherever it does, is closed on record; only the operator's own Ctrl-C leaves nothing."""

from __future__ import annotations

import json
import logging
import signal
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from expectations.checks.suite_query import SuiteQuery
from expectations.engines.registry import asking_ahead
from shelfgate import interruption
from shelfgate.errors import GateClosed
from shelfgate.model import Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.runs import Run
from shelfgate.ops.status import status
from shelfgate.settings import Settings
from shelfgate.warehouse import install
from tasks import gates
from tests.integration.gates.conftest import DAY, ROWS_SEEN, Bench, no_row
from tests.reliability.processes.losing import lose


class OfNobodysList(Exception):
    """No library raises it, no list names it."""


PUBLICATION = Publication(
    "pub-1", None, "publish", "run-1", DAY, datetime(2002, 12, 29), None, None, "d", 1, 1, "run-1"
)
CANDIDATE = Candidate("run-1", DAY, None, ())


@pytest.fixture
def installed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(gates, "_show", lambda *_: None)
    with bench.warehouse.turn() as session:
        install(session)
    return bench


def raising(error: BaseException) -> Any:
    def crash(*_: object, **__: object) -> None:
        raise error

    return crash


def hold(bench: Bench, gate: Gate = Gate.STAGING) -> None:
    gates.hold_gate.fn(gate, Settings(home=bench.home), bench.warehouse, Run("run-1", DAY, None))


def on_record(bench: Bench) -> list[dict[str, Any]]:
    with bench.warehouse.turn() as session:
        return session.rows("select gate, result, errors_raised, evidence, docs_path, docs_link from ops.gate_result")


@pytest.mark.parametrize("error", [OfNobodysList("x"), MemoryError(), SystemExit(0), StopIteration()], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        "expectations.validation.suite_runner.run_suite",
        "expectations.validation.gate.read_waivers",
        "expectations.data_docs.site.context_for",
        "expectations.validation.gate.keep_verdict",
        "expectations.validation.gate.suites_of",
    ],
)
def test_a_crash_anywhere_in_the_gate_closes_it_on_record(
    installed: Bench, monkeypatch: pytest.MonkeyPatch, place: str, error: BaseException
) -> None:
    monkeypatch.setattr(place, raising(error))
    monkeypatch.setattr(gates, "show_what_closed", lambda *_: None)

    with pytest.raises(GateClosed, match=type(error).__name__):
        hold(installed)

    rows = on_record(installed)
    assert rows
    assert {(row["gate"], row["result"], row["errors_raised"]) for row in rows} == {("staging", "closed", 1)}


def test_a_gate_that_cannot_take_the_digest_of_what_landed_is_closed_on_record(installed: Bench) -> None:
    with installed.warehouse.turn() as session:
        session.run("drop table if exists raw_sales.catalog_sales")

    with pytest.raises(GateClosed, match="CatalogException"):
        hold(installed, Gate.LANDING)

    assert [row["result"] for row in on_record(installed)] == ["closed"]


def test_the_operators_own_interrupt_goes_on_up_and_leaves_neither_verdict_nor_publication(
    installed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expectations.validation.suite_runner.run_suite", raising(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        hold(installed)

    assert on_record(installed) == []


@pytest.mark.parametrize(
    "lost_in", ["expectations.validation.suite_runner.run_suite", "expectations.validation.gate.keep_verdict"]
)
def test_lost_interrupt_leaves_neither_verdict_nor_approval(
    installed: Bench, monkeypatch: pytest.MonkeyPatch, lost_in: str
) -> None:
    monkeypatch.setattr(lost_in, lambda *_: lose(signal.SIGINT))

    with interruption.watched(), pytest.raises(KeyboardInterrupt):
        hold(installed)

    assert on_record(installed) == []


def test_query_that_an_interrupt_breaks_off_is_no_verdict(installed: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB turns the handler's exception into a RuntimeError, which is otherwise a crash on record."""

    def broken_off(*_: object) -> None:
        lose(signal.SIGINT)
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("expectations.validation.suite_runner.run_suite", broken_off)

    with interruption.watched(), pytest.raises(KeyboardInterrupt):
        hold(installed)

    assert on_record(installed) == []


def test_statements_sent_ahead_stop_at_an_interrupt(installed: Bench) -> None:
    with interruption.watched(), asking_ahead(installed.warehouse) as ask_ahead:
        lose(signal.SIGINT)
        query = SuiteQuery(["select 1 as found"], [], {"judged_window": "select 1"})
        ask_ahead(query)
        assert query.ahead is not None
        with pytest.raises(KeyboardInterrupt):
            query.ahead()


def test_a_reading_back_that_crashes_is_a_closed_published_gate_on_record(
    installed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "published_verdict", raising(OfNobodysList("x")))
    run = Run("run-1", DAY, None)

    with pytest.raises(GateClosed, match="OfNobodysList"):
        gates.hold_published_gate.fn(Settings(home=installed.home), installed.warehouse, run, CANDIDATE, PUBLICATION)

    assert [(row["gate"], row["result"]) for row in on_record(installed)] == [("published", "closed")]


def test_the_published_gate_keeps_its_verdict_where_the_others_do(
    installed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, run = Settings(home=installed.home), Run("run-1", DAY, None)
    checks = (
        CheckResult.critical("readers_see_the_candidate", False, "b2", "a1"),
        CheckResult.critical("one_publication_everywhere", True, "pub-1", "pub-1"),
    )
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", 5, checks)
    found = Verdict(Gate.PUBLISHED, "run-1", DAY, (suite,), ("marts",), "b2")
    monkeypatch.setattr(gates, "published_verdict", lambda *_: found)

    with pytest.raises(GateClosed, match="readers_see_the_candidate"):
        gates.hold_published_gate.fn(settings, installed.warehouse, run, CANDIDATE, PUBLICATION)

    (row,) = on_record(installed)
    page = (settings.docs_folder / str(row["docs_path"])).read_text()
    index = (settings.docs_folder / "index.html").read_text()
    assert "one_publication_everywhere" in page
    assert str(row["docs_path"]) in index
    assert 'title="published gate: closed"' in index
    with installed.warehouse.turn() as session:
        shown = status(session)["gates"][0]["docs"]
    assert Path(unquote(urlsplit(shown).path)) == settings.docs_folder.absolute() / str(row["docs_path"])


def test_what_closed_a_gate_is_in_the_bucket_before_the_run_ends(
    installed: Bench, monkeypatch: pytest.MonkeyPatch, docs_bucket: Any
) -> None:
    monkeypatch.setattr("tasks.data_docs.get_run_logger", logging.getLogger)
    installed.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 15"))
    suites = installed.home / "suites"
    monkeypatch.setattr("expectations.validation.gate.suites_of", lambda *_: [_suite(suites)])
    settings = Settings(home=installed.home, docs_bucket="docs")

    with pytest.raises(GateClosed, match="dear"):
        gates.hold_gate.fn(Gate.STAGING, settings, installed.warehouse, Run("run-1", DAY, None))

    keys = {found["Key"] for found in docs_bucket.list_objects_v2(Bucket="docs")["Contents"]}
    (row,) = on_record(installed)
    assert {f"data-docs/{row['docs_path']}", "data-docs/index.html"} <= keys
    assert row["docs_link"] == f"s3://docs/data-docs/{row['docs_path']}"


def test_a_gates_artifact_leads_to_its_pages(tmp_path: Path) -> None:
    from tests.support.evidence import judge_run

    (verdict,) = judge_run(tmp_path / "data-docs", quantity=5000)
    page = verdict.suites[0].docs_path

    at_home = gates._described(verdict, Settings(home=tmp_path))
    in_bucket = gates._described(verdict, Settings(home=tmp_path, docs_bucket="docs"))

    assert at_home.startswith("landing gate, 2002-12-28: closed; Data Docs: [inventory](file://")
    assert f"[inventory](s3://docs/data-docs/{page})" in in_bucket


def _suite(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "landing" / "things.json").read_text())
