"""What a run may do in an account and how it keeps its session: looks at the installation, never makes it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.errors import ConfigurationError, PermanentFailure
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from tests.snowflake.conftest import Estate, Installed


def sent_by(estate: Estate, user: str) -> list[dict[str, Any]]:
    return [one for one in estate.hook("history")["queries"] if one["user_name"] == user]


def test_a_run_looks_at_the_installation_and_sends_no_ddl(installed: Installed) -> None:
    before = len(sent_by(installed.estate, "SHELFGATE_PUBLISHER"))

    with installed.warehouse("publisher").turn() as session:
        install(session)

    sent = sent_by(installed.estate, "SHELFGATE_PUBLISHER")[before:]
    assert {one["query_text"].split()[0] for one in sent} == {"select"}


def test_views_of_another_release_name_the_command(fresh: Installed) -> None:
    with fresh.estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        session.run("update ops.installation set sha256 = 'of an older version' where part = 'install_views'")

    with fresh.warehouse("publisher").turn() as session, pytest.raises(ConfigurationError) as refused:
        install(session)

    assert "views of another release" in str(refused.value)
    assert "`shelfgate snowflake apply`" in str(refused.value)


def test_pending_migrations_are_named_with_the_command(fresh: Installed) -> None:
    with fresh.estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        session.run("delete from ops.migration where number = 3")

    with fresh.warehouse("publisher").turn() as session, pytest.raises(ConfigurationError) as refused:
        install(session)

    assert "migrations not applied: 0003_schema_of_a_build" in str(refused.value)
    assert "`shelfgate snowflake apply`" in str(refused.value)


def test_an_account_that_nobody_set_up_names_the_command(estate: Estate, fresh: Installed) -> None:
    with estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        session.run("drop table ops.installation")

    with fresh.warehouse("publisher").turn() as session, pytest.raises(ConfigurationError, match="snowflake apply"):
        install(session)


def test_turns_hand_their_session_on_under_the_tag_of_each(installed: Installed) -> None:
    with installed.warehouse("publisher").keeping() as kept:
        sessions = []
        for stage in ("publisher's 'sync'", "landing gate"):
            with kept.tagged(run="handed on", stage=stage).turn() as session:
                sessions.append(session.rows("select current_session() as id")[0]["id"])
    alone = installed.warehouse("publisher").tagged(run="handed on", stage="alone")
    with alone.turn() as session:
        sessions.append(session.rows("select current_session() as id")[0]["id"])

    assert sessions[0] == sessions[1] != sessions[2]
    tags = [
        json.loads(one["query_tag"])
        for one in sent_by(installed.estate, "SHELFGATE_PUBLISHER")
        if "select" in one["query_text"]
    ]
    assert [tag["stage"] for tag in tags if tag.get("run") == "handed on"] == [
        "publisher's 'sync'",
        "landing gate",
        "alone",
    ]


def test_a_turn_that_failed_hands_nothing_on(installed: Installed) -> None:
    with installed.warehouse("publisher").keeping() as kept:
        with kept.turn() as session:
            first = session.rows("select current_session() as id")[0]["id"]
        with pytest.raises(PermanentFailure, match="THERE_IS_NONE"):
            fail_in_a_transaction(kept)
        with kept.turn() as session:
            assert session.rows("select current_session() as id")[0]["id"] != first


def fail_in_a_transaction(warehouse: SnowflakeWarehouse) -> None:
    with warehouse.turn() as session, session.transaction("lease"):
        session.rows("select * from ops.there_is_none")


def test_a_session_that_the_account_ended_is_followed_by_a_new_one(installed: Installed) -> None:
    with installed.warehouse("publisher").keeping() as kept:
        with kept.turn() as session:
            first = session.rows("select current_session() as id")[0]["id"]
        installed.estate.hook("vanish", session=first)

        with kept.turn() as session:
            assert session.rows("select current_session() as id")[0]["id"] != first


def test_many_rows_are_one_statement_whatever_is_null_in_them(installed: Installed) -> None:
    rows = [("run", f"set {n}", date(2002, 12, n) if n % 2 else None, n, None, None) for n in range(1, 29)]
    columns = ["run_id", "dataset", "business_day", "row_count", "units", "amount"]
    with installed.warehouse("publisher").tagged(stage="many").turn() as session:
        assert session.insert("ops.source_total", columns, rows) == 28
        assert session.insert("ops.source_total", columns, []) == 0
        found = session.rows("select business_day, row_count from ops.source_total order by row_count")
        session.run("delete from ops.source_total")

    assert [(row["business_day"], row["row_count"]) for row in found] == [(row[2], row[3]) for row in rows]
    many = [one for one in sent_by(installed.estate, "SHELFGATE_PUBLISHER") if '"many"' in one["query_tag"]]
    assert [one["query_text"].split()[0] for one in many] == ["insert", "select", "delete"]


def test_times_are_kept_to_the_microsecond(installed: Installed) -> None:
    at = datetime(2002, 12, 28, 3, 4, 5, 678901)
    columns = ["part", "sha256", "installed_at"]
    with installed.estate.warehouse(installed.database, ADMIN, "SYSADMIN").turn() as session:
        session.insert("ops.installation", columns, [("one", "x", at), ("two", "x", at)])
        found = session.rows("select installed_at from ops.installation where sha256 = 'x'")
        session.run("delete from ops.installation where sha256 = 'x'")

    assert [row["installed_at"] for row in found] == [at, at]
