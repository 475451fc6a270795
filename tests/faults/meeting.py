"""A fault and the gates: inject, see where the day is stopped, undo; refuses to leave the ground other than it was."""

from __future__ import annotations

import json
from pathlib import Path

from shelfgate.errors import EngineFailed, GateClosed, PermanentFailure, SyncFailed
from shelfgate.model import Gate, Verdict
from tests.faults.fault import PASSES, At, Fault, ModelFault, ProtocolFault, RowsFault, SourceFault
from tests.faults.ground import Ground, Met, fired_in
from tests.faults.mutants import build_mutant
from tests.support.house import House

GATES = {
    At.LANDED: (Gate.FILE, Gate.LANDING),
    At.STAGED: (Gate.STAGING,),
    At.BUILT: (Gate.MARTS,),
}


def meet(ground: Ground, fault: Fault, work: Path) -> Met:
    """Let a fault meet its gates; `work` is a folder of its own."""
    try:
        if isinstance(fault, ModelFault):
            changed, verdicts = build_mutant(ground, fault, work)
            stopped_at, fired = outcome(verdicts)
        elif isinstance(fault, ProtocolFault):
            changed, stopped_at, fired = fault.act(ground, work)
        else:
            assert isinstance(fault, RowsFault)
            changed = ground.change(*fault.statements)
            stopped_at, fired = outcome(ground.judge(*GATES[fault.at]))
        # The winner of a race may publish; what matters is that nobody else did.
        moved = ground.pointer_moved() and fault.fault_id != "F54"
    finally:
        ground.restore()
    return Met(fault, changed, stopped_at, fired, moved, healed=True)


def meet_whole_flow(house: House, fault: SourceFault) -> Met:
    """Bring the next snapshot, break the sources, refresh, mend them, refresh: the second run has to publish."""
    house.advance(7 - (house.day.weekday() - 3) % 7)
    before = _pointer(house)
    changed, undo = fault.inject(house)
    try:
        stopped_at, fired = _refreshed(house)
    except EngineFailed as error:
        return Met.nothing(fault, str(error))
    finally:
        moved = _pointer(house) != before
        undo()
    healed, _ = (PASSES, None) if stopped_at == PASSES else _refreshed(house)
    return Met(fault, changed, stopped_at, fired, moved, healed == PASSES)


def _refreshed(house: House) -> tuple[str, frozenset[str]]:
    """Where a refresh was stopped, and every check that did not pass."""
    try:
        house.refresh_despite_the_engine()
    except GateClosed:
        gate, fired = _last_gate(house)
        return gate, fired
    except EngineFailed:
        raise
    except (SyncFailed, PermanentFailure):
        return "sync", frozenset()
    return PASSES, _last_gate(house)[1]


def _pointer(house: House) -> str:
    with house.warehouse() as warehouse:
        (found,) = warehouse.execute("select publication_id from ops.pointer where name = 'current'").fetchall()
    return found[0]


def _last_gate(house: House) -> tuple[str, frozenset[str]]:
    with house.warehouse() as warehouse:
        found = warehouse.execute(
            "select gate, dataset, evidence from ops.gate_result "
            "where run_id = (select run_id from ops.gate_result order by judged_at desc limit 1) order by judged_at"
        ).fetchall()
    fired = {f"{dataset}.{one['check']}" for _, dataset, evidence in found for one in json.loads(evidence)}
    return found[-1][0], frozenset(fired)


def outcome(verdicts: list[Verdict]) -> tuple[str, frozenset[str]]:
    """Where a day was stopped, and every check that did not pass there."""
    last = verdicts[-1]
    fired = frozenset().union(*(fired_in(verdict) for verdict in verdicts))
    return (PASSES if last.open else str(last.gate)), (fired if last.open else fired_in(last))
