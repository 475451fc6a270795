"""Brings a warehouse to this release's schema: numbered migrations, forward only, each recorded in `ops.migration`.

A migration is never edited after a release and never removed. Each of its statements may be repeated: DuckDB runs a
migration in one transaction, Snowflake commits at every DDL statement, so one that was cut short is run again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources

from shelfgate.errors import ConfigurationError
from shelfgate.warehouse.protocol import Row, Session
from shelfgate.warehouse.published_tables import NAMED_AS_IN_CONTRACTS, operations_tables, store_tables

VIEWS = "install_views"
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_READERS = "Readers keep the publication that they have."

CREATE_RECORD = """
create schema if not exists ops;
create table if not exists ops.migration (
    number bigint not null,
    name varchar not null,
    sha256 varchar not null,
    release varchar not null,
    applied_at timestamp not null
);
create table if not exists ops.installation (
    part varchar not null,
    sha256 varchar not null,
    installed_at timestamp not null
)
"""


@dataclass(frozen=True)
class Migration:
    """One file of `migrations/`."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04d}_{self.name}"


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Every migration of this release, oldest first."""
    folder = resources.files("shelfgate.warehouse") / "migrations"
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if (match := _FILE.fullmatch(file.name))
    ]
    return tuple(sorted(found, key=lambda one: one.number))


def schema_version() -> int:
    """The number of this release's newest migration."""
    return known_migrations()[-1].number


def this_release() -> str:
    return metadata.version("shelfgate")


def pending_migrations(session: Session) -> tuple[Migration, ...]:
    """The migrations that this warehouse lacks, oldest first.

    Raises:
        ConfigurationError: the warehouse is newer than this release, or holds a migration of another text.
    """
    applied = _applied(session)
    known = {one.number: one for one in known_migrations()}
    if newer := sorted(set(applied) - set(known)):
        row = applied[newer[-1]]
        raise ConfigurationError(
            f"warehouse: observed migration {newer[-1]:04d}_{row['name']}, applied by release {row['release']} on "
            f"{row['applied_at']:%Y-%m-%d %H:%M}; expected none after {schema_version():04d}, the newest of this "
            f"release {this_release()}. The warehouse is newer than this code. {_READERS} Nothing was changed. "
            f"Install release {row['release']} or newer, then run again."
        )
    for number, row in sorted(applied.items()):
        if row["sha256"] != known[number].sha256:
            raise ConfigurationError(
                f"warehouse: migration {known[number]} was applied by release {row['release']} with another text: "
                f"observed sha256 {row['sha256'][:12]}, expected {known[number].sha256[:12]}. A migration is not "
                f"edited after its release. {_READERS} Nothing was changed. Put the file back as it was released, and "
                "write what you want to change as a new migration."
            )
    return tuple(one for number, one in sorted(known.items()) if number not in applied)


def apply_migrations(session: Session) -> tuple[Migration, ...]:
    """Apply what is pending, oldest first, then the views if their text or a table has changed; returns what ran.

    DDL: never inside a publication. Killed at any place it is run again and ends the same.

    Raises:
        ConfigurationError: as `pending_migrations`, or a table is not as its contract says afterwards.
    """
    if not _has_record(session):
        session.run_script(CREATE_RECORD)
    pending = pending_migrations(session)
    for migration in pending:
        with session.migration():
            session.run_script(migration.sql)
            session.run(
                f"insert into ops.migration select ?, ?, ?, ?, {session.utc_now} "
                "where not exists (select 1 from ops.migration where number = ?)",
                [migration.number, migration.name, migration.sha256, this_release(), migration.number],
            )
    if pending or not _views_are_current(session):
        # A view of `select *` shows the columns that its table had when the view was made.
        session.run_script(views_sql())
        session.run("delete from ops.installation where part = ?", [VIEWS])
        session.run(f"insert into ops.installation select ?, ?, {session.utc_now}", [VIEWS, _views_digest()])
    refuse_other_columns(session)
    return pending


