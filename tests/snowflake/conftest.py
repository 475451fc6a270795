"""One emulated Snowflake account for all tests of a worker; each test that wants data has a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.snowflake.emulator_process import ADMIN, Emulator, KeyPair, make_key, start
from shelfgate.warehouse.engines.snowflake.account_setup import USERS, apply, plan
from shelfgate.warehouse.engines.snowflake.key_pair import Identity
from shelfgate.warehouse.engines.snowflake.warehouse import Account, SnowflakeSession, SnowflakeWarehouse

PASSPHRASE = "of-these-tests"
BUCKET, PREFIX = "landing", "inbound/inventory/"
NAMES = "shelfgate_"
_numbers = itertools.count(1)


def named(workload: str) -> str:
    """The account's name for one of USERS; any other name as it is."""
    return f"{NAMES}{workload}" if workload in USERS else workload


@dataclass(frozen=True)
class Estate:
    """The emulator, the bucket that its stages read, and a key a user."""

    emulator: Emulator
    keys: dict[str, KeyPair]
    s3: Any

    def identity(self, user: str, role: str | None = None) -> Identity:
        key = self.emulator.admin if user == ADMIN else self.keys[user]
        name = named(user)
        return Identity(name, role or name.upper(), key.private_file, key.passphrase)

    def warehouse(
        self, database: str, user: str, role: str | None = None, warehouse: str = "SHELFGATE_BUILD"
    ) -> SnowflakeWarehouse:
        account = Account("EMULATED", database, warehouse, "127.0.0.1", self.emulator.port, "http", 20.0, 120)
        return SnowflakeWarehouse(account, self.identity(user, role), self.identity("transformer"))

    def hook(self, name: str, **said: Any) -> Any:
        url = f"{self.emulator.url}/_emulator/{name}"
        method = "POST" if said or name == "expire" else "GET"
        headers = {"Authorization": f"Bearer {self.emulator.token}"}
        return httpx.request(method, url, headers=headers, json=said or None).json()

    def values(self, database: str) -> dict[str, str]:
        return {
            "names": NAMES,
            "database": database,
            "bucket": BUCKET,
            "prefix": PREFIX,
            "storage_role_arn": "arn:aws:iam::123456789012:role/shelfgate-landing",
            "credits_a_month": "100",
        }

    def public_keys(self) -> Path:
        return self.emulator.folder / "public"


@dataclass(frozen=True)
class Installed:
    """A database as `shelfgate snowflake apply` leaves it."""

    estate: Estate
    database: str

    def warehouse(self, user: str, role: str | None = None) -> SnowflakeWarehouse:
        return self.estate.warehouse(self.database, user, role)


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with estate_in(tmp_path_factory.mktemp("snowflake")) as one:
        yield one


@contextmanager
def estate_in(folder: Path) -> Iterator[Estate]:
    """An emulated account, the bucket that its stages read, and a key a user."""
    import boto3
    from moto.server import ThreadedMotoServer

    with ExitStack() as undo:
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        undo.callback(server.stop)
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id="t", aws_secret_access_key="t", region_name="us-east-1"
        )
        s3.create_bucket(Bucket=BUCKET)
        emulator = start(folder, s3_endpoint=endpoint, more=("--idle-seconds", "2"))
        undo.callback(emulator.stop)
        keys = {user: make_key(folder, user, PASSPHRASE) for user in USERS}
        public = folder / "public"
        public.mkdir()
        for user, key in keys.items():
            text = f"-----BEGIN PUBLIC KEY-----\n{key.public}\n-----END PUBLIC KEY-----\n"
            (public / f"{user}.pub").write_text(text)
        yield Estate(emulator, keys, s3)


def install_database(estate: Estate, name: str) -> Installed:
    with estate.warehouse(name, ADMIN, "ACCOUNTADMIN").turn() as session:
        apply(session, plan(estate.values(name), estate.public_keys()))
    return Installed(estate, name)


@pytest.fixture(scope="module")
def installed(estate: Estate) -> Installed:
    """One database for the tests of a module."""
    return install_database(estate, f"RETAIL_{next(_numbers)}")


@pytest.fixture
def fresh(estate: Estate) -> Installed:
    """A database that no other test sees."""
    return install_database(estate, f"RETAIL_{next(_numbers)}")


@pytest.fixture
def scratch(estate: Estate) -> Iterator[SnowflakeSession]:
    """An administrator's session in an empty database."""
    name = f"SCRATCH_{next(_numbers)}"
    with estate.warehouse(name, ADMIN, "ACCOUNTADMIN").turn() as session:
        session.run(f"create database {name}")
        yield session
        session.run(f"drop database {name}")


def another(estate: Estate, session: SnowflakeSession) -> SnowflakeWarehouse:
    """The same database for a second session."""
    database = session.rows("select current_database() as name")[0]["name"]
    return estate.warehouse(database, ADMIN, "ACCOUNTADMIN")
