"""What the emulator imitates of Snowflake's data and transactions, point by point; each test names what is documented.

Titles in brackets are pages of Snowflake's documentation. docs/snowflake.md lists what is not imitated.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pytest

from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from tests.snowflake.conftest import Estate, another
from tests.snowflake.wire import Cursor


@pytest.fixture
def run(scratch: SnowflakeSession) -> Cursor:
    cursor = Cursor(scratch)
    cursor("create table t (id number(38, 0), name varchar, amount number(38, 2), at_time timestamp_ntz)")
    return cursor


@pytest.fixture
def other(estate: Estate, scratch: SnowflakeSession) -> Iterator[Cursor]:
    with another(estate, scratch).turn() as session:
        yield Cursor(session)


# [Identifier requirements]


def test_names_that_are_not_quoted_are_upper_case_in_answers_and_in_the_information_schema(run: Cursor) -> None:
    assert run.names("select id, name as called, count(*) from t group by all") == ["ID", "CALLED", "COUNT(*)"]
    columns = (
        "select column_name, data_type from information_schema.columns where table_name = 'T' order by ordinal_position"
    )
    assert run(columns) == [("ID", "NUMBER"), ("NAME", "TEXT"), ("AMOUNT", "NUMBER"), ("AT_TIME", "TIMESTAMP_NTZ")]


def test_a_quoted_name_in_another_case_is_another_name(run: Cursor) -> None:
    assert run.refused('select "id" from t') == 9998
    assert run.one('select count(*) as "low" from t') == 0


def test_reserved_words_are_no_names(run: Cursor) -> None:
    assert run.refused("create table ledger (rows number)") == 1003
    assert run.refused("select 1 as row") == 1003


# [Data types] and the types that arrive


def test_decimals_are_summed_exactly_and_whole_numbers_arrive_as_such(run: Cursor) -> None:
    run("insert into t (id, amount) values (1, 0.10), (2, 0.20), (3, 99999999999999999999.01)")

    assert run("select sum(amount), sum(id) from t") == [(Decimal("99999999999999999999.31"), 6)]


def test_a_timestamp_that_is_null_arrives_as_null(run: Cursor) -> None:
    run("insert into t (id, at_time) values (1, null), (2, '2003-01-08 10:11:12.345')")

    assert run("select at_time from t order by id") == [(None,), (datetime(2003, 1, 8, 10, 11, 12, 345000),)]
    run("delete from t where id = 2")
    assert run("select at_time from t") == [(None,)]


def test_bound_values_keep_their_type(run: Cursor) -> None:
    given = (7, None, Decimal("1.05"), datetime(2003, 1, 8, 1, 2, 3))
    run("insert into t values (?, ?, ?, ?)", *given)

    assert run("select * from t") == [given]
    assert run("select ?, ?, ?", date(2003, 1, 8), True, "it's ?") == [(date(2003, 1, 8), True, "it's ?")]


# [Functions and operators]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 / 3", 0.333333),
        ("mod(mod(-9, 7) + 7, 7)", 5),
        ("greatest(1, null)", None),
        ("concat('a', null)", None),
        ("dateadd(day, 1, '2003-02-28'::date)", date(2003, 3, 1)),
        ("datediff(day, '2003-01-01'::date, '2003-02-01'::date)", 31),
        ("'2003-01-08'::date - '2003-01-01'::date", 7),
        ("'2003-01-01'::date + cast(7 as integer)", date(2003, 1, 8)),
        ("dayofweekiso('2003-01-05'::date)", 7),
        ("iff(1 = 1, 'y', 'n') || nvl(null, '-') || to_char(5)", "y-5"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("1 is not distinct from null", False),
        ("try_cast('x' as number)", None),
    ],
)
def test_expressions_come_out_as_documented(scratch: SnowflakeSession, expression: str, value: object) -> None:
    assert Cursor(scratch).one(f"select {expression}") == value


def test_dividing_by_zero_is_an_error(run: Cursor) -> None:
    assert run.refused("select 1 / 0") == 100051
    assert run.refused("select mod(5, 0)") == 100051


def test_nulls_come_last_when_ascending_and_first_when_descending(run: Cursor) -> None:
    run("insert into t (id) values (1), (null), (2)")

    assert run("select id from t order by id") == [(1,), (2,), (None,)]
    assert run("select id from t order by id desc") == [(None,), (2,), (1,)]


def test_a_sum_of_hashes_does_not_depend_on_order_and_sees_a_doubled_row(run: Cursor) -> None:
    digest = "select cast(sum(hash(id, name)) as varchar) from "
    rows = "(select 1 as id, 'a' as name union all select 2, null)"
    backwards = "(select 2 as id, null as name union all select 1, 'a')"

    assert run.one(digest + rows) == run.one(digest + backwards)
    assert run.one(digest + rows) != run.one(f"{digest}(select * from {rows} union all select 2, null)")


def test_qualify_and_listagg(run: Cursor) -> None:
    run("insert into t (id, name) values (2, 'b'), (1, 'a'), (1, 'z')")

    assert run("select name from t qualify row_number() over (partition by id order by name) = 1 order by 1") == [
        ("a",),
        ("b",),
    ]
    assert run.one("select listagg(name, ',') within group (order by name) from t") == "a,b,z"


@pytest.mark.parametrize(
    "statement",
    [
        "select string_agg(name, ',') from t",
        "select typeof(id) from t",
        "select id // 2 from t",
        "select count(*) filter (where id > 1) from t",
        "select cast(id as hugeint) from t",
        "select list(id) from t",
        "insert into t by name select 1 as id",
        "select unnest([1, 2])",
        "select * from read_csv('x.csv')",
        "from t",
        "pragma version",
        "attach 'x.db' as x",
        "install httpfs",
        "create task nightly schedule = '1 minute' as select 1",
        "call do_it()",
        "create stream s on table t",
        "alter session set no_such_parameter = 1",
        "alter session set timezone = 'Asia/Tokyo'",
        "this is no statement",
    ],
)
def test_what_snowflake_does_not_know_or_is_not_imitated_is_an_error(run: Cursor, statement: str) -> None:
    assert run.refused(statement)


# [Constraints]


def test_not_null_is_enforced_and_keys_are_not(run: Cursor) -> None:
    run("create table keyed (id number not null primary key, name varchar unique)")
    run("insert into keyed values (1, 'a'), (1, 'a')")

    assert run.refused("insert into keyed values (null, 'b')") == 100072
    assert run.one("select count(*) from keyed") == 2


def test_a_table_replaced_by_a_query_that_breaks_not_null_stays_as_it_was(run: Cursor) -> None:
    run("create table kept (id number not null) as select 1")

    assert run.refused("create or replace table kept (id number not null) as select null") == 100072
    assert run("select * from kept") == [(1,)]


# [MERGE], [INSERT], [ALTER TABLE .. SWAP WITH], [TRUNCATE TABLE]


def test_merge_refuses_to_choose_between_two_rows_for_one(run: Cursor) -> None:
    run("insert into t (id, name) values (1, 'a')")
    twice = "(select 1 as id, 'x' as name union all select 1, 'y')"
    once = "(select 1 as id, 'x' as name union all select 2, 'y')"
    merge = "merge into t using {} as s on t.id = s.id when matched then update set name = s.name "
    insert = "when not matched then insert (id, name) values (s.id, s.name)"

    assert run.refused(merge.format(twice) + insert) == 100090
    assert run(merge.format(once) + insert) == [(1, 1)]
    assert run("select id, name from t order by id") == [(1, "x"), (2, "y")]


def test_a_table_may_be_overwritten_from_itself(run: Cursor) -> None:
    run("insert into t (id) values (1), (2)")

    assert run("insert overwrite into t select * from t where id = 2") == [(1,)]
    assert run("select id from t") == [(2,)]


def test_two_tables_swap_their_names(run: Cursor) -> None:
    run("insert into t (id) values (1)")
    run("create table u as select 2 as only_here")
    run("alter table t swap with u")

    assert (run("select * from t"), run("select id from u")) == ([(2,)], [(1,)])
    assert run.refused("alter table t swap with nowhere") == 2003


# [Transactions]


def test_ddl_commits_the_open_transaction(run: Cursor) -> None:
    run("begin")
    run("insert into t (id) values (1)")
    run("create table in_between (x number)")
    run("insert into t (id) values (2)")
    run("rollback")

    assert run("select id from t order by id") == [(1,), (2,)]


def test_a_transaction_that_is_rolled_back_leaves_nothing(run: Cursor, other: Cursor) -> None:
    run("begin transaction")
    run("begin")
    run("insert into t (id) values (1)")
    assert run.one("select count(*) from t") == 1
    assert other.one("select count(*) from t") == 0
    run("rollback")

    assert run.one("select count(*) from t") == 0


def test_a_statement_sees_what_was_committed_before_it_began(run: Cursor, other: Cursor) -> None:
    run("begin")
    assert run.one("select count(*) from t") == 0
    other("insert into t (id) values (1)")

    assert run.one("select count(*) from t") == 1
    run("commit")


def test_the_second_of_two_that_compare_and_set_waits_and_then_changes_nothing(run: Cursor, other: Cursor) -> None:
    run("insert into t values (1, 'pub-1', null, null)")
    change = "update t set name = 'pub-{}' where id = 1 and name = 'pub-1'"
    run("begin")
    other("begin")
    assert run(change.format("mine"))[0][0] == 1
    counted: list[int] = []
    waiting = threading.Thread(target=lambda: counted.append(other(change.format("theirs"))[0][0]))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    run("commit")
    waiting.join(10)
    other("commit")

    assert counted == [0]
    assert run.one("select name from t") == "pub-mine"


def test_a_lock_is_not_waited_for_longer_than_lock_timeout(run: Cursor, other: Cursor) -> None:
    run("begin")
    run("insert into t (id) values (1)")
    other("alter session set lock_timeout = 1")

    assert other.refused("delete from t") == 625
    run("commit")
    assert other("delete from t") == [(1,)]


def test_a_transaction_whose_client_is_silent_gives_way_in_the_end(run: Cursor, other: Cursor) -> None:
    run("begin")
    run("insert into t (id) values (1)")

    assert other("insert into t (id) values (2)") == [(1,)]
    assert other("select id from t") == [(2,)]


def test_a_session_that_is_killed_rolls_back(run: Cursor, other: Cursor, estate: Estate) -> None:
    other("begin")
    other("insert into t (id) values (1)")
    estate.hook("vanish", session=other.one("select current_session()"))

    assert run("insert into t (id) values (2)") == [(1,)]
    assert run("select id from t") == [(2,)]
    assert other.refused("select 1")


def test_logging_out_rolls_back(run: Cursor, estate: Estate, scratch: SnowflakeSession) -> None:
    with another(estate, scratch).turn() as session:
        Cursor(session)("begin")
        Cursor(session)("insert into t (id) values (1)")

    assert run.one("select count(*) from t") == 0


def test_after_an_error_nothing_of_the_transaction_is_kept_if_that_is_asked_for(run: Cursor) -> None:
    run("begin")
    run("insert into t (id) values (1)")
    assert run.refused("select nothing from t") == 2043
    assert run.refused("insert into t (id) values (2)") == 90232
    run("commit")

    assert run.one("select count(*) from t") == 0


def test_without_transaction_abort_on_error_the_rest_is_committed(run: Cursor) -> None:
    run("alter session set transaction_abort_on_error = false")
    run("begin")
    run("insert into t (id) values (1)")
    assert run.refused("select nothing from t") == 2043
    run("commit")

    assert run.one("select count(*) from t") == 1


def test_sixteen_writers_at_once_lose_nothing(run: Cursor, estate: Estate, scratch: SnowflakeSession) -> None:
    run("insert into t (id) values (0)")

    def count_up() -> None:
        with another(estate, scratch).turn() as session:
            for _ in range(5):
                Cursor(session)("update t set id = id + 1")

    threads = [threading.Thread(target=count_up) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)

    assert run.one("select id from t") == 80


# [Parameters], [QUERY_HISTORY]


def test_a_statement_is_stopped_after_its_time(run: Cursor) -> None:
    run("alter session set statement_timeout_in_seconds = 1")
    many = "(select seq4() as n from table(generator(rowcount => 30000)))"
    began = time.monotonic()

    assert run.refused(f"select sum(a.n * b.n) from {many} as a cross join {many} as b cross join {many} as c") == 630
    assert time.monotonic() - began < 15


def test_a_query_tag_is_kept_with_each_statement(run: Cursor) -> None:
    run("""alter session set query_tag = '{"run": "it''s run-1"}'""")
    run("select 4711")
    tagged = (
        "select query_tag from table(information_schema.query_history_by_session()) "
        "where query_text = 'select 4711' order by start_time desc limit 1"
    )

    assert run.one(tagged) == '{"run": "it\'s run-1"}'
    run("alter session unset query_tag")
    assert run("show parameters like 'QUERY_TAG'")[0][1] == ""


def test_temporary_tables_end_with_their_session(run: Cursor, estate: Estate, scratch: SnowflakeSession) -> None:
    with another(estate, scratch).turn() as session:
        Cursor(session)("create or replace temporary table public.short_lived as select 1 as x")
        assert Cursor(session).one("select x from short_lived") == 1

    assert run.refused("select * from short_lived") == 2003
