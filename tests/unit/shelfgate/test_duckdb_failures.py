"""An error inside DuckDB: told apart from a full disk and from a wrong statement, and over when the turn is over."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from shelfgate.errors import EngineFailed, PermanentFailure, WarehouseDamaged
from shelfgate.warehouse.engines.duckdb.connections import opened
from shelfgate.warehouse.engines.duckdb.failures import failure_in
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.support.invalidated import fail_at_commit, invalidate, is_open


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    made = DuckDBWarehouse(tmp_path / "warehouse.duckdb", wait_seconds=0.2)
    with made.turn() as session:
        session.run("create table kept as select 42 as number")
    return made


def number(warehouse: DuckDBWarehouse) -> int:
    with warehouse.turn() as session:
        return session.rows("select max(number) as number from kept")[0]["number"]


def fail_in_a_turn(warehouse: DuckDBWarehouse) -> None:
    with warehouse.turn() as session:
        invalidate(session.connection)
        session.rows("select 1")


def test_an_error_inside_the_engine_is_not_told_as_one_of_the_disk(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(EngineFailed) as failed:
        fail_in_a_turn(warehouse)

    said = str(failed.value)
    assert failed.value.exit_status == 4
    assert "Checkpoint aborted before truncate" in said
    assert "readers keep the last publication" in said
    assert "room on their disk" not in said
    assert "Stack Trace" not in said


def test_the_next_turn_opens_the_file_anew(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(EngineFailed):
        fail_in_a_turn(warehouse)

    assert not is_open(warehouse.path)
    assert number(warehouse) == 42


def test_a_connection_that_somebody_left_does_not_keep_the_failed_instance(warehouse: DuckDBWarehouse) -> None:
    left = opened(warehouse.path)
    cursor = left.cursor()
    with pytest.raises(EngineFailed):
        fail_in_a_turn(warehouse)

    assert not is_open(warehouse.path)
    assert number(warehouse) == 42
    del left, cursor


def test_an_instance_that_failed_between_turns_is_opened_anew(warehouse: DuckDBWarehouse) -> None:
    """A library swallowed the error, and left its connection."""
    left = opened(warehouse.path)
    invalidate(left)

    assert number(warehouse) == 42
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        left.execute("select 1")


def test_a_connection_of_a_stranger_is_said_to_stand_in_the_way(warehouse: DuckDBWarehouse) -> None:
    stranger = duckdb.connect(str(warehouse.path))
    invalidate(stranger)

    with pytest.raises(EngineFailed, match="cannot open the file anew: end it and start another"):
        number(warehouse)
    stranger.close()
    assert number(warehouse) == 42


def test_a_turn_inside_another_leaves_the_outer_one_its_connection(warehouse: DuckDBWarehouse) -> None:
    def nested() -> None:
        with warehouse.turn() as outer:
            with pytest.raises(EngineFailed):
                fail_in_a_turn(warehouse)
            assert is_open(warehouse.path)
            with pytest.raises(EngineFailed):
                number(warehouse)
            outer.rows("select 1")

    with pytest.raises(EngineFailed):
        nested()

    assert not is_open(warehouse.path)
    assert number(warehouse) == 42


def test_a_failure_inside_a_transaction_is_told_and_the_transaction_is_undone(warehouse: DuckDBWarehouse) -> None:
    def insert_while_it_fails() -> None:
        with warehouse.turn() as session, session.transaction("publish"):
            session.run("insert into kept values (43)")
            with warehouse.turn() as beside:
                fail_at_commit(beside.connection)
                beside.run("create table other as select 1 as one")

    with pytest.raises(EngineFailed, match="Checkpoint aborted"):
        insert_while_it_fails()

    assert number(warehouse) == 42


def test_a_commit_that_is_durable_stands_after_the_engine_failed(warehouse: DuckDBWarehouse) -> None:
    def insert() -> None:
        with warehouse.turn() as session:
            fail_at_commit(session.connection)
            with session.transaction("publish"):
                session.run("insert into kept values (43)")

    with pytest.raises(EngineFailed, match="what was committed stands"):
        insert()

    assert number(warehouse) == 43


@pytest.mark.parametrize("error", [os.strerror(28), os.strerror(27)])
def test_a_full_disk_stays_one_though_duckdb_calls_it_fatal(tmp_path: Path, error: str) -> None:
    said = f'FATAL Error: Failed to create checkpoint because of error: Could not write file "w.duckdb": {error}'

    failure = failure_in(tmp_path / "w.duckdb", said)

    assert type(failure) is PermanentFailure
    assert "room on their disk" in str(failure)


@pytest.mark.parametrize(
    "said",
    [
        "INTERNAL Error: Attempted to access index 2 within vector of size 2\n\nStack Trace:\n\n/x/duckdb.so(a)",
        "Runtime Error in model stg (models/stg.sql)\n  FATAL Error: Failed: database has been invalidated because of "
        'a previous fatal error.\n  Original error: "INTERNAL Error: Attempted to access index 2 within vector of size '
        '2"',
    ],
)
def test_the_reason_is_the_first_error_in_one_line(tmp_path: Path, said: str) -> None:
    failure = failure_in(tmp_path / "w.duckdb", said)

    assert isinstance(failure, EngineFailed)
    assert "failed inside itself: Attempted to access index 2 within vector of size 2. Expected" in str(failure)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("INTERNAL Error: Could not convert string 'zoe@x' to INT32", "Could not convert string"),
        ("INTERNAL Error: Conversion Error: Could not convert string zoe to INT32", "Conversion Error (its text"),
        ("FATAL Error: Invalid value zoe of O'Neil", "Invalid value"),
        ('FATAL Error: Failed to commit: duplicate key "zoe": x violates', "Failed to commit: duplicate '...': x"),
        (
            "FATAL Error: Failed: database has been invalidated because of a previous fatal error.\n"
            'Original error: "FATAL Error: Failed to delete all rows from index. Chunk: [ zoe ] {zoe}"',
            "Failed to delete all rows from index. Chunk:",
        ),
        ("INTERNAL Error: Assertion triggered by customer_name=zoe", "Assertion triggered by customer_name="),
        ("IO Error: Could not write 'zoe': No space left on device", "Could not write '...': No space left on device"),
        ("FATAL Error: Serialization Error: value zoe", "value"),
    ],
)
def test_no_value_of_a_row_is_in_what_a_failure_says(tmp_path: Path, said: str, kept: str) -> None:
    failure = failure_in(tmp_path / "w.duckdb", said)

    assert kept.split("'...'")[0] in str(failure)
    assert "zoe" not in str(failure)
    assert "Neil" not in str(failure)


def test_a_traceback_of_a_failure_does_not_print_the_engines_text(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(EngineFailed) as failed:
        fail_in_a_turn(warehouse)

    assert failed.value.__suppress_context__
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(
    "said",
    [
        "Binder Error: no column x",
        "Conversion Error: Could not convert 'a@b'",
        "Conversion Error: Could not convert string 'Permission denied' to INT32",
        "Runtime Error in model stg (models/stg.sql)\n  Conversion Error: string 'No space left on device'",
    ],
)
def test_a_wrong_statement_is_no_failure_of_the_engine(tmp_path: Path, said: str) -> None:
    assert failure_in(tmp_path / "w.duckdb", said) is None


def test_a_file_of_a_newer_duckdb_is_told_as_one(tmp_path: Path) -> None:
    """What 1.5.5 says of a file that 2.0.1 made."""
    said = (
        "IO Error: Trying to read a database file with version number 999, but we can only read versions between "
        "64 and 68.\nThe database file was created with an newer version of DuckDB."
    )

    failure = failure_in(tmp_path / "w.duckdb", said)

    assert isinstance(failure, WarehouseDamaged)
    assert (
        "another version of DuckDB wrote it. Observed: Trying to read a database file with version number 999"
        in str(failure)
    )
