"""Runs over the small shop, a step at a time, of the engine's own functions; refuses to judge what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from shelfgate.clients.landing_bucket import dropped_objects
from shelfgate.failpoints import SimulatedCrash, failpoint
from shelfgate.model import Approval, Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.lease import Lease, release, renew, take
from shelfgate.ops.ledger import not_yet_judged, record_bucket_findings, record_source_totals, record_verdict
from shelfgate.ops.runs import Run, begin_run
from shelfgate.publication.candidate import measure
from shelfgate.publication.landing_fingerprint import fingerprint, refuse_later_arrivals
from shelfgate.publication.publish import publish
from shelfgate.publication.readback import published_verdict
from shelfgate.publication.rollback import roll_back
from shelfgate.publication.vacuum import Vacuumed, vacuum
from shelfgate.warehouse import Session
from tests.reliability.model.engine_room import EngineRoom
from tests.reliability.model.reckoning import Inputs
from tests.reliability.model.shop import PREFIX, Bucket
from tests.reliability.model.small_build import build


@dataclass
class InProgress:
    """A run between two of its steps."""

    room: EngineRoom
    run_id: str
    steps: Generator[str, None, Publication | Vacuumed]
    at: str = "begun"
    outcome: Publication | Vacuumed | Exception | None = None
    crashed: bool = False

    @property
    def over(self) -> bool:
        return self.crashed or self.outcome is not None

    def step(self) -> None:
        """Go on to the next step. An error ends the run, and its lease is given back; a crash only ends it."""
        try:
            self.at = next(self.steps)
            return
        except StopIteration as ended:
            self.outcome = ended.value
        except SimulatedCrash:
            self.crashed = True
            return
        except AssertionError:
            raise
        except Exception as error:
            if self.room.watch.broken_promise:  # a rollback that failed for its sake would hide it
                raise self.room.watch.broken_promise from error
            self.outcome = error
        self._give_back()

    def to_its_end(self) -> InProgress:
        while not self.over:
            self.step()
        return self

    def _give_back(self) -> None:
        token = self.room.tokens.get(self.run_id)
        if token is None:
            return
        try:
            with self.room.turn() as session:
                release(session, Lease(self.run_id, token, datetime.max))
        except SimulatedCrash:
            self.crashed = True
        except duckdb.Error as error:
            self.outcome = self.outcome if isinstance(self.outcome, Exception) else error


def refreshing(room: EngineRoom, run_id: str) -> InProgress:
    return InProgress(room, run_id, _refresh(room, run_id, room.business_date))


def rolling_back(room: EngineRoom, run_id: str, target: str) -> InProgress:
    room.rolled_back_to[run_id] = target
    return InProgress(room, run_id, _standing(room, run_id, lambda session, run: roll_back(session, run, target)))


def vacuuming(room: EngineRoom, run_id: str, keep: int) -> InProgress:
    return InProgress(room, run_id, _standing(room, run_id, lambda session, run: vacuum(session, run, keep)))


def _take(room: EngineRoom, session: Session, run_id: str, business_date: date | None) -> tuple[Lease, Run]:
    lease = take(session, run_id)
    room.tokens[run_id] = lease.token
    return lease, begin_run(session, lease, business_date)


def _standing(
    room: EngineRoom, run_id: str, act: Callable[[Session, Run], Publication | Vacuumed]
) -> Generator[str, None, Publication | Vacuumed]:
    with room.turn() as session:
        lease, run = _take(room, session, run_id, None)
    yield "taken"
    with room.turn() as session:
        renew(session, lease)
    yield "renewed"
    with room.turn() as session:
        return act(session, run)


def _refresh(room: EngineRoom, run_id: str, business_date: date) -> Generator[str, None, Publication]:
    """The steps of flows/refresh.py, in their order; where it says `yield` others may come in between."""
    with room.turn() as session:
        lease, run = _take(room, session, run_id, business_date)
    yield "taken"
    failpoint("airbyte.before")
    room.sync()
    failpoint("airbyte.after")
    yield "synced"
    yield from _renewed(room, lease)
    failpoint("source.before")
    totals = room.totals()
    failpoint("source.after")
    with room.turn() as session:
        record_source_totals(session, run_id, totals)
    yield "counted"
    yield from _loaded(room, run)
    yield from _renewed(room, lease)
    landed = _landing_gate(room, run)
    yield "landing gate"
    yield from _renewed(room, lease)
    with room.turn() as session:
        build(session, business_date)
    yield "built"
    with room.turn() as session:
        refuse_later_arrivals(session, landed)
        candidate = Candidate(run_id, business_date, run.base_id, measure(session, run.base_id))
    yield "measured"
    yield from _renewed(room, lease)
    approval = _marts_gate(room, run, candidate)
    yield "marts gate"
    yield from _renewed(room, lease)
    with room.turn() as session:
        publication = publish(session, candidate, approval, _token(room, run))
    yield "published"
    _published_gate(room, candidate, publication)
    failpoint("docs.before")
    failpoint("docs.after")
    return publication


def _token(room: EngineRoom, run: Run) -> int:
    """The run's own, or the one that a lease which is wrong about who is alive has given it since."""
    return max(run.token, room.tokens[run.run_id])


