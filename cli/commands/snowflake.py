"""`shelfgate snowflake`: what an administrator runs; refuses to do anything that deployments/snowflake does not say."""

from __future__ import annotations

from pathlib import Path

import click

from cli.console import answer, show


@click.group()
def snowflake() -> None:
    """The Snowflake account: roles, schemas, tables, grants."""


@snowflake.command()
@click.option("--plan", "plan_only", is_flag=True, help="Show the statements and run none.")
@click.option(
    "--public-keys",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with <user>.pub (and <user>.2.pub while a key is replaced).",
)
@click.option(
    "--adopt", is_flag=True, help="Take over objects of the account that bear our names and are not marked ours."
)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object on standard output.")
def apply(plan_only: bool, public_keys: Path | None, adopt: bool, as_json: bool) -> None:
    """Bring the account up to deployments/snowflake. Runs again without changing what is there."""
    from shelfgate.settings import Settings
    from shelfgate.warehouse.engines.snowflake.account_setup import apply as run
    from shelfgate.warehouse.engines.snowflake.account_setup import check_ownership, plan_for
    from shelfgate.warehouse.engines.snowflake.warehouse import administrator

    settings = Settings.load()
    steps = plan_for(settings, public_keys)
    made, adopted = None, []
    if not plan_only:
        with administrator(settings).turn() as session:
            adopted = check_ownership(session, steps, settings.need("snowflake_database"), adopt=adopt)
            made = run(session, steps)
    if as_json:
        shown = [{"file": step.file, "statement": step.sql} for step in steps]
        answer(
            {"applied": not plan_only, "created": made, "adopted": [str(one) for one in adopted], "statements": shown}
        )
        return
    for step in steps if plan_only else ():
        show(f"-- {step.file}\n{step.sql};")
    if made is not None:
        show(f"{len(steps)} statements applied, {made} objects created")
        for one in adopted:
            show(f"taken over: {one}")
