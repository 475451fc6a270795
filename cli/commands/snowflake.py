"""`shelfgate snowflake`: what an administrator runs; refuses to do anything that deployments/snowflake does not say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import answer, show
from shelfgate.environment import PREFIX

if TYPE_CHECKING:
    from shelfgate.settings import Settings
    from shelfgate.warehouse.engines.snowflake.account_setup import SetupStep
    from shelfgate.warehouse.engines.snowflake.foreign_objects import Foreign

OF_THE_ADMINISTRATOR = (
    "snowflake_admin_user",
    "snowflake_admin_private_key_path",
    "snowflake_admin_private_key_passphrase",
)


@click.group()
def snowflake() -> None:
    """The Snowflake account: roles, schemas, tables, grants."""


@snowflake.command()
@click.option("--plan", "plan_only", is_flag=True, help="Show the statements and what stands in the way; run none.")
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
    if plan_only:
        _show_plan(settings, steps, as_json)
        return
    with administrator(settings).turn() as session:
        adopted = check_ownership(session, steps, settings.need("snowflake_database"), adopt=adopt)
        made = run(session, steps)
    if as_json:
        taken = [str(one) for one in adopted]
        answer({"applied": True, "created": made, "adopted": taken, "statements": _statements(steps)})
        return
    show(f"{len(steps)} statements applied, {made} objects created")
    for one in adopted:
        show(f"taken over: {one}")


def _show_plan(settings: Settings, steps: list[SetupStep], as_json: bool) -> None:
    """The statements, and as comments what of the account they would meet."""
    from shelfgate.warehouse.engines.snowflake.account_setup import found_in_the_account
    from shelfgate.warehouse.engines.snowflake.warehouse import administrator

    in_the_way, former = None, None
    missing = [name for name in OF_THE_ADMINISTRATOR if getattr(settings, name) is None]
    if not missing:
        with administrator(settings).turn() as session:
            in_the_way, former = found_in_the_account(session, steps, settings.need("snowflake_database"))
    if as_json:
        found = {"in_the_way": _names(in_the_way), "of_an_earlier_release": _names(former)}
        answer({"applied": False, "created": None, "adopted": [], **found, "statements": _statements(steps)})
        return
    for step in steps:
        show(f"-- {step.file}\n{step.sql};")
    if missing:
        names = ", ".join(f"{PREFIX}{name.upper()}" for name in missing)
        show(f"-- the account was not looked at: {names} not set")
    for one in in_the_way or ():
        show(f"-- in the way: {one}, not made by this installation: another SHELFGATE_SNOWFLAKE_PREFIX, or --adopt")
    for one in former or ():
        show(f"-- of an earlier release, used by nothing any more: {one} (docs/snowflake.md, Names without a prefix)")


def _names(found: list[Foreign] | None) -> list[str] | None:
    return None if found is None else [str(one) for one in found]


def _statements(steps: list[SetupStep]) -> list[dict[str, str]]:
    return [{"file": step.file, "statement": step.sql} for step in steps]
