"""What the loader says to Snowflake: each statement, in its order, with what is bound to it, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from inventory_loader.dump.reader import Text
from inventory_loader.engines import snowflake_statements as sql
from inventory_loader.engines.snowflake import SnowflakeEngine
from inventory_loader.engines.snowflake_login import open_session
from inventory_loader.errors import (
    ConfigurationError,
    DumpRefused,
    WarehouseBusy,
    WarehouseFailed,
    WarehouseNotInstalled,
)
from inventory_loader.handler import handler
from inventory_loader.load import load
from inventory_loader.objects import Dropped, LoadRequest
from snowflake.connector import errors as vendor

from tests.contract.inventory.inventory_landing import Context

PREFIX, NOW = "inbound/inventory/", datetime(1998, 1, 3, 12)
CONTENT = b"inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n2450815,1,1,5\n2450815,2,1,\n"
FIRST, SECOND = 2450815, 2450822

Answers = dict[str, Any]


class Recording:
    """A connection and its one cursor: keeps what is said, answers what it was told to, has as many rows as told."""

    def __init__(self, **answers: Any) -> None:
        self.said: list[tuple[str, Any]] = []
        self.answers: Answers = {"WEIGH": [(FIRST, 2, 0, 255)], "COUNT_ARRIVED": [(2, 0)], **answers}
        self.rowcount = 1
        self.closed = False
        self._found: list[Any] = []

    def cursor(self) -> Recording:
        return self

    def close(self) -> None:
        self.closed = True

    def execute(self, statement: str, parameters: Any = None) -> Recording:
        self.said.append((plain(statement), parameters))
        name = next((n for n in self.answers if statement == getattr(sql, n, None)), "")
        answer = self.answers.get(name, [])
        if isinstance(answer, Exception):
            raise answer
        self._found = list(answer)
        self.rowcount = self.answers.get("rows", 2) if statement == sql.INSERT_ROWS else self.answers.get("turns", 1)
        return self

    def executemany(self, statement: str, parameters: Iterable[Any]) -> Recording:
        return self.execute(statement, list(parameters))

    def fetchall(self) -> list[Any]:
        return self._found

    def fetchmany(self, size: int) -> list[Any]:
        return self._found[:size]

    def fetchone(self) -> Any:
        return self._found[0] if self._found else None

    def beginnings(self) -> list[str]:
        """The first words of each statement, as many as tell it apart."""
        return [" ".join(statement.split()[:4]) for statement, _ in self.said]

    def bound_to(self, statement: str) -> Any:
        return next(parameters for said, parameters in self.said if said == plain(statement))


def plain(statement: str) -> str:
    return " ".join(statement.split())


class Store:
    """One object, served as `S3Store` serves it."""

    def __init__(self, key: str = PREFIX + "1998-01-02.csv", content: bytes = CONTENT) -> None:
        self.key, self.content = key, content

    @contextmanager
    def opened(self, _: LoadRequest) -> Any:
        dropped = Dropped(self.key, "v1", "etag-1", len(self.content), datetime(1998, 1, 3))
        yield dropped, iter([self.content])

    def uploaded_at(self, dropped: Dropped) -> datetime:
        return dropped.last_modified


def loaded(connection: Recording, *, stage: str | None = None, store: Store | None = None) -> dict[str, Any]:
    store = store or Store()
    with closing(SnowflakeEngine(lambda: connection, stage=stage, prefix=PREFIX)) as engine:
        request = LoadRequest(store.key, "v1", "run-1")
        return load(request, store=store, prefix=PREFIX, engine=engine, clock=lambda: NOW).as_reply()  # pyright: ignore[reportArgumentType]


BEFORE = ["create or replace temporary", "create or replace temporary"]
SETTLE = [
    "begin transaction",
    "update ops.load_turn set taken",
    "select etag, sha256, bytes,",
    "select inv_date_sk, dump_date, last_modified,",
]
WRITE = [
    "delete from raw_inventory.inventory_settled",
    "insert into raw_inventory.inventory_settled (inv_date_sk)",
    "delete from raw_inventory.inventory where",
    "insert into raw_inventory.inventory (inv_date_sk,",
    "delete from ops.inventory_snapshot where",
    "insert into ops.inventory_snapshot (inv_date_sk,",
]
RECORD = ["delete from ops.load_ledger where", "insert into ops.load_ledger (object_key,"]
COPY = ["copy into raw_inventory.inventory_arriving (inv_date_sk,", "select count(*), sum(case when"]
SEND = ["create or replace temporary", "put 'file:///tmp/", *COPY]
WEIGH = ["select inv_date_sk, sum(times), sum(times)"]


def told(connection: Recording) -> list[str]:
    return [re.sub(r"^(put 'file:///tmp/).*", r"\1", words) for words in connection.beginnings()]


def test_a_dump_is_copied_from_the_stage_and_settled_in_one_transaction_of_dml() -> None:
    connection = Recording()

    reply = loaded(connection, stage="raw_inventory.landing")

    assert told(connection) == [*BEFORE, *COPY, *WEIGH, *SETTLE, *WRITE, *RECORD, "commit"]
    (copy,) = [said for said in connection.said if said[0].startswith("copy into")]
    assert copy == (
        "copy into raw_inventory.inventory_arriving (inv_date_sk, inv_item_sk, inv_warehouse_sk, "
        "inv_quantity_on_hand, content_key) from (select $1, $2, $3, $4, metadata$file_content_key from "
        "@raw_inventory.landing) files = (%s) file_format = ( type = csv field_delimiter = ',' record_delimiter = "
        "'\\n' skip_header = 1 encoding = 'UTF8' field_optionally_enclosed_by = none escape_unenclosed_field = none "
        "empty_field_as_null = true error_on_column_count_mismatch = true ) force = true on_error = abort_statement",
        ("1998-01-02.csv",),
    )
    assert connection.bound_to(sql.COUNT_ARRIVED) == ("etag-1",)
    assert connection.bound_to(sql.NOTE_SETTLED) == [(FIRST,)]
    assert connection.bound_to(sql.INSERT_SNAPSHOT) == [
        (FIRST, PREFIX + "1998-01-02.csv", "v1", date(1998, 1, 2), datetime(1998, 1, 3), 2, "2-255", None, None)
    ]
    key, version, etag, _, *rest = connection.bound_to(sql.INSERT_RECEIPT)
    assert (key, version, etag) == (PREFIX + "1998-01-02.csv", "v1", "etag-1")
    assert rest == [len(CONTENT), 2, "loaded", None, "run-1", NOW, date(1998, 1, 2), datetime(1998, 1, 3)]
    assert (reply["status"], reply["rows"], connection.closed) == ("loaded", 2, True)


def test_nothing_that_commits_by_itself_stands_between_begin_and_commit() -> None:
    connection = Recording()
    loaded(connection)

    said = connection.beginnings()
    inside = said[said.index("begin transaction") + 1 : said.index("commit")]
    assert {words.split()[0] for words in inside} == {"select", "insert", "update", "delete"}


def test_without_a_stage_the_checked_file_is_sent() -> None:
    connection = Recording(COUNT_ARRIVED=[(2, 2)])

    assert loaded(connection)["status"] == "loaded"

    assert told(connection)[:7] == [*BEFORE, *SEND, *WEIGH]
    put, copy = (next(s for s, _ in connection.said if s.startswith(word)) for word in ("put", "copy"))
    assert re.fullmatch(
        r"put 'file:///[\w./-]+/lines\.csv' @raw_inventory\.inventory_sent auto_compress = false overwrite = true", put
    )
    assert "files = ('lines.csv')" in copy
    assert "skip_header = 0" in copy
    assert "force = true on_error = abort_statement" in copy


@pytest.mark.parametrize("arrived", [(2, 1), (3, 0), (1, 0)], ids=["another ETag", "more rows", "fewer rows"])
def test_rows_of_another_version_than_the_one_checked_are_thrown_away(arrived: tuple[int, int]) -> None:
    class Changing(Recording):
        def execute(self, statement: str, parameters: Any = None) -> Recording:
            if statement == sql.EMPTY_ARRIVING:
                self.answers["COUNT_ARRIVED"] = [(2, 2)]
            return super().execute(statement, parameters)

    connection = Changing(COUNT_ARRIVED=[arrived])

    assert loaded(connection, stage="landing")["status"] == "loaded"
    assert told(connection)[:9] == [*BEFORE, *COPY, "delete from raw_inventory.inventory_arriving", *SEND][:9]


def test_a_file_of_which_not_every_row_arrived_is_not_settled() -> None:
    connection = Recording(COUNT_ARRIVED=[(1, 1)])

    with pytest.raises(WarehouseFailed, match="1 rows arrived; wanted 2"):
        loaded(connection)
    assert "begin transaction" not in connection.beginnings()


def test_a_version_on_record_is_answered_and_nothing_is_written() -> None:
    line = ("etag-1", "sha", 90, 2, "loaded", None, date(1998, 1, 2))
    connection = Recording(RECORDED=[line], STILL_SERVED=[(FIRST, 2, False), (SECOND, 3, True)])

    reply = loaded(connection)

    assert connection.bound_to(sql.RECORDED) == (
        PREFIX + "1998-01-02.csv", "v1", "etag-1", "null", datetime(1998, 1, 3)
    )  # fmt: skip
    assert (
        connection.beginnings()[-4:]
        == [*SETTLE[:3], "select inv_date_sk, row_count, coalesce(is_confirmed,", "commit"][1:]
    )
    assert [(s["snapshot_date"], s["outcome"]) for s in reply["snapshots"]] == [
        ("1998-01-01", "loaded"),
        ("1998-01-08", "unchanged"),
    ]


def test_a_week_that_is_there_already_is_only_confirmed() -> None:
    older = (FIRST, date(1998, 1, 1), datetime(1998, 1, 1), "old.csv", "2-255")
    connection = Recording(SERVED=[older])

    assert loaded(connection)["status"] == "unchanged"

    after = connection.beginnings()[connection.beginnings().index(SETTLE[-1]) + 1 :]
    assert after == [*WRITE[:2], "update ops.inventory_snapshot set object_key", *RECORD, "commit"]
    assert connection.bound_to(sql.CONFIRM) == (
        PREFIX + "1998-01-02.csv", "v1", date(1998, 1, 2), datetime(1998, 1, 3)
    )  # fmt: skip


def test_a_restated_week_keeps_the_digest_that_it_replaced() -> None:
    older = (FIRST, date(1998, 1, 1), datetime(1998, 1, 1), "old.csv", "2-aa")
    connection = Recording(SERVED=[older])

    assert loaded(connection)["reason"] == "1998-01-01 restated"
    assert connection.bound_to(sql.INSERT_SNAPSHOT)[0][-2:] == ("2-aa", NOW)


def test_fewer_rows_inserted_than_weighed_are_rolled_back() -> None:
    connection = Recording(rows=1)

    with pytest.raises(WarehouseFailed, match="1 rows inserted; wanted 2"):
        loaded(connection)
    assert connection.beginnings()[-1] == "rollback"


def test_a_malformed_dump_is_recorded_and_never_reaches_snowflake() -> None:
    connection = Recording()
    bad = CONTENT + b"2450815,1-2,1,5\n"

    reply = loaded(connection, store=Store(content=bad), stage="landing")

    assert (reply["status"], reply["reason"].partition(":")[0]) == ("quarantined", "line 4, column inv_item_sk")
    assert connection.beginnings() == [*SETTLE[:3], *RECORD, "commit"]


@pytest.mark.parametrize("name", ["1998-01-02'; drop table x;--.csv", "../1998-01-02.csv", "1998-01-02\n.csv"])
def test_no_part_of_a_key_off_the_pattern_is_said_to_snowflake_but_as_a_value(name: str) -> None:
    connection = Recording()

    assert loaded(connection, stage="landing", store=Store(PREFIX + name))["status"] == "quarantined"
    assert not [said for said, _ in connection.said if name in said or "drop" in said]


@pytest.mark.parametrize("stage", ["a b", "x;drop", "@landing", "a.b.c.d", "landing'", ""])
def test_a_stage_is_a_plain_name(stage: str) -> None:
    with pytest.raises(ConfigurationError, match="SHELFGATE_SNOWFLAKE_STAGE"):
        SnowflakeEngine(Recording, stage=stage, prefix=PREFIX)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (vendor.ProgrammingError("Object 'X' does not exist", errno=2003, sqlstate="42S02"), WarehouseNotInstalled),
        (vendor.ProgrammingError("has locked table", errno=625, sqlstate="57014"), WarehouseBusy),
        (vendor.OperationalError("connection reset", errno=250003), WarehouseFailed),
        (vendor.DatabaseError("JWT token is invalid", errno=390144), ConfigurationError),
        (vendor.ProgrammingError("Numeric value 'secret' is not recognized", errno=100038), WarehouseFailed),
    ],
)
@pytest.mark.parametrize("at", ["TAKE_TURN", "INSERT_ROWS", "WEIGH", "INSERT_RECEIPT"])
def test_a_fault_of_snowflake_says_what_to_do_and_repeats_no_value(fault: Exception, error: type, at: str) -> None:
    connection = Recording(**{at: fault})

    with pytest.raises(error, match=r"Snowflake: .* Nothing was written|All was written or nothing") as raised:
        loaded(connection)
    assert "secret" not in str(raised.value)
    assert "commit" not in connection.beginnings()
    assert connection.beginnings()[-1] == ("rollback" if at != "WEIGH" else WEIGH[0])


def test_a_warehouse_without_the_turns_row_is_not_installed() -> None:
    with pytest.raises(WarehouseNotInstalled, match=r"ops\.load_turn has 0 rows"):
        loaded(Recording(turns=0))


def test_more_dates_than_the_bound_and_a_text_off_the_contract_are_refused(tmp_path: Path) -> None:
    many = Recording(WEIGH=[(sk, 1, 0, 1) for sk in range(1, 2_002)])
    assert "more than 2,000 snapshot dates" in loaded(many)["reason"]

    (tmp_path / "lines.csv").write_bytes(b"1,1,1,x\n")
    text = Text(tmp_path / "lines.csv", ("inv_date_sk", "inv_item_sk", "inv_warehouse_sk", "inv_quantity_on_hand"), 1)
    engine = SnowflakeEngine(Recording, stage=None, prefix=PREFIX)
    with pytest.raises(DumpRefused, match="line 2, column inv_quantity_on_hand"):
        engine.stage(text, tmp_path, Dropped("k", "v", "e", 1, NOW))


def test_only_a_checked_text_in_a_plain_folder_is_named_to_snowflake(tmp_path: Path) -> None:
    columns = ("inv_date_sk", "inv_item_sk", "inv_warehouse_sk", "inv_quantity_on_hand")
    odd = tmp_path / "it's"
    odd.mkdir()
    for folder, named, error in [
        (odd, columns, ConfigurationError),
        (tmp_path, (*columns, "x; drop"), WarehouseFailed),
    ]:
        (folder / "lines.csv").write_bytes(b"")
        connection = Recording()
        engine = SnowflakeEngine(lambda c=connection: c, stage=None, prefix=PREFIX)
        with pytest.raises(error):
            engine.stage(Text(folder / "lines.csv", named, 2), folder, Dropped("k", "v", "e", 1, NOW))
        assert not [said for said, _ in connection.said if "drop" in said or "it's" in said]


def test_an_engine_that_needed_no_session_has_none_to_end() -> None:
    def never() -> None:
        raise AssertionError("a session was opened")

    SnowflakeEngine(never, stage="db.raw_inventory.landing", prefix=PREFIX).close()


def test_the_target_of_the_environment_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Recording()
    asked: list[Any] = []

    def opened_session(environment: Any, *, run_id: str, seconds_left: float) -> Recording:
        asked.append((environment["SHELFGATE_TARGET"], run_id, 50 < seconds_left < 55))
        return connection

    monkeypatch.setenv("SHELFGATE_TARGET", "snowflake")
    monkeypatch.setenv("SHELFGATE_SNOWFLAKE_STAGE", "raw_inventory.landing")
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "landing")
    monkeypatch.setattr("inventory_loader.handler.boto3.client", lambda _: None)
    monkeypatch.setattr("inventory_loader.handler.S3Store", lambda *_: Store())
    monkeypatch.setattr("inventory_loader.engines.snowflake_login.open_session", opened_session)

    event = {"object_key": PREFIX + "1998-01-02.csv", "version_id": "v1", "run_id": "run-1"}
    assert handler(event, Context())["status"] == "loaded"
    assert asked == [("snowflake", "run-1", True)]
    assert any("@raw_inventory.landing" in said for said, _ in connection.said)
    assert connection.closed


def test_a_sweep_of_snowflake_asks_the_ledger_once_and_settles_each_dump_in_its_own_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [f"{PREFIX}1998-01-0{day}.csv" for day in (2, 3, 4)]
    listed = [Dropped(key, "v1", "etag-1", len(CONTENT), datetime(1998, 1, 5)) for key in reversed(keys)]
    connection = Recording(JUDGED=[(keys[1], "v1", "etag-1", datetime(1998, 1, 5))])
    sessions: list[Any] = []

    class Bucket(Store):
        def listed(self, prefix: str) -> list[Dropped]:
            return listed if prefix == PREFIX else []

    for name in ("SHELFGATE_TARGET=snowflake", "SHELFGATE_S3_BUCKET=landing", "SHELFGATE_SNOWFLAKE_STAGE="):
        monkeypatch.setenv(*name.split("="))
    monkeypatch.setattr("inventory_loader.handler.boto3.client", lambda _: None)
    monkeypatch.setattr("inventory_loader.handler.S3Store", lambda *_: Bucket())
    monkeypatch.setattr(
        "inventory_loader.engines.snowflake_login.open_session", lambda *_, **__: sessions.append(1) or connection
    )

    swept = handler({"sweep": True}, Context())

    assert (swept["listed"], swept["waiting"], swept["loaded"], swept["left"]) == (3, 2, 2, 0)
    assert sessions == [1]
    assert connection.closed
    said = [statement for statement, _ in connection.said]
    assert said[0] == plain(sql.JUDGED)
    assert [each for each in said if each in ("begin transaction", "commit", "rollback")] == [
        "begin transaction",
        "commit",
    ] * 2


PASSPHRASE = "of-the-loader"


def pem_of(key: Any, passphrase: str | None = PASSPHRASE) -> str:
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


NAMED = {f"SNOWFLAKE_{n}": n.lower() for n in ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "DATABASE")}


def opened(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    connect: Callable[..., Any] = lambda **settings: seen.update(settings)  # noqa: E731
    monkeypatch.setattr("snowflake.connector.connect", connect)
    open_session(environment, run_id="run-1", seconds_left=90.9)
    return seen


def test_the_session_is_opened_by_key_with_transactions_that_end_with_their_first_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    (tmp_path / "key.p8").write_text(pem_of(key))
    given = {"SNOWFLAKE_PRIVATE_KEY_PATH": str(tmp_path / "key.p8"), "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": PASSPHRASE}
    seen = opened(monkeypatch, NAMED | given | {"SNOWFLAKE_HOST": "h"})

    parameters = seen.pop("session_parameters")
    assert serialization.load_der_private_key(seen.pop("private_key"), None).key_size == 2048  # pyright: ignore
    assert (seen["account"], seen["role"], seen["host"], seen["network_timeout"]) == ("account", "role", "h", 90)
    assert "password" not in seen
    assert parameters == {
        "TRANSACTION_ABORT_ON_ERROR": True,
        "ABORT_DETACHED_QUERY": True,
        "LOCK_TIMEOUT": 90,
        "TIMEZONE": "UTC",
        "QUERY_TAG": '{"run_id": "run-1", "by": "inventory_loader"}',
    }


def test_a_session_that_cannot_be_opened_says_which_setting_is_at_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key.p8").write_bytes(b"-----BEGIN NOTHING-----")
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_USER not set"):
        opened(monkeypatch, {n: v for n, v in NAMED.items() if n != "SNOWFLAKE_USER"})
    with pytest.raises(ConfigurationError, match="neither SHELFGATE_SNOWFLAKE_KEY_SECRET nor"):
        opened(monkeypatch, NAMED)
    with pytest.raises(ConfigurationError, match="No such file"):
        opened(monkeypatch, NAMED | {"SNOWFLAKE_PRIVATE_KEY_PATH": str(tmp_path / "none")})
    with pytest.raises(ConfigurationError, match="expected encrypted PKCS#8"):
        opened(monkeypatch, NAMED | {"SNOWFLAKE_PRIVATE_KEY_PATH": str(tmp_path / "key.p8")})


def test_a_key_that_is_open_short_or_locked_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    short = rsa.generate_private_key(public_exponent=65_537, key_size=1024)  # noqa: S505
    for pem, passphrase, told in (
        (pem_of(key, None), "", "an open key"),
        (pem_of(key, None), PASSPHRASE, "an open key"),
        (pem_of(key), "", "no passphrase"),
        (pem_of(key), "another", "does not open with its passphrase"),
        (pem_of(short), PASSPHRASE, "at least 2048 bits"),
    ):
        (tmp_path / "key.p8").write_text(pem)
        by_file = {
            "SNOWFLAKE_PRIVATE_KEY_PATH": str(tmp_path / "key.p8"),
            "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": passphrase,
        }
        secret = json.dumps({"private_key": pem, "passphrase": passphrase})
        monkeypatch.setattr(
            "inventory_loader.engines.snowflake_login._from_secrets_manager", lambda _, text=secret: text
        )
        for given in (by_file, {"SHELFGATE_SNOWFLAKE_KEY_SECRET": "arn"}):
            with pytest.raises(ConfigurationError, match=told) as raised:
                opened(monkeypatch, NAMED | given)
            assert pem.splitlines()[1] not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["", "a pem", "[]", "{}", '{"private_key": "x"}', '{"private_key": 1, "passphrase": "p"}']
)
def test_a_secret_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("inventory_loader.engines.snowflake_login._from_secrets_manager", lambda _: text)

    with pytest.raises(ConfigurationError, match="expected a JSON object with the texts private_key"):
        opened(monkeypatch, NAMED | {"SHELFGATE_SNOWFLAKE_KEY_SECRET": "arn"})


def test_in_lambda_the_key_comes_from_secrets_manager(monkeypatch: pytest.MonkeyPatch, key: rsa.RSAPrivateKey) -> None:
    text = json.dumps({"private_key": pem_of(key), "passphrase": PASSPHRASE})

    class Secrets:
        def get_secret_value(self, **named: str) -> dict[str, str]:
            return {"SecretString": text} if named == {"SecretId": "arn:key"} else {}

    monkeypatch.setattr("boto3.client", lambda service: Secrets() if service == "secretsmanager" else None)

    assert opened(monkeypatch, NAMED | {"SHELFGATE_SNOWFLAKE_KEY_SECRET": "arn:key"})["private_key"]
    with pytest.raises(ConfigurationError, match="KeyError; wanted secretsmanager"):
        opened(monkeypatch, NAMED | {"SHELFGATE_SNOWFLAKE_KEY_SECRET": "arn:other"})
