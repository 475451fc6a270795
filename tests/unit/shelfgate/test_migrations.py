"""Migrations: a warehouse of an earlier release is brought up to this one, whatever interrupts it; nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.compiler.table_registry import MIGRATIONS
from shelfgate.errors import ConfigurationError
from shelfgate.failpoints import VARIABLE, SimulatedCrash, start_counting_anew
from shelfgate.warehouse import Session, install, migrate
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.migrate import known_migrations, schema_version


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb")


@pytest.fixture
def session(warehouse: DuckDBWarehouse) -> Iterator[Session]:
    with warehouse.turn() as one:
        install(one)
        yield one


def recorded(session: Session) -> list[int]:
    return [row["number"] for row in session.rows("select number from ops.migration order by number")]


def test_an_installation_records_each_migration_once(session: Session) -> None:
    install(session)

    assert recorded(session) == list(range(1, schema_version() + 1))


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [one.number for one in known_migrations()] == list(range(1, len(list(MIGRATIONS.glob("*.sql"))) + 1))


def test_a_newer_warehouse_is_refused(session: Session) -> None:
    session.run("insert into ops.migration values (9001, 'of_tomorrow', 'x', '9.9.9', now()::timestamp)")

    with pytest.raises(ConfigurationError) as refused:
        install(session)

    assert "observed migration 9001_of_tomorrow, applied by release 9.9.9" in str(refused.value)
    assert "Readers keep the publication" in str(refused.value)
    assert "Install release 9.9.9 or newer" in str(refused.value)


def test_a_migration_of_another_text_is_refused(session: Session) -> None:
    session.run("update ops.migration set sha256 = 'edited' where number = 2")

    with pytest.raises(ConfigurationError, match="0002_store was applied by release"):
        install(session)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "alter table store.dim_week drop column week_num",
            "store.dim_week.week_num: observed no such column, expected bigint",
        ),
        (
            "alter table store.dim_week add column note varchar",
            "store.dim_week.note: observed varchar, expected no such column",
        ),
        (
            "alter table store.dim_week alter column week_num type varchar",
            "store.dim_week.week_num: observed varchar, expected bigint",
        ),
        ("drop table ops.source_total", "ops.source_total.run_id: observed no such column"),
    ],
)
def test_a_table_changed_by_hand_is_named(session: Session, change: str, told: str) -> None:
    session.run("drop view if exists marts.dim_week")
    session.run(change)

    with pytest.raises(ConfigurationError) as refused:
        install(session)

    assert told in str(refused.value)
    assert "something else changed the tables" in str(refused.value)


@pytest.mark.parametrize("place", ["migration.begun", "migration.before_commit", "migration.after_commit"])
@pytest.mark.parametrize("nth", range(1, schema_version() + 1))
def test_a_migration_killed_anywhere_is_run_again(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, place: str, nth: int
) -> None:
    start_counting_anew()
    monkeypatch.setenv(VARIABLE, f"{place}@{nth}=crash")
    with pytest.raises(SimulatedCrash), warehouse.turn() as one:
        install(one)
    monkeypatch.delenv(VARIABLE)

    with warehouse.turn() as one:
        install(one)

        assert recorded(one) == list(range(1, schema_version() + 1))


def test_views_are_made_anew_after_a_kill_behind_the_last_migration(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warehouse.turn() as one:
        install(one)
        one.run("delete from ops.migration where number = ?", [schema_version()])
        # As the release before recorded its views: the same text over an older schema.
        monkeypatch.setattr(migrate, "schema_version", lambda: known_migrations()[-2].number)
        older = migrate._views_digest()
        monkeypatch.undo()
        one.run("update ops.installation set sha256 = ? where part = ?", [older, migrate.VIEWS])
        one.run("create or replace view marts.dim_week as select 1 as stale")
    start_counting_anew()
    monkeypatch.setenv(VARIABLE, "migration.after_commit=crash")
    with pytest.raises(SimulatedCrash), warehouse.turn() as one:
        install(one)
    monkeypatch.delenv(VARIABLE)

    with warehouse.turn() as one:
        install(one)

        assert "week_start_date" in {row["column_name"] for row in one.rows("describe marts.dim_week")}


def test_views_are_made_anew_after_a_migration(warehouse: DuckDBWarehouse) -> None:
    with warehouse.turn() as one:
        install(one)
        one.run("delete from ops.migration where number = ?", [schema_version()])
        one.run("create or replace view marts.dim_week as select 1 as stale")
        install(one)

        assert "week_start_date" in {row["column_name"] for row in one.rows("describe marts.dim_week")}
