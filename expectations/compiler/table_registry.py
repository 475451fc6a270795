"""Contracts and migrations to `shelfgate/tables.json`, the registry of tables; writes the migration of a new column.

The contracts say which columns a published table has, the migrations how a warehouse got them. The two are compared by
running every migration in an empty DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shelfgate.errors import ConfigurationError
from shelfgate.warehouse import migrate
from shelfgate.warehouse.migrate import Migration
from shelfgate.warehouse.published_tables import NAMED_AS_IN_CONTRACTS

REGISTRY = Path(migrate.__file__).parent.parent / "tables.json"
MIGRATIONS = Path(migrate.__file__).parent / "migrations"
SUMS = MIGRATIONS / "SHA256SUMS"
"""The text of every migration, by its digest: lines are added, never changed."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Published:
    """A published table as its contract has it: name, partitioning, types by column in order."""

    name: str
    by_week: bool
    columns: dict[str, str]


def published_tables(contracts: Path) -> list[Published]:
    """The tables of schema `candidate`, which are those of schema `store`, in the order of the contracts."""
    found = []
    for path in sorted(contracts.glob("*.odcs.yaml")):
        for table in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["schema"]:
            schema, _, name = table.get("physicalName", "").partition(".")
            if schema == "candidate":
                columns = {one["name"]: one["physicalType"] for one in table["properties"]}
                by_week = any(one.get("partitioned") for one in table["properties"])
                found.append(Published(name, by_week, columns))
    return found


def registry_text(contracts: Path) -> str:
    """What `shelfgate/tables.json` has to be.

    Raises:
        ConfigurationError: contracts and migrations do not give the same tables.
    """
    history, tables = _replayed(), published_tables(contracts)
    _refuse([*_incompatible(tables, history), *_not_migrated(tables, history)])
    published = [
        {
            "name": table.name,
            "by_week": table.by_week,
            "columns": [
                {"name": name, "type": kind, "since": history.since[table.name, name]}
                for name, kind in table.columns.items()
            ],
        }
        for table in tables
    ]
    return json.dumps({"published": published, "operations": history.operations}, indent=1) + "\n"


def write_registry(contracts: Path) -> list[str]:
    """Write the migration of columns that are new in a contract, the digests and the registry; names what changed."""
    changed = []
    if new := _migration_of_new_columns(contracts):
        (MIGRATIONS / f"{new}.sql").write_text(new.sql, encoding="utf-8")
        changed.append(f"shelfgate/warehouse/migrations/{new}.sql")
    migrate.known_migrations.cache_clear()
    if (sums := _sums_text()) != _read(SUMS):
        SUMS.write_text(sums, encoding="utf-8")
        changed.append("shelfgate/warehouse/migrations/SHA256SUMS")
    if (text := registry_text(contracts)) != _read(REGISTRY):
        REGISTRY.write_text(text, encoding="utf-8")
        changed.append("shelfgate/tables.json")
    return changed


def stale_registry(contracts: Path) -> list[str]:
    """The names of what `contracts compile` would write; a released migration whose text was changed raises.

    Raises:
        ConfigurationError: as `registry_text`, or a migration is not what it was when it was recorded.
    """
    if new := _migration_of_new_columns(contracts):
        return [f"shelfgate/warehouse/migrations/{new}.sql"]
    found = [] if _sums_text() == _read(SUMS) else ["shelfgate/warehouse/migrations/SHA256SUMS"]
    return found if registry_text(contracts) == _read(REGISTRY) else [*found, "shelfgate/tables.json"]


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ConfigurationError(
            f"contracts and migrations differ: {'; '.join(faults)}. Readers and older publications rely on published "
            "columns. A new column stands last in its contract: `shelfgate contracts compile` writes its migration. "
            "To rename or retype a column, add a new one beside it. A column is not removed."
        )


@dataclass(frozen=True)
class _History:
    """What the migrations make: types of store columns, which migration brought each, names of columns of ops."""

    types: dict[tuple[str, str], str]
    since: dict[tuple[str, str], int]
    operations: dict[str, list[str]]