def refuse_an_outdated_warehouse(session: Session, command: str) -> None:
    """For a run that may not change the schema.

    Raises:
        ConfigurationError: `command`, run by the administrator, would change something.
    """
    if not _has_record(session):
        observed = "no record of migrations (ops.migration) that this user may read"
    elif pending := pending_migrations(session):
        observed = f"migrations not applied: {', '.join(map(str, pending))}"
    elif not _views_are_current(session):
        observed = "views of another release (ops.installation)"
    else:
        refuse_other_columns(session)
        return
    raise ConfigurationError(
        f"warehouse: observed {observed}; expected the schema of release {this_release()}. A run may not change it. "
        f"{_READERS} Nothing was changed. Have the administrator run `{command}`, then run again."
    )


def refuse_other_columns(session: Session) -> None:
    """Compare the information schema with what contracts and migrations say.

    Raises:
        ConfigurationError: a table or column is missing, or is of another type: something else changed it.
    """
    found = session.rows(
        "select lower(table_schema) as table_schema, lower(table_name) as table_name, "
        f"lower(column_name) as column_name, {NAMED_AS_IN_CONTRACTS} as type from information_schema.columns "
        "where lower(table_schema) in ('store', 'ops')"
    )
    there = {(row["table_schema"], row["table_name"], row["column_name"]): row["type"] for row in found}
    faults = [*_faults_of_store(there), *_faults_of_operations(there)]
    if not faults:
        return
    more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
    raise ConfigurationError(
        f"warehouse: {'; '.join(faults[:3])}{more}. Every migration of release {this_release()} is applied, so "
        f"something else changed the tables. {_READERS} Nothing was changed. Put the columns back with `alter table`, "
        "or restore a backup (docs/runbook.md), then run again."
    )


def _faults_of_store(there: dict[tuple[str, str, str], str]) -> list[str]:
    found = []
    for table in store_tables():
        expected = {"build_id": "varchar", **{column.name: column.type for column in table.columns}}
        observed = {name: kind for (schema, of, name), kind in there.items() if (schema, of) == ("store", table.name)}
        found += [
            f"store.{table.name}.{name}: observed {observed.get(name, 'no such column')}, expected {kind}"
            for name, kind in expected.items()
            if observed.get(name) != kind
        ]
        found += [
            f"store.{table.name}.{name}: observed {kind}, expected no such column"
            for name, kind in observed.items()
            if name not in expected
        ]
    return found


def _faults_of_operations(there: dict[tuple[str, str, str], str]) -> list[str]:
    # Of a number's type, the engines tell their own: INTEGER and BIGINT are one in Snowflake. Names are compared.
    return [
        f"ops.{table}.{name}: observed no such column, expected it"
        for table, names in operations_tables().items()
        for name in names
        if ("ops", table, name) not in there
    ]


def _has_record(session: Session) -> bool:
    found = session.rows(
        "select lower(table_name) as name from information_schema.tables "
        "where lower(table_schema) = 'ops' and lower(table_name) in ('migration', 'installation')"
    )
    return len(found) == 2


def _applied(session: Session) -> dict[int, Row]:
    if not _has_record(session):
        return {}
    return {int(row["number"]): row for row in session.rows("select * from ops.migration order by number")}


def _views_are_current(session: Session) -> bool:
    found = session.rows("select sha256 from ops.installation where part = ?", [VIEWS])
    return [row["sha256"] for row in found] == [_views_digest()]


def views_sql() -> str:
    """The views that readers see; replaced when this text or a table has changed."""
    return (resources.files("shelfgate.warehouse") / "sql" / f"{VIEWS}.sql").read_text(encoding="utf-8")


def _views_digest() -> str:
    """Of the views' text and the schema that they were made over: a run killed between a migration and the views leaves
    views of the older schema, whatever their text."""
    return hashlib.sha256(f"{schema_version()}\n{views_sql()}".encode()).hexdigest()
