"""Every stream that is declared to Airbyte is asked for the values that it could not carry."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

from expectations.compiler.transit import CHECK_ID, transit_check
from expectations.validation.gate import suites_of
from shelfgate.model import Gate

ROOT = Path(__file__).parents[3]
CONNECTION = yaml.safe_load((ROOT / "deployments/airbyte/connection.yaml").read_text(encoding="utf-8"))


def test_every_declared_stream_has_its_check() -> None:
    declared = {stream["name"] for stream in CONNECTION["streams"]}

    checked = {
        suite["meta"]["dataset"]
        for suite in suites_of(Gate.LANDING)
        if CHECK_ID in [one["meta"]["check_id"] for one in suite["expectations"] if one["severity"] == "critical"]
    }

    assert len(declared) == 14
    assert checked == declared


def test_no_table_is_asked_that_airbyte_does_not_land() -> None:
    assert transit_check("raw_inventory.inventory", "select * from raw_inventory.inventory") is None


@pytest.mark.parametrize(
    ("meta", "fires"),
    [
        ('{"sync_id":3,"changes":[]}', False),
        ('{"changes": [], "sync_id": 3}', False),
        ('{"sync_id":3,"changes":[{"field":"c_birth_year","change":"NULLED"}]}', True),
        ('{"sync_id":3,"changes":[{"field":"c_birth_year","change":"TRUNCATED"}]}', True),
        ('{"sync_id":3}', True),
        (None, True),
    ],
)
def test_a_row_passes_only_if_it_says_that_nothing_was_changed(meta: str | None, fires: bool) -> None:
    check = transit_check("raw_sales.customer", "select * from raw_sales.customer")
    assert check is not None
    with duckdb.connect() as connection:
        connection.execute("create schema raw_sales")
        connection.execute("create table raw_sales.customer (_airbyte_raw_id varchar, _airbyte_meta json)")
        connection.execute("insert into raw_sales.customer values ('row-1', ?)", [meta])

        assert bool(connection.execute(check["kwargs"]["query"]).fetchall()) == fires
