"""`shelfgate airbyte apply` against the stand-in: a plan changes nothing, an apply settles, drift is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner, Result

from cli import main
from sandbox.airbyte.api_server import BASE_PATH, airbyte_app
from sandbox.airbyte.declared_environment import declared_environment
from sandbox.airbyte.source import SCHEMA, STREAMS
from sandbox.airbyte.workspace_registry import DECLARATIONS
from shelfgate.clients.airbyte.declarations import read_declarations
from shelfgate.clients.airbyte.http_session import AirbyteSession
from shelfgate.clients.airbyte.workspace import Workspace
from shelfgate.errors import ConfigurationError, PermanentFailure
from tests.contract.airbyte.airbyte_connection import CONNECTION, Connection, configured, connected
from tests.contract.airbyte.test_airbyte_faults import NO_SOURCE, Fault, Faulty
from tests.contract.serving import served

PASSWORD, KEY = "canary-of-the-source", "canary-of-the-key"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(NO_SOURCE, tmp_path)) as connection:
        yield connection


@pytest.fixture
def declarations(tmp_path: Path) -> Path:
    """A copy under other names: three resources that the workspace does not have yet."""
    folder = tmp_path / "declared"
    shutil.copytree(DECLARATIONS, folder)
    for file in folder.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        for name in ("retail-postgres", "warehouse-snowflake"):
            text = text.replace(name, f"second-{name}")
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def environment(connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    values = {
        **declared_environment(NO_SOURCE),
        "SHELFGATE_HOME": str(tmp_path),
        "SHELFGATE_AIRBYTE_URL": connection.url,
        "SHELFGATE_AIRBYTE_CLIENT_ID": "shop",
        "SHELFGATE_AIRBYTE_CLIENT_SECRET": "shop-secret",
        "SHELFGATE_AIRBYTE_WORKSPACE_ID": connection.config.workspace_id,
        "SHELFGATE_AIRBYTE_CONNECTION_ID": CONNECTION,
        "SHELFGATE_AIRBYTE_SOURCE_PASSWORD": PASSWORD,
        "SHELFGATE_AIRBYTE_DESTINATION_PRIVATE_KEY": KEY,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def run(*arguments: str) -> Result:
    found = CliRunner().invoke(main.cli, ["airbyte", "apply", *arguments], standalone_mode=False)
    told = found.output + repr(found.exception)
    assert PASSWORD not in told
    assert KEY not in told
    return found


def answered(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)


def http(connection: Connection) -> httpx.Client:
    body = {"client_id": "shop", "client_secret": "shop-secret"}
    token = httpx.post(f"{connection.url}/applications/token", json=body).json()["access_token"]
    return httpx.Client(base_url=connection.url, headers={"authorization": f"Bearer {token}"})


def test_the_sandbox_has_what_is_declared(environment: dict[str, str]) -> None:
    planned = run("--plan")

    assert planned.exit_code == 0, planned.output
    assert "nothing to do: Airbyte has what is declared" in planned.stdout


def test_the_declared_streams_are_those_that_the_sandbox_moves() -> None:
    (connection,) = [
        one for one in read_declarations(DECLARATIONS, declared_environment(NO_SOURCE)) if one.kind == "connection"
    ]
    streams = connection.body["configurations"]["streams"]

    declared = [(one["namespace"], one["name"], tuple(k for (k,) in one.get("primaryKey", []))) for one in streams]
    assert declared == [(SCHEMA, stream.name, stream.key) for stream in STREAMS]
    assert len(declared) == 14


def test_a_plan_changes_nothing_an_apply_creates_and_a_second_has_nothing_to_do(
    connection: Connection, environment: dict[str, str], declarations: Path
) -> None:
    planned = run("--plan", "--folder", str(declarations), "--json")
    assert planned.exit_code == 7
    assert [change["action"] for change in answered(planned)["changes"]] == ["create"] * 3
    with http(connection) as bare:
        assert len(bare.get("sources").json()["data"]) == 1

    applied = answered(run("--folder", str(declarations), "--json"))
    again = run("--folder", str(declarations), "--json")

    assert applied["differs"]
    assert [change["kind"] for change in applied["changes"]] == ["source", "destination", "connection"]
    assert not answered(again)["differs"]
    assert answered(again)["connection_ids"] == applied["connection_ids"]
    assert f"set it to {applied['connection_ids'][0]}" in again.stderr
    with http(connection) as bare:
        assert [len(bare.get(kind).json()["data"]) for kind in ("sources", "destinations", "connections")] == [2] * 3
        made = bare.get(f"connections/{applied['connection_ids'][0]}").json()
    assert made["schedule"] == {"scheduleType": "manual"}
    assert len(made["configurations"]["streams"]) == 14


DRIFTS: list[tuple[str, dict[str, Any], str]] = [
    ("connections", {"status": "inactive"}, "status: 'inactive' -> 'active'"),
    ("connections", {"prefix": "raw_"}, "prefix: 'raw_' -> ''"),
    ("connections", {"configurations": {"streams": [{"name": "item"}]}}, "configurations.streams.web_sales: None"),
    (
        "connections",
        {"nonBreakingSchemaUpdatesBehavior": "ignore"},
        "nonBreakingSchemaUpdatesBehavior: 'ignore' -> 'propagate_columns'",
    ),
    ("sources", {"configuration": {"host": "elsewhere"}}, "configuration.host: 'elsewhere' -> '127.0.0.1'"),
    (
        "sources",
        {"configuration": {"ssl_mode": {"mode": "allow"}}},
        "configuration.ssl_mode.mode: 'allow' -> 'disable'",
    ),
    ("destinations", {"configuration": {"role": "ADMIN"}}, "configuration.role: 'ADMIN' -> 'SANDBOX'"),
]


@pytest.mark.parametrize(("kind", "change", "told"), DRIFTS, ids=[told.partition(":")[0] for _, _, told in DRIFTS])
def test_drift_is_told_and_mended(
    connection: Connection, environment: dict[str, str], kind: str, change: dict[str, Any], told: str
) -> None:
    with http(connection) as bare:
        (found,) = bare.get(kind).json()["data"]
        bare.patch(f"{kind}/{found[kind[:-1] + 'Id']}", json=change).raise_for_status()

    planned = run("--plan")
    assert planned.exit_code == 7
    assert told in planned.stdout
    assert run("--plan").exit_code == 7, "a plan changes nothing"
    assert run().exit_code == 0

    assert run("--plan").exit_code == 0


def test_a_stream_that_is_there_and_not_declared_is_drift(environment: dict[str, str], declarations: Path) -> None:
    run("--folder", str(declarations))
    file = declarations / "connection.yaml"
    fewer = yaml.safe_load(file.read_text(encoding="utf-8"))
    fewer["streams"] = fewer["streams"][:-1]
    file.write_text(yaml.safe_dump(fewer), encoding="utf-8")

    planned = run("--plan", "--folder", str(declarations))

    assert planned.exit_code == 7
    assert "configurations.streams.ship_mode: 'a stream' -> None" in planned.stdout
    assert run("--folder", str(declarations)).exit_code == 0
    assert run("--plan", "--folder", str(declarations)).exit_code == 0


def test_a_secret_is_sent_again_when_told_to(connection: Connection, environment: dict[str, str]) -> None:
    assert "nothing to do" in run().stdout
    assert "source retail-postgres: update" in run("--resend-secrets").stdout


def test_names_that_are_not_set_are_told_together_and_nothing_is_sent(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHELFGATE_AIRBYTE_SOURCE_HOST")
    monkeypatch.delenv("SHELFGATE_AIRBYTE_DESTINATION_ROLE")

    found = run("--plan").exception

    assert isinstance(found, ConfigurationError)
    assert "SHELFGATE_AIRBYTE_DESTINATION_ROLE, SHELFGATE_AIRBYTE_SOURCE_HOST: not set" in str(found)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("source.yaml", "kind: source", "kind: sauce", "kind 'sauce'; wanted one of source"),
        ("source.yaml", "name: second-retail-postgres\n", "", "a source has"),
        ("source.yaml", "schemas: [public]", "schemas: [public", "no YAML"),
        ("source.yaml", "{env: SHELFGATE_AIRBYTE_SOURCE_PORT", "{env: SHELFGATE_AIRBYTE_SOURCE_HOST", "whole number"),
        ("connection.yaml", "source: second-retail-postgres\n", "source: other\n", "which is not declared"),
        ("connection.yaml", "{name: web_sales,", "{name: catalog_sales,", "declared twice"),
    ],
)
def test_a_declaration_of_another_form_is_a_configuration_error(
    environment: dict[str, str], declarations: Path, file: str, old: str, new: str, told: str
) -> None:
    text = (declarations / file).read_text(encoding="utf-8")
    assert old in text
    (declarations / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(ConfigurationError, match=told):
        read_declarations(declarations, environment)


def test_two_of_one_name_are_not_guessed_between(connection: Connection, environment: dict[str, str]) -> None:
    with http(connection) as bare:
        (source,) = bare.get("sources").json()["data"]
        twin = {key: source[key] for key in ("name", "workspaceId", "configuration")}
        bare.post("sources", json=twin).raise_for_status()

    found = run().exception

    assert isinstance(found, ConfigurationError)
    assert "2 sources named retail-postgres" in str(found)


def test_a_connection_with_another_source_is_refused(connection: Connection, environment: dict[str, str]) -> None:
    with http(connection) as bare:
        (source,) = bare.get("sources").json()["data"]
        bare.patch(f"sources/{source['sourceId']}", json={"name": "somebody-elses"}).raise_for_status()

    found = run("--plan").exception

    assert isinstance(found, ConfigurationError)
    assert "has another source than retail-postgres, and Airbyte cannot change that" in str(found)


@pytest.mark.parametrize(
    "fault", [Fault("POST", "/sources", status=504, carried_out=True), Fault("POST", "/sources", status=503)]
)
def test_a_creation_whose_answer_got_lost_happens_once(tmp_path: Path, declarations: Path, fault: Fault) -> None:
    config = configured(NO_SOURCE, tmp_path)
    faulty = Faulty(airbyte_app(config))
    with served(faulty) as address:
        faulty.script = [fault]
        session = AirbyteSession(address + BASE_PATH, "shop", "shop-secret")
        workspace = Workspace(session, config.workspace_id, sleep=lambda _: None)
        declared = read_declarations(declarations, declared_environment(NO_SOURCE))

        assert [change.action for change in workspace.apply(declared)] == ["create"] * 3
        assert [change.action for change in workspace.plan(declared)] == ["unchanged"] * 3


def test_an_airbyte_that_does_not_keep_what_it_took_is_told(tmp_path: Path) -> None:
    config = configured(NO_SOURCE, tmp_path)
    faulty = Faulty(airbyte_app(config))
    with served(faulty) as address:
        session = AirbyteSession(address + BASE_PATH, "shop", "shop-secret")
        workspace = Workspace(session, config.workspace_id, sleep=lambda _: None)
        environment = declared_environment(NO_SOURCE) | {"SHELFGATE_AIRBYTE_SOURCE_USER": "another"}
        faulty.script = [Fault("PATCH", "/sources", status=200, body="{}")]

        with pytest.raises(
            PermanentFailure, match=r"tells something else: source retail-postgres: configuration\.user"
        ):
            workspace.apply(read_declarations(DECLARATIONS, environment))
