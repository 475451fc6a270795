"""The warehouse: its protocol, its schema, and the engine that `SHELFGATE_TARGET` names."""

from __future__ import annotations

from shelfgate.warehouse.migrate import apply_migrations, refuse_an_outdated_warehouse
from shelfgate.warehouse.protocol import Row, Session, Warehouse
from shelfgate.warehouse.registry import open_to_read, open_warehouse

__all__ = ["Row", "Session", "Warehouse", "install", "open_to_read", "open_warehouse"]


def install(session: Session) -> None:
    """See that the warehouse has this release's schema; bring it there where a run may.

    Raises:
        ConfigurationError: only the administrator may, and has not yet; the warehouse is newer than this release; a
            table is not as its contract says.
    """
    if session.set_up_by is None:
        apply_migrations(session)
    else:
        refuse_an_outdated_warehouse(session, session.set_up_by)
