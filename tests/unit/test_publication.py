"""Publication on a real DuckDB file: all or nothing, once, and only what was judged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from shelfgate.errors import PermanentFailure, WarehouseBusy
from shelfgate.ledger import begin_run
from shelfgate.model import Approval, Candidate, CheckResult, Gate, SuiteResult, Verdict
from shelfgate.publication import PUBLISHED_TABLES, current_publication, measure, publications, publish
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.on_duckdb import DuckDBWarehouse

DAY = date(2002, 12, 28)
WEEK_1, WEEK_2 = date(2002, 12, 15), date(2002, 12, 22)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with DuckDBWarehouse(tmp_path / "w.duckdb").turn() as one:
        install(one)
        for table in PUBLISHED_TABLES:
            one.run(f"create table candidate.{table.name} as select * exclude (build_id) from store.{table.name}")
        for week in (WEEK_1, WEEK_2):
            _sell(one, week, 5)
        one.run("insert into candidate.fct_daily_sales (week_start_date) values (?)", [WEEK_1])
        for table in (table for table in PUBLISHED_TABLES if not table.by_week):
            one.run(f"insert into candidate.{table.name} default values")
        yield one


def _sell(session: Session, week: date, units: int) -> None:
    session.run(
        "insert into candidate.fct_weekly_sales_inventory (warehouse_sk, item_id, week_start_date, sum_qty_wk) "
        "values (1, 'I', ?, ?)",
        [week, units],
    )


def judged(session: Session, run_id: str = "run-1", day: date = DAY) -> tuple[Candidate, Approval]:
    run = begin_run(session, run_id, day)
    candidate = Candidate(run_id, day, run.base_id, measure(session))
    return candidate, approval_of(candidate)


def approval_of(candidate: Candidate) -> Approval:
    check = CheckResult.critical("rows_seen", True, "1", "1")
    suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (check,))
    return Verdict(
        Gate.MARTS, candidate.run_id, candidate.business_date, (suite,), ("fct",), candidate.digest
    ).approve()


def read(session: Session) -> dict[date, tuple[int, str]]:
    rows = session.rows("select week_start_date, sum_qty_wk, publication_id from marts.fct_weekly_sales_inventory")
    return {row["week_start_date"]: (row["sum_qty_wk"], row["publication_id"]) for row in rows}


def test_readers_see_the_candidate_under_one_publication(session: Session) -> None:
    publication = publish(session, *judged(session))

    assert (publication.publication_id, publication.new, publication.rows_written) == ("pub-000001", True, 8)
    assert read(session) == {WEEK_1: (5, "pub-000001"), WEEK_2: (5, "pub-000001")}


def test_a_second_run_without_changes_publishes_nothing_new(session: Session) -> None:
    publish(session, *judged(session))

    again = publish(session, *judged(session, "run-2"))

    assert (again.publication_id, again.new) == ("pub-000001", False)
    assert len(publications(session)) == 1


def test_only_the_changed_week_is_written_and_the_other_is_carried_over(session: Session) -> None:
    publish(session, *judged(session))
    session.run("update candidate.fct_weekly_sales_inventory set sum_qty_wk = 9 where week_start_date = ?", [WEEK_2])

    second = publish(session, *judged(session, "run-2"))

    assert (second.publication_id, second.partitions_changed, second.rows_written) == ("pub-000002", 1, 1)
    assert read(session) == {WEEK_1: (5, "pub-000002"), WEEK_2: (9, "pub-000002")}
    assert session.rows("select count(*) as n from store.fct_weekly_sales_inventory")[0]["n"] == 3


def test_a_new_business_date_is_published_even_if_no_row_changed(session: Session) -> None:
    publish(session, *judged(session))

    second = publish(session, *judged(session, "run-2", date(2002, 12, 29)))

    assert (second.new, second.rows_written, second.business_date) == (True, 0, date(2002, 12, 29))


def test_the_same_run_publishes_once(session: Session) -> None:
    candidate, approval = judged(session)
    publish(session, candidate, approval)

    assert publish(session, candidate, approval).publication_id == "pub-000001"
    assert len(publications(session)) == 1


def test_a_candidate_that_changed_after_the_gate_is_refused(session: Session) -> None:
    candidate, approval = judged(session)
    session.run("update candidate.fct_weekly_sales_inventory set sum_qty_wk = 6 where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match="Something wrote to schema candidate"):
        publish(session, candidate, approval)

    assert current_publication(session) is None
    assert session.rows("select count(*) as n from store.fct_weekly_sales_inventory")[0]["n"] == 0


def test_an_approval_for_another_candidate_is_refused(session: Session) -> None:
    _, approval = judged(session)
    session.run("update candidate.fct_weekly_sales_inventory set sum_qty_wk = 6 where week_start_date = ?", [WEEK_1])
    other, _ = judged(session)

    with pytest.raises(PermanentFailure, match="Nothing was published"):
        publish(session, other, approval)


def test_a_run_whose_base_was_overtaken_cannot_publish(session: Session) -> None:
    slow, approval = judged(session, "slow")
    publish(session, *judged(session, "quick"))

    with pytest.raises(WarehouseBusy, match="the pointer has moved"):
        publish(session, slow, approval)

    assert [one.run_id for one in publications(session)] == ["quick"]


def test_a_week_that_vanished_from_the_candidate_stops_the_publication(session: Session) -> None:
    publish(session, *judged(session))
    session.run("delete from candidate.fct_weekly_sales_inventory where week_start_date = ?", [WEEK_1])

    with pytest.raises(PermanentFailure, match="1 published partitions are missing"):
        publish(session, *judged(session, "run-2"))

    assert len(read(session)) == 2


def test_a_failure_inside_the_transaction_leaves_everything_as_it_was(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("shelfgate.publication._describe", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        publish(session, *judged(session))

    assert current_publication(session) is None
    for table in ("store.fct_weekly_sales_inventory", "ops.manifest", "ops.publication"):
        assert session.rows(f"select count(*) as n from {table}")[0]["n"] == 0


def test_an_empty_table_stops_the_publication(session: Session) -> None:
    session.run("delete from candidate.dim_item")

    with pytest.raises(PermanentFailure, match=r"candidate\.dim_item is empty"):
        judged(session)
