"""Moving the pointer: one transaction of DML; refuses a candidate that is not the one the gates judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from shelfgate import interruption
from shelfgate.errors import PermanentFailure
from shelfgate.model import Approval, Candidate, Gate, Partition, Publication
from shelfgate.ops.lease import refuse_a_lost_lease
from shelfgate.ops.pointer import current_publication, move_pointer, next_id, overtaken
from shelfgate.progress import Step, report
from shelfgate.publication.candidate import (
    PUBLISHED_TABLES,
    measure,
    measure_stored,
    published_columns,
    served_partitions,
)
from shelfgate.warehouse import Session
from shelfgate.warehouse.migrate import schema_version


def publish(
    session: Session, candidate: Candidate, approval: Approval, token: int, *, now: datetime | None = None
) -> Publication:
    """Make the candidate what readers see, or nothing at all; run again with the same run, it answers the same.

    `token` is that of the run's lease. Returns the new publication, or the current one with `new` False if neither
    content nor business date moved.

    Raises:
        PermanentFailure: the candidate is not the one that was judged, or other rows were stored.
        WarehouseBusy: another run published since this one began, or has taken over the lease.
        Interrupted: a signal asked this process to end. The transaction looks at its beginning and before its commit.
    """
    interruption.raise_if_requested()
    with session.transaction("publish"):
        done = session.rows("select * from ops.publication where run_id = ?", [candidate.run_id])
        if done:
            return Publication.from_row(done[0], new=True)
        refuse_a_lost_lease(session, token)
        _refuse_another_candidate(session, candidate, approval)
        current = current_publication(session)
        if (current.publication_id if current else None) != candidate.base:
            raise overtaken(candidate.base)
        changed = _changed(session, candidate, current)
        if current and not changed and current.business_date == candidate.business_date:
            return current
        sequence, new_id = next_id(session)
        _write_manifest(session, candidate, changed, new_id)
        _store(session, changed, new_id)
        _refuse_other_rows(session, changed, new_id)
        row = _describe(session, candidate, new_id, sequence, changed, approval, now)
        session.insert("ops.publication", list(row), [tuple(row.values())])
        move_pointer(session, candidate.base, new_id)
    return Publication.from_row(row, new=True)


def _refuse_another_candidate(session: Session, candidate: Candidate, approval: Approval) -> None:
    now_there = Candidate(candidate.run_id, candidate.business_date, candidate.base, measure(session, candidate.base))
    if (
        approval.gate is not Gate.MARTS
        or approval.run_id != candidate.run_id
        or approval.data_digest != candidate.digest
        or sorted(now_there.partitions, key=str) != sorted(candidate.partitions, key=str)
    ):
        raise PermanentFailure(
            f"publication: the candidate of run {candidate.run_id} has digest {now_there.digest[:12]}; the approval is "
            f"of the {approval.gate} gate, run {approval.run_id}, over {(approval.data_digest or 'nothing')[:12]}. "
            "Wanted the marts gate's, of this run, over this digest. Something wrote to schema candidate in between, "
            "or it is another verdict's approval. Nothing was published; run again."
        )


def _changed(session: Session, candidate: Candidate, current: Publication | None) -> list[Partition]:
    """Partitions whose content is not what the current publication serves."""
    if current is None:
        return list(candidate.partitions)
    served = served_partitions(session, current.publication_id)
    kept = {(p.table_name, p.week_start_date) for p in candidate.partitions}
    if vanished := [key for key in served if key not in kept]:
        table, week = sorted(vanished, key=str)[0]
        raise PermanentFailure(
            f"publication: {len(vanished)} published partitions are missing from the candidate, first {table} {week}. "
            "History does not shrink by itself. Nothing was published; look for what was deleted at the source."
        )
    before = {key: (row["row_count"], row["digest"]) for key, row in served.items()}
    return [p for p in candidate.partitions if before.get((p.table_name, p.week_start_date)) != (p.rows, p.digest)]


def _write_manifest(session: Session, candidate: Candidate, changed: list[Partition], new_id: str) -> None:
    columns = ["publication_id", "table_name", "week_start_date", "build_id", "schema_version"]
    moved = {(p.table_name, p.week_start_date) for p in changed}
    served = served_partitions(session, candidate.base)

    def build_of(p: Partition) -> tuple[str, int | None]:
        if (p.table_name, p.week_start_date) in moved:
            return new_id, schema_version()
        before = served[p.table_name, p.week_start_date]
        return before["build_id"], before["schema_version"]

    session.insert(
        "ops.manifest",
        [*columns, "row_count", "digest", "input_digest"],
        (
            (new_id, p.table_name, p.week_start_date, *build_of(p), p.rows, p.digest, p.input_digest)
            for p in candidate.partitions
        ),
    )


def _store(session: Session, changed: list[Partition], new_id: str) -> None:
    """Append the changed partitions under the new build id."""
    for number, table in enumerate(PUBLISHED_TABLES):
        if not any(p.table_name == table.name for p in changed):
            continue
        report(Step("tables", number, len(PUBLISHED_TABLES), table.name))
        names = ", ".join(map(session.identifier, published_columns()[table.name]))
        condition = (
            "where week_start_date in (select week_start_date from ops.manifest "
            "where publication_id = ? and build_id = publication_id and table_name = ?)"
            if table.by_week
            else ""
        )
        session.run(
            f"insert into store.{table.name} (build_id, {names}) "
            f"select ?, {names} from candidate.{table.name} {condition}",
            [new_id, new_id, table.name] if table.by_week else [new_id],
        )


def _refuse_other_rows(session: Session, changed: list[Partition], new_id: str) -> None:
    """Measure what was stored, and no more than that: under READ COMMITTED, which is all that Snowflake has, the
    candidate can change between the statement that measured it and the one that stored it.
    """
    expected = {(p.table_name, p.week_start_date): (p.rows, p.digest) for p in changed}
    measured = measure_stored(session, new_id, {table for table, _ in expected})
    stored = {key: (row["row_count"], row["digest"]) for key, row in measured.items()}
    differing = sorted(
        (key for key in expected.keys() | stored.keys() if expected.get(key) != stored.get(key)), key=str
    )
    if differing:
        table, week = differing[0]
        rows = (stored.get(differing[0], (0,))[0], expected.get(differing[0], (0,))[0])
        raise PermanentFailure(
            f"publication: {len(differing)} of the {len(expected)} partitions that were stored differ from the judged "
            f"candidate, first {table}{f' {week}' if week else ''}: {rows[0]:,} rows observed, {rows[1]:,} expected, "
            "with the digest that was judged. Something wrote to schema candidate or store meanwhile. Nothing was "
            "published. Readers keep what they had; find what else writes there, then run again."
        )


def _describe(
    session: Session,
    candidate: Candidate,
    new_id: str,
    sequence: int,
    changed: list[Partition],
    approval: Approval,
    now: datetime | None,
) -> dict[str, Any]:
    return {
        "publication_id": new_id,
        "parent_id": candidate.base,
        "sequence_number": sequence,
        "action": "publish",
        "run_id": candidate.run_id,
        "judged_run_id": candidate.run_id,
        "business_date": candidate.business_date,
        "published_at": now or datetime.now(UTC).replace(tzinfo=None),
        "sales_through": candidate.through("fct_daily_sales"),
        "inventory_through": candidate.through("fct_weekly_sales_inventory"),
        "candidate_digest": approval.data_digest or "",
        "partitions_changed": len(changed),
        "rows_written": sum(partition.rows for partition in changed),
        "waivers": json.dumps(_waivers_used(session, candidate.run_id, approval)),
    }


def _waivers_used(session: Session, run_id: str, approval: Approval) -> list[dict[str, Any]]:
    """The waivers of every gate of the run: the approval's own, and those on record from the gates before it."""
    judged = session.rows(
        "select evidence, result from ops.gate_result where run_id = ? "
        "qualify row_number() over (partition by gate, dataset, suite order by judged_at desc) = 1 "
        "order by judged_at, dataset",
        [run_id],
    )
    # A suite that was judged again counts as it was judged last; the waivers of a closed one opened nothing.
    opened = [json.loads(row["evidence"]) for row in judged if row["result"] == "open"]
    recorded = [failed["waiver"] for evidence in opened for failed in evidence if "waiver" in failed]
    return recorded + [one for one in approval.waivers if one not in recorded]
