"""`shelfgate sandbox`: the local estate from a terminal; with cli/commands/demo.py the only importer of the sandbox."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import click

from cli.console import answer, say, show
from cli.options import Day, as_json_option, home


@click.group()
def sandbox() -> None:
    """The whole estate on this machine: Postgres, S3, Airbyte API, Lambda API, Prefect server."""


@sandbox.command()
@click.option(
    "--warehouse",
    type=click.Choice(["duckdb", "snowflake"]),
    help="Where data land, for a home that is new; snowflake is an emulated account. [default: duckdb]",
)
@as_json_option
def up(warehouse: str | None, as_json: bool) -> None:
    """Start what is not running, in the background, and answer when all of it is ready."""
    from sandbox import stack

    _show_estate(stack.up(home(), warehouse=warehouse, on_progress=say), as_json)


@sandbox.command()
def down() -> None:
    """Stop everything; data are kept."""
    from sandbox import stack

    show("the sandbox is down" if stack.down(home()) else "the sandbox was not up")


@sandbox.command()
@as_json_option
def info(as_json: bool) -> None:
    """Where everything listens."""
    from sandbox import stack

    _show_estate(stack.info(home()), as_json)


@sandbox.command()
@click.option("--scale", type=click.FloatRange(min=0.01), default=0.1, help="TPC-DS scale factor.")
@click.option("--through", type=Day(), required=True, help="Last day of data.")
@as_json_option
def seed(scale: float, through: date, as_json: bool) -> None:
    """Put exactly the data dated up to a day into Postgres and S3."""
    from sandbox import stack

    _show_seeding(stack.seed(home(), scale, through, on_progress=say), as_json)


@sandbox.command()
@click.option("--days", type=click.IntRange(min=1), default=1, help="How many days to add.")
@as_json_option
def advance(days: int, as_json: bool) -> None:
    """Add the data of the next days."""
    from sandbox import stack

    _show_seeding(stack.advance(home(), days, on_progress=say), as_json)


@sandbox.command()
@click.option("--yes", is_flag=True, help="Delete without asking.")
def reset(yes: bool) -> None:
    """Stop everything and delete its data, the warehouse included; only what a sandbox made at this home."""
    from sandbox import home_ownership, stack

    place = home_ownership.home_at(home())
    doomed = home_ownership.deleted_by_reset(place)
    if not doomed:
        show(f"nothing to delete: there is no sandbox at {place.root}")
        return
    say("to be deleted, with all that is in them:\n" + "\n".join(f"  {path}" for path in doomed))
    if not yes:
        click.confirm("Delete them?", abort=True)
    stack.reset(place.root)
    show("the sandbox is empty")


def _show_estate(found: Any, as_json: bool) -> None:
    values = found.as_dict()
    if as_json:
        answer(values)
    else:
        for key, value in values.items():
            show(f"{key:16} {value}")


def _show_seeding(report: Any, as_json: bool) -> None:
    if as_json:
        answer(asdict(report))
    else:
        show(str(report))


def sandbox_day() -> date | None:
    """The day that the sandbox has reached, if one is up in this home; the flow decides otherwise."""
    from sandbox import stack
    from shelfgate.errors import ConfigurationError

    try:
        return stack.info(home()).through
    except ConfigurationError:
        return None
