"""Every operation that the core asks of a warehouse, on both engines: the same calls, the same answers."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shelfgate import interruption
from shelfgate.clients.landing_bucket import NO_VERSION, DroppedObject
from shelfgate.clients.source_postgres import DATED, UNDATED, SourceTotal
from shelfgate.errors import GateClosed, PermanentFailure, WarehouseBusy
from shelfgate.model import Approval, Candidate, CheckResult, Gate, SuiteResult, Verdict
from shelfgate.ops.lease import Lease, release, renew, take
from shelfgate.ops.ledger import not_yet_judged, record_source_totals, record_verdict
from shelfgate.ops.pointer import current_publication, publications
from shelfgate.ops.runs import begin_run, judged_until
from shelfgate.ops.status import status
from shelfgate.publication import publish as publication
from shelfgate.publication.candidate import PUBLISHED_TABLES, columns_by_table, measure
from shelfgate.publication.landing_fingerprint import fingerprint, refuse_later_arrivals
from shelfgate.publication.publish import publish
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.publication.rollback import roll_back
from shelfgate.publication.vacuum import vacuum
from shelfgate.warehouse import Session, Warehouse, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from tests.reliability.processes.losing import lose
from tests.snowflake.conftest import Estate, Installed, install_database
from tests.support.small_candidate import leave_to_the_base, make_candidate, sell

DAY = date(2002, 12, 28)
WEEKLY = "fct_weekly_sales_inventory"
WEEK_1, WEEK_2 = date(2002, 12, 15), date(2002, 12, 22)
Turn = Callable[[], Session]


@pytest.fixture(scope="module")
def installed_here(estate: Estate) -> Installed:
    """A database whose publisher may also fill `candidate`, as these tests do in the transformer's place."""
    found = install_database(estate, "PROTOCOL")
    with found.estate.warehouse("PROTOCOL", "ADMINISTRATOR", "SYSADMIN").turn() as session:
        install(session)
    return found


@pytest.fixture(params=["duckdb", "snowflake"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """An installed warehouse without a row in it."""
    if request.param == "duckdb":
        one = DuckDBWarehouse(tmp_path / "w.duckdb", wait_seconds=5)
        with one.turn() as session:
            install(session)
        return one
    found: Installed = request.getfixturevalue("installed_here")
    one = found.warehouse("publisher").tagged(run="protocol", stage="test")
    with one.turn() as session:
        _empty(session)
    return one


def _empty(session: Session) -> None:
    for table in PUBLISHED_TABLES:
        session.run(f"delete from store.{table.name}")
        session.run(f"drop table if exists candidate.{table.name}")
    session.run("drop table if exists candidate.partition_inputs")
    session.run("update ops.lease set owner = null, expires_at = null, holder = null")
    for table in ("load_ledger", "bucket_finding", "source_total", "gate_result", "publication", "manifest"):
        session.run(f"delete from ops.{table}")
    session.run("update ops.pointer set publication_id = null")


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Session]:
    with warehouse.turn() as one:
        yield one


@pytest.fixture
def candidate(session: Session) -> Session:
    """One row or two in every table of `candidate`."""
    return filled(session)


def filled(session: Session) -> Session:
    make_candidate(session, [WEEK_1, WEEK_2])
    return session


def judged(session: Session, run_id: str = "run-1", day: date = DAY) -> tuple[Candidate, Approval, int]:
    """What a run has in hand before it publishes."""
    run = begin_run(session, take(session, run_id), day)
    release(session, Lease(run_id, run.token, datetime.max))
    found = Candidate(run_id, day, run.base_id, measure(session, run.base_id))
    suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (CheckResult.critical("rows_seen", True, "1", "1"),))
    verdict = Verdict(Gate.MARTS, run_id, day, (suite,), ("fct",), found.digest)
    record_verdict(session, verdict, datetime(2002, 12, 29, 6, 0))
    return found, verdict.approve(), run.token


@contextmanager
def while_storing(session: Session, table: str, *, before: str = "", after: str = "") -> Iterator[None]:
    """Somebody else's statement takes effect inside the publishing transaction, as READ COMMITTED lets it: before or
    after this table is stored.
    """
    send = session.run

    def sending(sql: str, parameters: Sequence[Any] = ()) -> int:
        stored_now = sql.startswith(f"insert into store.{table} ")
        if stored_now and before:
            send(before)
        count = send(sql, parameters)
        if stored_now and after:
            send(after)
        return count

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "run", sending)
        yield


