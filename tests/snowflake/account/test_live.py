"""What only a real account can answer: `python -m pytest -n0 -m live_snowflake tests/snowflake/account/test_live.py`.

Wants an account that `shelfgate snowflake apply` has set up in a database of its own for this, and the settings of
docs/snowflake.md, Live checks, in the environment as SHELFGATE_LIVE_*. Leaves nothing behind but query history.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shelfgate.errors import ConfigurationError, PermanentFailure, ShelfgateError
from shelfgate.warehouse.engines.snowflake.credits import ATTRIBUTED
from shelfgate.warehouse.engines.snowflake.key_pair import Identity
from shelfgate.warehouse.engines.snowflake.warehouse import Account, SnowflakeSession, SnowflakeWarehouse

pytestmark = pytest.mark.live_snowflake

# Read when the module is: the suite clears such variables before each test.
LIVE = {
    key.removeprefix("SHELFGATE_LIVE_"): value for key, value in os.environ.items() if key.startswith("SHELFGATE_LIVE_")
}
WANTED = ("ACCOUNT", "DATABASE", "KEYS", "PASSPHRASE", "BUCKET", "PREFIX")


def wanted(*names: str) -> list[str]:
    if missing := [f"SHELFGATE_LIVE_{name}" for name in names if name not in LIVE]:
        pytest.skip(f"no Snowflake account: {', '.join(missing)} not set (docs/snowflake.md, Live checks)")
    return [LIVE[name] for name in names]


def warehouse(user: str, role: str | None = None) -> SnowflakeWarehouse:
    account, database, keys, passphrase, *_ = wanted(*WANTED)
    compute = {"loader": "SHELFGATE_LOAD", "airbyte": "SHELFGATE_LOAD", "metabase_ro": "SHELFGATE_READ"}
    where = Account(
        account,
        database,
        compute.get(user, "SHELFGATE_BUILD"),
        None,
        443,
        "https",
        60,
        300,
    )
    name = f"shelfgate_{user}"
    who = Identity(name, role or name.upper(), Path(keys) / f"{user}.p8", passphrase)
    return SnowflakeWarehouse(where, who, who, tag={"stage": "live-check"})


@pytest.fixture
def loader() -> Iterator[SnowflakeSession]:
    with warehouse("loader").turn() as session:
        session.run("create or replace temporary table raw_inventory.live_check like raw_inventory.inventory")
        yield session


@pytest.fixture
def dump() -> Iterator[tuple[Any, str, str]]:
    """An object of two rows in the landing bucket; AWS's own variables say who may write there."""
    import boto3

    bucket, prefix = wanted("BUCKET", "PREFIX")
    s3, key = boto3.client("s3"), f"live-check-{uuid.uuid4()}.csv"
    put(s3, bucket, prefix + key, 2)
    yield s3, bucket, key
    s3.delete_object(Bucket=bucket, Key=prefix + key)


def put(s3: Any, bucket: str, key: str, rows: int) -> None:
    lines = "".join(f"2450815,{n},1,{n}\n" for n in range(1, rows + 1))
    s3.put_object(
        Bucket=bucket, Key=key, Body=f"inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n{lines}".encode()
    )


def copy(session: SnowflakeSession, key: str, more: str = "") -> tuple[str, int]:
    (row,) = session.rows(
        "copy into raw_inventory.live_check from (select t.$1, t.$2, t.$3, t.$4, metadata$filename, 'v' "
        f"from @raw_inventory.inbound t) files = ('{key}') "
        f"file_format = (format_name = 'raw_inventory.dump') on_error = abort_statement {more}"
    )
    return row["status"], int(row.get("rows_loaded") or 0)


def count(session: SnowflakeSession) -> int:
    return session.rows("select count(*) as n from raw_inventory.live_check")[0]["n"]


def test_copy_and_force_inside_a_transaction(loader: SnowflakeSession, dump: tuple[Any, str, str]) -> None:
    s3, bucket, key = dump

    def cut_off() -> None:
        with loader.transaction("publish"):
            assert copy(loader, key) == ("LOADED", 2)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cut_off()
    assert count(loader) == 0
    with loader.transaction("publish"):
        assert copy(loader, key) == ("LOADED", 2)
    with loader.transaction("publish"):
        loader.run("delete from raw_inventory.live_check")
        assert copy(loader, key, "force = true") == ("LOADED", 2)
    assert count(loader) == 2
    put(s3, bucket, LIVE["PREFIX"] + key, 3)
    assert copy(loader, key) == ("LOADED", 3)
    # The row number in a file with a header, of which the documentation says nothing.
    first = (
        "select min(metadata$file_row_number) as n from @raw_inventory.inbound (file_format => 'raw_inventory.dump')"
    )
    assert loader.rows(f"{first}")[0]["n"] == 1


