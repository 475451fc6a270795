"""Publication on a real DuckDB file: all or nothing, once, and only what was judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shelfgate.errors import PermanentFailure, WarehouseBusy
from shelfgate.model import Approval, Candidate, CheckResult, Gate, Severity, SuiteResult, Verdict, Waiver
from shelfgate.ops.lease import Lease, release, take
from shelfgate.ops.ledger import record_verdict
from shelfgate.ops.pointer import current_publication, publications
from shelfgate.ops.runs import begin_run
from shelfgate.progress import Step, listening
from shelfgate.publication.candidate import PUBLISHED_TABLES, measure, measure_readers_view
from shelfgate.publication.publish import publish
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.identifiers import quoted
from tests.support.small_candidate import FACTS, leave_to_the_base, make_candidate, sell

DAY = date(2002, 12, 28)
WEEKLY = "fct_weekly_sales_inventory"
WEEK_1, WEEK_2 = date(2002, 12, 15), date(2002, 12, 22)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with DuckDBWarehouse(tmp_path / "w.duckdb").turn() as one:
        install(one)
        make_candidate(one, [WEEK_1, WEEK_2])
        yield one


def judged(session: Session, run_id: str = "run-1", day: date = DAY) -> tuple[Candidate, Approval, int]:
    """What a run has in hand before it publishes."""
    run = begin_run(session, take(session, run_id), day)
    release(session, Lease(run_id, run.token, datetime.max))
    candidate = Candidate(run_id, day, run.base_id, measure(session, run.base_id))
    return candidate, approval_of(candidate), run.token


def approval_of(candidate: Candidate, gate: Gate = Gate.MARTS) -> Approval:
    check = CheckResult.critical("rows_seen", True, "1", "1")
    suite = SuiteResult.of_code(gate, "fct", 1, (check,))
    return Verdict(gate, candidate.run_id, candidate.business_date, (suite,), ("fct",), candidate.digest).approve()


def read(session: Session) -> dict[date, tuple[int, str]]:
    rows = session.rows("select week_start_date, sum_qty_wk, publication_id from marts.fct_weekly_sales_inventory")
    return {row["week_start_date"]: (row["sum_qty_wk"], row["publication_id"]) for row in rows}


def test_readers_see_the_candidate_under_one_publication(session: Session) -> None:
    publication = publish(session, *judged(session))

    assert (publication.publication_id, publication.new, publication.rows_written) == ("pub-000001", True, 9)
    assert read(session) == {WEEK_1: (5, "pub-000001"), WEEK_2: (5, "pub-000001")}


def test_a_publication_reports_each_table(session: Session) -> None:
    heard: list[Step] = []

    with listening(heard.append):
        publish(session, *judged(session))

    assert [(step.unit, step.done, step.now) for step in heard] == [
        ("tables", number, table.name) for number, table in enumerate(PUBLISHED_TABLES)
    ]


def test_a_second_run_without_changes_publishes_nothing_new(session: Session) -> None:
    publish(session, *judged(session))

    again = publish(session, *judged(session, "run-2"))

    assert (again.publication_id, again.new) == ("pub-000001", False)
    assert len(publications(session)) == 1


def test_only_the_changed_week_is_written_and_the_other_is_carried_over(session: Session) -> None:
    publish(session, *judged(session))
    sell(session, WEEKLY, WEEK_2, 9)
    leave_to_the_base(session, WEEKLY, WEEK_1)

    second = publish(session, *judged(session, "run-2"))

    assert (second.publication_id, second.partitions_changed, second.rows_written) == ("pub-000002", 1, 1)
    assert read(session) == {WEEK_1: (5, "pub-000002"), WEEK_2: (9, "pub-000002")}
    assert session.rows("select count(*) as n from store.fct_weekly_sales_inventory")[0]["n"] == 3


def test_a_new_business_date_is_published_even_if_no_row_changed(session: Session) -> None:
    publish(session, *judged(session))

    second = publish(session, *judged(session, "run-2", date(2002, 12, 29)))

    assert (second.new, second.rows_written, second.business_date) == (True, 0, date(2002, 12, 29))


def test_the_same_run_publishes_once(session: Session) -> None:
    run = judged(session)
    publish(session, *run)

    assert publish(session, *run).publication_id == "pub-000001"
    assert len(publications(session)) == 1


def test_a_candidate_that_changed_after_the_gate_is_refused(session: Session) -> None:
    run = judged(session)
    session.run("update candidate.fct_weekly_sales_inventory set sum_qty_wk = 6 where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match="Something wrote to schema candidate"):
        publish(session, *run)

    assert current_publication(session) is None
    assert session.rows("select count(*) as n from store.fct_weekly_sales_inventory")[0]["n"] == 0


def test_an_approval_of_another_gate_is_refused(session: Session) -> None:
    candidate, _, token = judged(session)

    with pytest.raises(PermanentFailure, match="approval is of the staging gate"):
        publish(session, candidate, approval_of(candidate, Gate.STAGING), token)

    assert current_publication(session) is None


def test_an_approval_for_another_candidate_is_refused(session: Session) -> None:
    _, approval, _ = judged(session)
    session.run("update candidate.fct_weekly_sales_inventory set sum_qty_wk = 6 where week_start_date = ?", [WEEK_1])
    other, _, token = judged(session)

    with pytest.raises(PermanentFailure, match="Nothing was published"):
        publish(session, other, approval, token)


def test_an_approval_of_another_run_is_refused(session: Session) -> None:
    candidate, _, token = judged(session)
    of_another = approval_of(replace(candidate, run_id="run-0"))
    assert of_another.data_digest == candidate.digest

    with pytest.raises(PermanentFailure, match="run run-0, over"):
        publish(session, candidate, of_another, token)

    assert current_publication(session) is None


def test_a_through_date_that_changed_after_the_gate_is_refused(session: Session) -> None:
    run = judged(session)
    session.run("update candidate.partition_inputs set through_date = date '2003-06-01'")

    with pytest.raises(PermanentFailure, match="Something wrote to schema candidate"):
        publish(session, *run)


def test_data_through_is_the_last_day_of_each_facts_inputs(session: Session) -> None:
    session.run("update candidate.partition_inputs set through_date = through_date + 2 where table_name = ?", [WEEKLY])

    published = publish(session, *judged(session))

    assert (published.sales_through, published.inventory_through) == (WEEK_2, WEEK_2 + timedelta(days=2))


def test_more_rows_stored_than_judged_are_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    run, send = judged(session), session.run

    def doubled(sql: str, parameters: Sequence[Any] = ()) -> int:
        return sum(send(sql, parameters) for _ in range(2 if sql.startswith("insert into store.dim_item ") else 1))

    monkeypatch.setattr(session, "run", doubled)
    with pytest.raises(PermanentFailure, match="first dim_item: 2 rows observed, 1 expected"):
        publish(session, *run)

    assert current_publication(session) is None


def waived(gate: Gate, dataset: str, *others: CheckResult) -> SuiteResult:
    """A suite that one waiver keeps open, unless another check closes it."""
    waiver = Waiver(f"{dataset}.late", dataset, str(DAY), f"of {dataset}", "r.mueller", DAY, DAY, 1)
    late = CheckResult("late", Severity.CRITICAL, False, "1", "0", observed=1, waivable=True, waiver=waiver)
    return SuiteResult.of_code(gate, dataset, 1, (late, *others))


def test_only_waivers_that_opened_a_gate_are_published(session: Session) -> None:
    run = judged(session)
    broken = CheckResult.critical("key_is_unique", False, "2", "1")
    for hour, suites in enumerate(
        (
            (waived(Gate.LANDING, "item"), waived(Gate.LANDING, "customer", broken), waived(Gate.LANDING, "promotion")),
            (waived(Gate.LANDING, "promotion", broken),),
        )
    ):
        verdict = Verdict(Gate.LANDING, "run-1", DAY, suites, tuple(suite.dataset for suite in suites))
        record_verdict(session, verdict, datetime(2002, 12, 29, hour))

    publish(session, *run)

    (published,) = session.rows("select waivers from ops.publication")
    assert [one["reason"] for one in json.loads(published["waivers"])] == ["of item"]


def test_a_run_whose_base_was_overtaken_cannot_publish(session: Session) -> None:
    slow = judged(session, "slow")
    publish(session, *judged(session, "quick"))

    with pytest.raises(WarehouseBusy, match="another run has taken over"):
        publish(session, *slow)
    candidate, approval, _ = slow
    with pytest.raises(WarehouseBusy, match="the pointer has moved"):
        publish(session, candidate, approval, take(session, "slow").token)

    assert [one.run_id for one in publications(session)] == ["quick"]


def test_a_week_that_vanished_from_the_candidate_stops_the_publication(session: Session) -> None:
    publish(session, *judged(session))
    for table in (*FACTS, "partition_inputs"):
        session.run(f"delete from candidate.{table} where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match="2 published partitions are missing"):
        publish(session, *judged(session, "run-2"))

    assert len(read(session)) == 2


def test_a_failure_inside_the_transaction_leaves_everything_as_it_was(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("shelfgate.publication.publish._describe", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        publish(session, *judged(session))

    assert current_publication(session) is None
    for table in ("store.fct_weekly_sales_inventory", "ops.manifest", "ops.publication"):
        assert session.rows(f"select count(*) as n from {table}")[0]["n"] == 0


def test_an_empty_table_stops_the_publication(session: Session) -> None:
    session.run("delete from candidate.dim_item")

    with pytest.raises(PermanentFailure, match=r"candidate\.dim_item is empty"):
        judged(session)


CRAFTED = {
    "ends the statement": "1)) as varchar) as digest, null as a, null as b from candidate.dim_item group by 2; "
    "update ops.pointer set publication_id = 'evil'; --",
    "ends the name": "sk\"; update ops.pointer set publication_id = 'evil'; --",
    "an expression": "1",
}


@pytest.mark.parametrize("name", CRAFTED.values(), ids=CRAFTED)
def test_a_column_that_no_contract_names_is_refused(session: Session, name: str) -> None:
    session.run(f"alter table candidate.dim_item add column {quoted(name)} varchar")

    with pytest.raises(PermanentFailure, match=r"candidate\.dim_item has 24 columns, 23 expected") as refused:
        judged(session)

    assert "update" not in str(refused.value)
    assert session.rows("select publication_id from ops.pointer") == [{"publication_id": None}]


def test_a_column_that_is_lost_or_renamed_is_refused_by_name(session: Session) -> None:
    session.run("alter table candidate.dim_item rename column brand to brand_name")

    with pytest.raises(PermanentFailure, match="Missing: brand; not in the contract: brand_name"):
        judged(session)


def test_readers_tables_with_other_columns_are_refused(session: Session) -> None:
    run = judged(session)
    publish(session, *run)
    session.run("create or replace view marts.dim_week as select *, 1 as week from store.dim_week")

    with pytest.raises(PermanentFailure, match=r"marts\.dim_week .* not in the contract: build_id, week"):
        measure_readers_view(session, {}, {})


def test_a_week_that_its_inputs_ask_for_and_nobody_built_stops_the_publication(session: Session) -> None:
    session.run("delete from candidate.fct_weekly_sales_inventory where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match=r"1 missing \(first 2002-12-15\)"):
        judged(session)


def test_a_week_that_nothing_asked_for_stops_the_publication(session: Session) -> None:
    publish(session, *judged(session))
    session.run("update candidate.partition_inputs set is_touched = false where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match=r"1 too many \(first 2002-12-15\)"):
        judged(session, "run-2")


def test_a_week_can_only_be_left_to_a_base_that_built_it_from_the_same_inputs(session: Session) -> None:
    publish(session, *judged(session))
    sell(session, WEEKLY, WEEK_1, 7)
    leave_to_the_base(session, WEEKLY, WEEK_1)

    with pytest.raises(PermanentFailure, match="does not serve that week from the same inputs"):
        judged(session, "run-2")


def test_a_takeover_between_the_gate_and_the_publication_is_fenced(session: Session) -> None:
    slow = judged(session, "slow")
    take(session, "quick")

    with pytest.raises(WarehouseBusy, match="another run has taken over"):
        publish(session, *slow)

    assert current_publication(session) is None
