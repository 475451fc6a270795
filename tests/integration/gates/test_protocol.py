"""The gate protocol through the real judge: whatever is not positive evidence keeps the gate closed, on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date

import pytest

from expectations.compiler.suites import INDEX
from expectations.validation.gate import Judge
from shelfgate.errors import GateClosed
from shelfgate.model import Candidate, CheckResult, Gate, SuiteResult, Verdict
from shelfgate.ops.lease import take
from shelfgate.ops.ledger import record_verdict
from shelfgate.ops.runs import Run
from shelfgate.ops.status import status
from shelfgate.publication.candidate import measure
from shelfgate.publication.publish import publish
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.integration.gates.conftest import DAY, JUDGED_AT, ROWS_SEEN, Bench, check, no_row
from tests.support.small_candidate import make_candidate


def recorded(bench: Bench, verdict: Verdict) -> list[dict[str, object]]:
    with bench.warehouse.turn() as session:
        install(session)
        record_verdict(session, verdict, JUDGED_AT)
        return session.rows("select * from ops.gate_result order by dataset")


def stays_closed(bench: Bench, verdict: Verdict, reason: str) -> None:
    """Closed for that reason, without an approval, and on record as closed."""
    with pytest.raises(GateClosed) as closed:
        verdict.approve()
    assert reason in str(closed.value)
    rows = recorded(bench, verdict)
    assert rows
    assert "closed" in {row["result"] for row in rows}


def test_good_data_open_the_gate(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 99"))

    verdict = bench.judge()

    assert verdict.approve().gate is Gate.LANDING
    assert [row["result"] for row in recorded(bench, verdict)] == ["open"]


def test_a_suite_without_checks_stays_closed(bench: Bench) -> None:
    bench.suite()

    stays_closed(bench, bench.judge(), "things: the suite holds no check")


def test_a_gate_without_suites_stays_closed(bench: Bench) -> None:
    stays_closed(bench, bench.judge(), "no check ran")


def test_a_suite_that_is_no_suite_stays_closed_beside_a_good_one(bench: Bench) -> None:
    bench.suite(ROWS_SEEN)
    bench.write("others", "{not json")

    stays_closed(bench, bench.judge(), "landing.others: its file is missing or is no suite")


def test_a_suite_that_is_missing_stays_closed_beside_a_good_one(bench: Bench) -> None:
    bench.suite(ROWS_SEEN)
    bench.suite(ROWS_SEEN, dataset="others")
    (bench.home / "suites" / "landing" / "others.json").unlink()

    stays_closed(bench, bench.judge(), "landing.others: its file is missing or is no suite")


def test_a_suite_with_a_check_cut_out_stays_closed(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 9"))
    path = bench.home / "suites" / "landing" / "things.json"
    suite = json.loads(path.read_text())
    path.write_text(json.dumps({**suite, "expectations": suite["expectations"][:1]}))

    stays_closed(bench, bench.judge(), "landing.things: its digest is")


def test_a_suite_that_nobody_compiled_stays_closed(bench: Bench) -> None:
    bench.suite(ROWS_SEEN)
    others = {"gate": "landing", "dataset": "others", "window": "select * from things"}
    bench.write("others", json.dumps({"name": "landing.others", "meta": others, "expectations": [ROWS_SEEN]}))

    stays_closed(bench, bench.judge(), "landing.others: index.json does not name it")


def test_suites_without_an_index_stay_closed(bench: Bench) -> None:
    bench.suite(ROWS_SEEN)
    (bench.home / "suites" / INDEX).unlink()

    stays_closed(bench, bench.judge(), "index.json does not name it, or cannot be read")


def test_fewer_checks_evaluated_than_the_suite_holds_stays_closed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from great_expectations.core import ExpectationSuiteValidationResult

    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 99"))
    whole = ExpectationSuiteValidationResult.__init__

    def without_the_last(self: ExpectationSuiteValidationResult, *args: object, **kwargs: object) -> None:
        whole(self, *args, **kwargs)  # pyright: ignore[reportArgumentType]
        self.results = self.results[:1]

    monkeypatch.setattr(ExpectationSuiteValidationResult, "__init__", without_the_last)

    stays_closed(bench, bench.judge(), "things: 1 checks ran, 2 expected")


def test_a_window_without_rows_stays_closed_even_if_every_check_passes(bench: Bench) -> None:
    bench.suite(no_row("dear", "select thing from things where price > 99"), window="select * from things where false")

    stays_closed(bench, bench.judge(), "things: no row was seen")


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_an_exception_in_a_check_of_any_severity_stays_closed(bench: Bench, severity: str) -> None:
    bench.suite(ROWS_SEEN, no_row("broken", "select no_such_column from things", severity))

    verdict = bench.judge()

    stays_closed(bench, verdict, "things.broken: the check itself failed")
    assert {one.check_id: one.raised for one in verdict.suites[0].checks} == {"rows_seen": False, "broken": True}


def test_an_exception_in_a_check_of_a_column_that_is_gone_stays_closed(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, check("colour_is_known", "expect_column_values_to_not_be_null", "info", column="colour"))

    stays_closed(bench, bench.judge(), "things.colour_is_known: the check itself failed")


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        ("select * from nothing_landed", "nothing_landed"),
        ("select * fro things", "Parser Error"),
        ("select * from things where thing > ${no_such_name}", "no_such_name"),
        ("select * from things where thing < cast(concat('x', thing) as integer)", "Conversion Error"),
    ],
)
def test_a_window_that_cannot_be_read_stays_closed_and_the_next_suite_is_judged(
    bench: Bench, window: str, reason: str
) -> None:
    bench.suite(ROWS_SEEN, window=window)
    bench.suite(ROWS_SEEN, dataset="others")

    verdict = bench.judge()

    stays_closed(bench, verdict, reason)
    assert {suite.dataset: suite.reasons == () for suite in verdict.suites} == {"things": False, "others": True}


@pytest.mark.parametrize(
    "broken",
    [
        check("odd", "expect_nothing_that_exists"),
        check("odd", "expect_column_values_to_be_between", column="price", min_value="x", max_value=[]),
        check("odd", "expect_column_values_to_not_be_null", severity="dreadful", column="price"),
        {**check("odd", "expect_column_values_to_not_be_null", column="price"), "meta": {}},
        {"type": "expect_no_offending_rows"},
        no_row("odd", "select thing from things where price > ${no_such_name}"),
    ],
)
def test_a_malformed_check_closes_the_gate_and_is_no_traceback(bench: Bench, broken: dict[str, object]) -> None:
    bench.suite(ROWS_SEEN, broken)

    verdict = bench.judge()

    assert not verdict.open
    assert recorded(bench, verdict)[0]["result"] == "closed"


def test_a_warehouse_that_is_no_database_closes_the_gate(bench: Bench) -> None:
    bench.suite(ROWS_SEEN)
    other = bench.home / "other.duckdb"
    other.write_bytes(b"not a database" * 400)
    judge = Judge(DuckDBWarehouse(other), bench.docs, bench.home / "suites", bench.home / "waivers.yml")
    from expectations.validation.gate import Window

    stays_closed(bench, judge.verdict(Gate.LANDING, Window("run-1", DAY, JUDGED_AT)), "things.window_is_readable")


def test_a_column_of_nulls_does_not_pass_a_check_of_its_values(bench: Bench) -> None:
    bench.run("update things set price = null")
    bench.suite(ROWS_SEEN, check("price_in_range", "expect_column_values_to_be_between", column="price", min_value=0))

    stays_closed(bench, bench.judge(), "things.price_in_range: no value: every row is NULL")


def test_a_column_of_nan_does_not_pass_a_check_of_its_range(bench: Bench) -> None:
    bench.run("create table odd as select 1 as thing, cast('nan' as double) as price")
    between = check("price_in_range", "expect_column_values_to_be_between", column="price", min_value=0, max_value=99)
    bench.suite(ROWS_SEEN, between, window="select * from odd")

    stays_closed(bench, bench.judge(), "things.price_in_range: 1 of 1 values")


def test_a_verdict_that_cannot_be_recorded_gives_no_approval(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    from shelfgate.settings import Settings
    from tasks import gates

    monkeypatch.setattr(gates, "_show", lambda _: pytest.fail("a verdict was shown that is not on record"))
    with bench.warehouse.turn() as session:
        install(session)
        session.run("drop view marts.data_status")
        session.run("drop table ops.gate_result")

    with pytest.raises(duckdb.CatalogException):
        gates.hold_gate.fn(Gate.STAGING, Settings(home=bench.home), bench.warehouse, Run("run-1", DAY, None))


KILLED_WHILE_RECORDING = """
import os, sys
from datetime import date, datetime
from pathlib import Path

