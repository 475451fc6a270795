"""Where an account is, is the connector's to say; what is no account identifier is exit status 2 before any login."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from inventory_loader.engines import snowflake_login as loader_session
from inventory_loader.errors import ConfigurationError as LoaderConfigurationError
from snowflake.connector import SnowflakeConnection

from sandbox.snowflake.emulator_process import KeyPair, make_key
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from tests.integration.deployments.test_lambda_template import source

__all__ = ["source"]

HOSTS = {
    "MYORG-MYACCOUNT": ("MYORG-MYACCOUNT.snowflakecomputing.com", "MYORG-MYACCOUNT"),
    "xy12345.eu-central-1": ("xy12345.eu-central-1.snowflakecomputing.com", "xy12345"),
    "xy12345.west-europe.azure": ("xy12345.west-europe.azure.snowflakecomputing.com", "xy12345"),
    "xy12345.cn-northwest-1.aws": ("xy12345.cn-northwest-1.aws.snowflakecomputing.cn", "xy12345"),
    "acme-snowflake.eu-central-1": ("acme-snowflake.eu-central-1.snowflakecomputing.com", "acme-snowflake"),
    "my_org-acc.privatelink": ("my_org-acc.privatelink.snowflakecomputing.com", "my_org-acc"),
}
NO_NAMES = (
    "https://myorg-acc.snowflakecomputing.com",
    "myorg-acc.snowflakecomputing.com",
    "MYORG-ACC.SnowflakeComputing.com",
    "xy12345.cn-northwest-1.aws.snowflakecomputing.cn",
    "https://app.snowflake.com/myorg/acc/#/worksheets",
    "app.snowflake.com",
    "myorg/acc",
    "myorg acc",
    " myorg-acc",
    "myorg..acc",
    "acc.",
    "user@acc",
    "acc:443",
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("key"), "publisher", "of-this-test")


def warehouse(account: str, key: KeyPair, **more: Any) -> SnowflakeWarehouse:
    given = {
        "snowflake_account": account,
        "snowflake_database": "shelfgate",
        "snowflake_warehouse": "build",
        "snowflake_user": "publisher",
        "snowflake_role": "publisher",
        "snowflake_private_key_path": key.private_file,
        "snowflake_private_key_passphrase": key.passphrase,
        "snowflake_build_user": "transformer",
        "snowflake_build_role": "transformer",
        "snowflake_build_private_key_path": key.private_file,
        "snowflake_build_private_key_passphrase": key.passphrase,
    }
    return SnowflakeWarehouse.of(Settings(**(given | more)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Host and account of each login that the connector was about to begin."""
    found: list[tuple[str, str]] = []

    def open_connection(connection: SnowflakeConnection) -> None:
        found.append((connection.host, connection.account))
        raise ConnectionAbortedError

    monkeypatch.setattr(SnowflakeConnection, "_SnowflakeConnection__open_connection", open_connection)
    return found


@pytest.mark.parametrize("account", HOSTS)
def test_every_client_goes_where_the_connector_goes(
    account: str, key: KeyPair, asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = warehouse(account, key)
    engine = sa.create_engine(opened.sqlalchemy_url, connect_args=opened.sqlalchemy_arguments)

    with pytest.raises(ConnectionAbortedError), opened.turn():
        pytest.fail("logged in")
    with pytest.raises(ConnectionAbortedError), engine.connect():
        pytest.fail("logged in")
    with pytest.raises(ConnectionAbortedError):
        loader_session.open_session(of_the_loader(account, key), run_id="r", seconds_left=30)

    assert asked == [HOSTS[account]] * 3
    # dbt-snowflake leaves an empty host out, so that the connector decides there, too.
    assert opened.dbt_environment["SNOWFLAKE_HOST"] == ""
    assert opened.dbt_environment["SNOWFLAKE_ACCOUNT"] == account


def test_a_host_that_is_set_is_asked(key: KeyPair, asked: list[tuple[str, str]]) -> None:
    opened = warehouse("MYORG-ACC", key, snowflake_host="myorg-acc.snowflakecomputing.cn")
    engine = sa.create_engine(opened.sqlalchemy_url, connect_args=opened.sqlalchemy_arguments)

    with pytest.raises(ConnectionAbortedError), opened.turn():
        pytest.fail("logged in")
    with pytest.raises(ConnectionAbortedError), engine.connect():
        pytest.fail("logged in")

    assert asked == [("myorg-acc.snowflakecomputing.cn", "MYORG-ACC")] * 2
    assert opened.dbt_environment["SNOWFLAKE_HOST"] == "myorg-acc.snowflakecomputing.cn"


@pytest.mark.parametrize("account", NO_NAMES)
def test_what_is_no_account_name_is_a_configuration_error(account: str, key: KeyPair, source: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"SHELFGATE_SNOWFLAKE_ACCOUNT .*MYORG-MYACCOUNT"):
        warehouse(account, key)
    with pytest.raises(LoaderConfigurationError, match=r"SNOWFLAKE_ACCOUNT .*MYORG-MYACCOUNT"):
        loader_session.open_session(of_the_loader(account, key), run_id="r", seconds_left=30)

    allowed = source["Parameters"]["SnowflakeAccount"]["AllowedPattern"]
    assert not re.fullmatch(allowed, account)
    assert all(re.fullmatch(allowed, good) for good in HOSTS)


def of_the_loader(account: str, key: KeyPair) -> dict[str, str]:
    named = {f"SNOWFLAKE_{name}": "X" for name in ("USER", "ROLE", "WAREHOUSE", "DATABASE")}
    return named | {
        "SNOWFLAKE_ACCOUNT": account,
        "SNOWFLAKE_PRIVATE_KEY_PATH": str(Path(key.private_file)),
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": key.passphrase,
    }
