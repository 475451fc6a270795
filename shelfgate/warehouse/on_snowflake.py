"""The warehouse in a Snowflake account; refuses passwords, and DDL inside a transaction.

Snowflake commits at every DDL statement, so one inside a publication would publish half of it. A session here is a
connection of its own, tagged with its run and stage; it ends its statements and gives up its locks when it dies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shelfgate.errors import ConfigurationError, OutsideWorldGaveUp, PermanentFailure
from shelfgate.failpoints import failpoint
from shelfgate.warehouse.on_duckdb import batched
from shelfgate.warehouse.snowflake_login import Identity
from shelfgate.warehouse.snowflake_text import explained, first_words, statements_of, without_comments

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from shelfgate.settings import Settings

ROWS_A_STATEMENT = 200
LOGIN_SECONDS = 60
NETWORK_SECONDS = 300

DDL = re.compile(r"\s*(create|alter|drop|truncate|undrop|comment|grant|revoke|use)\b", re.I)


@dataclass(frozen=True)
class Account:
    """Where to log in, and how long to wait for what."""

    name: str
    database: str
    warehouse: str
    host: str
    port: int
    protocol: str
    lock_seconds: float
    statement_seconds: int


class SnowflakeSession:
    """One connection. Implements `shelfgate.warehouse.Session`."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self.connection = connection
        self._in_transaction = False

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        if self._in_transaction and DDL.match(without_comments(sql)):
            raise PermanentFailure(
                f"Snowflake: DDL inside a transaction would commit the half that is done: {first_words(sql)}. "
                "The transaction is rolled back, nothing was changed. Create tables at installation."
            )
        cursor = self._execute(sql, parameters)
        # Snowflake gives a status line for all but DML, and counts that line as a row.
        said = (cursor.description or [None])[0]
        return int(cursor.rowcount or 0) if said is not None and said.name.startswith("number of rows") else 0

    def run_script(self, sql: str) -> None:
        for one in statements_of(sql):
            self.run(one)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self._execute(sql, parameters)
        names = [column.name.lower() for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        written = 0
        one = "(" + ", ".join("?" * len(columns)) + ")"
        for chunk in batched(rows, ROWS_A_STATEMENT):
            values = ", ".join([one] * len(chunk))
            flat = [value for row in chunk for value in row]
            written += self.run(f"insert into {table} ({', '.join(columns)}) values {values}", flat)
        return written

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        self._execute("begin transaction")
        self._in_transaction = True
        try:
            failpoint(f"{name}.begun")
            yield
            failpoint(f"{name}.before_commit")
        except BaseException:
            self._in_transaction = False
            self._roll_back()
            raise
        self._in_transaction = False
        self._execute("commit")
        failpoint(f"{name}.after_commit")

    def _roll_back(self) -> None:
        """A connection that is gone has rolled back already: the error that took it matters more."""
        try:
            self._execute("rollback")
        except OutsideWorldGaveUp:
            return

    @property
    def utc_now(self) -> str:
        return "sysdate()"

    def content_digest(self, columns: Sequence[str]) -> str:
        # Signed 64-bit hashes summed as NUMBER(38, 0): a doubled or a lost row changes it, the order of rows does not.
        return f"cast(sum(hash({', '.join(columns)})) as varchar)"

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        from snowflake.connector.errors import Error

        cursor = self.connection.cursor()
        try:
            # Without values the text goes as it is: a `?` in a string stays one.
            return cursor.execute(sql, list(parameters)) if parameters else cursor.execute(sql)
        except Error as error:
            raise explained(error, sql, cursor.sfqid) from error


class SnowflakeWarehouse:
    """The warehouse of a deployment. Implements `shelfgate.warehouse.Warehouse`."""

    def __init__(
        self, account: Account, identity: Identity, builder: Identity, *, tag: dict[str, str] | None = None
    ) -> None:
        self.account = account
        self.identity = identity
        self.builder = builder
        self.tag = tag or {}

    @classmethod
    def of(cls, settings: Settings) -> SnowflakeWarehouse:
        """The warehouse that the settings name.

        Raises:
            ConfigurationError: one is missing, or asks for a password, or names a block that nobody has loaded.
        """
        if settings.snowflake_block or settings.snowflake_build_block:
            raise ConfigurationError("a Prefect block is named for Snowflake, and this command does not read blocks.")
        account = account_of(settings)
        identity = Identity(
            settings.need("snowflake_user"),
            settings.need("snowflake_role"),
            settings.snowflake_private_key_path,
            _secret(settings.snowflake_private_key_passphrase),
            settings.snowflake_workload_identity,
            settings.snowflake_token_file,
            _secret(settings.snowflake_private_key),
        )
        builder = Identity(
            settings.need("snowflake_build_user"),
            settings.need("snowflake_build_role"),
            settings.snowflake_build_private_key_path,
            settings.need("snowflake_build_private_key_passphrase"),
            key_text=_secret(settings.snowflake_build_private_key),
        )
        return cls(account, identity, builder)

    def tagged(self, **said: str) -> SnowflakeWarehouse:
        """The same warehouse, its statements tagged with this as well: `run` and `stage`, for cost and for blame."""
        return SnowflakeWarehouse(self.account, self.identity, self.builder, tag={**self.tag, **said})

    def acting_as(self, identity: Identity) -> SnowflakeWarehouse:
        """The same warehouse for another user: an administrator, a test."""
        return SnowflakeWarehouse(self.account, identity, self.builder, tag=self.tag)

    @property
    def sqlalchemy_url(self) -> str:
        """Without credentials, host and protocol: `sqlalchemy_arguments` carries those, for `create_engine`."""
        one = self.account
        return (
            f"snowflake://{quote(self.identity.user)}@{quote(one.name)}/{quote(one.database)}/{quote('MARTS')}"
            f"?warehouse={quote(one.warehouse)}&role={quote(self.identity.role)}"
        )

    @property
    def sqlalchemy_arguments(self) -> dict[str, Any]:
        """The `connect_args` that go with `sqlalchemy_url`."""
        given = self._arguments()
        return {key: value for key, value in given.items() if key not in {"user", "account", "paramstyle"}}

    @property
    def dbt_environment(self) -> dict[str, str]:
        one, builder = self.account, self.builder
        return {
            "SHELFGATE_TARGET": "snowflake",
            "SNOWFLAKE_ACCOUNT": one.name,
            "SNOWFLAKE_HOST": one.host,
            "SNOWFLAKE_PORT": str(one.port),
            "SNOWFLAKE_PROTOCOL": one.protocol,
            "SNOWFLAKE_USER": builder.user,
            "SNOWFLAKE_ROLE": builder.role,
            # Names of this beginning are dbt's for what it blanks out in its messages and keeps in no file.
            "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": builder.locked_key(),
            "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": builder.passphrase or "",
            "SNOWFLAKE_DATABASE": one.database,
            "SNOWFLAKE_WAREHOUSE": one.warehouse,
        }

    @contextmanager
    def turn(self) -> Iterator[SnowflakeSession]:
        """A session of our own: Snowflake lets others work meanwhile, and the pointer says who publishes."""
        from snowflake.connector import connect
        from snowflake.connector.errors import Error

        try:
            connection = connect(**self._arguments())
        except Error as error:
            raise explained(error, "login", None) from error
        with closing(connection):
            yield SnowflakeSession(connection)

    def _arguments(self) -> dict[str, Any]:
        one = self.account
        return {
            **self.identity.login(),
            "account": one.name,
            "host": one.host,
            "port": one.port,
            "protocol": one.protocol,
            "database": one.database,
            "warehouse": one.warehouse,
            "paramstyle": "qmark",
            "login_timeout": LOGIN_SECONDS,
            # Without it the connector repeats a failing request for ever.
            "network_timeout": NETWORK_SECONDS,
            "client_session_keep_alive": False,
            "session_parameters": self._parameters(),
        }

    def _parameters(self) -> dict[str, Any]:
        return {
            "QUERY_TAG": json.dumps({"application": "shelfgate", **self.tag}, sort_keys=True),
            "TIMEZONE": "UTC",
            "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
            "LOCK_TIMEOUT": round(self.account.lock_seconds),
            "STATEMENT_TIMEOUT_IN_SECONDS": self.account.statement_seconds,
            # By default a failed statement leaves its transaction open, and COMMIT keeps what went before it.
            "TRANSACTION_ABORT_ON_ERROR": True,
            # A client that died must not go on spending, nor hold the pointer.
            "ABORT_DETACHED_QUERY": True,
        }


def account_of(settings: Settings) -> Account:
    """Where the settings say that the account is."""
    name = settings.need("snowflake_account")
    return Account(
        name=name,
        database=settings.need("snowflake_database"),
        warehouse=settings.need("snowflake_warehouse"),
        host=settings.snowflake_host or f"{name.lower()}.snowflakecomputing.com",
        port=settings.snowflake_port,
        protocol=settings.snowflake_protocol,
        lock_seconds=settings.warehouse_wait_seconds,
        statement_seconds=settings.snowflake_statement_seconds,
    )


def administrator(settings: Settings) -> SnowflakeWarehouse:
    """The account for whoever sets it up: a person's own user with a key, in no role yet."""
    who = Identity(
        settings.need("snowflake_admin_user"),
        "PUBLIC",
        settings.need("snowflake_admin_private_key_path"),
        settings.need("snowflake_admin_private_key_passphrase"),
    )
    return SnowflakeWarehouse(account_of(settings), who, who, tag={"stage": "apply"})


def _secret(value: Any) -> str | None:
    return None if value is None else value.get_secret_value()
