"""The warehouse in a Snowflake account; refuses passwords.

A session here is a connection of its own, tagged with its run and stage; it ends its statements and gives up its locks
when it dies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shelfgate.errors import ConfigurationError
from shelfgate.warehouse.engines.snowflake.account_name import checked_account, host_of
from shelfgate.warehouse.engines.snowflake.key_pair import Identity
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from shelfgate.warehouse.engines.snowflake.sql_text import explained

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from shelfgate.settings import Settings

LOGIN_SECONDS = 60
NETWORK_SECONDS = 300


@dataclass(frozen=True)
class Account:
    """Where to log in, and how long to wait for what. Without a host the connector finds it by the name."""

    name: str
    database: str
    warehouse: str
    host: str | None
    port: int
    protocol: str
    lock_seconds: float
    statement_seconds: int


def publisher_of(settings: Settings) -> Identity:
    """Who publishes, judges and keeps the records, where no block says it."""
    return Identity(
        settings.need("snowflake_user"),
        settings.need("snowflake_role"),
        settings.snowflake_private_key_path,
        _secret(settings.snowflake_private_key_passphrase),
        settings.snowflake_workload_identity,
        settings.snowflake_token_file,
        _secret(settings.snowflake_private_key),
    )


def builder_of(settings: Settings) -> Identity:
    """The user of dbt, where no block says it: always with a key, for dbt's profile knows no other way."""
    return Identity(
        settings.need("snowflake_build_user"),
        settings.need("snowflake_build_role"),
        settings.snowflake_build_private_key_path,
        settings.need("snowflake_build_private_key_passphrase"),
        key_text=_secret(settings.snowflake_build_private_key),
    )


class SnowflakeWarehouse:
    """The warehouse of a deployment. Implements `shelfgate.warehouse.Warehouse`."""

    engine = "snowflake"

    def __init__(
        self,
        account: Account,
        identity: Identity,
        builder: Identity,
        *,
        tag: dict[str, str] | None = None,
        kept: list[SnowflakeConnection] | None = None,
    ) -> None:
        self.account = account
        self.identity = identity
        self.builder = builder
        self.tag = tag or {}
        self._kept = kept

    @classmethod
    def of(cls, settings: Settings) -> SnowflakeWarehouse:
        """The warehouse that the settings name.

        Raises:
            ConfigurationError: one is missing, or asks for a password, or names a block that nobody has loaded.
        """
        if settings.snowflake_block or settings.snowflake_build_block:
            raise ConfigurationError("a Prefect block is named for Snowflake, and this command does not read blocks.")
        account = account_of(settings)
        return cls(account, publisher_of(settings), builder_of(settings))

    def tagged(self, **said: str) -> SnowflakeWarehouse:
        """The same warehouse, its statements tagged with this as well: `run` and `stage`, for cost and for blame."""
        return SnowflakeWarehouse(self.account, self.identity, self.builder, tag={**self.tag, **said}, kept=self._kept)

    def failure_in(self, said: str) -> None:
        """None: the engine is an account's, whose failures come as its errors."""

    @contextmanager
    def keeping(self) -> Iterator[SnowflakeWarehouse]:
        """The same warehouse, whose turns hand on their sessions until the block ends.

        A login costs 0.1 s of computing for the key and a second or two of an account's time; a run has thirty turns.
        """
        kept: list[SnowflakeConnection] = []
        try:
            yield SnowflakeWarehouse(self.account, self.identity, self.builder, tag=self.tag, kept=kept)
        finally:
            for connection in kept:
                connection.close()

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
        """The `connect_args` that go with `sqlalchemy_url`.

        Account and host among them: snowflake-sqlalchemy 1.10 makes `org-acc.privatelink` the account `org`, and knows
        no host but those of .com.
        """
        given = {"host": host_of(self.account.name), **self._arguments()}
        return {key: value for key, value in given.items() if key not in {"user", "paramstyle"}}

    @property
    def dbt_environment(self) -> dict[str, str]:
        one, builder = self.account, self.builder
        return {
            "SHELFGATE_TARGET": self.engine,
            "SNOWFLAKE_ACCOUNT": one.name,
            # Empty, dbt leaves it to the connector.
            "SNOWFLAKE_HOST": one.host or "",
            "SNOWFLAKE_PORT": str(one.port),
            "SNOWFLAKE_PROTOCOL": one.protocol,
            "SNOWFLAKE_USER": builder.user,
            "SNOWFLAKE_ROLE": builder.role,
            # Names of this beginning are dbt's for what it blanks out in its messages and keeps in no file.
            "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY": builder.locked_key(),
            "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": builder.passphrase or "",
            "SNOWFLAKE_DATABASE": one.database,
            "SNOWFLAKE_WAREHOUSE": one.warehouse,
            "SHELFGATE_QUERY_TAG": self._query_tag(),
        }

    @contextmanager
    def turn(self) -> Iterator[SnowflakeSession]:
        """A session of our own: Snowflake lets others work meanwhile, and the pointer says who publishes.

        One that met an error is never handed on: nobody knows what it left open.
        """
        connection = self._taken_over() or self._logged_in()
        try:
            yield SnowflakeSession(connection)
        except BaseException:
            connection.close()
            raise
        if self._kept is None:
            connection.close()
        else:
            self._kept.append(connection)

    def _logged_in(self) -> SnowflakeConnection:
        from snowflake.connector import connect
        from snowflake.connector.errors import Error

        try:
            return connect(**self._arguments())
        except Error as error:
            raise explained(error, "login", None) from error

    def _taken_over(self) -> SnowflakeConnection | None:
        """A session that an earlier turn left, under this turn's tag; None if there is none that still lives."""
        from snowflake.connector.errors import Error

        while self._kept:
            connection = self._kept.pop()
            tag = self._query_tag().replace("\\", "\\\\").replace("'", "''")
            try:
                connection.cursor().execute(f"alter session set query_tag = '{tag}'")
            except Error:
                # Ended by the account while it was idle; a login says whether the account itself is at fault.
                connection.close()
                continue
            return connection
        return None

    def _arguments(self) -> dict[str, Any]:
        one = self.account
        return {
            **self.identity.login(),
            "account": one.name,
            **({} if one.host is None else {"host": one.host}),
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

    def _query_tag(self) -> str:
        return json.dumps({"application": "shelfgate", **self.tag}, sort_keys=True)

    def _parameters(self) -> dict[str, Any]:
        return {
            "QUERY_TAG": self._query_tag(),
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
    """Where the settings say that the account is.

    Raises:
        ConfigurationError: a setting is missing, or the account's is no account identifier.
    """
    return Account(
        name=checked_account(settings.need("snowflake_account")),
        database=settings.need("snowflake_database"),
        warehouse=settings.need("snowflake_warehouse"),
        host=settings.snowflake_host or None,
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
