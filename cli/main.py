"""`shelfgate`: manual runs from a terminal; refuses to hold a rule of its own."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from datetime import date

import click

from cli.commands.airbyte import airbyte
from cli.commands.backup import backup, restore
from cli.commands.publications import publications, rollback, status, vacuum
from cli.commands.sandbox import sandbox, sandbox_day
from cli.commands.snowflake import snowflake
from cli.commands.warehouse import migrate
from cli.console import answer, plain_run_logs, say, show
from cli.exits import DIFFERS, leave, status_of
from cli.options import Day, as_json_option, home


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="shelfgate")
def cli() -> None:
    """A gated retail data pipeline: land, gate, build, gate, publish.

    Exit status: 0 published or nothing to do, 2 usage or configuration, 3 a gate closed, 4 a permanent failure or one
    that nobody foresaw, 5 the outside world gave up, 6 another run holds the warehouse, 7 something is stale or differs
    from what is declared (contracts check, airbyte apply --plan), 130 interrupted by Ctrl-C, 143 ended by SIGTERM, 129
    by a closed terminal, 141 whoever read the answer went away before it was complete. After a signal the message says
    whether something was published.
    """
    plain_run_logs()


@cli.command()
@click.option("--scale", type=click.FloatRange(min=0.01), default=0.1, help="TPC-DS scale factor; 1 is 4.4 M rows.")
@click.option("--through", type=Day(), default="2002-12-28", help="Last day of data; a Saturday completes its week.")
@click.option(
    "--home",
    "home_folder",
    metavar="DIR",
    help="Where everything is kept. [default: $SHELFGATE_HOME]",
)
@as_json_option
def demo(scale: float, through: date, home_folder: str | None, as_json: bool) -> None:
    """Bring the sandbox up, seed it, run one refresh, say what was published, bring the sandbox down."""
    from cli.commands.demo import run_demo

    if home_folder is not None:
        os.environ["SHELFGATE_HOME"] = home_folder
    run_demo(home(), scale, through, as_json=as_json)


@cli.command()
@click.option(
    "--business-date", type=Day(), help="The last day whose data are in. [default: the sandbox's, or yesterday]"
)
@click.option("--full-rebuild", is_flag=True, help="Build every week, not only those whose inputs have changed.")
@as_json_option
def refresh(business_date: date | None, full_rebuild: bool, as_json: bool) -> None:
    """One run: land, gate, build, gate, publish."""
    from cli.flow_runs import refresh_now, show_refresh

    if full_rebuild:
        os.environ["SHELFGATE_FULL_REBUILD"] = "true"
    day = business_date or sandbox_day()
    settings, refreshed = refresh_now(day)
    show_refresh(settings, refreshed, as_json=as_json)


@cli.command()
@click.option("--from", "from_date", type=Day(), required=True, help="First business date.")
@click.option("--to", "to_date", type=Day(), required=True, help="Last business date.")
@as_json_option
def backfill(from_date: date, to_date: date, as_json: bool) -> None:
    """A range of business dates, one run each; resumes where it stopped."""
    from cli.flow_runs import backfill_now

    publications = backfill_now(from_date, to_date)
    if as_json:
        answer({"publications": publications})
    else:
        show(f"{len(publications)} business dates refreshed" + (f", last {publications[-1]}" if publications else ""))


@cli.command()
@click.option("--open", "open_it", is_flag=True, help="Open the index page in a browser.")
@click.option("--sync", "sync_it", is_flag=True, help="Bring SHELFGATE_DOCS_BUCKET up to the pages.")
@as_json_option
def docs(open_it: bool, sync_it: bool, as_json: bool) -> None:
    """Build the Data Docs over all evidence that is kept, and say where they are."""
    from expectations.data_docs.site import KEEP_RUNS, build
    from shelfgate.clients.docs_bucket import sync_pages
    from shelfgate.settings import Settings

    settings = Settings.load()
    bucket = settings.need("docs_bucket") if sync_it else None
    index = build(settings.docs_folder, warn=say).absolute()
    synced = sync_pages(settings.docs_folder, bucket, settings.docs_prefix, KEEP_RUNS) if bucket else None
    if as_json:
        answer({"index": str(index), "synced": synced and asdict(synced)})
    else:
        show(str(index))
    if open_it:
        click.launch(index.as_uri())


@cli.group()
def gates() -> None:
    """The boundaries that data cross only with positive evidence."""


@gates.command("check")
@click.argument("gate", type=click.Choice(["file", "landing", "staging", "marts", "published"]))
@click.option("--business-date", type=Day(), help="The day to judge for. [default: that of the last run]")
@click.option("--all", "all_checks", is_flag=True, help="Show the checks that passed, too.")
@as_json_option
def gates_check(gate: str, business_date: date | None, all_checks: bool, as_json: bool) -> None:
    """Judge one gate without running anything else: nothing is recorded, nothing published.

    Exit status: 0 open, 3 closed. The source is not asked again: reconciliation uses the last run's counts.
    """
    from cli.commands.gates import check_gate
    from shelfgate.model import Gate

    check_gate(Gate(gate), business_date, as_json=as_json, all_checks=all_checks)


@cli.group()
def contracts() -> None:
    """The contracts of every dataset, and the suites and pages compiled from them."""


@contracts.command("compile")
def contracts_compile() -> None:
    """Write what is made from expectations/contracts: suites, pages, the dbt macro of line rules, the loader's column
    aliases, the registry of tables, and the migration of a published column that is new."""
    from expectations.compiler.contract_files import CONTRACTS
    from expectations.compiler.contract_pages import write_pages
    from expectations.compiler.dump_columns import write_aliases
    from expectations.compiler.suites import write_suites
    from expectations.compiler.table_registry import write_registry

    changed = [*write_registry(CONTRACTS), *write_suites(), *write_aliases()]
    changed += [f"docs/contracts/{name}" for name in write_pages()]
    show("\n".join(changed) if changed else "every suite and every page is what its contract says")


@contracts.command("check")
def contracts_check() -> None:
    """Fail (exit status 7) if a suite or a page is not what its contract says, or a waiver is not in order."""
    from expectations.compiler.contract_files import CONTRACTS
    from expectations.compiler.contract_pages import stale_pages
    from expectations.compiler.dump_columns import stale_aliases
    from expectations.compiler.line_rules import stale_macro
    from expectations.compiler.suites import stale
    from expectations.compiler.table_registry import stale_registry
    from expectations.validation.waivers import lint

    pages = [f"docs/contracts/{name}" for name in stale_pages()]
    if found := [*stale(), *stale_macro(CONTRACTS), *stale_registry(CONTRACTS), *stale_aliases(), *pages]:
        say(f"stale: {', '.join(found)}. Run `shelfgate contracts compile`.")
        sys.exit(DIFFERS)
    if faults := lint():
        say("waivers:\n  - " + "\n  - ".join(faults))
        sys.exit(DIFFERS)
    show("every suite and every page is what its contract says; every waiver is in order")


for command in (airbyte, backup, restore, status, publications, rollback, vacuum, migrate, sandbox):
    cli.add_command(command)


cli.add_command(snowflake)


def main() -> None:
    """Run, and leave with a status of the table."""
    leave(status_of(lambda: cli(standalone_mode=False), as_json="--json" in sys.argv))


if __name__ == "__main__":
    main()
