"""What all sessions share: the databases, the account, who may write, and the history of queries."""

from __future__ import annotations

import re
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from snowflake.connector.errors import Error

from .account_state import AccountState
from .errors import error
from .open_session import OpenSession
from .sql import statements
from .write_lock import WriteTurn

HISTORY = (
    "query_id",
    "session_id",
    "user_name",
    "role_name",
    "warehouse_name",
    "query_tag",
    "query_text",
    "execution_status",
    "error_message",
)


@dataclass
class Record:
    """One statement in the history."""

    query_id: str
    session_id: str
    user_name: str
    role_name: str
    warehouse_name: str | None
    query_tag: str
    query_text: str
    start_time: datetime
    execution_status: str = "RUNNING"
    error_message: str | None = None
    total_elapsed_time: int = 0
    _began: float = field(default_factory=time.monotonic)

    def end(self, failed: Error | None) -> None:
        self.total_elapsed_time = int((time.monotonic() - self._began) * 1000)
        self.execution_status = "SUCCESS" if failed is None else "FAILED_WITH_ERROR"
        self.error_message = None if failed is None else f"{failed.errno} {failed.msg}"


class History:
    """The last 20,000 statements of all sessions."""

    def __init__(self) -> None:
        self.records: deque[Record] = deque(maxlen=20_000)

    def begin(self, session: OpenSession, query_id: str, sql: str) -> Record:
        record = Record(
            query_id,
            session.label,
            session.user,
            session.role,
            session.warehouse,
            session.parameters["QUERY_TAG"],
            sql,
            datetime.now(UTC).replace(tzinfo=None),
        )
        self.records.append(record)
        return record

    def reachable(self, session: OpenSession, sql: str) -> str:
        """Put the history where `table(information_schema.query_history(..))` in this statement can read it."""
        call = re.compile(
            r"table\s*\(\s*(\w+\.)?information_schema\.query_history(_by_session)?\s*\([^()]*\)\s*\)", re.I
        )
        found = call.search(sql)
        if not found:
            return sql
        mine = [r for r in list(self.records)[:-1] if not found[2] or r.session_id == session.label]
        name = f"__HISTORY_{session.label}"
        columns = [*HISTORY, "start_time", "total_elapsed_time"]
        types = ["varchar"] * len(HISTORY) + ["timestamp", "bigint"]
        made = ", ".join(f"{column.upper()} {kind}" for column, kind in zip(columns, types, strict=True))
        session.duck.execute(f"create or replace temp table {name} ({made})")
        if mine:
            rows = [[getattr(one, column) for column in columns] for one in mine]
            session.duck.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", rows)
        return call.sub(f"temp.main.{name}", sql)


class ServerState:
    """One emulated account."""

    def __init__(
        self, account: str, s3_endpoint: str, s3_keys: tuple[str, str], idle_seconds: float, data: Path | None
    ) -> None:
        """`s3_keys`: what the storage integration's role signs with, id and secret."""
        self.account = AccountState(account.upper())
        self.s3_endpoint = s3_endpoint.rstrip("/")
        self._s3_key_id, self._s3_secret = s3_keys
        self.data = data
        self.snow = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self.turn = WriteTurn(idle_seconds)
        self.history = History()
        self.sessions: dict[str, OpenSession] = {}
        self.masters: dict[str, str] = {}
        self.temporary: dict[tuple[str, str, str], str] = {}
        self.remarks: list[str] = []
        self._s3: Any = None
        if s3_endpoint:
            self._reach_s3()
        for file in sorted(data.glob("*.duckdb")) if data else ():
            self.make_database(self.snow.duck_conn, file.stem)

    def _reach_s3(self) -> None:
        import duckdb_extension_httpfs

        (extension,) = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
        scheme, _, host = self.s3_endpoint.partition("://")
        self.snow.duck_conn.execute(f"load '{extension}'")
        self.snow.duck_conn.execute(
            f"create secret stages (type s3, key_id '{self._s3_key_id}', secret '{self._s3_secret}', "
            f"region 'us-east-1', endpoint '{host}', url_style 'path', use_ssl {str(scheme == 'https').lower()})"
        )

    def s3(self) -> Any:
        """The bucket as the storage integration's role sees it."""
        if self._s3 is None:
            self._s3 = boto3.client(
                "s3",
                endpoint_url=self.s3_endpoint,
                aws_access_key_id=self._s3_key_id,
                aws_secret_access_key=self._s3_secret,
                region_name="us-east-1",
            )
        return self._s3

    def make_database(self, duck: Any, name: str) -> None:
        file = str(self.data / f"{name}.duckdb") if self.data else ":memory:"
        duck.execute(f"attach if not exists '{file}' as {name}")
        statements.prepare_database(duck, name)

    def has_database(self, name: str) -> bool:
        found = self.snow.duck_conn.cursor().execute(
            "select 1 from duckdb_databases() where upper(database_name) = upper(?)", [name]
        )
        return found.fetchone() is not None

    def drop_database(self, duck: Any, name: str) -> None:
        duck.execute(f"detach {name}")
        if self.data:
            (self.data / f"{name}.duckdb").unlink(missing_ok=True)

    def must_be_granted(self, user: str, role: str) -> None:
        if not self.account.may_use(user, role):
            raise error(
                390189, "08001", f"Role '{role}' specified in the connect string does not exist or not authorized."
            )

    def log_in(self, session: OpenSession) -> tuple[str, str]:
        """A session token and the master token that renews it."""
        token, master = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.sessions[token], self.masters[master] = session, token
        return token, master

    def renew(self, master: str) -> str | None:
        old = self.masters.get(master)
        if old is None or (session := self.sessions.pop(old, None)) is None:
            return None
        self.masters[master] = token = secrets.token_urlsafe(24)
        self.sessions[token] = session
        return token

    def keep_result(self, query_id: str, cursor: FakeSnowflakeCursor) -> None:
        """For RESULT_SCAN and for clients that ask again."""
        held = (cursor._arrow_table, cursor._rowcount, cursor._last_sql, cursor._last_params, cursor._last_transformed)
        self.snow.results_cache[query_id] = held
        while len(self.snow.results_cache) > 50:
            self.snow.results_cache.pop(next(iter(self.snow.results_cache)))
