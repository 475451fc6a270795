"""Users and keys of Snowflake from Prefect blocks: a real Prefect API holds them, real clients log in with them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from dbt.cli.main import dbtRunner
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.runtime import flow_run
from prefect_snowflake import SnowflakeCredentials
from pydantic import SecretBytes, SecretStr

from sandbox.snowflake.emulator_process import KeyPair, make_key
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from shelfgate.settings import Settings
from shelfgate.warehouse import open_warehouse
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from tasks.connect import connect, connect_to_read
from tasks.snowflake_blocks import with_keys
from tests.snowflake import conftest as of_snowflake
from tests.snowflake.conftest import Installed
from tests.support.documentation import DocumentedPage
from tests.support.small_warehouse import PROJECT

estate, installed = of_snowflake.estate, of_snowflake.installed

CANARY = "canary-passphrase"
Setting = Callable[..., None]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_key(tmp_path_factory.mktemp("keys"), "publisher", CANARY)


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Sets SHELFGATE_<name>; as every deployment has it before a block is named."""

    def put(**given: object) -> None:
        for name, value in given.items():
            monkeypatch.setenv(f"SHELFGATE_{name}", str(value))

    put(HOME=tmp_path, TARGET="snowflake", SNOWFLAKE_DATABASE="retail", SNOWFLAKE_WAREHOUSE="SHELFGATE_BUILD")
    return put


def saved(name: str, key: KeyPair, **given: Any) -> str:
    """A block as docs/snowflake-keys.md has it saved; `None` takes a field out."""
    fields = {
        "account": "EMULATED",
        "user": "shelfgate_publisher",
        "role": "SHELFGATE_PUBLISHER",
        "authenticator": "snowflake_jwt",
        "private_key": SecretBytes(key.private_file.read_bytes()),
        "private_key_passphrase": SecretStr(key.passphrase),
        **given,
    }
    block = SnowflakeCredentials(**{field: value for field, value in fields.items() if value is not None})
    block.save(name, overwrite=True)
    return name


@flow(name="log-in-by-blocks", persist_result=False)
def log_in_by_blocks() -> tuple[str, str, dict[str, str]]:
    settings = Settings.load()
    warehouse = connect(settings)
    get_run_logger().info("settings %r and, with the keys, %r", settings, with_keys(settings))
    with warehouse.turn() as session:
        who = session.rows("select current_user() || ' as ' || current_role() as who")[0]["who"]
    return str(flow_run.get_id()), who, dict(warehouse.dbt_environment)


