"""Going back to an older publication; refuses to change a row: it moves the pointer, and says so in the history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shelfgate.errors import ConfigurationError
from shelfgate.model import Publication
from shelfgate.ops.lease import refuse_a_lost_lease
from shelfgate.ops.pointer import move_pointer, next_id
from shelfgate.ops.runs import Run
from shelfgate.publication.candidate import served_partitions
from shelfgate.warehouse import Session


def roll_back(session: Session, run: Run, target_id: str) -> Publication:
    """A new publication whose content is that of `target_id`; the one that is current already is answered as it is.
    Run again with the same run, it answers the same.

    Raises:
        ConfigurationError: there is no such publication, or vacuum has dropped what it served.
        WarehouseBusy: another run published since this one began, or has taken over the lease.
        Interrupted: a signal asked this process to end before the commit. Nothing was changed.
    """
    with session.transaction("rollback"):
        done = session.rows("select * from ops.publication where run_id = ?", [run.run_id])
        if done:
            return Publication.from_row(done[0], new=True)
        refuse_a_lost_lease(session, run.token)
        target = readable(session, target_id)
        if run.base is not None and run.base.publication_id == target_id:
            return run.base
        sequence, new_id = next_id(session)
        move_pointer(session, run.base_id, new_id)
        session.run(
            "insert into ops.manifest "
            "(publication_id, table_name, week_start_date, build_id, row_count, digest, input_digest, schema_version) "
            "select ?, table_name, week_start_date, build_id, row_count, digest, input_digest, schema_version "
            "from ops.manifest where publication_id = ?",
            [new_id, target_id],
        )
        row: dict[str, Any] = {
            **target,
            "publication_id": new_id,
            "parent_id": run.base_id,
            "sequence_number": sequence,
            "action": "rollback",
            "run_id": run.run_id,
            "published_at": datetime.now(UTC).replace(tzinfo=None),
            "partitions_changed": len(changed_between(session, run.base_id, target_id)),
            "rows_written": 0,
        }
        session.insert("ops.publication", list(row), [tuple(row.values())])
    return Publication.from_row(row, new=True)


def readable(session: Session, publication_id: str) -> dict[str, Any]:
    """The row of a publication that can still be read.

    Raises:
        ConfigurationError: there is no such publication, or vacuum has dropped what it served.
    """
    found = session.rows("select * from ops.publication where publication_id = ?", [publication_id])
    kept = session.rows("select distinct publication_id from ops.manifest order by publication_id desc")
    there = ", ".join(row["publication_id"] for row in kept[:10]) or "none"
    if not found:
        raise ConfigurationError(
            f"publication {publication_id}: there is none of that name. Wanted one of: {there}. Nothing was changed."
        )
    if publication_id not in {row["publication_id"] for row in kept}:
        raise ConfigurationError(
            f"publication {publication_id}: vacuum has dropped what it served. Still there: {there}. "
            "Nothing was changed."
        )
    return found[0]


def changed_between(session: Session, before: str | None, after: str) -> list[dict[str, Any]]:
    """The partitions that two publications do not serve alike: table, week, rows before and after.

    None: it does not serve that partition.
    """
    old, new = served_partitions(session, before), served_partitions(session, after)
    found = [
        {
            "table": key[0],
            "week": key[1],
            "rows_before": old[key]["row_count"] if key in old else None,
            "rows_after": new[key]["row_count"] if key in new else None,
        }
        for key in old.keys() | new.keys()
        if key not in old
        or key not in new
        or (old[key]["row_count"], old[key]["digest"]) != (new[key]["row_count"], new[key]["digest"])
    ]
    return sorted(found, key=lambda one: (one["table"], str(one["week"])))
