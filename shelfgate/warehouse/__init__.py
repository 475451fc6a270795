"""The warehouse: its protocol, its schema, and the engine that `SHELFGATE_TARGET` names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shelfgate.errors import ConfigurationError
from shelfgate.warehouse.migrate import apply_migrations, refuse_an_outdated_warehouse
from shelfgate.warehouse.protocol import Row, Session, Warehouse

if TYPE_CHECKING:
    from shelfgate.settings import Settings

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


def open_warehouse(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Warehouse:
    """The warehouse that `SHELFGATE_TARGET` names.

    Raises:
        ConfigurationError: no target, or one that this installation does not know.
    """
    from shelfgate import failpoints

    target = settings.need("target")
    if os.environ.get(failpoints.VARIABLE) and target != "duckdb":
        raise ConfigurationError(
            f"{failpoints.VARIABLE} is set, and SHELFGATE_TARGET is {target!r}. "
            "Failpoints end runs on purpose: unset it."
        )
    if target == "duckdb":
        from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(settings.warehouse_file, wait_seconds=settings.warehouse_wait_seconds, on_wait=on_wait)
    if target == "snowflake":
        from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse

        return SnowflakeWarehouse.of(settings)
    raise ConfigurationError(f"SHELFGATE_TARGET is {target!r}; this installation knows: duckdb, snowflake.")


@contextmanager
def open_to_read(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Iterator[Session]:
    """A turn at the warehouse for a command that only looks. A DuckDB file that is not there is not made, for the
    sandbox takes no file that it did not make: the command sees an empty warehouse.

    Raises:
        ConfigurationError: as `open_warehouse`.
    """
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(settings, on_wait)
        if settings.target == "duckdb" and not settings.warehouse_file.exists():
            warehouse = open_warehouse(settings.model_copy(update={"duckdb_path": Path(folder) / "empty.duckdb"}))
        with warehouse.turn() as session:
            yield session
