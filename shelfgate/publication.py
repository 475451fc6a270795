"""Moving the pointer: one transaction of DML; refuses a candidate that is not the one the gates judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from shelfgate.errors import PermanentFailure, WarehouseBusy
from shelfgate.model import Approval, Candidate, Partition, Publication
from shelfgate.warehouse import Session


@dataclass(frozen=True)
class PublishedTable:
    """A table that readers see. `by_week`: published a week at a time; otherwise whole."""

    name: str
    by_week: bool


PUBLISHED_TABLES = (
    PublishedTable("fct_weekly_sales_inventory", by_week=True),
    PublishedTable("fct_daily_sales", by_week=True),
    PublishedTable("dim_customer", by_week=False),
    PublishedTable("dim_item", by_week=False),
    PublishedTable("dim_warehouse", by_week=False),
    PublishedTable("dim_week", by_week=False),
    PublishedTable("dim_date", by_week=False),
)


def columns_of(session: Session, schema: str, table: str) -> list[tuple[str, str]]:
    """Names and types of a table's columns, in their order; empty if there is no such table."""
    found = session.rows(
        "select lower(column_name) as name, lower(data_type) as type from information_schema.columns "
        "where lower(table_schema) = ? and lower(table_name) = ? order by ordinal_position",
        [schema, table],
    )
    return [(row["name"], row["type"]) for row in found]


def current_publication(session: Session) -> Publication | None:
    """What the pointer names; None before the first publication."""
    found = session.rows(
        "select publication.* from ops.publication as publication "
        "inner join ops.pointer as pointer on pointer.publication_id = publication.publication_id "
        "where pointer.name = 'current'"
    )
    return Publication.from_row(found[0], new=False) if found else None


def publications(session: Session) -> list[Publication]:
    """Every publication, newest first."""
    found = session.rows("select * from ops.publication order by sequence_number desc")
    return [Publication.from_row(row, new=False) for row in found]


def measure(session: Session, schema: str = "candidate", *, reading_views: bool = False) -> tuple[Partition, ...]:
    """Rows and content digest of every partition of every published table in `schema`.

    `reading_views` leaves out the column that the views in `marts` add, so that both sides digest the same columns.

    Raises:
        PermanentFailure: a table is missing or empty.
    """
    found: list[Partition] = []
    for table in PUBLISHED_TABLES:
        names = [name for name, _ in columns_of(session, schema, table.name)]
        if reading_views:
            names = [name for name in names if name != "publication_id"]
        if not names:
            raise PermanentFailure(f"publication: {schema}.{table.name} does not exist; the build did not finish.")
        week = "week_start_date" if table.by_week else "cast(null as date)"
        rows = session.rows(
            f"select {week} as week, count(*) as row_count, {session.content_digest(names)} as digest "
            f"from {schema}.{table.name} group by {week}"
        )
        if not rows:
            raise PermanentFailure(f"publication: {schema}.{table.name} is empty; at least one row was wanted.")
        found += [Partition(table.name, row["week"], row["row_count"], row["digest"]) for row in rows]
    return tuple(found)


def publish(session: Session, candidate: Candidate, approval: Approval, *, now: datetime | None = None) -> Publication:
    """Make the candidate what readers see, or nothing at all; run again with the same run, it answers the same.

    Returns the new publication, or the current one with `new` False if neither content nor business date moved.

    Raises:
        PermanentFailure: the candidate is not the one that was judged.
        WarehouseBusy: another run published since this one began.
    """
    with session.transaction():
        done = session.rows("select * from ops.publication where run_id = ?", [candidate.run_id])
        if done:
            return Publication.from_row(done[0], new=True)
        _refuse_another_candidate(session, candidate, approval)
        current = current_publication(session)
        if (current.publication_id if current else None) != candidate.base:
            raise _overtaken(candidate)
        changed = _changed(session, candidate, current)
        if current and not changed and current.business_date == candidate.business_date:
            return current
        sequence = session.rows("select coalesce(max(sequence_number), 0) + 1 as n from ops.publication")[0]["n"]
        new_id = f"pub-{sequence:06d}"
        _move_pointer(session, candidate, new_id)
        _write_manifest(session, candidate, changed, new_id)
        rows_written = _store(session, changed, new_id)
        row = _describe(session, candidate, new_id, int(sequence), len(changed), rows_written, approval, now)
        session.insert("ops.publication", list(row), [tuple(row.values())])
    return Publication.from_row(row, new=True)


def _refuse_another_candidate(session: Session, candidate: Candidate, approval: Approval) -> None:
    now_there = Candidate(candidate.run_id, candidate.business_date, candidate.base, measure(session)).digest
    if approval.data_digest != candidate.digest or now_there != candidate.digest or approval.run_id != candidate.run_id:
        raise PermanentFailure(
            f"publication: the candidate of run {candidate.run_id} has digest {now_there[:12]}, the {approval.gate} "
            f"gate judged {(approval.data_digest or 'nothing')[:12]}. Something wrote to schema candidate in between. "
            "Nothing was published; run again."
        )


