"""Statements that DuckDB has no part in: transactions, session settings, the account, SWAP; and what they answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fakesnow import info_schema, macros
from sqlglot import exp

from ..account_state import unquoted
from ..errors import error, exists, missing
from ..open_session import OpenSession, StatementResult
from . import copy_into, fakesnow_patches, table_statements
from .dialect import without_text

_BEGIN = re.compile(r"(begin(\s+(transaction|work))?|start\s+transaction)(\s+name\s+\w+)?", re.I)
_END = re.compile(r"(commit|rollback)(\s+work)?", re.I)
_ALTER_SESSION = re.compile(r"alter\s+session\s+(set|unset)\s+(.+)", re.I | re.S)
_USE = re.compile(r"use\s+(role|warehouse|secondary\s+roles)\s+(\S+)", re.I)
_SHOW_PARAMETERS = re.compile(
    r"show\s+parameters(?:\s+like\s+'([^']*)')?(\s+(in|for)\s+(session|account|user\s+\S+))?", re.I
)
_SHOW_TRANSACTIONS = re.compile(r"show\s+(transactions|locks)(\s+in\s+account)?", re.I)
_SWAP = re.compile(r"alter\s+table\s+(?:if\s+exists\s+)?(\S+)\s+swap\s+with\s+(\S+)", re.I)
_DROP_STAGE = re.compile(r"drop\s+(stage|file\s+format)\s+(if\s+exists\s+)?(\S+)", re.I)
_DROP_DATABASE = re.compile(r"drop\s+database\s+(if\s+exists\s+)?(\w+)(?:\s+cascade)?", re.I)
_NO_EFFECT = re.compile(
    r"alter\s+(table|schema|database|view|stage)\s+(if\s+exists\s+)?\S+\s+(set|unset)\s+"
    r"(data_retention_time_in_days|comment|change_tracking|query_tag|directory)\b.*|"
    r"alter\s+schema\s+(if\s+exists\s+)?\S+\s+(enable|disable)\s+managed\s+access|"
    r"comment\s+(if\s+exists\s+)?on\s+.*|"
    r"alter\s+(table|view)\s+\S+\s+(alter|modify)\s+(column\s+)?\S+\s+comment\s+.*|alter\s+account\s+set\s+.*",
    re.I | re.S,
)


def own(session: OpenSession, sql: str) -> StatementResult | None:
    """The answer to a statement of ours; None for one that goes to DuckDB."""
    bare = _without_comments(sql).strip().rstrip(";").strip()
    if (answer := _transaction(session, bare)) is not None:
        return answer
    if session.failed:
        return None
    if (shown := _shown(session, bare)) is not None:
        return table(session, *shown)
    if found := _ALTER_SESSION.fullmatch(bare):
        session.parameters.alter(found[1], found[2])
        return said(session)
    if found := _USE.fullmatch(bare):
        _use(session, found)
        return said(session)
    if (action := session.estate.account.statement(bare)) is not None:
        return said(session, _as_ddl(session, action))
    if found := _SWAP.fullmatch(bare):
        names = [
            table_statements.full_name(session, exp.to_table(name, dialect="snowflake")) for name in found.groups()
        ]
        _as_ddl(session, lambda: table_statements.swap(session, *names))
        return said(session)
    if found := _DROP_STAGE.fullmatch(bare):
        _as_ddl(session, lambda: _drop_stage(session, found))
        return said(session, f"{unquoted(found[3])} successfully dropped.")
    if found := _DROP_DATABASE.fullmatch(bare):
        _as_ddl(session, lambda: _drop_database(session, found))
        return said(session, f"{unquoted(found[2])} successfully dropped.")
    if _NO_EFFECT.fullmatch(bare):
        _as_ddl(session, lambda: session.estate.remarks.append(bare))
        return said(session)
    return None


def _transaction(session: OpenSession, bare: str) -> StatementResult | None:
    if _BEGIN.fullmatch(bare):
        session.begin()
        return said(session)
    if found := _END.fullmatch(bare):
        session.end(commit=found[1].lower() == "commit")
        return said(session)
    return None


def _shown(session: OpenSession, bare: str) -> tuple[list[str], list[tuple[Any, ...]]] | None:
    if found := _SHOW_PARAMETERS.fullmatch(bare):
        like = re.compile(re.escape(found[1] or "%").replace("%", ".*"), re.I)
        rows = [
            (n, v, "", "SESSION", "", "STRING")
            for n, v in sorted(session.parameters.values.items())
            if like.fullmatch(n)
        ]
        return ["key", "value", "default", "level", "description", "type"], rows
    if _SHOW_TRANSACTIONS.fullmatch(bare):
        rows = [(one.label, one.user, "running") for one in session.estate.sessions.values() if one.in_transaction]
        return ["session", "user", "state"], rows
    return session.estate.account.show(bare)


def _use(session: OpenSession, found: re.Match[str]) -> None:
    name = unquoted(found[2])
    if found[1].lower() == "role":
        session.estate.must_be_granted(session.user, name)
        session.role = name
    elif found[1].lower() == "warehouse":
        if ("WAREHOUSE", name) not in session.estate.account.objects:
            raise error(
                2043, "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."
            )
        session.warehouse = name


def _as_ddl(session: OpenSession, action: Any) -> Any:
    if session.in_transaction:
        session.end(commit=True)
    session.take_turn()
    return action()


def _drop_stage(session: OpenSession, found: re.Match[str]) -> None:
    parts = table_statements.full_name(session, exp.to_table(found[3], dialect="snowflake"))
    held = "_fs_stages" if found[1].lower() == "stage" else "_fs_file_formats"
    gone = session.duck.execute(
        f"delete from _fs_global._fs_information_schema.{held} "
        "where upper(database_name) = ? and upper(schema_name) = ? and name = ? returning 1",
        list(parts),
    ).fetchall()
    if not gone and not found[2]:
        raise missing(found[1].capitalize(), parts[2])


def _drop_database(session: OpenSession, found: re.Match[str]) -> None:
    name = unquoted(found[2])
    if not session.estate.has_database(name):
        if found[1]:
            return
        raise missing("Database", name)
    if session.connection.database == name:
        session.duck.execute("set schema = 'memory.main'")
        session.connection.database = session.connection._schema = None
        session.connection.database_set = session.connection.schema_set = False
    session.estate.drop_database(session.duck, name)


def create_database(session: OpenSession, create: exp.Create) -> StatementResult:
    """A database with its PUBLIC schema, which becomes the session's."""
    name = create.this.this.name if create.this.this.quoted else create.this.this.name.upper()
    if session.estate.has_database(name):
        if not create.args.get("exists"):
            raise exists(name)
        return said(session, f"{name} already exists, statement succeeded.", create)
    session.estate.make_database(session.duck, name)
    session.duck.execute(f"set schema = '{name}.PUBLIC'")
    connection = session.connection
    connection.database, connection._schema = name, "PUBLIC"
    connection.database_set = connection.schema_set = True
    return said(session, f"Database {name} successfully created.", create)


