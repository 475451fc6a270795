"""Who gets in: the emulator checks keys and tokens as documented, and the product never offers a password.

[Key-pair authentication and key-pair rotation], [Workload identity federation].
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import connect
from snowflake.connector.errors import DatabaseError

from sandbox.snowflake.emulator_process import ADMIN, make_key, start
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings
from shelfgate.warehouse import open_warehouse
from shelfgate.warehouse.engines.snowflake.key_pair import Identity
from shelfgate.warehouse.engines.snowflake.warehouse import Account, SnowflakeSession, SnowflakeWarehouse
from tests.snowflake.conftest import Estate, Installed


def whoami(warehouse: SnowflakeWarehouse) -> tuple[str, str]:
    with warehouse.turn() as session:
        row = session.rows("select current_user() as who, current_role() as role")[0]
    return row["who"], row["role"]


def identity_with(key: Any, **given: Any) -> Identity:
    return Identity(
        **{
            "user": "shelfgate_loader",
            "role": "SHELFGATE_LOADER",
            "private_key": key.private_file,
            "passphrase": key.passphrase,
            **given,
        }
    )


def test_a_service_user_logs_in_with_its_own_key(installed: Installed) -> None:
    assert whoami(installed.warehouse("loader")) == ("SHELFGATE_LOADER", "SHELFGATE_LOADER")


@pytest.mark.parametrize("user", ["shelfgate_loader", "nobody"])
def test_another_key_or_an_unknown_user_is_refused(installed: Installed, user: str, tmp_path: Path) -> None:
    stranger = make_key(tmp_path, "stranger", "x")

    with pytest.raises(ConfigurationError, match=r"390144|390100"):
        whoami(installed.warehouse("loader").acting_as(identity_with(stranger, user=user)))


def test_a_role_that_is_not_granted_is_refused(installed: Installed) -> None:
    with pytest.raises(ConfigurationError, match="390189"):
        whoami(installed.warehouse("loader", "SHELFGATE_PUBLISHER"))


def test_a_password_is_refused_by_the_emulator(estate: Estate) -> None:
    with pytest.raises(DatabaseError, match="Incorrect username or password"):
        connect(
            account="EMULATED",
            user=ADMIN,
            password="right-or-wrong",
            host="127.0.0.1",
            port=estate.emulator.port,
            protocol="http",
            login_timeout=5,
        )


def test_a_key_is_replaced_without_a_moment_in_which_nobody_gets_in(
    installed: Installed, scratch: SnowflakeSession, tmp_path: Path
) -> None:
    loader = installed.warehouse("loader")
    new = make_key(tmp_path, "new", "y")
    renewed = loader.acting_as(identity_with(new))
    scratch.run(f"alter user shelfgate_loader set rsa_public_key_2 = '{new.public}'")
    assert (whoami(loader), whoami(renewed)) == (
        ("SHELFGATE_LOADER", "SHELFGATE_LOADER"),
        ("SHELFGATE_LOADER", "SHELFGATE_LOADER"),
    )
    scratch.run("alter user shelfgate_loader unset rsa_public_key")

    assert whoami(renewed) == ("SHELFGATE_LOADER", "SHELFGATE_LOADER")
    with pytest.raises(ConfigurationError, match="390144"):
        whoami(loader)
    old = installed.estate.keys["loader"].public
    scratch.run(f"alter user shelfgate_loader set rsa_public_key = '{old}'")
    scratch.run("alter user shelfgate_loader unset rsa_public_key_2")


def test_a_disabled_user_is_refused(installed: Installed, scratch: SnowflakeSession) -> None:
    scratch.run("alter user shelfgate_airbyte set disabled = true")
    with pytest.raises(ConfigurationError, match="390101"):
        whoami(installed.warehouse("airbyte"))
    scratch.run("alter user shelfgate_airbyte unset disabled")

    assert whoami(installed.warehouse("airbyte"))[0] == "SHELFGATE_AIRBYTE"


def test_a_session_that_has_expired_is_renewed_by_the_client(installed: Installed) -> None:
    with installed.warehouse("loader").turn() as session:
        before = session.rows("select current_session() as id")
        installed.estate.hook("expire")

        assert session.rows("select current_session() as id") == before


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("open", "encrypted PKCS#8"),
        ("locked", "does not open"),
        ("missing", "is not there"),
        ("short", "at least 2048"),
    ],
)
def test_a_key_that_is_open_locked_missing_or_short_is_a_configuration_error(
    kind: str, wanted: str, tmp_path: Path
) -> None:
    file = tmp_path / "key.p8"
    size = 1024 if kind == "short" else 2048
    secret = serialization.NoEncryption() if kind == "open" else serialization.BestAvailableEncryption(b"right")
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    if kind != "missing":
        file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))

    with pytest.raises(ConfigurationError, match=wanted) as caught:
        Identity("u", "R", file, "wrong" if kind == "locked" else "right").login()

    assert "right" not in str(caught.value)


def test_a_key_and_a_workload_identity_together_are_a_configuration_error(tmp_path: Path) -> None:
    for given in ({}, {"private_key": tmp_path / "k", "provider": "AWS"}):
        with pytest.raises(ConfigurationError, match="one of them only"):
            Identity("u", "R", **given)


# What the settings let through


def test_settings_refuse_a_password_and_plain_http(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PASSWORD", "geheim")
    with pytest.raises(ConfigurationError, match="a password is never used") as caught:
        Settings.load()
    assert "geheim" not in str(caught.value)
    monkeypatch.delenv("SHELFGATE_SNOWFLAKE_PASSWORD")
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PROTOCOL", "http")
    with pytest.raises(ConfigurationError, match="http is for this machine only"):
        Settings.load()


def test_the_settings_open_the_warehouse_and_show_no_secret(
    installed: Installed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = installed.estate.keys["publisher"]
    given = {
        "HOME": tmp_path,
        "TARGET": "snowflake",
        "SNOWFLAKE_ACCOUNT": "EMULATED",
        "SNOWFLAKE_DATABASE": installed.database,
        "SNOWFLAKE_WAREHOUSE": "SHELFGATE_BUILD",
        "SNOWFLAKE_USER": "shelfgate_publisher",
        "SNOWFLAKE_ROLE": "SHELFGATE_PUBLISHER",
        "SNOWFLAKE_PRIVATE_KEY_PATH": key.private_file,
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": key.passphrase,
        "SNOWFLAKE_BUILD_USER": "shelfgate_transformer",
        "SNOWFLAKE_BUILD_ROLE": "SHELFGATE_TRANSFORMER",
        "SNOWFLAKE_BUILD_PRIVATE_KEY_PATH": installed.estate.keys["transformer"].private_file,
        "SNOWFLAKE_BUILD_PRIVATE_KEY_PASSPHRASE": key.passphrase,
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": installed.estate.emulator.port,
        "SNOWFLAKE_PROTOCOL": "http",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SHELFGATE_{name}", str(value))
    settings = Settings.load()
    warehouse = open_warehouse(settings)

    assert isinstance(warehouse, SnowflakeWarehouse)
    assert whoami(warehouse) == ("SHELFGATE_PUBLISHER", "SHELFGATE_PUBLISHER")
    assert key.passphrase not in repr(settings) + repr(warehouse.identity) + warehouse.sqlalchemy_url
    assert warehouse.dbt_environment["SNOWFLAKE_USER"] == "shelfgate_transformer"


# Workload identity: the emulator is told one issuer and its key


ISSUER = "https://token.actions.example"


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Estate, rsa.RSAPrivateKey]]:
    folder = tmp_path_factory.mktemp("federation")
    issuer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = issuer.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "issuer.pem").write_bytes(pem)
    emulator = start(folder, more=("--issuer", f"{ISSUER}={folder / 'issuer.pem'}"))
    try:
        one = Estate(emulator, {"transformer": emulator.admin}, None)
        with one.warehouse("NONE", ADMIN, "ACCOUNTADMIN").turn() as session:
            session.run("create role shelfgate_loader")
            session.run(
                "create user shelfgate_loader type = service default_role = shelfgate_loader "
                f"workload_identity = (type = oidc issuer = '{ISSUER}' subject = 'repo:shop/pipeline')"
            )
            session.run("grant role shelfgate_loader to user shelfgate_loader")
        yield one, issuer
    finally:
        emulator.stop()


@pytest.fixture
def by_name(federation: tuple[Estate, rsa.RSAPrivateKey], monkeypatch: pytest.MonkeyPatch) -> SnowflakeWarehouse:
    """The connector sends a workload's token to hosts of Snowflake's only: the name of one leads to the emulator."""
    estate, _ = federation
    host, real = "emulated.snowflakecomputing.com", socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda name, *given, **more: real("127.0.0.1" if name == host else name, *given, **more)
    )
    account = Account("EMULATED", "NONE", "NONE", host, estate.emulator.port, "http", 5.0, 60)
    return SnowflakeWarehouse(account, estate.identity(ADMIN), estate.identity(ADMIN))


@pytest.mark.parametrize(
    ("claims", "gets_in"),
    [
        ({}, True),
        ({"sub": "repo:somebody/else"}, False),
        ({"iss": "https://other.example"}, False),
        ({"aud": "other"}, False),
        ({"exp": 1}, False),
    ],
)
def test_a_workload_gets_in_with_a_token_of_its_issuer_and_subject(
    federation: tuple[Estate, rsa.RSAPrivateKey],
    by_name: SnowflakeWarehouse,
    tmp_path: Path,
    claims: dict[str, Any],
    gets_in: bool,
) -> None:
    _, issuer = federation
    said = {
        "iss": ISSUER,
        "sub": "repo:shop/pipeline",
        "aud": "snowflakecomputing.com",
        "exp": time.time() + 60,
        **claims,
    }
    token = tmp_path / "token"
    token.write_text(jwt.encode(said, issuer, algorithm="RS256"))
    who = Identity("shelfgate_loader", "SHELFGATE_LOADER", provider="OIDC", token_file=token)
    warehouse = by_name.acting_as(who)

    if gets_in:
        assert whoami(warehouse) == ("SHELFGATE_LOADER", "SHELFGATE_LOADER")
    else:
        with pytest.raises(ConfigurationError, match="394509"):
            whoami(warehouse)


def test_a_token_signed_by_somebody_else_is_refused(by_name: SnowflakeWarehouse, tmp_path: Path) -> None:
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    said = {"iss": ISSUER, "sub": "repo:shop/pipeline", "aud": "snowflakecomputing.com", "exp": time.time() + 60}
    token = tmp_path / "token"
    token.write_text(jwt.encode(said, forger, algorithm="RS256"))

    with pytest.raises(ConfigurationError, match="394509"):
        whoami(by_name.acting_as(Identity("shelfgate_loader", "SHELFGATE_LOADER", provider="OIDC", token_file=token)))