def test_the_blocks_of_the_page_log_in(
    installed: Installed, prefect_server: str, setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/snowflake-keys.md: its code saves the blocks, its settings name them."""
    page = DocumentedPage("snowflake-keys.md")
    emulator, keys = installed.estate.emulator, installed.estate.keys
    for workload in ("publisher", "transformer"):
        shutil.copy(keys[workload].private_file, tmp_path / f"{workload}.p8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("getpass.getpass", lambda _: keys["publisher"].passphrase)
    (code,) = page.python()

    exec(compile(code.replace("<organisation>-<account>", "EMULATED"), "snowflake-keys.md", "exec"), {})  # noqa: S102
    for name in ("SHELFGATE_SNOWFLAKE_BLOCK=", "SHELFGATE_SNOWFLAKE_BUILD_BLOCK="):
        (line,) = page.inline(name)
        monkeypatch.setenv(*line.split("="))
    setting(SNOWFLAKE_HOST="127.0.0.1", SNOWFLAKE_PORT=emulator.port, SNOWFLAKE_PROTOCOL="http")
    setting(SNOWFLAKE_DATABASE=installed.database)
    _, who, environment = log_in_by_blocks()

    assert who == "SHELFGATE_PUBLISHER as SHELFGATE_PUBLISHER"
    assert user_of_dbt(environment, tmp_path) == "SHELFGATE_TRANSFORMER"


def test_a_deployment_logs_in_and_builds_with_the_keys_of_its_blocks_and_shows_none(
    installed: Installed, prefect_server: str, setting: Setting, tmp_path: Path
) -> None:
    emulator, keys = installed.estate.emulator, installed.estate.keys
    setting(SNOWFLAKE_HOST="127.0.0.1", SNOWFLAKE_PORT=emulator.port, SNOWFLAKE_PROTOCOL="http")
    setting(SNOWFLAKE_DATABASE=installed.database)
    transformer = {"user": "shelfgate_transformer", "role": "SHELFGATE_TRANSFORMER"}
    setting(SNOWFLAKE_BLOCK=saved("publisher", keys["publisher"]))
    setting(SNOWFLAKE_BUILD_BLOCK=saved("transformer", keys["transformer"], **transformer))

    run_id, who, environment = log_in_by_blocks()

    assert who == "SHELFGATE_PUBLISHER as SHELFGATE_PUBLISHER"
    assert user_of_dbt(environment, tmp_path) == "SHELFGATE_TRANSFORMER"
    client = get_client(sync_client=True)
    run = client.read_flow_run(UUID(run_id))
    logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run_id)])))
    told = json.dumps(run.parameters) + "".join(log.message for log in logs) + answers_of(prefect_server)
    written = "".join(one.read_text(errors="replace") for one in tmp_path.rglob("*") if one.is_file())
    assert {"dbt.log", "partial_parse.msgpack"} <= {one.name for one in tmp_path.rglob("*")}
    assert any("settings" in log.message for log in logs)
    for pair in (keys["publisher"], keys["transformer"]):
        for secret in (pair.passphrase, pair.private_file.read_text().splitlines()[5]):
            assert secret not in told
            assert secret not in written


def user_of_dbt(environment: dict[str, str], folder: Path) -> str:
    """Who dbt logs in as, with what it reads of its environment; it leaves its logs and what it parsed in `folder`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", folder / "target"]
        logged = ["--quiet", "--log-level-file", "debug", "--log-path", folder / "logs"]
        asked = ["show", "--inline", "select current_user() as who", "--vars", "{business_date: 2003-01-08}"]
        ran = dbtRunner().invoke([str(one) for one in (*logged, *asked, *folders)])
    assert ran.success, ran.exception
    found: Any = ran.result
    return found.results[0].agate_table.rows[0]["WHO"]


def answers_of(api: str) -> str:
    """What Prefect tells about blocks to whoever does not ask for secrets."""
    user, _, key = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
    documents = httpx.post(f"{api}/block_documents/filter", json={}, auth=(user, key)).raise_for_status().text
    types = httpx.post(f"{api}/block_types/filter", json={}, auth=(user, key)).raise_for_status().text
    assert '"publisher"' in documents
    return documents + types


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"password": SecretStr(CANARY), "private_key_passphrase": None}, "holds a password, which is never used"),
        ({"private_key": None, "private_key_path": "/keys/publisher.p8"}, "also holds private_key_path"),
        ({"authenticator": "oauth", "token": SecretStr(CANARY)}, "also holds token"),
        ({"authenticator": "externalbrowser"}, "its authenticator is externalbrowser"),
        ({"private_key_passphrase": None}, "one of the two is missing"),
    ],
)
def test_a_block_with_another_way_to_log_in_is_refused(
    prefect_server: str, setting: Setting, key: KeyPair, given: dict[str, Any], wanted: str
) -> None:
    setting(SNOWFLAKE_BLOCK=saved("another", key, **given))

    with pytest.raises(ConfigurationError, match=wanted) as refused:
        with_keys(Settings.load())

    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("SNOWFLAKE_PRIVATE_KEY_PATH", "/keys/publisher.p8", "SHELFGATE_SNOWFLAKE_PRIVATE_KEY_PATH are both given"),
        ("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", CANARY, "SHELFGATE_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE are both given"),
        ("SNOWFLAKE_WORKLOAD_IDENTITY", "AWS", "SHELFGATE_SNOWFLAKE_WORKLOAD_IDENTITY are both given"),
        ("SNOWFLAKE_USER", "loader", "SHELFGATE_SNOWFLAKE_USER is loader, the block .* says shelfgate_publisher"),
        ("SNOWFLAKE_ACCOUNT", "ANOTHER", "SHELFGATE_SNOWFLAKE_ACCOUNT is ANOTHER, the block .* says EMULATED"),
    ],
)
def test_a_block_and_a_setting_that_says_otherwise_are_refused(
    prefect_server: str, setting: Setting, key: KeyPair, field: str, value: str, wanted: str
) -> None:
    setting(SNOWFLAKE_BLOCK=saved("publisher", key), **{field: value})

    with pytest.raises(ConfigurationError, match=wanted) as refused:
        with_keys(Settings.load())

    assert CANARY not in str(refused.value)