def prepare_database(duck: Any, name: str) -> None:
    duck.execute(info_schema.per_db_creation_sql(name))
    duck.execute(macros.creation_sql(name))
    for macro in fakesnow_patches.MACROS:
        duck.execute(macro.format(database=name))
    duck.execute(copy_into.METADATA_SQL.format(database=name))
    duck.execute(f'create schema if not exists "{name}"."PUBLIC"')


def understood(sql: str) -> str:
    """Without the clauses that sqlglot cannot parse and that change nothing here: who may grant in a schema."""
    return re.sub(
        r"(?i)^(\s*create\s+(?:or\s+replace\s+)?(?:transient\s+)?schema\s[^;]*?)\bwith\s+managed\s+access\b",
        r"\1",
        sql,
        count=1,
    )


def settle_schema(create: exp.Create) -> None:
    """Managed access and retention say who may grant and how long history is kept; neither changes data here."""
    create.set("properties", None)


def existing(session: OpenSession, kind: str, named: exp.Table) -> str | None:
    """The name of what CREATE .. IF NOT EXISTS finds there; a CREATE SCHEMA makes it the session's all the same."""
    if kind in {"TABLE", "VIEW"}:
        target = table_statements.full_name(session, named)
        return target[2] if session.kind_of(target) else None
    if kind == "SCHEMA":
        database = named.catalog.upper() or session.connection.database
        name = named.db if named.args["db"].quoted else named.db.upper()
        found = session.duck.execute(
            "select 1 from duckdb_schemas() where database_name = ? and schema_name = ?", [database, name]
        ).fetchone()
        if found:
            session.duck.execute(f"set schema = '{database}.{name}'")
            session.connection.database, session.connection._schema = database, name
            session.connection.database_set = session.connection.schema_set = True
            return name
    return None


def case_sensitive_name(parsed: exp.Expression, sql: str) -> str | None:
    """A quoted name that is not upper case would be another name than the unquoted one; in DuckDB it is the same."""
    if '"' not in sql or "RESULT_SCAN" in sql.upper() or "INFORMATION_SCHEMA" in sql.upper():
        return None
    given = {one.alias for one in parsed.find_all(exp.Alias)} | {one.alias for one in parsed.find_all(exp.TableAlias)}
    for name in parsed.find_all(exp.Identifier):
        if not name.quoted or name.this == name.this.upper() or name.this in given:
            continue
        if isinstance(name.parent, exp.Column | exp.Table | exp.ColumnDef | exp.Schema):
            return f'"{name.this}"'
    return None


def said(
    session: OpenSession, text: str = "Statement executed successfully.", kind: exp.Expression | None = None
) -> StatementResult:
    return table(session, ["status"], [(text,)], kind=kind)


def table(
    session: OpenSession,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    kind: exp.Expression | None = None,
    written: int | None = None,
) -> StatementResult:
    """An answer with these rows."""
    names = ", ".join(f'"{name}"' for name in columns)
    if rows:
        values = ", ".join("(" + ", ".join(_literal(value) for value in row) + ")" for row in rows)
        sql = f"select * from (values {values}) as t({names})"
    else:
        sql = "select " + ", ".join(f"'' as \"{name}\"" for name in columns) + " where 1 = 0"
    cursor = session.connection.cursor()
    session.duck.execute(sql)
    cursor._arrow_table = session.duck.to_arrow_table()
    cursor._rowcount = written if written is not None else len(rows)
    cursor._last_sql, cursor._last_params, cursor._last_transformed = sql, None, exp.Select()
    return StatementResult(cursor, kind, written)


def _literal(value: Any) -> str:
    if value is None:
        return "cast(null as varchar)"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _without_comments(sql: str) -> str:
    return re.sub(
        r"('(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$)|--[^\n]*|/\*.*?\*/",
        lambda f: f[1] or " ",
        sql,
        flags=re.S,
    )


__all__ = [
    "case_sensitive_name",
    "create_database",
    "own",
    "prepare_database",
    "said",
    "settle_schema",
    "table",
    "without_text",
]
