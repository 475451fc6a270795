"""The gates' connection to our DuckDB file; refuses to open it in any other way than the rest of the process does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from shelfgate.warehouse.on_duckdb import DuckDBWarehouse


def engine_on(warehouse: DuckDBWarehouse) -> sa.Engine:
    """One connection to the file, opened when the first statement is sent."""
    # The stock dialect adds `custom_user_agent` to the configuration, and DuckDB refuses a second connection to a file
    # under another configuration; the turn that the caller holds is such a first connection.
    path = str(warehouse.path.absolute())
    return sa.create_engine("duckdb://", creator=lambda: ConnectionWrapper(duckdb.connect(path)), poolclass=StaticPool)
