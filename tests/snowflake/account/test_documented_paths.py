"""docs/snowflake.md and docs/aws.md done from the page: keys, account, secret, template, the loader's first dump."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from inventory_loader.errors import ConfigurationError as LoaderConfigurationError
from inventory_loader.handler import handler

from cli.main import cli
from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.warehouse.engines.snowflake.account_setup import USERS
from shelfgate.warehouse.engines.snowflake.key_pair import Identity
from shelfgate.warehouse.engines.snowflake.warehouse import Account, SnowflakeWarehouse
from tests.contract.inventory.inventory_landing import FIRST, ONE, Context, dump
from tests.integration.deployments.template_rules import FUNCTION
from tests.integration.deployments.test_lambda_template import TEMPLATE, translated
from tests.snowflake.conftest import BUCKET, PREFIX, Estate, estate_in
from tests.support.documentation import DocumentedPage

PASSPHRASE = "of-the-page"
DATABASE = "SHELFGATE"
PERSON = "a_person"
WORKED_AS = {"loader": "SHELFGATE_LOAD", "airbyte": "SHELFGATE_LOAD", "metabase_ro": "SHELFGATE_READ"}


@dataclass(frozen=True)
class Walked:
    """The account as its page leaves it, and the folder in which everything was typed."""

    estate: Estate
    folder: Path

    def warehouse(self, workload: str, key: str | None = None) -> SnowflakeWarehouse:
        compute = WORKED_AS.get(workload, "SHELFGATE_BUILD")
        where = Account("EMULATED", DATABASE, compute, "127.0.0.1", self.estate.emulator.port, "http", 20.0, 120)
        who = Identity(
            f"shelfgate_{workload}", f"shelfgate_{workload}", self.folder / (key or f"{workload}.p8"), PASSPHRASE
        )
        return SnowflakeWarehouse(where, who, who)


def shell(command: str, folder: Path) -> str:
    environment = {
        **os.environ,
        "KEY_PASSPHRASE": PASSPHRASE,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-ec", f"set -o pipefail; {command}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def joined(public: Path) -> str:
    return "".join(line for line in public.read_text().splitlines() if "-----" not in line)


def as_administrator(estate: Estate, *statements: str) -> None:
    with estate.warehouse("NONE", ADMIN, "ACCOUNTADMIN").turn() as session:
        for sql in statements:
            session.run(sql)


def make_key(page: DocumentedPage, folder: Path, name: str, public: str) -> None:
    """Steps 1 and 2: "the same way"."""
    for command in page.inline("openssl "):
        shell(command.replace("administrator.pub", public).replace("administrator", name), folder)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """An account of its own: in the shared one the page's names belong to the databases of other tests."""
    with estate_in(tmp_path_factory.mktemp("account")) as one:
        yield one


