"""What readers see: the pointer of the current publication, and the publications that it may name."""

from __future__ import annotations

from shelfgate.errors import WarehouseBusy
from shelfgate.model import Publication
from shelfgate.warehouse import Session


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


def next_id(session: Session) -> tuple[int, str]:
    """Sequence number and id of the next publication; the compare-and-set of the pointer makes them unique."""
    number = int(session.rows("select coalesce(max(sequence_number), 0) + 1 as n from ops.publication")[0]["n"])
    return number, f"pub-{number:06d}"


def move_pointer(session: Session, base: str | None, new_id: str) -> None:
    """Compare-and-set: alone enough to keep two runs from both publishing.

    Raises:
        WarehouseBusy: the pointer does not name `base` any more.
    """
    moved = session.run(
        "update ops.pointer set publication_id = ? where name = 'current' and publication_id is not distinct from ?",
        [new_id, base],
    )
    if moved != 1:
        raise overtaken(base)


def overtaken(base: str | None) -> WarehouseBusy:
    return WarehouseBusy(
        f"publication: this run was built on {base or 'an empty store'}, but the pointer has moved since. Another run "
        "published. Nothing was published by this one; run again."
    )