def _replayed() -> _History:
    import duckdb

    since: dict[tuple[str, str], int] = {}
    types: dict[tuple[str, str], str] = {}
    operations: dict[str, list[str]] = {}
    query = (
        f"select table_schema, table_name, column_name, {NAMED_AS_IN_CONTRACTS} from information_schema.columns "
        "where table_schema = 'ops' or table_schema = 'store' and column_name <> 'build_id' "
        "order by table_schema, table_name, ordinal_position"
    )
    with duckdb.connect(":memory:") as connection:
        connection.execute(migrate.CREATE_RECORD)
        for migration in migrate.known_migrations():
            connection.execute(migration.sql)
            types, operations = {}, {}
            for schema, table, column, kind in connection.execute(query).fetchall():
                if schema == "ops":
                    operations.setdefault(table, []).append(column)
                else:
                    types[table, column] = kind
                    since.setdefault((table, column), migration.number)
    return _History(types, since, operations)


def _incompatible(tables: list[Published], history: _History) -> Iterator[str]:
    contracted = {(table.name, name): kind for table in tables for name, kind in table.columns.items()}
    for (table, column), kind in history.types.items():
        wanted = contracted.get((table, column))
        if wanted is None:
            yield f"store.{table}.{column} is in the migrations and not in the contract"
        elif wanted != kind:
            yield f"store.{table}.{column} is {kind} in the migrations and {wanted} in the contract"
    for table in tables:
        migrated = [column for of, column in history.types if of == table.name]
        if set(migrated) <= set(table.columns) and list(table.columns)[: len(migrated)] != migrated:
            yield f"{table.name}: its first columns in the contract are not those of the migrations, in their order"


def _not_migrated(tables: list[Published], history: _History) -> Iterator[str]:
    for table in tables:
        for name in table.columns:
            if (table.name, name) not in history.types:
                yield f"{table.name}.{name} has no migration"


def _migration_of_new_columns(contracts: Path) -> Migration | None:
    """None if no contract has a new column.

    Raises:
        ConfigurationError: a contract differs in another way; nothing is written for it.
    """
    history, tables = _replayed(), published_tables(contracts)
    _refuse(list(_incompatible(tables, history)))
    there = {table for table, _ in history.types}
    statements = []
    names = []
    for table in tables:
        new = {name: kind for name, kind in table.columns.items() if (table.name, name) not in history.types}
        if not new:
            continue
        names.append(table.name if table.name not in there or len(new) > 1 else f"{table.name}_{next(iter(new))}")
        if table.name in there:
            statements += [
                f"alter table store.{table.name} add column if not exists {name} {kind};" for name, kind in new.items()
            ]
        else:
            columns = ",\n".join(f"    {name} {kind}" for name, kind in new.items())
            statements.append(
                f"create table if not exists store.{table.name} (\n    build_id varchar not null,\n{columns}\n);"
            )
    if not statements:
        return None
    text = "-- From the contracts. Rows of earlier builds have NULL.\n" + "\n".join(statements) + "\n"
    return Migration(migrate.schema_version() + 1, f"add_{'_and_'.join(names)}"[:60], text)


def _sums_text() -> str:
    recorded: dict[str, str] = {}
    for line in _read(SUMS).splitlines():
        sha256, name = line.split("  ", 1)
        recorded[name] = sha256
    for one in migrate.known_migrations():
        before = recorded.setdefault(f"{one}.sql", one.sha256)
        if before != one.sha256:
            raise ConfigurationError(
                f"migrations: {one}.sql has sha256 {one.sha256[:12]}, recorded is {before[:12]}. A migration that may "
                "have run somewhere is not edited: put it back, and write a new one."
            )
    if lost := set(recorded) - {f"{one}.sql" for one in migrate.known_migrations()}:
        raise ConfigurationError(f"migrations: {', '.join(sorted(lost))} is recorded and not there. Put it back.")
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(recorded.items()))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
