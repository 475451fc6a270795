"""Going back and cleaning up, on a real DuckDB file: readers see what they saw then, and lose nothing they need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from shelfgate.errors import ConfigurationError, WarehouseBusy
from shelfgate.model import Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.lease import release, take
from shelfgate.ops.pointer import current_publication, publications
from shelfgate.ops.runs import Run, begin_run
from shelfgate.publication.candidate import measure
from shelfgate.publication.publish import publish
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.publication.rollback import changed_between, readable, roll_back
from shelfgate.publication.vacuum import vacuum
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.support.small_candidate import leave_to_the_base, make_candidate, sell

DAY = date(2002, 12, 28)
WEEK_1, WEEK_2 = date(2002, 12, 15), date(2002, 12, 22)
WEEKLY = "fct_weekly_sales_inventory"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Two publications: the second sold 9 and not 5 in the second week."""
    with DuckDBWarehouse(tmp_path / "w.duckdb").turn() as one:
        install(one)
        make_candidate(one, [WEEK_1, WEEK_2])
        publish_candidate(one, "run-1")
        leave_to_the_base(one, WEEKLY, WEEK_1)
        sell(one, WEEKLY, WEEK_2, 9)
        publish_candidate(one, "run-2")
        yield one


def started(session: Session, run_id: str, day: date | None = DAY) -> Run:
    lease = take(session, run_id)
    run = begin_run(session, lease, day)
    release(session, lease)
    return run


def publish_candidate(session: Session, run_id: str) -> Publication:
    run = started(session, run_id)
    candidate = Candidate(run_id, DAY, run.base_id, measure(session, run.base_id))
    suite = SuiteResult.of_code(Gate.MARTS, "fct", 1, (CheckResult.critical("rows_seen", True, "1", "1"),))
    verdict = Verdict(Gate.MARTS, run_id, DAY, (suite,), ("fct",), candidate.digest)
    return publish(session, candidate, verdict.approve(), run.token)


def seen(session: Session, source: str = f"marts.{WEEKLY}") -> dict[date, int]:
    return {row["week_start_date"]: row["sum_qty_wk"] for row in session.rows(f"select * from {source}")}


def test_readers_see_again_what_they_saw_under_the_older_publication(session: Session) -> None:
    done = roll_back(session, started(session, "back", None), "pub-000001")

    assert (done.publication_id, done.parent_id, done.action, done.rows_written) == (
        "pub-000003",
        "pub-000002",
        "rollback",
        0,
    )
    assert seen(session) == {WEEK_1: 5, WEEK_2: 5}
    assert [one.judged_run_id for one in publications(session)] == ["run-1", "run-2", "run-1"]
    assert published_verdict(session, promised_by(session, done), done.publication_id).open


def test_the_next_build_after_a_rollback_publishes_what_the_sources_say(session: Session) -> None:
    roll_back(session, started(session, "back", None), "pub-000001")

    done = publish_candidate(session, "run-3")

    assert (done.publication_id, done.partitions_changed) == ("pub-000004", 1)
    assert seen(session) == {WEEK_1: 5, WEEK_2: 9}


def test_going_back_to_what_is_current_changes_nothing(session: Session) -> None:
    assert not roll_back(session, started(session, "back", None), "pub-000002").new
    assert len(publications(session)) == 2


def test_going_back_to_nothing_is_told(session: Session) -> None:
    with pytest.raises(ConfigurationError, match=r"there is none of that name\. Wanted one of: pub-000002, pub-000001"):
        roll_back(session, started(session, "back", None), "pub-000009")


def test_a_rollback_that_was_overtaken_is_fenced(session: Session) -> None:
    slow = started(session, "back", None)
    started(session, "other")

    with pytest.raises(WarehouseBusy, match="another run has taken over"):
        roll_back(session, slow, "pub-000001")


def test_two_publications_are_compared_by_partition(session: Session) -> None:
    assert changed_between(session, "pub-000001", "pub-000002") == [
        {"table": WEEKLY, "week": WEEK_2, "rows_before": 1, "rows_after": 1}
    ]


def test_any_publication_can_be_read_until_vacuum_drops_it(session: Session) -> None:
    as_of = f"store.{WEEKLY}_as_of where publication_id = '{{}}'"
    assert seen(session, as_of.format("pub-000001")) == {WEEK_1: 5, WEEK_2: 5}
    assert seen(session, as_of.format("pub-000002")) == {WEEK_1: 5, WEEK_2: 9}

    done = vacuum(session, started(session, "clean", None), keep=1)

    assert (done.publications, done.rows) == (("pub-000001",), 1)
    assert seen(session, as_of.format("pub-000001")) == {}
    assert seen(session) == {WEEK_1: 5, WEEK_2: 9}
    with pytest.raises(ConfigurationError, match=r"vacuum has dropped what it served\. Still there: pub-000002"):
        readable(session, "pub-000001")


def test_vacuum_keeps_what_is_current_however_old(session: Session) -> None:
    roll_back(session, started(session, "back", None), "pub-000001")
    publish_candidate(session, "run-3")
    roll_back(session, started(session, "back again", None), "pub-000001")

    vacuum(session, started(session, "clean", None), keep=1)

    current = current_publication(session)
    assert current is not None
    assert seen(session) == {WEEK_1: 5, WEEK_2: 5}
    assert published_verdict(session, promised_by(session, current), current.publication_id).open


def test_a_second_vacuum_finds_nothing(session: Session) -> None:
    vacuum(session, started(session, "clean", None), keep=1)

    assert vacuum(session, started(session, "clean again", None), keep=1).rows == 0


def test_a_build_that_was_tampered_with_does_not_pass_the_audit(session: Session) -> None:
    session.run(f"update store.{WEEKLY} set sum_qty_wk = 4 where week_start_date = ?", [WEEK_1])
    current = current_publication(session)
    assert current is not None

    verdict = published_verdict(session, promised_by(session, current), current.publication_id)

    assert not verdict.open
    assert f"{WEEKLY} {WEEK_1}" in " ".join(verdict.reasons)
