"""CREATE TABLE, SWAP, MERGE and INSERT OVERWRITE as Snowflake does them; refuses to enforce keys, as Snowflake does."""

from __future__ import annotations

import collections
import os
import re
from typing import Any

from sqlglot import exp

from ..errors import error, missing
from ..open_session import Name, OpenSession

_ROWS = re.compile(r"\s*insert\s+into\s+[\w.\"]+\s*(\([\w\s,\"]+\))?\s*values\s*\((\s*\?\s*,?)+\)\s*;?\s*", re.I)


def quoted(name: tuple[str, ...]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def full_name(session: OpenSession, table: exp.Table) -> Name:
    """Database, schema and table as Snowflake keeps them."""

    def part(held: exp.Expression | None, otherwise: str | None) -> str:
        if held is None:
            if otherwise is None:
                raise error(90105, "22000", "This session does not have a current database or schema.")
            return otherwise
        return held.name if getattr(held, "quoted", False) else held.name.upper()

    return (
        part(table.args.get("catalog"), session.connection.database),
        part(table.args.get("db"), session.connection.schema),
        part(table.this, None),
    )


def without_keys(create: exp.Create) -> list[str]:
    """Drop what Snowflake keeps but does not enforce: keys and references; returns the columns that are NOT NULL."""
    keys: set[str] = set()
    columns: list[exp.Expression] = []
    enforced_off = exp.PrimaryKey | exp.ForeignKey | exp.UniqueColumnConstraint
    for one in create.this.expressions:
        parts = one.expressions if isinstance(one, exp.Constraint) else [one]
        if any(isinstance(part, enforced_off) for part in parts):
            for part in parts:
                if isinstance(part, exp.PrimaryKey):
                    keys |= {name.name.upper() for name in part.find_all(exp.Identifier)}
            continue
        columns.append(one)
    required = [name for column in columns if isinstance(column, exp.ColumnDef) and (name := _required(column, keys))]
    create.this.set("expressions", columns)
    return required


def _required(column: exp.ColumnDef, keys: set[str]) -> str | None:
    kept: list[exp.Expression] = []
    for held in column.args.get("constraints") or []:
        if isinstance(held.kind, exp.PrimaryKeyColumnConstraint):
            keys.add(column.name.upper())
        elif not isinstance(held.kind, exp.UniqueColumnConstraint | exp.Reference | exp.ForeignKey):
            kept.append(held)
    given = any(isinstance(h.kind, exp.NotNullColumnConstraint) and not h.kind.args.get("allow_null") for h in kept)
    if column.name.upper() in keys and not given:
        kept.append(exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
        given = True
    column.set("constraints", kept)
    return column.this.sql(dialect="duckdb") if given else None


def create_as_required(session: OpenSession, create: exp.Create, required: list[str]) -> None:
    """CREATE TABLE .. AS with NOT NULL columns: the old table survives a row that has none."""
    target = full_name(session, create.this.this)
    if session.kind_of(target) and not create.args.get("replace"):
        raise error(2002, "42710", f"SQL compilation error:\nObject '{target[2]}' already exists.")
    beside = (*target[:2], f"{target[2]}__BEING_MADE")
    made = create.copy()
    made.set("replace", True)
    made.set("exists", None)
    made.this.set("this", exp.table_(*[exp.to_identifier(part, quoted=True) for part in reversed(beside)]))
    session.pass_on(made)
    try:
        for column in required:
            session.duck.execute(f"alter table {quoted(beside)} alter column {column} set not null")
        with session.atomic():
            session.drop_relation(target)
            session.duck.execute(f"alter table {quoted(beside)} rename to {quoted(target[2:])}")
    except BaseException:
        session.duck.execute(f"drop table if exists {quoted(beside)}")
        raise


def swap(session: OpenSession, one: Name, other: Name) -> None:
    """ALTER TABLE .. SWAP WITH: both names change hands, or neither."""
    for name in (one, other):
        if session.kind_of(name) != "BASE TABLE":
            raise missing("Table", ".".join(name))
    between = (*one[:2], "__BETWEEN_TWO_NAMES")
    with session.atomic():
        if one[:2] == other[:2]:
            for before, after in ((one, between), (other, one), (between, other)):
                session.duck.execute(f"alter table {quoted(before)} rename to {quoted(after[2:])}")
            return
        for before, after in ((one, between), (other, one), (between, other)):
            session.duck.execute(f"create table {quoted(after)} as from {quoted(before)}")
            session.duck.execute(f"drop table {quoted(before)}")


def merge(session: OpenSession, transformed: exp.Merge, parameters: list | None) -> dict[str, int]:
    """DuckDB's MERGE after Snowflake's check that no target row is matched twice; returns the rows by action."""
    target, source, on = transformed.this, transformed.args["using"], transformed.args["on"]
    whens = transformed.args["whens"].expressions
    given = parameters if transformed.find(exp.Placeholder) else None
    if any(when.args.get("matched") for when in whens):
        twice = session.duck.execute(
            f"select 1 from {target.sql('duckdb')} join {source.sql('duckdb')} on {on.sql('duckdb')} "
            f"group by {target.alias_or_name}.rowid having count(*) > 1 limit 1",
            given,
        ).fetchone()
        if twice:
            raise error(100090, "42P18", "Duplicate row detected during DML action")
    merged = transformed.copy()
    for when in merged.args["whens"].expressions:
        then = when.args.get("then")
        for change in then.expressions if isinstance(then, exp.Update) else ():
            if isinstance(change, exp.EQ) and isinstance(change.this, exp.Column):
                change.set("this", exp.Column(this=change.this.this))
    done = session.duck.execute(merged.sql("duckdb") + " returning merge_action", given).fetchall()
    counted = collections.Counter(row[0] for row in done)
    answer = {}
    if any(not when.args.get("matched") for when in whens):
        answer["number of rows inserted"] = counted["INSERT"]
    if any(isinstance(when.args.get("then"), exp.Update) for when in whens):
        answer["number of rows updated"] = counted["UPDATE"]
    if any(when.args.get("matched") and not isinstance(when.args.get("then"), exp.Update) for when in whens):
        answer["number of rows deleted"] = counted["DELETE"]
    return answer


def overwrite(session: OpenSession, insert: exp.Insert, parameters: list | None) -> None:
    """INSERT OVERWRITE: what the query says of the table as it was, in one transaction."""
    table = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
    target = full_name(session, table)
    kept = f"__OVERWRITING_{os.urandom(4).hex().upper()}"
    with session.atomic(joining=True):
        made = session.to_duck(insert.expression.copy(), parameters).sql("duckdb")
        session.duck.execute(f"create temp table {kept} as {made}", parameters)
        session.duck.execute(f"delete from {quoted(target)}")
        columns = ""
        if isinstance(insert.this, exp.Schema):
            columns = " (" + ", ".join(f'"{one.name.upper()}"' for one in insert.this.expressions) + ")"
        session.written = session.duck.execute(f"insert into {quoted(target)}{columns} from {kept}").fetchall()[0][0]
        session.duck.execute(f"drop table {kept}")


class Rows(list[tuple[Any, ...]]):
    """The rows of an array binding, to be inserted by one statement."""


def takes_rows(sql: str) -> bool:
    """Whether this is `insert into t (..) values (?, ..)` and nothing else."""
    return _ROWS.fullmatch(sql) is not None


def insert_rows(session: OpenSession, insert: exp.Insert, rows: Rows) -> int:
    """As texts, which DuckDB casts to the columns' types as Snowflake does."""
    table = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
    target = full_name(session, table)
    if session.kind_of(target) != "BASE TABLE":
        raise missing("Table", ".".join(target))
    given = [one.name.upper() for one in insert.this.expressions] if isinstance(insert.this, exp.Schema) else []
    columns = given or session.columns(target)
    if len(columns) != len(rows[0]):
        raise error(
            2057,
            "21S01",
            f"SQL compilation error:\nInsert value list does not match column list expecting "
            f"{len(columns)} but got {len(rows[0])}",
        )
    texts = [[None if value is None else str(value) for value in column] for column in zip(*rows, strict=True)]
    session.duck.execute(
        f"insert into {quoted(target)} ({', '.join(quoted((name,)) for name in columns)}) "
        f"select {', '.join('unnest(?::varchar[])' for _ in columns)}",
        texts,
    )
    return len(rows)