def recorded(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that a session sends, in their order."""
    sent: list[str] = []

    def recording(send: Callable[..., Any]) -> Callable[..., Any]:
        def sending(sql: str, parameters: Sequence[Any] = ()) -> Any:
            sent.append(sql)
            return send(sql, parameters)

        return sending

    for name in ("run", "rows"):
        monkeypatch.setattr(session, name, recording(getattr(session, name)))
    return sent


def read(session: Session) -> dict[date, tuple[int, str]]:
    rows = session.rows("select week_start_date, sum_qty_wk, publication_id from marts.fct_weekly_sales_inventory")
    return {row["week_start_date"]: (row["sum_qty_wk"], row["publication_id"]) for row in rows}


def test_rows_have_lower_case_names_and_values_their_types(session: Session) -> None:
    given = (Decimal("1.50"), date(2003, 1, 8), datetime(2003, 1, 8, 1, 2, 3), "it's ?", None, True)
    (row,) = session.rows(
        "select cast(? as decimal(15, 2)) as amount, cast(? as date) as Day, cast(? as timestamp) as AT_TIME, "
        "? as text, "
        "cast(? as integer) as nothing, cast(? as boolean) as flag",
        given,
    )

    assert list(row) == ["amount", "day", "at_time", "text", "nothing", "flag"]
    assert tuple(row.values()) == given


def test_a_change_answers_with_the_rows_it_changed_and_anything_else_with_none(session: Session) -> None:
    columns = ["publication_id", "table_name", "week_start_date", "build_id", "row_count", "digest"]
    many = [(f"pub-{n}", "t", WEEK_1 if n % 2 else None, "b", n, "d") for n in range(1201)]

    assert session.insert("ops.manifest", columns, iter(many)) == 1201
    assert session.run("update ops.manifest set digest = ? where week_start_date is null", ["e"]) == 601
    assert session.run("delete from ops.manifest where digest = 'e'") == 601
    assert session.run("select 1") == 0
    assert session.rows("select count(*) as n, sum(row_count) as total from ops.manifest")[0] == {
        "n": 600,
        "total": 360000,
    }


def test_nothing_of_a_block_that_raises_is_kept(session: Session) -> None:
    def cut_off() -> None:
        with session.transaction("publish"):
            session.run("update ops.pointer set publication_id = 'pub-9'")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cut_off()

    assert session.rows("select publication_id from ops.pointer") == [{"publication_id": None}]


def test_a_digest_sees_content_and_not_order(session: Session) -> None:
    def digest(rows: str) -> str:
        return session.rows(f"select {session.content_digest(['a', 'b'])} as d from ({rows}) as x")[0]["d"]

    one, other = "select 1 as a, 'x' as b", "select 2 as a, null as b"
    assert digest(f"{one} union all {other}") == digest(f"{other} union all {one}")
    assert len({digest(one), digest(other), digest(f"{one} union all {one}"), digest("select 1 as a, null as b")}) == 4


def test_a_name_is_an_identifier_whatever_it_holds(session: Session) -> None:
    odd = 'a "b"); select 1 --'
    session.run("create or replace table candidate.odd (item_sk bigint, publication_id varchar)")
    session.run(f"alter table candidate.odd add column {session.identifier(odd)} bigint")

    assert session.insert("candidate.odd", ["item_sk", odd], [(1, 2)]) == 1
    assert session.rows(f"select {session.identifier('item_sk')} + {session.identifier(odd)} as n from candidate.odd")
    assert session.rows(f"select {session.content_digest(['item_sk', odd])} as d from candidate.odd")[0]["d"]
    session.run("drop table candidate.odd")


def test_columns_are_listed_in_their_order_and_a_missing_table_has_none(session: Session) -> None:
    assert columns_by_table(session, "ops")["pointer"] == ["name", "publication_id"]
    assert "nowhere" not in columns_by_table(session, "ops")


def test_a_statement_that_fails_is_an_error(session: Session) -> None:
    with pytest.raises(Exception, match=r"(?i)nowhere"):
        session.rows("select * from ops.nowhere")


def test_a_publication_is_what_readers_see_and_the_same_run_publishes_once(candidate: Session) -> None:
    run = judged(candidate)
    publication = publish(candidate, *run)

    assert (publication.publication_id, publication.new, publication.rows_written) == ("pub-000001", True, 9)
    assert read(candidate) == {WEEK_1: (5, "pub-000001"), WEEK_2: (5, "pub-000001")}
    assert publish(candidate, *run).publication_id == "pub-000001"
    (line,) = candidate.rows("select row_count, gates from marts.data_status where table_name = 'dim_item'")
    assert (line["row_count"], '"gate": "marts"' in line["gates"]) == (1, True)
    assert status(candidate)["publication"]["publication_id"] == "pub-000001"


def test_what_changed_is_written_again_rolled_back_and_vacuumed(candidate: Session) -> None:
    publish(candidate, *judged(candidate))
    assert not publish(candidate, *judged(candidate, "run-2")).new
    sell(candidate, WEEKLY, WEEK_2, 9)
    leave_to_the_base(candidate, WEEKLY, WEEK_1)
    third = publish(candidate, *judged(candidate, "run-3"))
    assert (third.publication_id, third.partitions_changed, third.rows_written) == ("pub-000002", 1, 1)
    assert read(candidate) == {WEEK_1: (5, "pub-000002"), WEEK_2: (9, "pub-000002")}

    back = roll_back(candidate, begin_run(candidate, take(candidate, "run-4"), DAY), "pub-000001")
    assert read(candidate) == {WEEK_1: (5, back.publication_id), WEEK_2: (5, back.publication_id)}
    candidate.run("update ops.lease set owner = null, expires_at = null, holder = null")
    swept = vacuum(candidate, begin_run(candidate, take(candidate, "run-5"), DAY), 1)

    assert swept.publications == ("pub-000002", "pub-000001")
    assert read(candidate) == {WEEK_1: (5, back.publication_id), WEEK_2: (5, back.publication_id)}
    assert [one.run_id for one in publications(candidate)] == ["run-4", "run-3", "run-1"]


def test_a_candidate_that_changed_after_the_gate_and_an_overtaken_run_are_refused(candidate: Session) -> None:
    slow = judged(candidate, "slow")
    publish(candidate, *judged(candidate, "quick"))
    with pytest.raises(WarehouseBusy, match="another run has taken over"):
        publish(candidate, *slow)
    with pytest.raises(WarehouseBusy, match="the pointer has moved"):
        publish(candidate, *slow[:2], take(candidate, "slow").token)
    candidate.run("update ops.lease set owner = null, expires_at = null, holder = null")
    late = judged(candidate, "late")
    candidate.run("update candidate.dim_item set brand = 'other'")
    with pytest.raises(PermanentFailure, match="Something wrote to schema candidate"):
        publish(candidate, *late)

    assert [one.run_id for one in publications(candidate)] == ["quick"]


def test_a_publication_that_is_cut_off_leaves_everything_as_it_was(
    candidate: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("shelfgate.publication.publish._describe", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        publish(candidate, *judged(candidate))

    assert current_publication(candidate) is None
    for table in ("store.fct_weekly_sales_inventory", "ops.manifest", "ops.publication"):
        assert candidate.rows(f"select count(*) as n from {table}")[0]["n"] == 0


STORED_OTHERWISE = {
    "a candidate that changed": ("dim_item", {"before": "update candidate.dim_item set brand = 'other'"}),
    "another value": ("dim_item", {"after": "update store.dim_item set brand = 'other'"}),
    "a row twice": ("dim_date", {"after": "insert into store.dim_date select * from store.dim_date"}),
    "a table lost": ("dim_customer", {"after": "delete from store.dim_customer"}),
    "another week": (WEEKLY, {"after": f"update store.{WEEKLY} set week_start_date = week_start_date - 70"}),
    "a week lost": (
        "fct_daily_sales",
        {"after": f"delete from store.fct_daily_sales where week_start_date = '{WEEK_1}'"},
    ),
}


def test_stored_rows_that_differ_are_not_published(candidate: Session) -> None:
    run = judged(candidate)
    for what, (table, statement) in STORED_OTHERWISE.items():
        with while_storing(candidate, table, **statement), pytest.raises(PermanentFailure) as refused:
            publish(candidate, *run)
        assert f"differ from the judged candidate, first {table}" in str(refused.value), what
        assert "Readers keep what they had" in str(refused.value)

    assert current_publication(candidate) is None
    assert candidate.rows("select count(*) as n from store.dim_item")[0]["n"] == 0


def test_the_pointer_moves_after_the_stored_rows_are_measured(
    candidate: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = recorded(candidate, monkeypatch)
    publish(candidate, *judged(candidate))
    stored, moved = (
        [place for place, sql in enumerate(order) if sql.startswith(start)]
        for start in ("insert into store.", "update ops.pointer")
    )
    measured = [place for place, sql in enumerate(order) if " from store.dim_item where build_id" in sql]

    assert stored[-1] < measured[0] < moved[0]
    assert (len(stored), len(measured), len(moved)) == (len(PUBLISHED_TABLES), 1, 1)


def test_only_what_a_publication_stored_is_measured(candidate: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(candidate, *judged(candidate))
    sell(candidate, WEEKLY, WEEK_2, 9)
    leave_to_the_base(candidate, WEEKLY, WEEK_1)
    run = judged(candidate, "run-2")
    order = recorded(candidate, monkeypatch)
    publish(candidate, *run)

    (measured,) = (sql for sql in order if " from store." in sql)
    assert re.findall(r"from store\.(\w+) where build_id = \?", measured) == [WEEKLY]


def test_lost_interrupt_in_the_publishing_transaction_publishes_nothing(
    candidate: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_hand = judged(candidate)
    describe = publication._describe

    def interrupted(*given: Any) -> dict[str, Any]:
        lose(signal.SIGINT)
        return describe(*given)

    monkeypatch.setattr(publication, "_describe", interrupted)
    with interruption.watched(), pytest.raises(KeyboardInterrupt):
        publish(candidate, *in_hand)

    assert current_publication(candidate) is None
    assert candidate.rows("select count(*) as n from ops.publication")[0]["n"] == 0


def test_a_lease_is_one_runs_until_it_is_given_back_or_expires_or_its_process_is_gone(session: Session) -> None:
    first = take(session, "one")
    with pytest.raises(WarehouseBusy, match="run one holds the warehouse"):
        take(session, "two")
    assert renew(session, first).token == first.token
    assert take(session, "one").token == first.token + 1
    session.run("update ops.lease set expires_at = timestamp '2000-01-01 00:00:00'")
    third = take(session, "two")

    assert third.token == first.token + 2
    with pytest.raises(WarehouseBusy, match="another run has taken over"):
        renew(session, first)
    assert not release(session, first)
    assert release(session, third)
    assert take(session, "three").token == third.token + 1


def test_what_the_loader_has_judged_is_not_waited_for_and_a_new_upload_is(session: Session) -> None:
    at = datetime(2002, 12, 26, 4, 0)
    session.insert(
        "ops.load_ledger",
        ["object_key", "version_id", "etag", "status", "loaded_at", "last_modified"],
        [("a.csv", "v1", "e1", "loaded", at, at), ("b.csv", NO_VERSION, "e2", "loaded", at, at)],
    )
    judged_before = [DroppedObject("a.csv", "v1", at, 9, "e1"), DroppedObject("b.csv", NO_VERSION, at, 9, "e2")]
    new = [DroppedObject("a.csv", "v2", at, 9, "e1"), DroppedObject("b.csv", NO_VERSION, at, 9, "e3")]

    assert not_yet_judged(session, [*judged_before, *new]) == new


def test_the_counts_of_the_source_are_the_last_runs(session: Session) -> None:
    totals = [
        SourceTotal("web_sales", WEEK_1, 3, 12, Decimal("4.50"), Decimal("-1.25"), 9),
        SourceTotal("item", None, 7),
    ]
    record_source_totals(session, "run-1", [SourceTotal("item", None, 6)])
    record_source_totals(session, "run-2", totals)

    found = session.rows("select * from ops.source_total order by dataset desc")
    assert [tuple(row.values()) for row in found] == [
        ("run-2", "web_sales", WEEK_1, 3, 12, Decimal("4.50"), Decimal("-1.25"), 9),
        ("run-2", "item", None, 7, None, None, None, None),
    ]


def test_every_expected_suite_is_on_record_and_so_is_when_the_first_gate_judged(candidate: Session) -> None:
    run = judged(candidate)
    early, late = datetime(2002, 12, 29, 4, 0), datetime(2002, 12, 29, 5, 0)
    failed = CheckResult.critical("rows_seen", False, "0", "at least 1 row", what_to_do="it's `?`")
    suite = SuiteResult.of_code(Gate.LANDING, "item", 0, (failed,))
    for at in (late, early):
        record_verdict(candidate, Verdict(Gate.LANDING, "run-1", DAY, (suite,), ("item", "customer")), at)
    publication = publish(candidate, *run)

    assert judged_until(candidate, publication) == early
    rows = candidate.rows("select dataset, result, evidence from ops.gate_result where judged_at = ?", [early])
    assert {row["dataset"]: row["result"] for row in rows} == {"item": "closed", "customer": "closed"}
    told = {row["dataset"]: json.loads(row["evidence"])[0]["check"] for row in rows}
    assert told == {"item": "rows_seen", "customer": "suite_ran"}


def test_what_readers_see_is_read_back_and_a_row_that_changed_under_them_closes_the_gate(candidate: Session) -> None:
    run = judged(candidate)
    publication = publish(candidate, *run)
    assert published_verdict(candidate, run[0], publication.publication_id).open
    assert published_verdict(candidate, promised_by(candidate, publication), publication.publication_id).open

    candidate.run("update store.dim_item set brand = 'other'")

    closed = published_verdict(candidate, run[0], publication.publication_id)
    assert [check.check_id for check in closed.suites[0].checks if not check.passed] == ["readers_see_the_candidate"]


def test_what_arrives_after_the_landing_gate_is_not_built(session: Session) -> None:
    for table in (*DATED, *UNDATED):
        session.run(f"create or replace table raw_sales.{table} (_airbyte_extracted_at timestamp)")
    suite = SuiteResult.of_code(Gate.LANDING, "item", 1, (CheckResult.critical("rows_seen", True, "1", "1"),))
    landed = Verdict(Gate.LANDING, "run-1", DAY, (suite,), ("item",), fingerprint(session)).approve()
    refuse_later_arrivals(session, landed)
    session.run("insert into raw_sales.item values (timestamp '2002-12-28 05:00:00.123456')")

    with pytest.raises(GateClosed, match="arrived in raw_sales"):
        refuse_later_arrivals(session, landed)


# Snowflake alone: sessions beside one another, and DDL that would commit


@contextmanager
def two(installed: Installed) -> Iterator[tuple[SnowflakeSession, SnowflakeSession]]:
    with ExitStack() as both:
        one = both.enter_context(installed.warehouse("publisher").turn())
        other = both.enter_context(installed.warehouse("publisher").turn())
        _empty(one)
        yield one, other


def test_of_two_sessions_that_move_the_pointer_one_waits_and_finds_it_moved(installed_here: Installed) -> None:
    move = "update ops.pointer set publication_id = ? where name = 'current' and publication_id is not distinct from ?"
    moved: list[int] = []
    with two(installed_here) as (one, other):

        def second() -> None:
            with other.transaction("publish"):
                moved.append(other.run(move, ["pub-b", None]))

        with one.transaction("publish"):
            assert one.run(move, ["pub-a", None]) == 1
            waiting = threading.Thread(target=second)
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
        waiting.join(20)

        assert moved == [0]
        assert one.rows("select publication_id from ops.pointer") == [{"publication_id": "pub-a"}]


@pytest.mark.parametrize(
    "ddl",
    ["create table ops.x (a integer)", "-- why\ntruncate table ops.manifest", "/* x */ ALTER TABLE a RENAME TO b"],
)
def test_ddl_inside_a_transaction_is_refused_before_it_is_sent(installed_here: Installed, ddl: str) -> None:
    with two(installed_here) as (one, other):

        def half() -> None:
            with one.transaction("publish"):
                one.run("update ops.pointer set publication_id = 'pub-half'")
                one.run(ddl)

        with pytest.raises(PermanentFailure, match="would commit the half that is done"):
            half()

        assert other.rows("select publication_id from ops.pointer") == [{"publication_id": None}]


def test_no_statement_between_begin_and_commit_of_a_publication_is_ddl(
    installed_here: Installed, estate: Estate
) -> None:
    with installed_here.warehouse("publisher").tagged(run="captured").turn() as one:
        _empty(one)
        publish(filled(one), *judged(one))
    said = [
        q["query_text"].split()[0].lower() for q in estate.hook("history")["queries"] if "captured" in q["query_tag"]
    ]
    inside: list[str] = []
    began = False
    for word in said:
        began = (began or word == "begin") and word != "commit"
        if began:
            inside.append(word)

    assert {"update", "insert"} <= set(inside) <= {"begin", "select", "insert", "update", "delete"}


def test_a_lock_that_is_held_too_long_is_a_busy_warehouse(installed_here: Installed) -> None:
    with two(installed_here) as (one, other):
        other.run("alter session set lock_timeout = 1")
        with one.transaction("publish"):
            one.run("update ops.pointer set publication_id = 'pub-a'")
            with pytest.raises(WarehouseBusy, match="held the lock"):
                other.run("update ops.pointer set publication_id = 'pub-b'")


def test_an_error_shows_no_value(installed_here: Installed) -> None:
    with installed_here.warehouse("publisher").turn() as one, pytest.raises(PermanentFailure) as caught:
        one.rows("select cast(? as number)", ["anna@example.com"])

    assert "anna" not in str(caught.value)
    assert "a value does not fit" in str(caught.value)
    assert caught.value.__suppress_context__, "a traceback would print the connector's text"
