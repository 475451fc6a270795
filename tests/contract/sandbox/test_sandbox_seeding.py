"""What the sandbox replays: exactly the data dated up to a day, however often and in whatever steps it is asked for."""

import csv
import gzip
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import psycopg
import pytest
from inventory_loader.dump.contract import MAX_ROWS, MAX_TEXT_BYTES

from sandbox.aws_signature import AwsKeys
from sandbox.sources import dump_bucket, dumps, postgres_server, seeding, tpcds
from sandbox.sources.dump_bucket import BUCKET, PREFIX, LandingBucket
from sandbox.sources.seeding import Seeded, Sources
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

SCALE = 0.01
DAY = date(2001, 11, 9)
EARLIER = DAY - timedelta(days=14)

KNOWN = {
    "catalog_sales": ("cs_sold_date_sk", "cs"),
    "web_sales": ("ws_sold_date_sk", "ws"),
    "catalog_returns": ("cr_returned_date_sk", "cr"),
    "web_returns": ("wr_returned_date_sk", "wr"),
}


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = os.environ.get("SHELFGATE_SANDBOX_CACHE")
    return tpcds.generated(SCALE, Path(cache) if cache else tmp_path_factory.mktemp("tpcds"), print)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    running = postgres_server.start(tmp_path_factory.mktemp("seeding") / "postgres", password="p")
    yield running.dsn
    running.stop()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    folder = tmp_path_factory.mktemp("seeding") / "s3"
    landing = LandingBucket(folder, AwsKeys("a", "b"))
    endpoint = landing.start()
    yield (
        boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        ),
        folder,
    )
    landing.stop()


class Replay:
    """One empty source database and its part of the bucket."""

    def __init__(self, dsn: str, bucket: tuple[Any, Path], generated: Path) -> None:
        self.dsn = dsn
        self.client, self.objects = bucket
        self.generated = generated
        self.told: list[str] = []

    def seed(self, through: date, scale: float = SCALE) -> Seeded:
        sources = Sources(self.dsn, self.client, self.objects, self.generated)
        return seeding.seed(lambda: sources, self.dsn, scale, through, self.told.append)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(statement.encode()).fetchall()

    def counts(self) -> dict[str, int]:
        return {table: self.query(f"select count(*) from {table}")[0][0] for table in tpcds.PRIMARY_KEYS}

    def dump(self, key: str) -> list[list[str]]:
        body = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        text = (gzip.decompress(body) if key.endswith(".gz") else body).decode()
        return list(csv.reader(text.splitlines()))

    def keys(self) -> set[str]:
        return {found["Key"] for found in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])}


@pytest.fixture
def replay(
    server: str, bucket: tuple[Any, Path], generated: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Replay]]:
    """Make replays, each with a database of its own and, at the start, an empty bucket."""
    made: list[str] = []

    def make() -> Replay:
        name = f"source_{abs(hash(request.node.name))}_{len(made)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        made.append(name)
        return Replay(server.removesuffix(postgres_server.DATABASE) + name, bucket, generated)

    client = bucket[0]
    for found in client.list_object_versions(Bucket=BUCKET).get("Versions", []):
        client.delete_object(Bucket=BUCKET, Key=found["Key"], VersionId=found["VersionId"])
    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"drop database {name} with (force)".encode())


def expected_counts(generated: Path, through: date) -> dict[str, int]:
    """Row by row in Python, and without the column that the generator adds."""
    last = tpcds.day_number(through)
    with duckdb.connect(str(generated), read_only=True) as engine:
        counts = {
            table: engine.execute(f"select count(*) from {table}").fetchall()[0][0] for table in tpcds.WHOLE_TABLES
        }
        for sales, returns in (("catalog_sales", "catalog_returns"), ("web_sales", "web_returns")):
            (sold, s), (returned, r) = KNOWN[sales], KNOWN[returns]
            lines = engine.execute(f"select {s}_item_sk, {s}_order_number, {sold} from {sales}").fetchall()
            orders: dict[int, int] = {}
            for _, order, day in lines:
                if day is not None:
                    orders[order] = min(day, orders.get(order, day))
            arrival = {(item, order): day if day is not None else orders.get(order, 0) for item, order, day in lines}
            counts[sales] = sum(day <= last for day in arrival.values())
            back = engine.execute(f"select {r}_item_sk, {r}_order_number, {returned} from {returns}").fetchall()
            counts[returns] = sum(
                max(arrival[item, order], day if day is not None else 0) <= last for item, order, day in back
            )
    return counts


def test_a_seed_puts_exactly_the_rows_dated_up_to_its_day(replay: Callable[[], Replay], generated: Path) -> None:
    source = replay()

    report = source.seed(DAY)

    wanted = expected_counts(generated, DAY)
    assert source.counts() == wanted
    assert report.rows == wanted
    assert (report.scale, report.through) == (SCALE, DAY)
    whole = expected_counts(generated, tpcds.LAST_DAY)
    assert wanted["web_sales"] < whole["web_sales"]
    for table, (day, _) in KNOWN.items():
        latest = source.query(f"select max(d_date) from {table} join date_dim on d_date_sk = {day}")[0][0]
        assert EARLIER < latest <= DAY, table


