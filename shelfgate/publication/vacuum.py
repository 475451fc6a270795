"""Dropping what no kept publication serves; refuses to touch what the pointer, or a publication kept, still needs."""

from __future__ import annotations

from dataclasses import dataclass

from shelfgate.errors import ConfigurationError
from shelfgate.ops.lease import refuse_a_lost_lease
from shelfgate.ops.runs import Run
from shelfgate.publication.candidate import PUBLISHED_TABLES
from shelfgate.warehouse import Session


@dataclass(frozen=True)
class Vacuumed:
    """What was dropped: publications that cannot be read any more, rows of their builds, verdicts of their time."""

    publications: tuple[str, ...]
    rows: int
    verdicts: int


def vacuum(session: Session, run: Run, keep: int) -> Vacuumed:
    """Keep the newest `keep` publications and the current one; drop the rest, all in one transaction.

    The rows of `ops.publication` stay: the history tells of every publication, read again can be the kept ones.

    Raises:
        ConfigurationError: `keep` is less than 1.
        WarehouseBusy: another run has taken over the lease.
        Interrupted: a signal asked this process to end before the commit. Nothing was dropped.
    """
    if keep < 1:
        raise ConfigurationError(f"vacuum: --keep {keep}. Wanted 1 or more: what readers see is never dropped.")
    with session.transaction("vacuum"):
        refuse_a_lost_lease(session, run.token)
        there = session.rows(
            "select publication_id, min(published_at) as published_at from ops.publication "
            "where publication_id in (select publication_id from ops.manifest) "
            "group by publication_id order by max(sequence_number) desc"
        )
        dropped = [row for row in there[keep:] if row["publication_id"] != run.base_id]
        if not dropped:
            return Vacuumed((), 0, 0)
        for row in dropped:
            session.run("delete from ops.manifest where publication_id = ?", [row["publication_id"]])
        rows = sum(_drop_unserved_builds(session, table.name, by_week=table.by_week) for table in PUBLISHED_TABLES)
        oldest = min(row["published_at"] for row in there if row not in dropped)
        verdicts = session.run(
            "delete from ops.gate_result where judged_at < ? and run_id not in ("
            "select judged_run_id from ops.publication where publication_id in "
            "(select publication_id from ops.manifest))",
            [oldest],
        )
    return Vacuumed(tuple(row["publication_id"] for row in dropped), rows, verdicts)


def _drop_unserved_builds(session: Session, table: str, *, by_week: bool) -> int:
    """Rows whose build no manifest names for their week any more."""
    same_week = "and manifest.week_start_date = builds.week_start_date " if by_week else ""
    return session.run(
        f"delete from store.{table} as builds where not exists (select 1 from ops.manifest as manifest "
        f"where manifest.table_name = ? and manifest.build_id = builds.build_id {same_week})",
        [table],
    )
