"""`shelfgate migrate`: the schema of the warehouse from a terminal."""

from __future__ import annotations

import click

from cli.console import answer, say, show
from cli.options import as_json_option


@click.command()
@click.option("--plan", "plan_only", is_flag=True, help="Name the migrations that would run, and run none.")
@as_json_option
def migrate(plan_only: bool, as_json: bool) -> None:
    """Bring the warehouse to this release's schema. A run on DuckDB does it by itself.

    Numbered migrations, forward only; a second call changes nothing. On Snowflake `shelfgate snowflake apply` runs them
    with an administrator's rights, and the grants that go with them.
    """
    from shelfgate.settings import Settings
    from shelfgate.warehouse.migrate import apply_migrations, pending_migrations, refuse_an_outdated_warehouse
    from tasks.connect import connect, connect_to_read

    settings = Settings.load()
    turn = connect_to_read(settings, say) if plan_only else connect(settings, say).turn()
    with turn as session:
        pending = pending_migrations(session)
        if not plan_only and session.set_up_by is None:
            pending = apply_migrations(session)
        elif not plan_only and session.set_up_by is not None:
            refuse_an_outdated_warehouse(session, session.set_up_by)
    names = [str(one) for one in pending]
    if as_json:
        answer({"applied": not plan_only, "migrations": names})
        return
    for name in names:
        show(f"{'would apply' if plan_only else 'applied'} {name}")
    if not names:
        show("nothing to apply: the warehouse has this release's schema")
