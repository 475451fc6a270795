"""The ground of a fault once more on Snowflake: every table of the warehouse, as a COPY brings it.

Refuses to hold a fault longer than it is judged: the tables that it touched are made again from what was kept of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from expectations.validation.gate import Judge
from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.publication.candidate import columns_by_table
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from tests.faults.fault import RowsFault
from tests.faults.ground import Ground, Met, changes_rows, hold
from tests.faults.meeting import GATES, outcome
from tests.snowflake.conftest import Installed
from tests.snowflake.raw_landing import copy_into

COPIED = ("raw_sales", "raw_inventory", "quarantine", "candidate", "store", "ops")
TYPES = {
    "BIGINT": "number(38, 0)",
    "INTEGER": "number(38, 0)",
    "DOUBLE": "float",
    "JSON": "varchar",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP WITH TIME ZONE": "timestamp_tz",
}
# HASH gives other numbers on the other engine: the dumps are weighed again, as the loader there weighs them.
WEIGHED = """update ops.inventory_snapshot set content_digest = weighed.content_digest from (
    select inv_date_sk, cast(count(*) as varchar) || '-'
        || cast(sum(hash(inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)) as varchar) as content_digest
    from raw_inventory.inventory group by inv_date_sk
) as weighed where inventory_snapshot.inv_date_sk = weighed.inv_date_sk"""
_TOUCHED = re.compile(r"(?:update|insert into|delete from|alter table|drop table|create or replace table) (\w+)\.(\w+)")


@dataclass(frozen=True)
class Twin:
    """A day of DuckDB's on Snowflake, judged as its publisher, broken by its administrator."""

    ground: Ground
    publisher: SnowflakeWarehouse
    administrator: SnowflakeWarehouse
    docs: Path

    @classmethod
    def of(cls, ground: Ground, installed: Installed, scratch: Path) -> Twin:
        administrator = installed.estate.warehouse(installed.database, ADMIN, "SYSADMIN")
        with administrator.turn() as session, duckdb.connect(str(ground.file)) as source:
            session.run("create schema kept")
            for schema, table in _tables(source):
                name = f"{schema}.{table}"
                if table in columns_by_table(session, schema):
                    session.run(f"delete from {name}")
                else:
                    session.run(f"create table {name} ({_columns(source, schema, table)})")
                if source.execute(f"select 1 from {name} limit 1").fetchone():
                    copy_into(installed.estate.s3, session, source, scratch, name, f"select * from {name}")
            session.run(WEIGHED)
        return cls(ground, installed.warehouse("publisher"), administrator, scratch / "docs")

    def meet(self, fault: RowsFault) -> Met:
        """Inject by an administrator's session, let the gates judge, make the touched tables again."""
        touched = list(dict.fromkeys(_TOUCHED.findall(" ".join(fault.statements))))
        assert touched, "a fault touches a table"
        with self.administrator.turn() as session:
            for schema, table in touched:
                session.run(f"create table if not exists kept.{schema}__{table} as select * from {schema}.{table}")
            changed = sum(_changed(session, statement) for statement in fault.statements)
            try:
                judge = Judge(self.publisher, self.docs, self.ground.suites)
                stopped_at, fired = outcome(hold(judge, self.ground.day.run, self.ground.candidate, *GATES[fault.at]))
                pointer = session.rows("select publication_id from ops.pointer where name = 'current'")
            finally:
                for schema, table in touched:
                    session.run(f"create or replace table {schema}.{table} as select * from kept.{schema}__{table}")
        moved = pointer[0]["publication_id"] != self.ground.day.run.base_id
        return Met(fault, changed, stopped_at, fired, moved, healed=True)


def _tables(source: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    schemas = ", ".join(f"'{schema}'" for schema in COPIED)
    return source.execute(
        f"select schema_name, table_name from duckdb_tables() where schema_name in ({schemas}) "
        "and table_name <> 'installation' order by all"
    ).fetchall()


def _columns(source: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    found = source.execute(
        "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
        "order by column_index",
        [schema, table],
    ).fetchall()
    return ", ".join(f"{name} {TYPES.get(kind, kind)}" for name, kind in found)


def _changed(session: SnowflakeSession, statement: str) -> int:
    changed = session.run(statement)
    return changed if changes_rows(statement) else 1
