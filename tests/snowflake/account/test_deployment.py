"""deployments/snowflake: who may do what, as a table that a review can read; and that it can be applied again."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from cli.main import cli
from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.errors import ConfigurationError, PermanentFailure
from shelfgate.publication.candidate import PUBLISHED_TABLES
from shelfgate.warehouse.engines.snowflake.account_setup import FOLDER, USERS, SetupStep, plan
from shelfgate.warehouse.engines.snowflake.sql_text import without_comments
from tests.snowflake.conftest import Estate, Installed, install_database
from tests.support.documentation import DocumentedPage

GOLDEN = Path(__file__).with_name("grants.golden")
VALUES = {
    "names": "shelfgate_",
    "database": "retail",
    "bucket": "shop-landing",
    "prefix": "inbound/inventory/",
    "storage_role_arn": "arn:aws:iam::123456789012:role/shelfgate-landing",
    "credits_a_month": "100",
}
_GRANT = re.compile(r"grant (.+) on (.+) to role (\w+)", re.I)
OF_SNOWFLAKE = {"sysadmin"}


@pytest.fixture(scope="module")
def steps() -> list[SetupStep]:
    return plan(VALUES)


def matrix(steps: list[SetupStep]) -> dict[tuple[str, str], set[str]]:
    """Privileges by role and object. Any grant of another form is a failure: it would be one that nobody compares."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for step in steps:
        text = " ".join(without_comments(step.sql).split())
        if not text.startswith("grant ") or text.startswith("grant role "):
            continue
        if membership := re.fullmatch(r"grant (database role \S+) to role (\w+)", text):
            found[membership[2], membership[1]].add("usage")
            continue
        grant = _GRANT.fullmatch(text)
        assert grant, text
        if grant[3] not in OF_SNOWFLAKE:
            found[grant[3], grant[2]] |= {one.strip() for one in grant[1].split(",")}
    return found


def as_table(found: dict[tuple[str, str], set[str]]) -> str:
    return "".join(f"{role:22} {on:45} {', '.join(sorted(what))}\n" for (role, on), what in sorted(found.items()))


def test_the_grants_are_those_of_the_reviewed_table(steps: list[SetupStep]) -> None:
    assert as_table(matrix(steps)) == GOLDEN.read_text()


def writers(steps: list[SetupStep], *objects: str) -> set[str]:
    writes = {
        "insert",
        "update",
        "delete",
        "truncate",
        "ownership",
        "all",
        "all privileges",
        "create table",
        "create view",
    }
    return {
        role for (role, on), what in matrix(steps).items() if what & writes and any(on.endswith(one) for one in objects)
    }


def test_only_the_publisher_writes_what_readers_see(steps: list[SetupStep]) -> None:
    assert writers(steps, " schema store", "ops.pointer", "ops.publication", "ops.manifest") == {"shelfgate_publisher"}
    assert writers(steps, " schema marts", " schema ops") == set()


def test_dashboards_read_marts_and_nothing_else(steps: list[SetupStep]) -> None:
    assert {(on, *sorted(what)) for (role, on), what in matrix(steps).items() if role == "shelfgate_metabase_ro"} == {
        ("database retail", "usage"),
        ("schema marts", "usage"),
        ("all views in schema marts", "select"),
        ("future views in schema marts", "select"),
        ("warehouse shelfgate_read", "usage"),
    }


def test_only_the_facts_of_the_store_have_a_clustering_key_and_each_by_week(steps: list[SetupStep]) -> None:
    keyed = [" ".join(step.sql.split()) for step in steps if " cluster by " in step.sql]

    facts = [table.name for table in PUBLISHED_TABLES if table.by_week]
    assert sorted(keyed) == sorted(f"alter table store.{name} cluster by (week_start_date)" for name in facts)


def test_each_user_is_a_service_with_one_role_and_no_password(steps: list[SetupStep]) -> None:
    made = {step.sql for step in steps if step.sql.startswith("create user")}
    granted = {step.sql for step in steps if re.match(r"grant role \w+ to user", step.sql)}

    assert len(made) == len(USERS)
    for user in USERS:
        user = f"shelfgate_{user}"
        (one,) = [sql for sql in made if f" {user}\n" in sql]
        assert "type = service " in one
        assert f"default_role = {user} " in one
        assert f"grant role {user} to user {user}" in granted
    assert len(granted) == len(USERS)


def test_no_password_no_cloud_key_and_no_administrator_outside_bootstrap() -> None:
    for file in sorted(FOLDER.glob("*.sql")):
        text = without_comments(file.read_text()).lower()
        assert not re.search(r"password|credentials|aws_key|aws_secret|legacy_service|or replace|\bdrop\b", text), (
            file.name
        )
        if file.name != "01_bootstrap.sql":
            assert "accountadmin" not in text, file.name