def _renewed(room: EngineRoom, lease: Lease) -> Generator[str, None, None]:
    with room.turn() as session:
        renew(session, Lease(lease.owner, max(lease.token, room.tokens[lease.owner]), lease.expires_at))
    yield "renewed"


def _loaded(room: EngineRoom, run: Run) -> Generator[str, None, None]:
    dropped = dropped_objects("landing", PREFIX, Bucket(room.shop))
    with room.turn() as session:
        record_bucket_findings(session, PREFIX, dropped)
        waiting = not_yet_judged(session, [one for one in dropped if one.is_dump])
    for one in waiting:
        failpoint("lambda.before")
        room.load(one.object_key, one.version_id, run.run_id)
        failpoint("lambda.after")
        yield "loaded"


def _landing_gate(room: EngineRoom, run: Run) -> Approval:
    with room.turn() as session:
        landed = room.landed()
        counted = session.rows("select sum(row_count) as n from ops.source_total where run_id = ?", [run.run_id])
        there = session.rows(
            "select (select count(*) from raw_sales.catalog_sales) + (select count(*) from raw_sales.customer) "
            "+ (select count(*) from raw_sales.item) as n, "
            "(select count(*) from raw_sales.catalog_sales where cs_quantity < 0) as negative"
        )[0]
        checks = (
            CheckResult.critical("counted", there["n"] == counted[0]["n"], str(there["n"]), str(counted[0]["n"])),
            CheckResult.critical("not_negative", there["negative"] == 0, str(there["negative"]), "0"),
        )
        approval = _hold(room, session, Gate.LANDING, run, there["n"], checks, fingerprint(session))
    room.pinned[run.run_id] = Inputs(landed.books_version, landed.objects, run.business_date)
    return approval


def _marts_gate(room: EngineRoom, run: Run, candidate: Candidate) -> Approval:
    with room.turn() as session:
        seen = session.rows("select count(*) as n, max(catalog_qty) as most from candidate.fct_daily_sales")[0]
        check = CheckResult.critical("plausible", (seen["most"] or 0) < 1000, str(seen["most"]), "below 1000")
        return _hold(room, session, Gate.MARTS, run, seen["n"], (check,), candidate.digest)


def _hold(
    room: EngineRoom,
    session: Session,
    gate: Gate,
    run: Run,
    rows: int,
    checks: tuple[CheckResult, ...],
    digest: str,
) -> Approval:
    """As tasks/gates.py: judge, record, and only then open. A gate that breaks has judged nothing."""
    failpoint("gate.before")
    suite = SuiteResult.of_code(gate, "shop", rows, checks)
    if room.gate_breaks:
        room.broken_gates.add(run.run_id)
        broke = CheckResult.critical("suite_ran", False, "KeyError", "a verdict")
        suite = SuiteResult.unjudged(gate, "shop", f"{gate}.shop", "", len(checks), broke)
    verdict = Verdict(gate, run.run_id, run.business_date, (suite,), ("shop",), digest)
    record_verdict(session, verdict, room.moment())
    failpoint("gate.after")
    return verdict.approve()


def _published_gate(room: EngineRoom, candidate: Candidate, publication: Publication) -> None:
    with room.turn() as session:
        verdict = published_verdict(session, candidate, publication.publication_id)
        record_verdict(session, verdict, room.moment())
    verdict.approve()