@pytest.fixture(scope="module")
def walked(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Steps 1 to 3 of docs/snowflake.md."""
    page, folder = DocumentedPage("snowflake.md"), tmp_path_factory.mktemp("typed")
    (folder / "keys" / "public").mkdir(parents=True)
    make_key(page, folder, "administrator", "administrator.pub")
    # In an account ACCOUNTADMIN has the other three by itself; the emulator knows no such hierarchy.
    roles = ("accountadmin", "securityadmin", "useradmin", "sysadmin")
    as_administrator(
        estate, f"create user {PERSON} type = person", *(f"grant role {r} to user {PERSON}" for r in roles)
    )
    (own,) = page.inline("alter user <you>")
    as_administrator(
        estate, re.sub(r"'<.*>'", f"'{joined(folder / 'administrator.pub')}'", own.replace("<you>", PERSON))
    )
    for workload in USERS:
        make_key(page, folder, workload, f"keys/public/{workload}.pub")
    apply(page, Walked(estate, folder))
    return Walked(estate, folder)


def apply(page: DocumentedPage, walked: Walked) -> None:
    settings = {
        "ACCOUNT": "EMULATED",
        "DATABASE": DATABASE,
        "WAREHOUSE": "SHELFGATE_BUILD",
        "HOST": "127.0.0.1",
        "PORT": str(walked.estate.emulator.port),
        "PROTOCOL": "http",
        "ADMIN_USER": PERSON,
        "ADMIN_PRIVATE_KEY_PATH": str(walked.folder / "administrator.p8"),
        "ADMIN_PRIVATE_KEY_PASSPHRASE": PASSPHRASE,
        "STORAGE_ROLE_ARN": "arn:aws:iam::123456789012:role/shelfgate-landing",
    }
    table = page.text[page.text.index("| setting (`SHELFGATE_SNOWFLAKE_..`)") :]
    assert [name for name in settings if f"`{name}`" not in table] == []
    environment = {f"SHELFGATE_SNOWFLAKE_{name}": value for name, value in settings.items()}
    environment |= {"SHELFGATE_S3_BUCKET": BUCKET, "SHELFGATE_HOME": str(walked.folder)}
    for command in page.lines("shelfgate snowflake apply")[:2]:
        words = [str(walked.folder / word) if word.startswith("keys/") else word for word in shlex.split(command)[1:]]
        done = CliRunner().invoke(cli, words, env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        if "--plan" in words:
            assert "create database if not exists SHELFGATE" in done.output


def test_every_workload_logs_in_with_the_key_that_the_page_makes(walked: Walked) -> None:
    for workload in USERS:
        with walked.warehouse(workload).turn() as session:
            (who,) = session.rows("select current_user() as who, current_role() as role")
        assert set(who.values()) == {f"SHELFGATE_{workload}".upper()}


def test_the_statements_of_the_page_are_accepted(walked: Walked) -> None:
    page = DocumentedPage("snowflake.md")
    (identity,) = page.inline("alter user shelfgate_loader set workload_identity")
    (policy,) = page.inline("create authentication policy")
    as_administrator(
        walked.estate,
        identity.replace("<role of the Lambda>", "arn:aws:iam::123456789012:role/loader"),
        policy.replace("..", "of_the_page"),
        "alter user shelfgate_loader unset workload_identity",
    )
    (integration,) = page.inline("desc integration")
    made = {(one["kind"], one["name"]) for one in walked.estate.hook("account")["objects"]}
    assert ("STORAGE INTEGRATION", integration.split()[-1].upper()) in made


def test_a_key_is_replaced_as_the_page_says(walked: Walked) -> None:
    page = DocumentedPage("snowflake.md")
    (second,) = page.inline("<workload>.2.pub")
    make_key(page, walked.folder, "loader.new", f"keys/public/{second.replace('<workload>', 'loader')}")
    apply(page, walked)
    with walked.warehouse("loader").turn(), walked.warehouse("loader", "loader.new.p8").turn():
        pass

    (unset,) = page.inline("alter user shelfgate_<workload> unset")
    as_administrator(walked.estate, unset.replace("<workload>", "loader"))
    with walked.warehouse("loader", "loader.new.p8").turn():
        pass

    as_administrator(
        walked.estate,
        f"alter user shelfgate_loader set rsa_public_key = '{joined(walked.folder / 'keys/public/loader.pub')}'",
    )


@pytest.fixture
def secrets(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Secrets Manager, beside the bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", walked.estate.s3.meta.endpoint_url)
    for name, value in (("ACCESS_KEY_ID", "t"), ("SECRET_ACCESS_KEY", "t"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    return boto3.client("secretsmanager")


def secret_of_the_page(walked: Walked, secrets: Any) -> str:
    page = DocumentedPage("aws.md")
    (write,) = page.lines("python -c")
    (create,) = page.lines("aws secretsmanager create-secret")
    shell(write, walked.folder)
    given = dict(zip(*[iter(shlex.split(create)[3:])] * 2, strict=True))
    text = (walked.folder / given["--secret-string"].removeprefix("file://")).read_text()
    return str(secrets.create_secret(Name=given["--name"], SecretString=text)["ARN"])


def environment_of_the_function(**parameters: str) -> dict[str, str]:
    """As the stack gives it with the parameters that the page names, the defaults of all others."""
    from samtranslator.yaml_helper import yaml_parse

    template = dict(yaml_parse(TEMPLATE.read_text(encoding="utf-8")))
    declared = template["Parameters"]
    (deploy,) = DocumentedPage("aws.md").lines("sam deploy")
    named = set(re.findall(r"(\w+)=\.\.\.", deploy))
    assert named == {name for name, one in declared.items() if "Default" not in one}
    values = {name: one.get("Default") for name, one in declared.items()} | parameters
    for name, value in values.items():
        assert re.fullmatch(declared[name].get("AllowedPattern", ".*"), str(value)), name
    variables = translated(template)[FUNCTION]["Properties"]["Environment"]["Variables"]
    return {name: values[value["Ref"]] if isinstance(value, dict) else str(value) for name, value in variables.items()}


def test_the_deployed_loader_logs_in_and_loads_a_dump(
    walked: Walked, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = secret_of_the_page(walked, secrets)
    topic = "arn:aws:sns:us-east-1:123456789012:alarms"
    environment = environment_of_the_function(
        LandingBucketName=BUCKET, AlarmTopicArn=topic, WarehouseSecretArn=arn, SnowflakeAccount="EMULATED"
    )
    address = {"HOST": "127.0.0.1", "PORT": str(walked.estate.emulator.port), "PROTOCOL": "http"}
    for name, value in (environment | {f"SNOWFLAKE_{key}": value for key, value in address.items()}).items():
        monkeypatch.setenv(name, value)
    key = f"{PREFIX}1998-01-02.csv"
    walked.estate.s3.put_object(Bucket=BUCKET, Key=key, Body=dump({FIRST: ONE}))
    event = {"object_key": key, "version_id": None, "run_id": "of the page"}

    receipt = handler(event, Context())

    assert (receipt["status"], receipt["rows"]) == ("loaded", len(ONE))
    with walked.warehouse("publisher").turn() as session:
        assert session.rows("select count(*) as n from raw_inventory.inventory") == [{"n": len(ONE)}]

    opened = shell("openssl rsa -in loader.p8 -passin env:KEY_PASSPHRASE", walked.folder)
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"private_key": opened, "passphrase": PASSPHRASE}))
    with pytest.raises(LoaderConfigurationError, match="an open key") as refused:
        handler(event, Context())
    assert opened.splitlines()[1] not in str(refused.value)
