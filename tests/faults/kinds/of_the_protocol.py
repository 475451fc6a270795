"""Faults of the run itself: waivers that do not count, what happens between a verdict and its publication."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import yaml

from shelfgate.errors import PermanentFailure, WarehouseBusy
from shelfgate.model import Gate
from shelfgate.publication.publish import publish
from tests.faults.fault import PASSES, At, ProtocolFault
from tests.faults.ground import Ground, fired_in

Outcome = tuple[int, str, frozenset[str]]
NONE: frozenset[str] = frozenset()

# A check that may be waived, and a fault that only it sees.
WAIVED = "customer.birth_date_is_plausible"
YOUNG = "update raw_sales.customer set c_birth_year = 92 where c_customer_sk between 7 and 27"


def _with_waiver(ground: Ground, work: Path, **changes: object) -> Outcome:
    day, today = ground.day.run.business_date, date.today()
    entry: dict[str, object] = {
        "check": WAIVED,
        "dataset": "customer",
        "window": day,
        "reason": "the registry writes two digits until it is mended",
        "approved_by": "r.mueller",
        "approved_at": today - timedelta(days=1),
        "expires_at": today + timedelta(days=3),
        "max_observed": 21,
    }
    waivers = work / "waivers.yml"
    waivers.write_text(yaml.safe_dump({"waivers": [entry | changes]}))
    changed = ground.change(YOUNG)
    last = ground.judge(Gate.LANDING, waivers=waivers)[-1]
    return changed, PASSES if last.open else str(last.gate), fired_in(last)


def _live(ground: Ground, work: Path) -> Outcome:
    return _with_waiver(ground, work)


def _expired(ground: Ground, work: Path) -> Outcome:
    long_ago = date.today() - timedelta(days=9)
    return _with_waiver(ground, work, approved_at=long_ago, expires_at=long_ago + timedelta(days=7))


def _exceeded(ground: Ground, work: Path) -> Outcome:
    return _with_waiver(ground, work, max_observed=20)


def _of_another_week(ground: Ground, work: Path) -> Outcome:
    return _with_waiver(ground, work, window=ground.day.run.business_date - timedelta(days=7))


def _changed_after_the_audit(ground: Ground, work: Path) -> Outcome:
    (verdict,) = ground.judge(Gate.MARTS)
    changed = ground.change("update candidate.dim_customer set birth_year = birth_year + 1 where customer_sk = 7")
    try:
        ground.publish(verdict)
    except PermanentFailure:
        return changed, "publish", NONE
    return changed, PASSES, NONE


def _overtaken(ground: Ground, work: Path) -> Outcome:
    """Two runs were built on the same publication; the other one published first."""
    (verdict,) = ground.judge(Gate.MARTS)
    other = replace(ground.candidate, run_id="the-other-run")
    with ground.warehouse.turn() as session:
        first = publish(session, other, replace(verdict, run_id=other.run_id).approve(), ground.day.run.token)
    moved = ground.publication_id()
    try:
        ground.publish(verdict)
    except WarehouseBusy:
        assert ground.publication_id() == moved == first.publication_id
        return 1, "publish", NONE
    return 1, PASSES, NONE


PUBLISH_AND_DIE = """
import os, pickle, sys
from pathlib import Path

from shelfgate.model import Verdict
from shelfgate.publication.publish import publish
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession, DuckDBWarehouse

run = DuckDBSession.run
def run_and_die(self, sql, parameters=()):
    if sql.startswith("insert into store.dim_customer"):
        os._exit(9)
    return run(self, sql, parameters)
DuckDBSession.run = run_and_die
candidate, verdict, token = pickle.loads(Path(sys.argv[2]).read_bytes())
with DuckDBWarehouse(Path(sys.argv[1])).turn() as session:
    publish(session, candidate, verdict.approve(), token)
"""


def _killed(ground: Ground, work: Path) -> Outcome:
    """The process dies when the facts are stored and the customers are not."""
    import pickle

    (verdict,) = ground.judge(Gate.MARTS)
    ground.change("update candidate.dim_customer set birth_year = birth_year + 1 where customer_sk = 7")
    candidate = ground.measured()
    (work / "day").write_bytes(
        pickle.dumps((candidate, replace(verdict, data_digest=candidate.digest), ground.day.run.token))
    )
    command = [sys.executable, "-c", PUBLISH_AND_DIE, str(ground.file), str(work / "day")]
    killed = subprocess.run(command, env=dict(os.environ), check=False)
    with ground.warehouse.turn() as session:
        kept = session.rows("select count(*) as n from ops.publication where run_id = ?", [candidate.run_id])[0]["n"]
    return int(killed.returncode == 9), PASSES if kept else "publish", NONE


def _store_tampered(ground: Ground, work: Path) -> Outcome:
    """What readers see is read back: a row of the store was changed between the publication and its last gate."""
    return _read_back_after(ground, "update store.dim_warehouse set warehouse_name = 'another'")


def _status_is_another(ground: Ground, work: Path) -> Outcome:
    """The dashboards' line of what is served is that of an older installation."""
    return _read_back_after(
        ground,
        "create or replace view marts.data_status as select table_name, publication_id, row_count + 1 as row_count "
        "from ops.manifest where publication_id = (select publication_id from ops.pointer where name = 'current')",
    )


def _read_back_after(ground: Ground, statement: str) -> Outcome:
    (verdict,) = ground.judge(Gate.MARTS)
    changed = 0

    def tamper() -> None:
        nonlocal changed
        changed = ground.change(statement)

    _, read_back = ground.publish(verdict, before_reading_back=tamper)
    return changed, PASSES if read_back.open else "published", fired_in(read_back)


def _fault(
    fault_id: str, what: str, stops_at: str, killed_by: str, act: Callable[[Ground, Path], Outcome]
) -> ProtocolFault:
    return ProtocolFault(fault_id, what, At.APPROVED, stops_at, frozenset(killed_by.split()), act=act)


FAULTS = (
    _fault("F50", "the run is killed between the facts and the customers", "publish", "", _killed),
    _fault("F51", "the candidate is changed after its gate", "publish", "", _changed_after_the_audit),
    _fault("F52", "a waiver that has expired", "landing", WAIVED, _expired),
    _fault("F53", "a waiver for another week", "landing", WAIVED, _of_another_week),
    _fault("F53-exceeded", "a waiver for fewer customers than there are", "landing", WAIVED, _exceeded),
    _fault("F53-live", "a waiver that is live, exact and large enough", PASSES, WAIVED, _live),
    _fault("F54", "two runs publish on the same base", "publish", "", _overtaken),
    _fault(
        "F51-store", "a row of the store is changed", "published", "marts.readers_see_the_candidate", _store_tampered
    ),
    _fault(
        "F51-status",
        "data_status says other numbers",
        "published",
        "marts.status_says_what_is_served",
        _status_is_another,
    ),
)
