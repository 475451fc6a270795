"""Rollback, reading as of, differences and vacuum on a whole estate: what each promises of readers' tables."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import pytest

from cli.flow_runs import rollback_now, vacuum_now
from shelfgate.errors import ConfigurationError
from shelfgate.publication.candidate import PUBLISHED_TABLES
from tests.support.house import House
from tests.support.terminal import answered, run

FIRST_DAY = date(1999, 3, 3)


@pytest.mark.proofs
@pytest.mark.alone
def test_going_back_serves_the_old_day_and_vacuum_drops_only_what_nobody_serves(house: House) -> None:
    house.seed(0.01, FIRST_DAY)
    house.refresh()
    assert house.differences() == []
    first = content(house)
    house.advance()
    house.refresh()
    second = content(house)
    assert {table for table in first if first[table] != second[table]} >= {"fct_weekly_sales_inventory"}

    found = answered("publications", "--diff", "pub-000001", "pub-000002")["changed"]
    assert {one["table"] for one in found} == {table for table in first if first[table] != second[table]}

    rolled_back = rollback_now("pub-000001")
    assert (rolled_back.publication_id, rolled_back.action) == ("pub-000003", "rollback")
    assert (rolled_back.rows_written, rolled_back.business_date) == (0, FIRST_DAY)
    assert content(house) == first
    assert content(house, as_of="pub-000001") == first
    assert content(house, as_of="pub-000002") == second

    again = house.refresh().publication
    assert (again.publication_id, again.new) == ("pub-000004", True)
    assert content(house) == second
    assert house.differences() == []

    before = house.marts()
    vacuumed = vacuum_now(keep=1)
    assert vacuumed.publications == ("pub-000003", "pub-000002", "pub-000001")
    assert vacuumed.rows > 0
    assert house.marts() == before
    assert unserved(house) == {table.name: 0 for table in PUBLISHED_TABLES}
    assert content(house, as_of="pub-000004") == second
    assert [one["readable"] for one in answered("publications")["publications"]] == [True, False, False, False]

    status, out, _ = run("rollback", "--to", "pub-000001", "--json")
    assert (status, json.loads(out)["exit_status"]) == (2, 2)
    assert "vacuum has dropped what it served. Still there: pub-000004" in json.loads(out)["message"]
    with pytest.raises(ConfigurationError, match="there is none of that name"):
        rollback_now("pub-000009")
    assert house.marts() == before
    assert not house.refresh().publication.new
    assert house.marts() == before


def content(house: House, as_of: str | None = None) -> dict[str, tuple[int, str]]:
    """Every reader's table as (rows, SHA-256 of all its bytes in order), whatever publication serves it."""
    found: dict[str, tuple[int, str]] = {}
    with house.warehouse() as connection:
        for table in (one.name for one in PUBLISHED_TABLES):
            source: tuple[str, list[Any]] = (f"marts.{table}", [])
            if as_of is not None:
                source = (f"store.{table}_as_of where publication_id = ?", [as_of])
            rows = connection.execute(
                f"select * exclude (publication_id) from {source[0]} order by all", source[1]
            ).fetchall()
            assert rows, table
            found[table] = (len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
    return found


def unserved(house: House) -> dict[str, int]:
    """Rows of the store that no manifest names."""
    found: dict[str, int] = {}
    with house.warehouse() as connection:
        for table in PUBLISHED_TABLES:
            week = "and manifest.week_start_date = builds.week_start_date" if table.by_week else ""
            row = connection.execute(
                f"select count(*) from store.{table.name} as builds where not exists (select 1 from ops.manifest "
                f"where manifest.table_name = ? and manifest.build_id = builds.build_id {week})",
                [table.name],
            ).fetchone()
            assert row is not None
            found[table.name] = row[0]
    return found
