"""What an Airbyte sync lands, driven through the production client: every row once, all streams or none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox.sources.tpcds import DATED_TABLES, PRIMARY_KEYS, WHOLE_TABLES
from tests.contract.airbyte.airbyte_connection import Connection, configured, connected


@pytest.fixture
def connection(source: str, tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(source, tmp_path)) as connection:
        yield connection


def test_the_first_sync_lands_every_row_of_every_table(whole_source: str, tmp_path: Path) -> None:
    with connected(configured(whole_source, tmp_path)) as connection:
        job = connection.sync()

    counts = 0
    for table in PRIMARY_KEYS:
        wanted, found = connection.rows(table)
        assert wanted, f"{table}: the source is empty"
        assert found == wanted, table
        counts += len(found)
    assert job.rows_synced == counts
    assert job.bytes_synced


def test_rows_land_in_the_layout_of_the_snowflake_destination(connection: Connection) -> None:
    job = connection.sync()

    described = connection.landed("describe raw_sales.catalog_sales")
    assert [(name, type_, nullable) for name, type_, nullable, *_ in described[:4]] == [
        ("_airbyte_raw_id", "VARCHAR", "NO"),
        ("_airbyte_extracted_at", "TIMESTAMP WITH TIME ZONE", "NO"),
        ("_airbyte_meta", "JSON", "NO"),
        ("_airbyte_generation_id", "BIGINT", "NO"),
    ]
    types = {name: type_ for name, type_, *_ in described}
    assert (types["cs_item_sk"], types["cs_net_profit"]) == ("BIGINT", "DOUBLE")
    types = {name: type_ for name, type_, *_ in connection.landed("describe raw_sales.item")}
    assert (types["i_item_id"], types["i_rec_start_date"]) == ("VARCHAR", "DATE")
    for table in PRIMARY_KEYS:
        meta = "count(*) - count(distinct _airbyte_raw_id), min(_airbyte_meta), max(_airbyte_meta)"
        wanted = json.dumps({"sync_id": job.job_id, "changes": []}, separators=(",", ":"))
        assert connection.landed(f"select {meta} from raw_sales.{table}") == [(0, wanted, wanted)]


def test_the_next_sync_moves_what_is_new_or_changed_and_merges_it(connection: Connection) -> None:
    connection.sync()
    connection.change(
        """
        insert into catalog_sales (cs_item_sk, cs_order_number, cs_quantity) values (1, 10000001, 3);
        update catalog_sales set cs_quantity = 77 where (cs_item_sk, cs_order_number) =
            (select cs_item_sk, cs_order_number from catalog_sales order by 2, 1 limit 1);
        update item set i_brand = 'changed' where i_item_sk = 1
        """
    )

    job = connection.sync()

    for table in ("catalog_sales", "web_sales", "item"):
        wanted, found = connection.rows(table)
        assert found == wanted
    overwritten = sum(connection.in_source(f"select count(*) from {table}")[0][0] for table in WHOLE_TABLES)
    assert job.rows_synced == overwritten + 2
    moved = "select count(*) from raw_sales.{} where (_airbyte_meta ->> 'sync_id')::int = {}"
    assert [connection.landed(moved.format(table, job.job_id)) for table in DATED_TABLES] == [
        [(2,)],
        [(0,)],
        [(0,)],
        [(0,)],
    ]
    generation = "select distinct _airbyte_generation_id from raw_sales."
    assert connection.landed(generation + "catalog_sales") == [(1,)]
    assert connection.landed(generation + "item") == [(2,)]


def test_a_row_that_was_written_before_a_sync_and_committed_after_it_is_not_missed(connection: Connection) -> None:
    with psycopg.connect(connection.config.postgres_dsn) as slow:
        slow.execute("insert into web_sales (ws_item_sk, ws_order_number) values (1, 10000002)")
        connection.change("insert into web_sales (ws_item_sk, ws_order_number) values (1, 10000003)")
        connection.sync()
        slow.commit()

    connection.sync()
    connection.sync()

    wanted, found = connection.rows("web_sales")
    assert found == wanted


def test_a_deleted_row_stays_where_rows_are_merged_and_goes_where_the_table_is_overwritten(
    connection: Connection,
) -> None:
    connection.sync()
    connection.change("delete from web_returns; delete from promotion where p_promo_sk = 1")

    connection.sync()

    assert connection.landed("select count(*) from raw_sales.web_returns where wr_item_sk is not null") > [(0,)]
    wanted, found = connection.rows("promotion")
    assert found == wanted


def test_a_table_that_was_filled_anew_is_loaded_in_full(connection: Connection) -> None:
    connection.sync()
    connection.change("truncate web_returns; insert into web_returns (wr_item_sk, wr_order_number) values (5, 6)")

    connection.sync()

    wanted, found = connection.rows("web_returns")
    assert found == wanted
    assert connection.landed("select distinct _airbyte_generation_id from raw_sales.web_returns") == [(2,)]


def test_a_stream_that_the_warehouse_lost_or_that_has_a_new_column_is_loaded_in_full(connection: Connection) -> None:
    connection.sync()
    connection.landed("drop table raw_sales.web_sales")
    connection.change("alter table catalog_returns add column cr_note varchar(10) default 'new'")

    connection.sync()

    for table in ("web_sales", "catalog_returns"):
        wanted, found = connection.rows(table)
        assert found == wanted


def test_a_source_without_the_key_delivers_the_newest_row_of_each_key_once(connection: Connection) -> None:
    connection.change("alter table web_returns drop constraint web_returns_pkey")
    connection.change("insert into web_returns (wr_item_sk, wr_order_number, wr_fee) values (1, 10000004, 1)")
    connection.change("insert into web_returns (wr_item_sk, wr_order_number, wr_fee) values (1, 10000004, 2)")
    fee = "select wr_fee from raw_sales.web_returns where wr_order_number = 10000004"

    connection.sync()
    assert connection.landed(fee) == [(2.0,)]

    connection.change("insert into web_returns (wr_item_sk, wr_order_number, wr_fee) values (1, 10000004, 3)")
    connection.sync()
    assert connection.landed(fee) == [(3.0,)]


@pytest.mark.parametrize(
    ("fault", "mend", "named"),
    [
        (
            "alter table ship_mode rename to away",
            "alter table away rename to ship_mode",
            "stream ship_mode: .* no table",
        ),
        (
            "alter table web_sales rename column ws_net_paid to away",
            "alter table web_sales rename column away to ws_net_paid",
            "stream web_sales: the source table lost ws_net_paid",
        ),
        (
            "update catalog_sales set cs_net_paid = 'NaN' where cs_item_sk = 1",
            "update catalog_sales set cs_net_paid = 0 where cs_item_sk = 1",
            r"stream catalog_sales: \d+ rows hold a NaN",
        ),
        (
            "alter table item alter column i_color type integer[] using null",
            "alter table item alter column i_color type char(20) using 'mended'",
            r"stream item: column i_color is a integer\[\]",
        ),
    ],
)
def test_a_faulty_source_fails_the_job_and_leaves_the_warehouse_as_it_was(
    connection: Connection, fault: str, mend: str, named: str
) -> None:
    connection.sync()
    connection.change("insert into catalog_sales (cs_item_sk, cs_order_number) values (3, 10000005)")
    connection.change(fault)
    digest = "select count(*), max(_airbyte_extracted_at)::varchar from raw_sales."
    before = [connection.landed(digest + table) for table in PRIMARY_KEYS]

    why = connection.why_it_failed()

    assert re.search(named, why), why
    assert [connection.landed(digest + table) for table in PRIMARY_KEYS] == before
    connection.change(mend)
    connection.sync()
    wanted, found = connection.rows("catalog_sales")
    assert found == wanted


def test_a_source_that_refuses_us_is_named_without_its_password(connection: Connection, tmp_path: Path) -> None:
    wrong = connection.config.postgres_dsn.replace("@", "wrong@")
    password = wrong.partition("@")[0].rpartition(":")[2]
    with connected(configured(wrong, tmp_path / "other")) as refused:
        why = refused.why_it_failed()

    assert "password authentication failed" in why
    assert password not in why


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from sandbox.airbyte import landing
from sandbox.airbyte.sync import Route, Sync

land = landing.RawLanding.land

def land_and_die(self, *given):
    found = land(self, *given)
    if self._source.stream.name == "item":
        os.kill(os.getpid(), signal.SIGKILL)
    return found

landing.RawLanding.land = land_and_die
folder = Path(sys.argv[2])
state = folder / "airbyte" / "airbyte_streams.json"
Sync(Route(sys.argv[1], folder / "warehouse.duckdb", state), 99, datetime.now(UTC)).run()
"""


def test_a_sync_killed_in_the_middle_lands_nothing_and_the_next_one_everything(
    connection: Connection, tmp_path: Path
) -> None:
    connection.sync()
    before = connection.rows("catalog_sales")[1]
    connection.change("insert into catalog_sales (cs_item_sk, cs_order_number) values (3, 10000006)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, connection.config.postgres_dsn, str(tmp_path)],
        env=environment,
        check=False,
        capture_output=True,
    )

    assert killed.returncode == -9, killed.stderr.decode()
    assert connection.rows("catalog_sales")[1] == before
    connection.sync()
    wanted, found = connection.rows("catalog_sales")
    assert found == wanted
    assert len(found) == len(before) + 1
