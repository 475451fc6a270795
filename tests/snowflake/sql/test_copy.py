"""COPY INTO from a stage over S3, point by point. [COPY INTO <table>], [Querying metadata for staged files]."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from sandbox.snowflake.emulator_process import ADMIN
from tests.snowflake.conftest import BUCKET, Estate
from tests.snowflake.wire import Cursor

_names = itertools.count(1)
Put = Callable[..., str]
FORMAT = "type = csv skip_header = 1 field_optionally_enclosed_by = '\"' null_if = ('') escape_unenclosed_field = none"


@pytest.fixture(scope="module")
def session(estate: Estate) -> Iterator[Cursor]:
    with estate.warehouse("COPIES", ADMIN, "ACCOUNTADMIN").turn() as one:
        run = Cursor(one)
        run("create database copies")
        run("create schema raw")
        run(f"create file format raw.csv {FORMAT}")
        run(f"create stage raw.inbound url = 's3://{BUCKET}/copies/' storage_integration = landing")
        yield run


@pytest.fixture
def run(session: Cursor) -> Cursor:
    session("create or replace table raw.t (zip varchar, n number(38, 0), price number(7, 2), day date)")
    return session


@pytest.fixture
def put(estate: Estate) -> Put:
    def put(content: str, name: str | None = None) -> str:
        name = name or f"dump {next(_names)}.csv"
        estate.s3.put_object(Bucket=BUCKET, Key=f"copies/{name}", Body=content.encode())
        return name

    return put


def copy(name: str, more: str = "", source: str = "@raw.inbound") -> str:
    named = f"file_format = (format_name = 'raw.csv') on_error = abort_statement {more}"
    return f"copy into raw.t from {source} files = ('{name}') {named}"


HEADER = "zip,n,price,day\n"
ROWS = HEADER + "01234,1,1.50,2003-01-08\n,,,\n"


def status(answer: list[tuple]) -> tuple[str, int]:
    return answer[0][1], int(answer[0][3])


def test_values_arrive_as_written_and_empty_fields_as_null(run: Cursor, put: Put) -> None:
    assert status(run(copy(put(ROWS)))) == ("LOADED", 2)
    found = run("select zip, n, cast(price as varchar), cast(day as varchar) from raw.t order by n nulls last")
    assert found == [("01234", 1, "1.50", "2003-01-08"), (None, None, None, None)]


def test_a_file_is_known_again_by_its_name_and_etag(run: Cursor, put: Put) -> None:
    name = put(ROWS)
    first, again = run(copy(name)), run(copy(name))
    put(HEADER + "99999,2,,\n", name)
    changed = run(copy(name))

    assert [status(one) for one in (first, again, changed)] == [("LOADED", 2), ("LOAD_SKIPPED", 0), ("LOADED", 1)]
    assert run.one("select count(*) from raw.t") == 3


def test_force_loads_again_and_false_is_no_force(run: Cursor, put: Put) -> None:
    name = put(ROWS)
    run(copy(name))

    assert status(run(copy(name, "force = false"))) == ("LOAD_SKIPPED", 0)
    assert status(run(copy(name, "force = true"))) == ("LOADED", 2)


def test_delete_keeps_the_load_metadata_and_truncate_forgets_it(run: Cursor, put: Put) -> None:
    name = put(ROWS)
    run(copy(name))
    run("delete from raw.t")
    assert status(run(copy(name))) == ("LOAD_SKIPPED", 0)
    run("truncate table raw.t")

    assert status(run(copy(name))) == ("LOADED", 2)


def test_a_copy_that_is_rolled_back_has_loaded_nothing_and_remembers_nothing(run: Cursor, put: Put) -> None:
    name = put(ROWS)
    run("begin")
    run(copy(name))
    assert run.one("select count(*) from raw.t") == 2
    run("rollback")
    assert run.one("select count(*) from raw.t") == 0

    assert status(run(copy(name))) == ("LOADED", 2)


def test_columns_may_be_chosen_and_the_file_named_in_each_row(run: Cursor, put: Put) -> None:
    run("create or replace table raw.u (n number, file varchar, line number, etag varchar)")
    name = put(ROWS)
    chosen = "select t.$2, metadata$filename, metadata$file_row_number, metadata$file_content_key from @raw.inbound t"
    run(copy(name, source=f"({chosen})").replace("raw.t", "raw.u", 1))

    rows = run("select n, file, line from raw.u order by line")
    assert rows == [(1, f"copies/{name}", 1), (None, f"copies/{name}", 2)]


@pytest.mark.parametrize(
    ("content", "number"),
    [(HEADER + "a,x,1,2003-01-08\n", 100038), ("zip,n\na,1\n", 100080), (HEADER + "a,1,1.0,yesterday\n", 100038)],
)
def test_one_bad_row_or_another_number_of_columns_stops_the_statement(
    run: Cursor, put: Put, content: str, number: int
) -> None:
    assert run.refused(copy(put(content))) == number
    assert run.one("select count(*) from raw.t") == 0


def test_a_file_that_is_not_there_is_an_error_and_an_empty_one_is_none(run: Cursor, put: Put) -> None:
    assert run.refused(copy("never.csv")) == 91016
    assert status(run(copy(put(HEADER)))) == ("LOADED", 0)


@pytest.mark.parametrize(
    "option", ["purge = true", "size_limit = 1", "truncatecolumns = true", "validation_mode = return_errors"]
)
def test_an_option_that_is_not_imitated_is_an_error(run: Cursor, put: Put, option: str) -> None:
    assert run.refused(copy(put(ROWS), option))


def test_continuing_after_an_error_is_not_imitated(run: Cursor, put: Put) -> None:
    assert run.refused(copy(put(ROWS)).replace("abort_statement", "continue"))
