"""Finds every cell in which two tables differ, types and column order included; refuses tolerances."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.oracle.source import quoted
from tests.oracle.tables import Table

_ROWS_AT_ONCE: Final = 4_000_000  # the weekly fact of scale 1 in three parts stays under 4 GB


@dataclass(frozen=True)
class Example:
    """One place where the tables differ. `key` names the row."""

    key: dict[str, object]
    expected: object
    actual: object


@dataclass(frozen=True)
class Difference:
    """One kind of disagreement, how often it occurs, and the first places by key.

    `kind` is `column` (missing, or not foreseen), `order` or `type` of columns, `missing` or `unexpected` rows (a copy
    too few or too many counts), `ambiguous` (several differing rows of one key) or `cell`.
    """

    kind: str
    column: str | None
    rows: int
    examples: tuple[Example, ...] = ()

    def __str__(self) -> str:
        shown = "; ".join(f"{e.key}: {e.expected!r} expected, {e.actual!r} found" for e in self.examples)
        return f"{self.kind} {self.column or ''} ({self.rows:,}) {shown}"


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, file: Path, alias: str = "actual") -> Iterator[str]:
    """Read another DuckDB file from this connection for the length of the block; yields the catalog's name.

    Hold the file's turn meanwhile: DuckDB opens a file for one process at a time.
    """
    connection.execute(f"attach '{quoted(str(file))}' as {alias} (read_only)")
    try:
        yield alias
    finally:
        connection.execute(f"detach {alias}")


def compare(
    expected: Table, actual: Table, keys: Sequence[str], *, without: Sequence[str] = (), examples: int = 5
) -> list[Difference]:
    """All differences: none if both tables hold the same rows, equally often. NULL equals NULL and nothing else.

    Where types differ this is one difference, and the values are compared after a cast to the expected type.
    `without` names columns left out on both sides. Both tables stay as they are.
    """
    if actual.connection is not expected.connection:
        return _compare_copied(expected, actual, keys, without, examples)
    wanted = {name: type_ for name, type_ in expected.columns().items() if name not in without}
    found = {name: type_ for name, type_ in actual.columns().items() if name not in without}
    if not set(keys) <= wanted.keys():
        raise ValueError(f"key {tuple(keys)} is not among the columns {tuple(wanted)}; nothing was compared")
    differences = _structure(wanted, found)
    common = {name: type_ for name, type_ in wanted.items() if name in found}
    if set(keys) <= common.keys():
        _collect_differing(expected, actual, common, found, keys)
        differences += _rows(expected.connection, keys, examples)
        differences += _cells(expected.connection, [name for name in common if name not in keys], keys, examples)
    return differences


def _compare_copied(
    expected: Table, actual: Table, keys: Sequence[str], without: Sequence[str], examples: int
) -> list[Difference]:
    here, name = expected.connection, "copied_for_comparison"
    with tempfile.TemporaryDirectory() as folder:
        file = quoted(str(Path(folder) / "actual.parquet"))
        actual.connection.execute(f"copy (select * from {actual.name}) to '{file}' (format parquet)")
        columns = ", ".join(f'cast("{column}" as {type_}) as "{column}"' for column, type_ in actual.columns().items())
        here.execute(f"create or replace temp table {name} as select {columns} from read_parquet('{file}')")
    differences = compare(expected, Table(here, name), keys, without=without, examples=examples)
    here.execute(f"drop table {name}")
    return differences


def _structure(wanted: dict[str, str], found: dict[str, str]) -> list[Difference]:
    one_sided = [name for name in wanted if name not in found] + [name for name in found if name not in wanted]
    shared, shared_as_found = [n for n in wanted if n in found], [n for n in found if n in wanted]
    differences = [
        Difference("column", name, 1, (Example({}, wanted.get(name), found.get(name)),)) for name in one_sided
    ]
    if shared != shared_as_found:
        differences.append(Difference("order", None, 1, (Example({}, shared, shared_as_found),)))
    differences += [
        Difference("type", name, 1, (Example({}, wanted[name], found[name]),))
        for name in shared
        if wanted[name] != found[name]
    ]
    return differences


def _collect_differing(
    expected: Table, actual: Table, common: dict[str, str], found: dict[str, str], keys: Sequence[str]
) -> None:
    """EXCEPT ALL both ways in one pass: `differing` gets every row whose number of copies differs.

    `surplus` is how many copies more the expected table has. `differing_key` counts both sides by key.
    """
    run = expected.connection.execute
    names, key = _listed(common), _listed(keys)
    casted = ", ".join(
        f'"{name}"' if found[name] == type_ else f'try_cast("{name}" as {type_}) as "{name}"'
        for name, type_ in common.items()
    )
    both = f"select {names}, 1 as side from {expected.name} union all select {casted}, -1 from {actual.name}"
    parts = _first(expected.connection, f"select count(*) from {expected.name}")[0] // _ROWS_AT_ONCE + 1
    run(f"create or replace temp table differing as select {names}, 0::bigint as surplus from {expected.name} limit 0")
    for part in range(parts):
        run(
            f"insert into differing select {names}, sum(side) from ({both}) "
            f"where hash({key}) % {parts} = {part} group by all having sum(side) <> 0"
        )
    run(
        f"create or replace temp table differing_key as select {key}, "
        "coalesce(sum(surplus) filter (where surplus > 0), 0)::bigint as wanted, "
        "coalesce(-sum(surplus) filter (where surplus < 0), 0)::bigint as found "
        f"from differing group by {key}"
    )


def _rows(connection: duckdb.DuckDBPyConnection, keys: Sequence[str], examples: int) -> list[Difference]:
    kinds = {
        "missing": "found = 0",
        "unexpected": "wanted = 0",
        "ambiguous": "wanted > 0 and found > 0 and wanted + found > 2",
    }
    differences: list[Difference] = []
    for kind, condition in kinds.items():
        rows = _first(connection, f"select sum(greatest(wanted, found)) from differing_key where {condition}")[0]
        if rows:
            places = f"select {_listed(keys)}, wanted, found from differing_key where {condition} order by all"
            differences.append(Difference(kind, None, int(rows), _examples(connection, places, keys, examples)))
    return differences


def _cells(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], keys: Sequence[str], examples: int
) -> list[Difference]:
    def joined(left: str, right: str) -> str:
        return " and ".join(f'{left}."{name}" is not distinct from {right}."{name}"' for name in keys)

    pairs = (
        "(select * from differing where surplus > 0) as e "
        f"inner join (select * from differing where surplus < 0) as a on {joined('e', 'a')} "
        f"inner join (select * from differing_key where wanted = 1 and found = 1) as k on {joined('e', 'k')}"
    )
    differences: list[Difference] = []
    for column in columns:
        unequal = f'from {pairs} where e."{column}" is distinct from a."{column}"'
        rows = _first(connection, f"select count(*) {unequal}")[0]
        if rows:
            places = (
                f'select {_listed(keys, "e.")}, e."{column}", a."{column}" {unequal} order by {_listed(keys, "e.")}'
            )
            differences.append(Difference("cell", column, rows, _examples(connection, places, keys, examples)))
    return differences


def _examples(
    connection: duckdb.DuckDBPyConnection, places: str, keys: Sequence[str], most: int
) -> tuple[Example, ...]:
    """The last two columns of `places` are the expected and the actual value, the others the key."""
    rows = connection.execute(f"{places} limit {most}").fetchall()
    return tuple(Example(dict(zip(keys, row[:-2], strict=True)), row[-2], row[-1]) for row in rows)


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None, query
    return row


def _listed(names: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)
