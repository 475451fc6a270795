"""Bad input closes a gate or fails the run by name, leaves the marts as they were, and the next good run heals it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

import flows.build
from shelfgate.errors import GateClosed, PermanentFailure
from tests.support.house import House
from tests.support.terminal import answered, run

WEDNESDAY = date(2000, 12, 27)


@pytest.fixture
def published(house_of_the_module: House) -> House:
    """A house whose readers see its newest day, and nothing wrong in it: each test leaves it so."""
    house = house_of_the_module
    if house.day == date.min:
        house.seed(0.01, WEDNESDAY)
        house.refresh()
        assert house.differences() == []
    return house


@pytest.fixture
def settled(published: House) -> House:
    """The same, on the day before one that brings a new snapshot."""
    if (days := (WEDNESDAY - published.day).days % 7) > 0:
        published.advance(days)
        published.refresh()
        assert published.differences() == []
    assert published.day.weekday() == 2
    return published


def test_a_dump_with_swapped_columns_is_quarantined_and_a_corrected_one_heals_it(settled: House) -> None:
    before = settled.marts()
    settled.advance()
    key = f"{settled.day}.csv"
    good = settled.read_dump(key)
    header, *rows = good.splitlines()
    swapped = [",".join((f[1], f[0], *f[2:])) for f in (row.split(",") for row in rows)]
    settled.drop_dump(key, "\n".join([header, *swapped]) + "\n")

    with pytest.raises(GateClosed, match="file gate closed") as closed:
        settled.refresh()

    assert f"inbound/inventory/{key}" in str(closed.value)
    assert settled.marts() == before
    status, out, err = run("refresh", "--json")
    assert (status, json.loads(out)["exit_status"]) == (3, 3)
    assert f"inbound/inventory/{key}" in err

    settled.drop_dump(key, good)
    assert settled.refresh().publication.new
    settled.rejected |= {one["version_id"] for one in settled.status()["quarantined"]}
    assert settled.differences() == []


def test_a_missing_inventory_week_closes_the_landing_gate_and_dropping_it_heals(settled: House) -> None:
    before = settled.marts()
    settled.advance()
    key = f"{settled.day}.csv"
    good = settled.read_dump(key)
    settled.remove_dump(key)

    with pytest.raises(GateClosed, match="landing gate closed") as closed:
        settled.refresh()

    assert "inventory.weeks_are_contiguous" in str(closed.value)
    assert f"missing_snapshot {settled.day}" in str(closed.value)
    assert settled.marts() == before

    settled.drop_dump(key, good)
    assert settled.refresh().publication.new
    assert settled.differences() == []


def test_a_table_missing_at_the_source_fails_the_run_and_restoring_it_heals(published: House) -> None:
    before = published.marts()
    published.advance()
    with published.source() as postgres:
        postgres.execute("alter table web_returns rename to web_returns_gone")

    with pytest.raises(PermanentFailure, match="no table web_returns"):
        published.refresh()

    assert published.marts() == before

    with published.source() as postgres:
        postgres.execute("alter table web_returns_gone rename to web_returns")
    assert published.refresh().publication.new
    assert published.differences() == []


@pytest.mark.slow
def test_a_missing_day_of_sales_closes_the_landing_gate_and_restoring_it_heals(house: House) -> None:
    house.seed(0.1, WEDNESDAY)
    house.refresh()
    before = house.marts()
    house.advance()
    day_sk = (house.day - date(1998, 1, 1)) // timedelta(days=1) + 2450815
    with house.source() as postgres:
        postgres.execute("create table held as select * from catalog_sales where cs_sold_date_sk = %s", [day_sk])
        gone = postgres.execute("delete from catalog_sales where cs_sold_date_sk = %s", [day_sk])
        assert gone.rowcount > 0

    with pytest.raises(GateClosed, match="landing gate closed") as closed:
        house.refresh()

    assert f"catalog_sales.no_day_is_missing: 1 offending rows, first: missing_day {house.day}" in str(closed.value)
    assert house.marts() == before

    with house.source() as postgres:
        postgres.execute("insert into catalog_sales select * from held")
        postgres.execute("drop table held")
    assert house.refresh().publication.new


def test_rows_that_airbyte_did_not_bring_close_the_landing_gate(published: House) -> None:
    before = published.marts()
    with published.source() as postgres:
        last = "cs_order_number = (select max(cs_order_number) from catalog_sales)"
        postgres.execute(f"create table held as select * from catalog_sales where {last}")
        postgres.execute(f"delete from catalog_sales where {last}")

    with pytest.raises(GateClosed, match=r"catalog_sales\.reconciles_by_day"):
        published.refresh()

    assert published.marts() == before
    with published.source() as postgres:
        postgres.execute("insert into catalog_sales select * from held")
        postgres.execute("drop table held")
    assert not published.refresh().publication.new
    assert published.differences() == []


def test_rows_deleted_at_the_source_go_with_a_refresh_of_the_stream(published: House) -> None:
    before = published.marts()
    with published.source() as postgres:
        kept = "(select cr_order_number from catalog_returns)"
        last = f"(select max(cs_order_number) from catalog_sales where cs_order_number not in {kept})"
        postgres.execute(f"delete from catalog_sales where cs_order_number = {last}".encode())
    with pytest.raises(GateClosed, match=r"catalog_sales\.reconciles_by_day"):
        published.refresh()
    assert published.marts() == before

    refreshed = answered("airbyte", "refresh-streams", "catalog_sales")

    assert refreshed["streams"] == ["catalog_sales"]
    assert published.marts() == before, "readers see nothing of it before a run has judged it"
    assert published.refresh().publication.new
    assert published.differences() == []


def test_rows_that_arrive_after_the_landing_gate_are_not_published(
    published: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = published.marts()
    published.advance()
    build = flows.build.build_models

    def after_an_arrival(selector: str, *rest: Any) -> int:
        if selector == "marts":
            with published.warehouse() as connection:
                connection.execute("update raw_sales.item set _airbyte_extracted_at = now() where i_item_sk = 1")
        return build(selector, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("flows.build.build_models", after_an_arrival)
        with pytest.raises(GateClosed, match="after the landing gate"):
            published.refresh()

    assert published.marts() == before
    assert published.refresh().publication.new
    assert published.differences() == []