def test_an_open_key_in_a_block_is_refused(prefect_server: str, setting: Setting, key: KeyPair) -> None:
    opened = b"-----BEGIN PRIVATE KEY-----\ncanary-of-a-key\n-----END PRIVATE KEY-----\n"
    setting(SNOWFLAKE_BLOCK=saved("open", key, private_key=SecretBytes(opened)))
    setting(SNOWFLAKE_BUILD_BLOCK=saved("transformer", key, user="shelfgate_transformer", role="SHELFGATE_TRANSFORMER"))

    warehouse = connect(Settings.load())
    with pytest.raises(ConfigurationError, match="must be encrypted PKCS#8") as refused, warehouse.turn():
        pass

    assert "canary" not in str(refused.value)


def test_a_key_pasted_without_its_line_breaks_still_opens(prefect_server: str, setting: Setting, key: KeyPair) -> None:
    pasted = key.private_file.read_text().replace("\n", " ")
    setting(SNOWFLAKE_BLOCK=saved("pasted", key, private_key=SecretBytes(f" {pasted}".encode())))
    setting(SNOWFLAKE_BUILD_BLOCK=saved("transformer", key, user="shelfgate_transformer", role="SHELFGATE_TRANSFORMER"))

    warehouse = connect(Settings.load())

    assert isinstance(warehouse, SnowflakeWarehouse)
    assert warehouse.identity.key()
    assert (warehouse.account.name, warehouse.identity.user, warehouse.builder.user) == (
        *("EMULATED", "shelfgate_publisher"),
        "shelfgate_transformer",
    )
    assert CANARY not in repr(warehouse.identity) + repr(warehouse.builder)


def test_a_block_that_is_not_there_and_a_silent_prefect_are_told_apart(
    prefect_server: str, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(SNOWFLAKE_BLOCK="nowhere")
    with pytest.raises(ConfigurationError, match="block snowflake-credentials/nowhere cannot be loaded"):
        with_keys(Settings.load())

    def silent(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(SnowflakeCredentials, "load", silent)
    with pytest.raises(ExternalServiceUnavailable, match="Prefect did not answer"):
        with_keys(Settings.load())


def test_a_command_that_reads_no_blocks_says_so(setting: Setting) -> None:
    setting(SNOWFLAKE_BLOCK="publisher", SNOWFLAKE_ACCOUNT="EMULATED")

    with pytest.raises(ConfigurationError, match="does not read blocks"):
        open_warehouse(Settings.load())


FLOWS_AND_COMMANDS = sorted((*(PROJECT.parent / "flows").rglob("*.py"), *(PROJECT.parent / "cli").rglob("*.py")))
PAST_THE_BLOCKS = re.compile(r"\b(?:open_warehouse|open_to_read|with_keys)\b")


def test_every_flow_and_command_that_opens_the_warehouse_reads_the_blocks_first() -> None:
    """`tasks/connect.py` reads them: nobody opens the warehouse in another way."""
    texts = {str(path.relative_to(PROJECT.parent)): path.read_text() for path in FLOWS_AND_COMMANDS}

    assert [name for name, text in texts.items() if PAST_THE_BLOCKS.search(text)] == []
    assert sum("from tasks.connect import" in text for text in texts.values()) > 5


def test_a_warehouse_without_an_account_reads_no_block(setting: Setting) -> None:
    setting(TARGET="duckdb", SNOWFLAKE_BLOCK="nowhere", SNOWFLAKE_BUILD_BLOCK="nowhere")

    assert connect(Settings.load()).engine == "duckdb"
    with connect_to_read(Settings.load()) as session:
        assert session.rows("select 1 as found") == [{"found": 1}]


def test_without_a_block_the_settings_stay_as_they_are(setting: Setting) -> None:
    setting(SNOWFLAKE_USER="publisher")
    settings = Settings.load()

    assert with_keys(settings) == settings