def test_of_two_sessions_that_compare_and_set_one_changes_nothing() -> None:
    move = "update ops.lease set owner = ? where name = 'refresh' and owner is not distinct from ?"
    mine, moved = f"live-{uuid.uuid4()}", []
    with warehouse("publisher").turn() as one, warehouse("publisher").turn() as other:
        before = one.rows("select owner from ops.lease where name = 'refresh'")[0]["owner"]

        def second() -> None:
            with other.transaction("publish"):
                moved.append(other.run(move, ["second", before]))

        with one.transaction("publish"):
            assert one.run(move, [mine, before]) == 1
            waiting = threading.Thread(target=second)
            waiting.start()
            waiting.join(3)
            assert waiting.is_alive(), "the second session did not wait for the first one's transaction"
        waiting.join(60)
        assert moved == [0]
        assert one.run(move, [before, mine]) == 1


def test_a_session_that_is_killed_in_its_transaction_leaves_nothing_and_frees_its_lock() -> None:
    change = "update ops.lease set token = token + 1 where name = 'refresh'"
    with warehouse("publisher").turn() as other:
        before = other.rows("select token from ops.lease where name = 'refresh'")[0]["token"]
        with pytest.raises(ShelfgateError), warehouse("publisher").turn() as one:  # noqa: PT012
            one._execute("begin transaction")
            one.run(change)
            label = one.rows("select current_session() as id")[0]["id"]
            other.rows(f"select system$abort_session({label})")
            one.run(change)

        assert other.rows("select token from ops.lease where name = 'refresh'")[0]["token"] == before
        with other.transaction("publish"):
            assert other.run(change) == 1
            other.run("update ops.lease set token = token - 1 where name = 'refresh'")


@pytest.mark.parametrize(
    ("user", "statement"),
    [
        ("metabase_ro", "select count(*) as n from store.dim_customer"),
        ("metabase_ro", "select count(*) as n from ops.pointer"),
        ("metabase_ro", "select count(*) as n from raw_sales.customer"),
        ("metabase_ro", "create table marts.mine (a integer)"),
        ("transformer", "insert into store.dim_item (build_id) values ('x')"),
        ("transformer", "update ops.pointer set publication_id = null"),
        ("transformer", "delete from raw_inventory.inventory"),
        ("loader", "update ops.pointer set publication_id = null"),
        ("loader", "select count(*) as n from marts.dim_customer"),
        ("airbyte", "select count(*) as n from raw_inventory.inventory"),
        ("publisher", "delete from raw_inventory.inventory"),
        ("publisher", "drop table store.dim_item"),
    ],
)
def test_what_is_not_granted_is_refused(user: str, statement: str) -> None:
    with warehouse(user).turn() as session, pytest.raises(PermanentFailure, match=r"00(3001|2003)"):
        session.rows(statement)


def test_a_table_that_is_replaced_in_a_managed_schema_keeps_its_grants() -> None:
    made = "create or replace transient table candidate.live_check"
    with warehouse("transformer").turn() as session:
        session.run(f"{made} as select 1 as a")
        session.run(f"{made} copy grants as select 2 as a")
        try:
            with warehouse("publisher").turn() as other:
                assert other.rows("select a from candidate.live_check") == [{"a": 2}]
        finally:
            session.run("drop table candidate.live_check")


def test_the_publisher_may_read_what_its_statements_cost_and_the_facts_have_their_key() -> None:
    with warehouse("publisher").turn() as session:
        session.rows(ATTRIBUTED, [datetime.now(UTC).replace(tzinfo=None) - timedelta(days=2)])
        found = session.rows(
            "select lower(clustering_key) as found from information_schema.tables "
            "where table_schema = 'STORE' and clustering_key is not null"
        )
    assert [row["found"] for row in found] == ["linear(week_start_date)"] * 2


@pytest.mark.parametrize("user", ["metabase_ro", "publisher", "transformer"])
def test_what_is_granted_is_allowed(user: str) -> None:
    with warehouse(user).turn() as session:
        assert session.rows("select count(*) as n from marts.dim_customer")[0]["n"] >= 0


def test_a_password_is_refused_for_a_service_user() -> None:
    from snowflake.connector import connect
    from snowflake.connector.errors import DatabaseError

    (account,) = wanted("ACCOUNT")
    with pytest.raises(DatabaseError):
        connect(account=account, user="shelfgate_loader", password=uuid.uuid4().hex, login_timeout=20)


def test_a_workload_logs_in_with_its_own_identity() -> None:
    provider, user = wanted("WORKLOAD_IDENTITY", "WORKLOAD_USER")
    token = Path(LIVE["TOKEN_FILE"]) if "TOKEN_FILE" in LIVE else None
    one = warehouse(user)
    who = Identity(user, user.upper(), provider=provider, token_file=token)
    with one.acting_as(who).turn() as session:
        assert session.rows("select current_user() as name")[0]["name"] == user.upper()
    with pytest.raises(ConfigurationError), one.acting_as(replace(who, role="ACCOUNTADMIN")).turn():
        pass