def test_a_seed_and_an_advance_leave_the_rows_that_one_seed_leaves(replay: Callable[[], Replay]) -> None:
    at_once, in_steps = replay(), replay()

    at_once.seed(DAY)
    first = in_steps.seed(EARLIER)
    second = in_steps.seed(DAY)

    assert second.rows["web_sales"] > 0
    assert set(second.rows) == set(KNOWN)
    assert first.rows["web_sales"] + second.rows["web_sales"] == at_once.counts()["web_sales"]
    for table in tpcds.PRIMARY_KEYS:
        rows = f"select * from {table} order by {', '.join(tpcds.PRIMARY_KEYS[table])}"
        assert in_steps.query(rows) == at_once.query(rows), table


def test_the_same_again_adds_nothing(replay: Callable[[], Replay]) -> None:
    source = replay()
    source.seed(DAY)
    before, keys = source.counts(), source.keys()
    versions = len(source.client.list_object_versions(Bucket=BUCKET)["Versions"])

    report = source.seed(DAY)

    assert (report.rows, report.dumps) == ({}, ())
    assert (source.counts(), source.keys()) == (before, keys)
    assert len(source.client.list_object_versions(Bucket=BUCKET)["Versions"]) == versions


def test_what_cannot_follow_is_refused_and_changes_nothing(replay: Callable[[], Replay]) -> None:
    source = replay()
    source.seed(DAY)
    before = source.counts()

    for through, scale, said in (
        (EARLIER, SCALE, "reset"),
        (DAY, 0.02, "reset"),
        (date(2003, 1, 9), SCALE, "2003-01-08"),
        (date(1997, 12, 31), SCALE, "1998-01-01"),
        (DAY, 0.001, "0.01"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            source.seed(through, scale)

    assert source.counts() == before
    assert source.query("select scale, through, dumped_through from sandbox.progress") == [(SCALE, DAY, DAY)]


def test_the_source_has_the_stock_columns_and_keys_and_nothing_more(replay: Callable[[], Replay]) -> None:
    source = replay()
    source.seed(date(1998, 1, 1))

    tables = source.query("select table_name from information_schema.tables where table_schema = 'public'")
    assert {name for (name,) in tables} == set(tpcds.PRIMARY_KEYS)
    with duckdb.connect(str(source.generated), read_only=True) as engine:
        for table, keys in tpcds.PRIMARY_KEYS.items():
            made = [row[0] for row in engine.execute(f"describe {table}").fetchall() if row[0] != "arrives_sk"]
            columns = source.query(
                "select column_name, data_type from information_schema.columns"
                f" where table_schema = 'public' and table_name = '{table}' order by ordinal_position"
            )
            assert [name for name, _ in columns] == made
            assert {kind for _, kind in columns} <= {"integer", "numeric", "character", "character varying", "date"}
            indexed = source.query(
                "select attname from pg_index join pg_attribute on attrelid = indrelid and attnum = any(indkey)"
                f" where indisprimary and indrelid = '{table}'::regclass order by array_position(indkey, attnum)"
            )
            assert tuple(name for (name,) in indexed) == keys


def test_the_first_dump_holds_the_history_and_each_later_day_its_latest_snapshot(
    replay: Callable[[], Replay], generated: Path
) -> None:
    source = replay()
    wednesday = date(2001, 10, 31)

    source.seed(wednesday)
    source.seed(wednesday + timedelta(days=2))

    assert source.keys() == {f"{PREFIX}2001-10-31.csv", f"{PREFIX}2001-11-01.csv", f"{PREFIX}2001-11-02.csv"}
    with duckdb.connect(str(generated), read_only=True) as engine:
        wanted = engine.execute(
            "select * from inventory where inv_date_sk <= ? order by 1, 2, 3", [tpcds.day_number(wednesday) + 1]
        ).fetchall()
    as_text = [["" if value is None else str(value) for value in row] for row in wanted]
    header = ["inv_date_sk", "inv_item_sk", "inv_warehouse_sk", "inv_quantity_on_hand"]
    thursday = str(tpcds.day_number(wednesday) + 1)
    latest = [row for row in as_text if row[0] == thursday]
    assert len(latest) == 90
    assert "" in {row[3] for row in as_text}
    assert source.dump(f"{PREFIX}2001-10-31.csv") == [header, *(row for row in as_text if row[0] != thursday)]
    assert source.dump(f"{PREFIX}2001-11-01.csv") == [header, *latest]
    assert source.dump(f"{PREFIX}2001-11-02.csv") == [header, *latest]
    assert (source.objects / f"{PREFIX}2001-11-02.csv").exists()


def test_a_large_dump_is_gzipped_and_says_so_in_its_key(
    replay: Callable[[], Replay], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, packed = replay(), replay()
    plain.seed(DAY)
    monkeypatch.setattr(dumps, "GZIP_OVER_BYTES", 1000)

    report = packed.seed(DAY)

    assert report.dumps == (f"{PREFIX}{DAY}.csv.gz",)
    assert packed.dump(f"{PREFIX}{DAY}.csv.gz") == plain.dump(f"{PREFIX}{DAY}.csv")


def test_a_history_too_large_for_one_dump_is_split_by_snapshot(
    replay: Callable[[], Replay], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, split = replay(), replay()
    whole.seed(DAY)
    rows = whole.dump(f"{PREFIX}{DAY}.csv")[1:]
    a_week = max(Counter(row[0] for row in rows).values())
    monkeypatch.setattr(dumps, "PART_ROWS", 3 * a_week)

    report = split.seed(DAY)

    parts = [split.dump(key)[1:] for key in report.dumps]
    assert len(parts) > 60
    assert report.dumps[0] == f"{PREFIX}{DAY}-part-01-of-{len(parts):02}.csv"
    assert [row for part in parts for row in part] == rows
    assert max(map(len, parts)) <= 3 * a_week
    weeks = [{row[0] for row in part} for part in parts]
    assert sum(map(len, weeks)) == len(set.union(*weeks)), "no week is in two parts"


def test_a_part_of_the_first_dump_is_within_the_loaders_bounds() -> None:
    longest_line_at_scale_10 = len("2450815,102000,10,1000\n")

    assert dumps.PART_ROWS <= MAX_ROWS
    assert dumps.PART_ROWS * longest_line_at_scale_10 <= MAX_TEXT_BYTES
    assert dumps.PART_ROWS >= 11_745_000, "the history at scale 1 is one dump"


def test_a_seed_killed_among_its_dumps_is_finished_by_the_next(
    replay: Callable[[], Replay], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replay()
    source.seed(EARLIER)
    really = dump_bucket.put_dump

    def refuse_the_fourth(client: Any, folder: Path, key: str, body: Path) -> None:
        if key.endswith(f"{EARLIER + timedelta(days=4)}.csv"):
            raise ExternalServiceUnavailable("the power went")
        really(client, folder, key, body)

    with monkeypatch.context() as patch:
        patch.setattr(dump_bucket, "put_dump", refuse_the_fourth)
        with pytest.raises(ExternalServiceUnavailable):
            source.seed(DAY)
    after_the_kill = source.counts()

    report = source.seed(DAY + timedelta(days=1))

    assert report.dumps == tuple(f"{PREFIX}{EARLIER + timedelta(days=n)}.csv" for n in range(4, 16))
    assert source.keys() == {f"{PREFIX}{EARLIER + timedelta(days=n)}.csv" for n in range(16)}
    assert after_the_kill["web_sales"] < source.counts()["web_sales"]


def test_a_seed_that_fails_among_its_rows_leaves_nothing(
    replay: Callable[[], Replay], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replay()
    with monkeypatch.context() as patch:
        patch.setitem(tpcds.PRIMARY_KEYS, "ship_mode", ("no_such_column",))
        with pytest.raises(PermanentFailure, match="no_such_column"):
            source.seed(DAY)

    assert source.query("select count(*) from pg_tables where schemaname in ('public', 'sandbox')") == [(0,)]
    assert source.keys() == set()
    assert source.seed(DAY).rows["ship_mode"] == 20


def test_two_seeds_at_once_take_turns(replay: Callable[[], Replay]) -> None:
    source = replay()
    reports: list[Seeded] = []
    threads = [threading.Thread(target=lambda: reports.append(source.seed(DAY))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(bool(report.rows) for report in reports) == [False, True]
    assert "waiting for another seed of this estate to finish" in source.told
    assert len(source.client.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_rows_without_a_date_arrive_with_what_they_belong_to() -> None:
    with duckdb.connect() as engine:
        engine.execute("attach ':memory:' as made; attach ':memory:' as kept")
        engine.execute("create table made.web_sales (ws_order_number int, ws_item_sk int, ws_sold_date_sk int)")
        engine.execute("insert into made.web_sales values (1, 1, 120), (1, 2, null), (1, 3, 110), (2, 1, null)")
        engine.execute("create table made.web_returns (wr_order_number int, wr_item_sk int, wr_returned_date_sk int)")
        engine.execute("insert into made.web_returns values (1, 1, null), (1, 2, 50), (1, 3, 130), (2, 1, null)")

        engine.execute(tpcds.SALES_ARRIVAL.format(channel="web", p="ws", first=tpcds.ARRIVES_FIRST))
        engine.execute(tpcds.RETURNS_ARRIVAL.format(channel="web", p="ws", r="wr", first=tpcds.ARRIVES_FIRST))

        sold = {row[:2]: row[3] for row in engine.execute("from kept.web_sales").fetchall()}
        returned = {row[:2]: row[3] for row in engine.execute("from kept.web_returns").fetchall()}
    first = tpcds.ARRIVES_FIRST
    assert sold == {(1, 1): 120, (1, 2): 110, (1, 3): 110, (2, 1): first}
    assert returned == {(1, 1): 120, (1, 2): 110, (1, 3): 130, (2, 1): first}


def test_generating_writes_nothing_to_the_home_folder_and_leaves_no_part_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()

    file = tpcds.generated(SCALE, tmp_path / "cache", print)

    assert list((tmp_path / "cache").iterdir()) == [file]
    assert list((tmp_path / "home").iterdir()) == []