from shelfgate.ops.ledger import record_verdict
from shelfgate.model import CheckResult, Gate, SuiteResult, Verdict
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession, DuckDBWarehouse

insert = DuckDBSession.insert
def insert_and_die(self, *args):
    insert(self, *args)
    os._exit(9)
DuckDBSession.insert = insert_and_die
suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (CheckResult.critical("rows_seen", True, "1", "1"),))
with DuckDBWarehouse(Path(sys.argv[1])).turn() as session:
    verdict = Verdict(Gate.MARTS, "run-1", date(2002, 12, 28), (suite,), ("fct",), "d")
    record_verdict(session, verdict, datetime(2002, 12, 29))
"""


def test_a_gate_process_that_is_killed_leaves_no_verdict_and_nothing_published(bench: Bench) -> None:
    with bench.warehouse.turn() as session:
        install(session)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_RECORDING, str(bench.warehouse.path)], env=dict(os.environ), check=False
    )

    assert killed.returncode == 9
    with bench.warehouse.turn() as session:
        assert session.rows("select * from ops.gate_result") == []
        assert session.rows("select * from ops.publication") == []
        assert session.rows("select publication_id from ops.pointer where name = 'current'") == [
            {"publication_id": None}
        ]


def test_what_a_verdict_rests_on_is_recorded(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 15"))

    (row,) = recorded(bench, bench.judge())

    kept = ("run_id", "gate", "dataset", "business_date", "checks_expected", "checks_evaluated", "rows_seen", "result")
    assert [row[name] for name in kept] == ["run-1", "landing", "things", DAY, 2, 2, 3, "closed"]
    assert len(str(row["suite_sha256"])) == 64
    (failed,) = json.loads(str(row["evidence"]))
    assert (failed["check"], failed["observed"]) == ("dear", 2)
    assert failed["seen"] == "2 offending rows, first: thing 2; thing 3"
    from expectations.data_docs.site import build

    build(bench.docs, "run-1")
    assert (bench.docs / str(row["docs_path"])).exists()


WAIVER = """
waivers:
  - check: things.dear
    dataset: things
    window: 2002-12-28
    reason: prices of the year's end
    approved_by: r.mueller
    approved_at: 2002-12-28
    expires_at: 2003-01-02
    max_observed: {largest}
