"""The clients of the product's own environment, unmodified: connector, SQLAlchemy, prefect-snowflake."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from snowflake.connector.errors import ProgrammingError

from tests.snowflake.conftest import Installed
from tests.snowflake.wire import Cursor


@pytest.fixture
def run(installed: Installed) -> Iterator[Cursor]:
    with installed.warehouse("transformer").turn() as session:
        yield Cursor(session)


def test_several_statements_in_one_text_answer_one_by_one(run: Cursor) -> None:
    cursor = run.session.connection.cursor()
    cursor.execute("select 1 as a; select ';' as b", num_statements=2)
    first = cursor.fetchall()
    cursor.nextset()

    assert (first, cursor.fetchall()) == ([(1,)], [(";",)])
    with pytest.raises(ProgrammingError, match="statement count"):
        run("select 1; select 2")


def test_a_statement_may_run_by_itself_and_be_asked_for_later(run: Cursor) -> None:
    connection = run.session.connection
    cursor = connection.cursor()
    cursor.execute_async("select 42 as answer")
    assert cursor.sfqid
    later = connection.cursor()
    later.get_results_from_sfqid(cursor.sfqid)

    assert later.fetchall() == [(42,)]
    assert not connection.is_still_running(connection.get_query_status(cursor.sfqid))


def test_many_rows_arrive_in_order_and_as_arrow(run: Cursor) -> None:
    run("create or replace table candidate.many as select seq4() as n from table(generator(rowcount => 100000))")
    cursor = run.session.connection.cursor()
    cursor.execute("select n, n * 2 as twice from candidate.many order by n")

    rows = cursor.fetchall()
    assert (len(rows), rows[0], rows[-1]) == (100000, (0, 0), (99999, 199998))
    run("drop table candidate.many")


def test_array_bindings_insert_every_row(run: Cursor) -> None:
    run("create or replace table candidate.bound (a number, b varchar)")
    run.session.connection.cursor().executemany("insert into candidate.bound values (?, ?)", [(1, "x"), (2, None)])

    assert run("select a, b from candidate.bound order by a") == [(1, "x"), (2, None)]
    run("drop table candidate.bound")


def test_sqlalchemy_connects_reflects_and_reads(installed: Installed) -> None:
    warehouse = installed.warehouse("publisher")
    engine = sa.create_engine(
        warehouse.sqlalchemy_url, connect_args=warehouse.sqlalchemy_arguments, poolclass=sa.NullPool
    )
    try:
        with engine.connect() as connection:
            assert connection.execute(sa.text("select current_role()")).scalar() == "SHELFGATE_PUBLISHER"
            assert connection.execute(sa.text("select :a + 1"), {"a": 1}).scalar() == 2
        inspector = sa.inspect(engine)
        assert "data_status" in inspector.get_view_names(schema="marts")
        named = [column["name"] for column in inspector.get_columns("manifest", schema="ops")]
        assert named[:3] == ["publication_id", "table_name", "week_start_date"]
    finally:
        engine.dispose()


def test_prefect_snowflake_reads_with_an_encrypted_key(installed: Installed) -> None:
    from prefect_snowflake import SnowflakeConnector, SnowflakeCredentials
    from pydantic import SecretBytes

    key = installed.estate.keys["transformer"]
    credentials = SnowflakeCredentials(
        account="EMULATED",
        user="shelfgate_transformer",
        role="SHELFGATE_TRANSFORMER",
        authenticator="snowflake_jwt",
        private_key=SecretBytes(key.private_file.read_bytes()),
        private_key_passphrase=key.passphrase,  # pyright: ignore
    )
    connector = SnowflakeConnector(
        credentials=credentials,
        database=installed.database,
        warehouse="SHELFGATE_BUILD",
        schema="CANDIDATE",  # pyright: ignore[reportCallIssue]
    )
    port = installed.estate.emulator.port
    connection = connector.get_connection(host="127.0.0.1", port=port, protocol="http", network_timeout=10)
    try:
        cursor = connection.cursor()
        cursor.execute("select current_user()")
        assert cursor.fetchall() == [("SHELFGATE_TRANSFORMER",)]
    finally:
        connection.close()


def test_each_statement_bears_its_run_and_stage(installed: Installed) -> None:
    with installed.warehouse("publisher").tagged(run="run-7", stage="publish").turn() as session:
        session.rows("select 'tagged'")

    last = [one for one in installed.estate.hook("history")["queries"] if one["query_text"] == "select 'tagged'"][-1]
    assert json.loads(last["query_tag"]) == {"application": "shelfgate", "run": "run-7", "stage": "publish"}
    assert (last["user_name"], last["role_name"], last["warehouse_name"]) == (
        "SHELFGATE_PUBLISHER",
        "SHELFGATE_PUBLISHER",
        "SHELFGATE_BUILD",
    )