def test_every_schema_is_of_managed_access_and_every_warehouse_suspends_itself(steps: list[SetupStep]) -> None:
    schemas = [step.sql for step in steps if step.file == "02_schemas.sql" and "create schema" in step.sql]
    warehouses = [step.sql for step in steps if "create warehouse" in step.sql]

    assert len(schemas) == 9
    assert all(sql.endswith("with managed access") for sql in schemas)
    assert len(warehouses) == 3
    for sql in warehouses:
        name = sql.split()[5]
        assert "auto_suspend = 60 " in sql
        assert any(
            f"alter warehouse {name} set resource_monitor = shelfgate_credits statement_timeout" in s.sql for s in steps
        )


def test_every_statement_parses_as_snowflakes_or_is_of_a_kind_that_the_parser_does_not_know(
    steps: list[SetupStep],
) -> None:
    unparsed = [step.sql for step in steps if isinstance(sqlglot.parse_one(step.sql, read="snowflake"), exp.Command)]

    # sqlglot 30 keeps these as text; the emulator parses them itself and refuses what it cannot read.
    known = r"(create (role|user|resource monitor|storage integration|schema|warehouse)|alter (warehouse|user)|grant)\b"
    assert [sql for sql in unparsed if not re.match(known, without_comments(sql))] == []
    assert len(steps) > 120


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database", "retail; drop database x"),
        ("names", ""),
        ("names", "shop"),
        ("names", "shop; drop user x_"),
        ("bucket", "b' credentials = ('x"),
        ("prefix", "no-slash"),
        ("storage_role_arn", "arn:aws:iam::1:user/x"),
        ("credits_a_month", "0"),
    ],
)
def test_a_value_that_could_be_more_than_a_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        plan({**VALUES, name: value})


def test_a_key_for_nobody_or_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loader.pub").write_text("' comment = 'x")
    with pytest.raises(ConfigurationError, match="no RSA public key"):
        plan(VALUES, tmp_path)
    (tmp_path / "loader.pub").rename(tmp_path / "admin.pub")
    with pytest.raises(ConfigurationError, match="wanted <user>"):
        plan(VALUES, tmp_path)


@pytest.fixture
def administrator(estate: Estate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Estate:
    """The settings of whoever sets an account up."""
    given = {
        "HOME": tmp_path,
        "S3_BUCKET": "landing",
        "SNOWFLAKE_ACCOUNT": "EMULATED",
        "SNOWFLAKE_DATABASE": "by_command",
        "SNOWFLAKE_PREFIX": "by_command_",
        "SNOWFLAKE_WAREHOUSE": "SHELFGATE_BUILD",
        "SNOWFLAKE_HOST": "127.0.0.1",
        "SNOWFLAKE_PORT": estate.emulator.port,
        "SNOWFLAKE_PROTOCOL": "http",
        "SNOWFLAKE_STORAGE_ROLE_ARN": VALUES["storage_role_arn"],
        "SNOWFLAKE_ADMIN_USER": ADMIN,
        "SNOWFLAKE_ADMIN_PRIVATE_KEY_PATH": estate.emulator.admin.private_file,
        "SNOWFLAKE_ADMIN_PRIVATE_KEY_PASSPHRASE": estate.emulator.admin.passphrase,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"SHELFGATE_{name}", str(value))
    return estate


def test_the_command_sets_an_account_up_and_a_second_time_changes_nothing(administrator: Estate) -> None:
    keys = ["--public-keys", str(administrator.public_keys())]
    planned = CliRunner().invoke(cli, ["snowflake", "apply", "--plan", *keys], catch_exceptions=False)
    assert "create database if not exists by_command" in planned.output
    with pytest.raises(PermanentFailure), administrator.warehouse("BY_COMMAND", ADMIN, "SYSADMIN").turn() as session:
        session.rows("select * from ops.pointer")

    first = CliRunner().invoke(cli, ["snowflake", "apply", "--json", *keys], catch_exceptions=False)
    account = administrator.hook("account")
    again = CliRunner().invoke(cli, ["snowflake", "apply", "--json", *keys], catch_exceptions=False)

    assert json.loads(first.stdout)["created"] > 10
    assert (json.loads(again.stdout)["created"], json.loads(again.stdout)["applied"]) == (0, True)
    assert administrator.hook("account") == account


def test_every_user_logs_in_and_the_recorded_grants_are_those_meant(estate: Estate) -> None:
    installed = install_database(estate, "RECORDED")
    for user in USERS:
        with installed.warehouse(user).turn() as session:
            assert session.rows("select current_role() as role") == [{"role": f"SHELFGATE_{user}".upper()}]
    shown: Installed = installed
    with shown.estate.warehouse("RECORDED", ADMIN, "ACCOUNTADMIN").turn() as session:
        rows = session.rows("show grants to role shelfgate_metabase_ro")

    meant = {("SELECT", "MARTS"), ("USAGE", "SHELFGATE_READ"), ("USAGE", "RECORDED"), ("USAGE", "MARTS")}
    assert {(row["privilege"], row["name"]) for row in rows if row["name"] in {one[1] for one in meant}} == meant


def applied(*more: str) -> Any:
    return CliRunner().invoke(cli, ["snowflake", "apply", "--json", *more], catch_exceptions=False)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("create role shop_loader comment = 'of the data science team'", "role SHOP_LOADER"),
        ("create user shop_publisher type = service", "user SHOP_PUBLISHER"),
        ("create warehouse shop_build with warehouse_size = xxlarge", "warehouse SHOP_BUILD"),
        (
            "create resource monitor shop_credits with credit_quota = 1 triggers on 80 percent do notify",
            "resource monitor SHOP_CREDITS",
        ),
        (
            "create role shop_airbyte comment = 'Shelfgate SHOP_TEST: Airbyte: the tables of raw_sales'",
            "role SHOP_AIRBYTE",
        ),
    ],
    ids=["a role", "a user", "a warehouse", "a monitor", "another installation's"],
)
def test_what_somebody_else_has_made_is_not_taken_over(
    administrator: Estate, monkeypatch: pytest.MonkeyPatch, made: str, told: str
) -> None:
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PREFIX", "shop_")
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_DATABASE", "shop")
    with administrator.warehouse("SHOP", ADMIN, "ACCOUNTADMIN").turn() as session:
        session.run(made)
        try:
            before = administrator.hook("account")
            assert told in json.loads(applied("--plan").stdout)["in_the_way"]

            with pytest.raises(ConfigurationError, match=rf"{told}, .*SHELFGATE_SNOWFLAKE_PREFIX.*--adopt"):
                applied()

            assert administrator.hook("account") == before
        finally:
            words = made.split()
            kind = "resource monitor" if words[1] == "resource" else words[1]
            session.run(f"drop {kind} {words[3] if kind == 'resource monitor' else words[2]}")