"""


def test_a_live_waiver_opens_the_gate_and_is_shown_wherever_the_verdict_is(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 15"))
    bench.waive(WAIVER.format(largest=2))

    verdict = bench.judge()
    approval = verdict.approve()

    (used,) = approval.waivers
    assert (used["check"], used["observed"], used["approved_by"]) == ("things.dear", 2, "r.mueller")
    (row,) = recorded(bench, verdict)
    assert row["result"] == "open"
    assert json.loads(str(row["evidence"]))[0]["waiver"] == used


def test_a_waiver_limits_what_the_rows_add_up_to_where_a_row_stands_for_many(bench: Bench) -> None:
    dear = check("dear", "expect_no_offending_rows", query="select 2 as lot, count(*) as n from things", observed="n")
    bench.suite(ROWS_SEEN, dear)
    bench.waive(WAIVER.format(largest=2))

    stays_closed(bench, bench.judge(), "[waiver ignored: 3 observed, at most 2 allowed]")


def test_a_row_that_does_not_say_how_much_is_wrong_cannot_be_waived(bench: Bench) -> None:
    query = "select case thing when 1 then 1 end as n from things"
    bench.suite(ROWS_SEEN, check("dear", "expect_no_offending_rows", query=query, observed="n"))
    bench.waive(WAIVER.format(largest=99))

    stays_closed(bench, bench.judge(), "the check gave no number to compare with max_observed")


def test_a_check_that_does_not_measure_cannot_be_waived(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, check("dear", "expect_no_offending_rows", query="select 2 as lot from things limit 1"))
    bench.waive(WAIVER.format(largest=99))

    stays_closed(bench, bench.judge(), "or that does not measure, cannot be waived")


def test_a_waiver_that_is_exceeded_is_ignored_and_the_message_says_so(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 15"))
    bench.waive(WAIVER.format(largest=1))

    stays_closed(bench, bench.judge(), "[waiver ignored: 2 observed, at most 1 allowed]")


def test_a_waiver_for_a_check_that_raised_is_ignored(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select colour from things"))
    bench.waive(WAIVER.format(largest=99))

    stays_closed(bench, bench.judge(), "[waiver ignored: a check that raised cannot be waived]")


def test_the_waivers_of_every_gate_of_a_run_stand_in_its_publication(bench: Bench) -> None:
    bench.suite(ROWS_SEEN, no_row("dear", "select thing from things where price > 15"))
    bench.waive(WAIVER.format(largest=2))
    landed = bench.judge()
    with bench.warehouse.turn() as session:
        install(session)
        record_verdict(session, landed, JUDGED_AT)
        make_candidate(session, [date(2002, 12, 22)])
        candidate = Candidate("run-1", DAY, None, measure(session, None))
        suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (CheckResult.critical("rows_seen", True, "1", "1"),))
        judged = Verdict(Gate.MARTS, "run-1", DAY, (suite,), ("fct",), candidate.digest)

        publish(session, candidate, judged.approve(), take(session, "run-1").token)

        shown = session.rows("select distinct waivers from marts.data_status")
        assert [json.loads(row["waivers"]) for row in shown] == [list(landed.waivers)]
        assert status(session)["waivers"] == list(landed.waivers)
        assert status(session)["gates"][0]["failed"][0]["waiver"]["reason"] == "prices of the year's end"