def _changed(session: Session, candidate: Candidate, current: Publication | None) -> list[Partition]:
    """Partitions whose content is not what the current publication serves."""
    if current is None:
        return list(candidate.partitions)
    served = {
        (row["table_name"], row["week_start_date"]): (row["rows"], row["digest"])
        for row in session.rows(
            "select table_name, week_start_date, rows, digest from ops.manifest where publication_id = ?",
            [current.publication_id],
        )
    }
    kept = {(p.table_name, p.week_start_date) for p in candidate.partitions}
    if vanished := [key for key in served if key not in kept]:
        table, week = sorted(vanished, key=str)[0]
        raise PermanentFailure(
            f"publication: {len(vanished)} published partitions are missing from the candidate, first {table} {week}. "
            "History does not shrink by itself. Nothing was published; look for what was deleted at the source."
        )
    return [p for p in candidate.partitions if served.get((p.table_name, p.week_start_date)) != (p.rows, p.digest)]


def _move_pointer(session: Session, candidate: Candidate, new_id: str) -> None:
    """Compare-and-set: alone enough to keep two runs from both publishing."""
    moved = session.run(
        "update ops.pointer set publication_id = ? where name = 'current' and publication_id is not distinct from ?",
        [new_id, candidate.base],
    )
    if moved != 1:
        raise _overtaken(candidate)


def _overtaken(candidate: Candidate) -> WarehouseBusy:
    return WarehouseBusy(
        f"publication: this run was built on {candidate.base or 'an empty store'}, but the pointer has moved since. "
        "Another run published. Nothing was published by this one; run again."
    )


def _write_manifest(session: Session, candidate: Candidate, changed: list[Partition], new_id: str) -> None:
    columns = ["publication_id", "table_name", "week_start_date", "build_id", "rows", "digest"]
    moved = {(p.table_name, p.week_start_date) for p in changed}
    builds: dict[tuple[str, date | None], str] = {
        (row["table_name"], row["week_start_date"]): row["build_id"]
        for row in session.rows(
            "select table_name, week_start_date, build_id from ops.manifest where publication_id = ?",
            [candidate.base],
        )
    }
    session.insert(
        "ops.manifest",
        columns,
        (
            (
                new_id,
                p.table_name,
                p.week_start_date,
                new_id if (p.table_name, p.week_start_date) in moved else builds[p.table_name, p.week_start_date],
                p.rows,
                p.digest,
            )
            for p in candidate.partitions
        ),
    )


def _store(session: Session, changed: list[Partition], new_id: str) -> int:
    """Append the changed partitions under the new build id; returns the rows written."""
    written = 0
    for table in PUBLISHED_TABLES:
        if not any(p.table_name == table.name for p in changed):
            continue
        names = ", ".join(name for name, _ in columns_of(session, "candidate", table.name))
        condition = (
            "where week_start_date in (select week_start_date from ops.manifest "
            "where publication_id = ? and build_id = publication_id and table_name = ?)"
            if table.by_week
            else ""
        )
        written += session.run(
            f"insert into store.{table.name} (build_id, {names}) "
            f"select ?, {names} from candidate.{table.name} {condition}",
            [new_id, new_id, table.name] if table.by_week else [new_id],
        )
    expected = sum(p.rows for p in changed)
    if written != expected:
        raise PermanentFailure(f"publication: {written:,} rows stored, {expected:,} wanted. Nothing was published.")
    return written


def _describe(
    session: Session,
    candidate: Candidate,
    new_id: str,
    sequence: int,
    partitions_changed: int,
    rows_written: int,
    approval: Approval,
    now: datetime | None,
) -> dict[str, Any]:
    through = session.rows(
        "select (select max(sold_date) from candidate.fct_daily_sales) as sales_through, "
        "(select max(inv_snapshot_date) from candidate.fct_weekly_sales_inventory) as inventory_through"
    )[0]
    return {
        "publication_id": new_id,
        "parent_id": candidate.base,
        "sequence_number": sequence,
        "action": "publish",
        "run_id": candidate.run_id,
        "business_date": candidate.business_date,
        "published_at": now or datetime.now(UTC).replace(tzinfo=None),
        "sales_through": through["sales_through"],
        "inventory_through": through["inventory_through"],
        "candidate_digest": approval.data_digest or "",
        "partitions_changed": partitions_changed,
        "rows_written": rows_written,
        "waivers": json.dumps(_waivers_used(session, candidate.run_id, approval)),
    }


def _waivers_used(session: Session, run_id: str, approval: Approval) -> list[dict[str, Any]]:
    """The waivers of every gate of the run: the approval's own, and those on record from the gates before it."""
    judged = session.rows(
        "select evidence from ops.gate_result where run_id = ? and result = 'open' "
        "qualify row_number() over (partition by gate, dataset, suite order by judged_at desc) = 1 "
        "order by judged_at, dataset",
        [run_id],
    )
    recorded = [failed["waiver"] for row in judged for failed in json.loads(row["evidence"]) if "waiver" in failed]
    return recorded + [one for one in approval.waivers if one not in recorded]
