"""An account that release 0.1.0 set up, before there were migrations, is brought to this release."""

from __future__ import annotations

import pytest

from sandbox.snowflake.emulator_process import ADMIN
from shelfgate.errors import ConfigurationError, PermanentFailure
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.snowflake.account_setup import apply, plan
from shelfgate.warehouse.migrate import known_migrations, pending_migrations, schema_version
from tests.snowflake.conftest import Installed


def as_release_0_1_0_left_it(session: Session) -> None:
    """Migrations 1 and 2 are its two scripts; it recorded each of them in ops.installation and nothing else."""
    session.run("drop table ops.migration")
    session.run("alter table ops.manifest drop column schema_version")
    session.run("drop table ops.bucket_finding")
    session.run("insert into ops.installation select 'install_ops', 'x', sysdate()")
    session.run("insert into ops.installation select 'install_store', 'x', sysdate()")
    session.run(
        "insert into ops.manifest (publication_id, table_name, build_id, row_count, digest) "
        "select 'pub-000001', 'dim_week', 'pub-000001', 1, 'd'"
    )


def applied(session: Session) -> list[int]:
    return [int(row["number"]) for row in session.rows("select number from ops.migration order by number")]


def test_an_older_account_is_brought_to_this_release(fresh: Installed) -> None:
    steps = plan(fresh.estate.values(fresh.database), fresh.estate.public_keys())
    with fresh.estate.warehouse(fresh.database, ADMIN, "ACCOUNTADMIN").turn() as session:
        as_release_0_1_0_left_it(session)
        apply(session, steps)
        assert applied(session) == list(range(1, schema_version() + 1))
        kept = session.rows("select publication_id, schema_version from ops.manifest")
    with fresh.warehouse("publisher").turn() as session:
        install(session)

    assert kept == [{"publication_id": "pub-000001", "schema_version": None}]


@pytest.mark.parametrize("number", [one.number for one in known_migrations()])
def test_a_migration_cut_short_is_run_again(fresh: Installed, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Snowflake keeps the statements before the one that failed."""
    from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession

    run = SnowflakeSession.run

    def broken(self: SnowflakeSession, sql: str, parameters: tuple[object, ...] = ()) -> int:
        if sql.startswith("insert into ops.migration") and parameters[0] == number:
            raise PermanentFailure("cut short")
        return run(self, sql, parameters)

    with fresh.estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        as_release_0_1_0_left_it(session)
        steps = plan(fresh.estate.values(fresh.database))
        monkeypatch.setattr(SnowflakeSession, "run", broken)
        with pytest.raises(PermanentFailure, match="cut short"):
            apply(session, steps)
        monkeypatch.undo()
        assert applied(session) == list(range(1, number))
        apply(session, steps)

        assert applied(session) == list(range(1, schema_version() + 1))
        assert pending_migrations(session) == ()


def test_a_column_changed_by_hand_is_named(fresh: Installed) -> None:
    with fresh.estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        session.run("alter table store.dim_week drop column week_num")

    with fresh.warehouse("publisher").turn() as session, pytest.raises(ConfigurationError) as refused:
        install(session)

    assert "store.dim_week.week_num: observed no such column, expected bigint" in str(refused.value)


def test_a_newer_account_is_refused(fresh: Installed) -> None:
    with fresh.estate.warehouse(fresh.database, ADMIN, "SYSADMIN").turn() as session:
        session.run("insert into ops.migration select 9001, 'of_tomorrow', 'x', '9.9.9', sysdate()")

    with fresh.warehouse("publisher").turn() as session, pytest.raises(ConfigurationError, match=r"release 9\.9\.9"):
        install(session)
