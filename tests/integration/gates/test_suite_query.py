"""What a suite asks goes to the warehouse in one statement, and finds what each check would have found by itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from expectations.checks.suite_query import Asked, Counts, SuiteQuery, answers_for, use_suite_query, with_sets
from expectations.checks.window import Rendered, Window, render
from expectations.engines.duckdb import ASKING, answering_beside
from expectations.validation.gate import suites_of
from shelfgate.errors import ConfigurationError
from shelfgate.model import Gate, Publication
from shelfgate.ops.runs import Run
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.integration.gates.conftest import DAY, JUDGED_AT, ROWS_SEEN, Bench, check, no_row

WINDOW = Window("run-1", DAY, JUDGED_AT)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that Great Expectations sends, in order."""
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine

    statements: list[str] = []
    execute = SqlAlchemyExecutionEngine.execute_query

    def noting(self: SqlAlchemyExecutionEngine, query: object) -> object:
        statements.append(str(query))
        return execute(self, query)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(SqlAlchemyExecutionEngine, "execute_query", noting)
    return statements


@pytest.fixture
def asked_ahead(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent before its suite's turn, in order."""
    from expectations.engines import duckdb as on_duckdb

    statements: list[str] = []
    answering = on_duckdb.answering_beside

    @contextmanager
    def noting(warehouse: DuckDBWarehouse) -> Iterator[Any]:
        with answering(warehouse) as ask:
            yield lambda sql: statements.append(sql) or ask(sql)

    monkeypatch.setattr(on_duckdb, "answering_beside", noting)
    return statements


def test_thirty_queries_are_one_statement_and_only_one_that_finds_rows_is_sent_again(
    bench: Bench, sent: list[str], asked_ahead: list[str]
) -> None:
    quiet = [no_row(f"over_{n}", f"select thing from things where price > {n}") for n in range(50, 80)]
    bench.suite(ROWS_SEEN, *quiet, no_row("dear", "select thing from ${judged_window} as t where price > 15"))

    verdict = bench.judge()

    (ahead,) = asked_ahead
    assert ahead.count("union all") == 31
    assert len(sent) == 1
    assert "limit 5" in sent[0]
    failed = [check for check in verdict.suites[0].checks if not check.passed]
    assert [(check.check_id, check.observed) for check in failed] == [("dear", 2.0)]


def test_a_broken_query_leaves_the_others_their_answers(bench: Bench) -> None:
    bench.suite(
        ROWS_SEEN,
        no_row("dear", "select thing from things where price > 15"),
        no_row("broken", "select colour from things"),
        no_row("cheap", "select thing from things where price < 1"),
    )

    found = {check.check_id: (check.passed, check.raised) for check in bench.judge().suites[0].checks}

    assert found == {
        "rows_seen": (True, False),
        "dear": (False, False),
        "broken": (False, True),
        "cheap": (True, False),
    }


def test_rows_and_columns_are_counted_in_the_same_statement(
    bench: Bench, sent: list[str], asked_ahead: list[str]
) -> None:
    bench.run("insert into things values (null, null), (4, null)")
    bench.suite(
        ROWS_SEEN,
        check("thing_is_known", "expect_column_values_to_not_be_null", column="thing"),
        check("price_is_known", "expect_column_values_to_not_be_null", column="price"),
        check("price_in_range", "expect_column_values_to_be_between", column="price", min_value=5, max_value=15),
        check("price_is_not_below", "expect_column_values_to_be_between", column="price", min_value=5, max_value=None),
    )

    found = {check.check_id: (check.passed, check.seen) for check in bench.judge().suites[0].checks}

    assert (len(asked_ahead), sent) == (1, [])
    assert found == {
        "rows_seen": (True, "5"),
        "thing_is_known": (False, "1 of 5 values"),
        "price_is_known": (False, "2 of 5 values"),
        "price_in_range": (False, "2 of 5 values"),
        "price_is_not_below": (True, "0 of 5 values"),
    }


def test_a_column_that_is_not_there_leaves_the_others_their_answers(bench: Bench) -> None:
    bench.suite(
        ROWS_SEEN,
        check("thing_is_known", "expect_column_values_to_not_be_null", column="thing"),
        check("colour_is_known", "expect_column_values_to_not_be_null", column="colour"),
    )

    found = {check.check_id: (check.passed, check.raised) for check in bench.judge().suites[0].checks}

    assert found == {"rows_seen": (True, False), "thing_is_known": (True, False), "colour_is_known": (False, True)}


@pytest.mark.filterwarnings("ignore:.* deprecated as of GX")
@pytest.mark.parametrize(
    "more", [{"strict_min": True}, {"row_condition": "price > 1", "condition_parser": "great_expectations"}]
)
def test_what_our_column_checks_do_not_know_is_refused_and_not_passed_over(bench: Bench, more: dict[str, Any]) -> None:
    in_range = {"column": "price", "min_value": 1, "max_value": 100}
    bench.suite(ROWS_SEEN, check("odd", "expect_column_values_to_be_between", **in_range))
    assert bench.judge().open
    bench.suite(ROWS_SEEN, check("odd", "expect_column_values_to_be_between", **in_range, **more))

    (suite,) = bench.judge().suites

    assert [(check.check_id, check.raised) for check in suite.checks if not check.passed] == [
        ("window_is_readable", True)
    ]


def test_what_nobody_waits_for_any_more_is_broken_off(bench: Bench) -> None:
    endless = "select count(*) from range(1000000000) as a (x), range(1000000000) as b (y) where x * y = -1"

    with answering_beside(bench.warehouse) as ask:
        answered = ask("select 1 as N")
        assert answered.result(60) == [{"n": 1}]
        broken_off, never_begun = [ask(endless) for _ in range(ASKING)], ask("select 2 as n")
        while not all(one.running() or one.done() for one in broken_off):
            wait(broken_off, timeout=0.01)

    assert all(isinstance(one.exception(0), duckdb.InterruptException) for one in broken_off)
    assert never_begun.cancelled()


def test_a_count_that_is_missing_is_asked_for_and_not_taken_for_none() -> None:
    suite_query = SuiteQuery(
        ["select 1 as a", "select 2 as b"], [Asked("price", 1, 2)], {"judged_window": "select 3 as price"}
    )
    asked: list[str] = []

    def ask(sql: str) -> list[dict[str, Any]]:
        asked.append(sql)
        return [{"place": 0, "counted": 3}] if len(asked) == 1 else [{"value_0": 7, "value_1": 5, "value_2": 4}]

    assert suite_query.offending("select 1 as a", ask) is None
    assert suite_query.offending("select 2 as b", ask) is None
    assert suite_query.counts(Asked("price", 1, 2), ask) == Counts(7, 2, 4)
    assert asked[0] == suite_query.statement
    assert asked[1:] == [
        "with judged_window as (select 3 as price) select count(*) as value_0, count(judged.price) as value_1, "
        "count(case when judged.price < 1 or judged.price > 2 then 1 end) as value_2 "
        "from (select * from judged_window) as judged"
    ]


def test_a_query_that_answers_for_another_is_not_believed(bench: Bench) -> None:
    forging = "select 1 where false) as q union all select 0, 0 from (select 1"
    bench.suite(
        ROWS_SEEN,
        check("a", "expect_no_offending_rows", query="select thing from things where price > 15", observed=""),
        check("b", "expect_no_offending_rows", query=forging, observed=""),
    )

    verdict = bench.judge()

    assert not verdict.open
    assert {check.check_id: check.passed for suite in verdict.suites for check in suite.checks}["a"] is False


def test_a_statement_that_was_broken_off_ahead_is_not_taken_for_an_answer() -> None:
    def broken_off() -> list[dict[str, Any]]:
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    suite_query = SuiteQuery(["select 1 as a"], [], {}, ahead=broken_off)

    assert suite_query.offending("select 1 as a", lambda _: pytest.fail("it is sent by itself, by its check")) is None


def test_outside_a_suite_there_is_no_answer() -> None:
    engine: Any = None
    with use_suite_query(suite_query := SuiteQuery(["select 1"], [], {})):
        assert answers_for(engine)[0] is suite_query
    with pytest.raises(LookupError):
        answers_for(engine)


def test_sets_are_given_once_in_their_order_and_only_if_they_are_read() -> None:
    given = {"a": "select 1 as x", "b": "select * from a", "c": "select * from (select * from b) as t", "d": "select 4"}

    assert with_sets("select 0", given) == "select 0"
    assert with_sets("select * from (select * from c) as t", given | {"b": "select * from (select * from a) as t"}) == (
        "with a as (select 1 as x), b as (select * from (select * from a) as t), "
        "c as (select * from (select * from b) as t) select * from (select * from c) as t"
    )


@pytest.mark.parametrize("gate", [Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS])
def test_every_query_of_a_suite_can_be_read_alone_and_with_its_sets(gate: Gate) -> None:
    for suite in suites_of(gate):
        rendered = Rendered(WINDOW, suite["meta"]["window"])
        for expectation in suite["expectations"]:
            if "query" not in expectation["kwargs"]:
                continue
            query = rendered.query(expectation["kwargs"]["query"])
            together = with_sets(f"select count(*) from ({query}\n) as q", rendered.given)
            alone = render(expectation["kwargs"]["query"], WINDOW.names(suite["meta"]["window"]))
            for sql in (alone, together):
                statements = duckdb.extract_statements(sql)
                assert [one.type for one in statements] == [duckdb.StatementType.SELECT]
                assert "${" not in sql


def test_a_name_that_no_window_knows_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="unknown name 'no_such_set'"):
        Rendered(WINDOW, "select 1").query("select * from ${no_such_set}")


def test_a_window_follows_from_its_run_alone() -> None:
    base = Publication(
        "p", None, "publish", "run-0", DAY - timedelta(days=1), JUDGED_AT, None, None, "d", 1, 1, "run-0"
    )
    since = datetime(2002, 12, 27, 4, 30)
    first, later = Run("run-1", DAY, None), Run("run-1", DAY, base, since)

    assert Window.of(first, JUDGED_AT) == WINDOW
    assert Window.of(later, JUDGED_AT) == replace(WINDOW, since=since, published_through=date(2002, 12, 27))
    assert Window.of(later, JUDGED_AT).literals()["from_day"] == "date '2002-12-20'"
    assert Window.of(first, JUDGED_AT).literals()["from_day"] == "date '1900-01-01'"