def test_a_plan_names_what_stands_in_the_way_and_what_is_left(
    administrator: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PREFIX", "planned_")
    made = (
        "create role planned_loader",
        "create role publisher comment = 'The flows: gates, records, and the only writer of store and ops.pointer'",
        "create user publisher type = service default_role = publisher",
        "create role transformer comment = 'of somebody else'",
    )
    with administrator.warehouse("PLANNED", ADMIN, "ACCOUNTADMIN").turn() as session:
        for sql in made:
            session.run(sql)
        before = administrator.hook("account")

        planned = CliRunner().invoke(cli, ["snowflake", "apply", "--plan"], catch_exceptions=False).output

        assert "-- in the way: role PLANNED_LOADER, not made by this installation" in planned
        left = [line.split(": ")[1] for line in planned.splitlines() if line.startswith("-- of an earlier release")]
        assert [one.split(" (")[0] for one in left] == ["user PUBLISHER", "role PUBLISHER"]
        assert administrator.hook("account") == before
        for sql in DocumentedPage("snowflake.md").inline("drop user loader")[0].split("; "):
            for name in ("publisher",):
                session.run(sql.replace("loader", name))
        session.run("drop role transformer")
        session.run("drop role planned_loader")


def test_a_plan_without_an_administrator_says_that_it_did_not_look(
    administrator: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHELFGATE_SNOWFLAKE_ADMIN_USER")

    planned = CliRunner().invoke(cli, ["snowflake", "apply", "--plan"], catch_exceptions=False).output

    assert "-- the account was not looked at: SHELFGATE_SNOWFLAKE_ADMIN_USER not set" in planned
    assert json.loads(applied("--plan").stdout)["in_the_way"] is None


def test_a_database_of_somebody_else_is_not_taken_over(administrator: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PREFIX", "theirs_")
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_DATABASE", "theirs")
    with administrator.warehouse("THEIRS", ADMIN, "ACCOUNTADMIN").turn() as session:
        session.run("create database theirs")
        session.run("create schema theirs.sales")

        with pytest.raises(ConfigurationError, match="observed database THEIRS, not made by this installation"):
            applied()

        session.run("drop database theirs")


def test_what_is_taken_over_on_request_is_ours_from_then_on(
    administrator: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_PREFIX", "adopted_")
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_DATABASE", "adopted")
    with administrator.warehouse("ADOPTED", ADMIN, "ACCOUNTADMIN").turn() as session:
        session.run("create role adopted_loader")

    first, second = applied("--adopt"), applied()

    assert json.loads(first.stdout)["adopted"] == ["role ADOPTED_LOADER"]
    assert (json.loads(second.stdout)["adopted"], json.loads(second.stdout)["created"]) == ([], 0)
