"""One session: its transaction, its parameters, and each statement on its way to DuckDB or to the account's records.

Refuses a statement whose kind is not on the list below: Snowflake may know it, this process does not.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import duckdb
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from snowflake.connector.errors import Error
from sqlglot import exp

from .errors import error, not_imitated
from .open_session import Server, StatementResult
from .sql import copy_into, fakesnow_patches, statements, table_statements
from .sql.dialect import objections
from .sql.error_translation import translated
from .sql.parameters import Parameters

_READS = exp.Select | exp.SetOperation | exp.Describe | exp.Show | exp.Use | exp.Subquery | exp.Values
_WRITES = exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Copy | exp.TruncateTable
_DDL = exp.Create | exp.Drop | exp.Alter | exp.Comment
_COMMANDS = frozenset({"PUT", "LIST", "LS", "SHOW", "SET", "UNSET"})


class EmulatedSession:
    """Who logged in and what they have open. One statement at a time."""

    region = "EMULATOR"

    def __init__(self, estate: Server, user: str, login: dict[str, str], given: dict[str, object]) -> None:
        self.estate = estate
        self.connection: FakeSnowflakeConnection = estate.snow.connect(
            login.get("databaseName"), login.get("schemaName") or "PUBLIC"
        )
        self.duck = self.connection._duck_conn
        self.user, self.account = user, estate.account.name
        self.role = (login.get("roleName") or "PUBLIC").upper()
        self.warehouse = (login.get("warehouse") or "").upper() or None
        self.parameters = Parameters(given)
        self.s3_endpoint = estate.s3_endpoint
        self.label = str(uuid.uuid4().int % 10**15)
        self.in_transaction = self.writing = self.failed = False
        self.written: int | None = None
        self.last_query_id: str | None = None
        self.running: str | None = None
        self._cancelled: str | None = None
        self.at_work = threading.RLock()
        self._asked_at = time.monotonic()
        self._temporary: list[table_statements.Name] = []

    # --- the life of a transaction

    def begin(self) -> None:
        """BEGIN inside a transaction changes nothing: Snowflake has no nested ones."""
        self.in_transaction = True

    def end(self, *, commit: bool) -> None:
        if self.writing:
            self.duck.execute("commit" if commit and not self.failed else "rollback")
        self.in_transaction = self.writing = self.failed = False
        self.estate.turn.give_back(self)

    def abandon(self, idle_seconds: float) -> bool:
        if time.monotonic() - self._asked_at < idle_seconds or not self.at_work.acquire(blocking=False):
            return False
        try:
            with contextlib.suppress(duckdb.Error):
                self.duck.execute("rollback")
            self.in_transaction = self.writing = self.failed = False
        finally:
            self.at_work.release()
        return True

    def close(self) -> None:
        """Logging out rolls back what is open and drops the session's temporary tables."""
        with self.at_work:
            self.end(commit=False)
            for name in self._temporary:
                self.drop_relation(name)
            self.duck.close()

    @contextlib.contextmanager
    def atomic(self, *, joining: bool = False) -> Iterator[None]:
        """One DuckDB transaction for several statements of ours; `joining`: the open one, if there is one."""
        if joining and self.writing:
            yield
            return
        self.duck.execute("begin")
        try:
            yield
        except BaseException:
            self.duck.execute("rollback")
            raise
        self.duck.execute("commit")

    # --- one statement

    def execute(self, sql: str, bindings: Any, query_id: str | None = None) -> StatementResult:
        """Run one statement and keep it in the history, whatever comes of it."""
        with self.at_work:
            self._asked_at = time.monotonic()
            self.running, self._cancelled, self.written = query_id or str(uuid.uuid4()), None, None
            record = self.estate.history.begin(self, self.running, sql)
            try:
                with self._limited():
                    answer = self._run(sql, bindings)
                self.last_query_id = answer.cursor._sfqid = self.running
                self.estate.keep_result(self.running, answer.cursor)
                record.end(None)
                return answer
            except (Error, duckdb.Error, NotImplementedError, AssertionError, ValueError, AttributeError) as reason:
                known = translated(reason, self._cancelled)
                if self.in_transaction and self.parameters.is_on("TRANSACTION_ABORT_ON_ERROR"):
                    self.failed = True
                record.end(known)
                raise known from None
            finally:
                if not self.in_transaction:
                    self.estate.turn.give_back(self)
                self.running = None
                self._asked_at = time.monotonic()

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        limit = self.parameters.seconds("STATEMENT_TIMEOUT_IN_SECONDS")
        told = f"Statement reached its statement or warehouse timeout of {limit:g} second(s) and was canceled."
        timer = threading.Timer(limit or 604800, self.cancel, (told,)) if limit < 86400 else None
        if timer:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer:
                timer.cancel()

    def cancel(self, why: str = "SQL execution canceled") -> None:
        if self.running:
            self._cancelled = why
            self.duck.interrupt()

    def _run(self, sql: str, bindings: Any) -> StatementResult:
        if (answer := statements.own(self, sql)) is not None:
            return answer
        if self.failed:
            raise error(
                90232, "25000", "The transaction was aborted by an error (TRANSACTION_ABORT_ON_ERROR): roll it back."
            )
        parsed = parse_one(sql := statements.understood(sql))
        self._must_be_known(parsed, sql)
        if isinstance(parsed, _DDL):
            # Snowflake: DDL commits the open transaction and is one of its own.
            if self.in_transaction:
                self.end(commit=True)
            self.take_turn()
        elif isinstance(parsed, _WRITES):
            self.take_turn()
        return self._dispatch(parsed, list(bindings) if isinstance(bindings, tuple) else bindings)

    def take_turn(self) -> None:
        """Wait for the writers' turn; inside a transaction, DuckDB's own begins here."""
        self.estate.turn.take(self, self.parameters.seconds("LOCK_TIMEOUT"))
        if self.in_transaction and not self.writing:
            self.duck.execute("begin")
            self.writing = True

    def _must_be_known(self, parsed: exp.Expression, sql: str) -> None:
        if isinstance(parsed, exp.Command) and str(parsed.this).upper() not in _COMMANDS:
            raise not_imitated(f"{parsed.this} {str(parsed.expression)[:40]}".strip())
        if not isinstance(parsed, _READS | _WRITES | _DDL | exp.Command | exp.Set | exp.Put | exp.Get):
            raise not_imitated(parsed.key.upper())
        if isinstance(parsed, exp.Command | exp.Set | exp.Show | exp.Put | exp.Copy):
            return
        if isinstance(parsed, exp.Create) and str(parsed.args.get("kind")).upper() in {"STAGE", "FILE FORMAT"}:
            return
        if found := objections(sql):
            raise error(1003 if "reserved" in found[0] else 2140, "42601", f"SQL compilation error:\n{found[0]}.")
        if wrong := statements.case_sensitive_name(parsed, sql):
            raise not_imitated(f"the name {wrong}, which differs by case only,")

    def _dispatch(self, parsed: exp.Expression, bindings: list[Any] | None) -> StatementResult:
        if isinstance(parsed, exp.Copy):
            rows = copy_into.copy_into(self, parsed)
            return statements.table(self, copy_into.COLUMNS, rows, kind=parsed, written=sum(row[3] for row in rows))
        if isinstance(parsed, exp.TruncateTable):
            for named in parsed.expressions:
                copy_into.forget(self, table_statements.full_name(self, named))
        if isinstance(parsed, exp.Insert) and parsed.args.get("overwrite"):
            table_statements.overwrite(self, parsed, bindings)
            return statements.table(
                self, ["number of rows inserted"], [(self.written,)], kind=parsed, written=self.written
            )
        if isinstance(bindings, table_statements.Rows) and isinstance(parsed, exp.Insert):
            count = table_statements.insert_rows(self, parsed, bindings)
            return statements.table(self, ["number of rows inserted"], [(count,)], kind=parsed, written=count)
        if isinstance(parsed, exp.Merge):
            done = table_statements.merge(self, self.to_duck(parsed, bindings), bindings)
            return statements.table(self, list(done), [tuple(done.values())], kind=parsed, written=sum(done.values()))
        if isinstance(parsed, exp.Create) and (made := self._create(parsed)) is not None:
            return made
        return StatementResult(self.pass_on(parsed, bindings), parsed)

    def _create(self, create: exp.Create) -> StatementResult | None:
        kind = str(create.args.get("kind")).upper()
        if kind == "DATABASE":
            return statements.create_database(self, create)
        if kind == "SCHEMA":
            statements.settle_schema(create)
        schema = create.this if isinstance(create.this, exp.Schema) else None
        if create.args.get("exists") and (
            there := statements.existing(self, kind, schema.this if schema else create.this)
        ):
            return statements.said(self, f"{there} already exists, statement succeeded.", create)
        if kind != "TABLE":
            return None
        target = table_statements.full_name(self, schema.this if schema else create.this)
        self._note_temporary(create, target)
        copy_into.forget(self, target)
        required = table_statements.without_keys(create) if schema else []
        if required and create.expression:
            table_statements.create_as_required(self, create, required)
            return statements.said(self, f"Table {target[2]} successfully created.", create)
        return None

    def _note_temporary(self, create: exp.Create, target: table_statements.Name) -> None:
        """DuckDB's temporary tables live in no schema: here they are ordinary ones, dropped when the session ends."""
        held = create.args.get("properties")
        temporary = [one for one in (held.expressions if held else []) if isinstance(one, exp.TemporaryProperty)]
        if not temporary:
            return
        held.expressions.remove(temporary[0])
        if self.estate.temporary.setdefault(target, self.label) != self.label and self.kind_of(target):
            raise not_imitated(f"a temporary table {target[2]} of another session with that name")
        self.estate.temporary[target] = self.label
        self._temporary.append(target)

    # --- on the way to DuckDB

    def pass_on(self, parsed: exp.Expression, bindings: list[Any] | None = None) -> FakeSnowflakeCursor:
        """Have fakesnow translate and run a statement that has been checked and rewritten."""
        cursor = self.connection.cursor()
        text = fakesnow_patches.as_snowflake_means(parsed, self).sql(dialect="snowflake")
        cursor.execute(self.estate.history.reachable(self, text), binding_params=bindings, server=True)
        return cursor

    def to_duck(self, parsed: exp.Expression, bindings: list[Any] | None) -> exp.Expression:
        return self.connection.cursor()._transform(fakesnow_patches.as_snowflake_means(parsed, self), bindings)

    def kind_of(self, name: table_statements.Name) -> str | None:
        found = self.duck.execute(
            "select table_type from system.information_schema.tables "
            "where upper(table_catalog) = upper(?) and table_schema = ? and table_name = ?",
            list(name),
        ).fetchone()
        return found[0] if found else None

    def columns(self, name: table_statements.Name) -> list[str]:
        return [row[0] for row in self.duck.execute(f"describe {table_statements.quoted(name)}").fetchall()]

    def drop_relation(self, name: table_statements.Name) -> None:
        if kind := self.kind_of(name):
            self.duck.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {table_statements.quoted(name)}")


def head(sql: str, words: int = 3) -> str:
    return " ".join(re.findall(r"\S+", sql)[:words])
