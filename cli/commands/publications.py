"""`shelfgate status`, `publications`, `rollback`, `vacuum`: what stands published, from a terminal."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli.console import answer, show
from cli.options import as_json_option

without_prefect_option = click.option(
    "--without-prefect", is_flag=True, help="Do it in this process even so: the configured Prefect API does not answer."
)


@click.command()
@as_json_option
def status(as_json: bool) -> None:
    """Current publication, data through, every gate's last verdict, stale since."""
    from cli.rendering import show_status

    show_status(as_json=as_json)


@click.command()
@click.option("--diff", nargs=2, metavar="OLDER NEWER", help="What two publications do not serve alike.")
@as_json_option
def publications(diff: tuple[str, str] | None, as_json: bool) -> None:
    """Every publication, newest first. Any that is readable can be read: `store.<table>_as_of`, by publication_id."""
    from cli.rendering import show_difference, show_publications

    if diff is None:
        show_publications(as_json=as_json)
    else:
        show_difference(*diff, as_json=as_json)


@click.command()
@click.option("--to", required=True, metavar="ID", help="The publication whose content is served again.")
@without_prefect_option
@as_json_option
def rollback(to: str, without_prefect: bool, as_json: bool) -> None:
    """Serve again what an older publication served, as a new one; no row is changed.

    A flow run where a Prefect API is configured; without one it needs no Prefect server.
    """
    from cli.flow_runs import rollback_now

    publication = rollback_now(to, without_prefect=without_prefect)
    if as_json:
        answer({"publication": asdict(publication)})
    elif publication.new:
        show(f"{publication.publication_id} serves the content of {to}")
    else:
        show(f"nothing to do: {to} is what readers see")


@click.command()
@click.option("--keep", type=click.IntRange(min=1), default=30, help="How many of the newest publications to keep.")
@without_prefect_option
@as_json_option
def vacuum(keep: int, without_prefect: bool, as_json: bool) -> None:
    """Drop what none of the newest publications serves; the current one is always kept.

    A flow run where a Prefect API is configured; without one it needs no Prefect server.
    """
    from cli.flow_runs import vacuum_now

    done = vacuum_now(keep, without_prefect=without_prefect)
    if as_json:
        answer(asdict(done))
    else:
        show(
            f"{len(done.publications)} publications cannot be read any more; {done.rows:,} rows and {done.verdicts} "
            "verdicts dropped"
        )
