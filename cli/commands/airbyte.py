"""`shelfgate airbyte`: the connection as it is declared, and its streams read anew."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import answer, say, show
from cli.exits import DIFFERS
from flows.progress_display import shown

if TYPE_CHECKING:
    from shelfgate.clients.airbyte.workspace import Change
    from shelfgate.settings import Settings

DECLARATIONS = Path(__file__).parents[2] / "deployments" / "airbyte"


@click.group()
def airbyte() -> None:
    """The Airbyte connection: source, destination and streams as deployments/airbyte declares them."""


@airbyte.command("apply")
@click.option("--plan", "plan_only", is_flag=True, help="Only say what would be done. Exit status 7 if anything would.")
@click.option("--resend-secrets", is_flag=True, help="Send the secrets again: a changed one cannot be seen.")
@click.option("--folder", type=click.Path(path_type=Path), default=DECLARATIONS, help="Where the declarations are.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object on standard output.")
def apply_command(plan_only: bool, resend_secrets: bool, folder: Path, as_json: bool) -> None:
    """Create what is missing in the workspace and change what differs; nothing is deleted. Safe to repeat."""
    from shelfgate.clients.airbyte.declarations import read_declarations
    from shelfgate.clients.airbyte.http_session import AirbyteSession
    from shelfgate.clients.airbyte.workspace import Workspace
    from shelfgate.settings import Settings, known_names

    settings = Settings.load()
    declared = read_declarations(folder, known_names())
    session = AirbyteSession(
        settings.need("airbyte_url"), settings.need("airbyte_client_id"), settings.need("airbyte_client_secret")
    )
    workspace = Workspace(session, settings.need("airbyte_workspace_id"))
    act = workspace.plan if plan_only else workspace.apply
    changes = act(declared, resend_secrets=resend_secrets)
    _show(changes, settings, plan_only, as_json)
    if plan_only and any(change.action != "unchanged" for change in changes):
        sys.exit(DIFFERS)


@airbyte.command("refresh-streams")
@click.argument("streams", nargs=-1)
@click.option("--all", "all_streams", is_flag=True, help="Every stream of the connection. Asks first.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object on standard output.")
def refresh_streams(streams: tuple[str, ...], all_streams: bool, yes: bool, as_json: bool) -> None:
    """Have Airbyte read STREAMS anew and wait for it: rows that were deleted at the source go.

    Readers see nothing of it before the next run. Needs an Airbyte of one's own; Cloud has this in its interface only.
    """
    from shelfgate.clients.airbyte.http_session import AirbyteSession
    from shelfgate.clients.airbyte.stream_refresh import StreamRefresh
    from shelfgate.settings import Settings

    if all_streams == bool(streams):
        raise click.UsageError("name the streams, or give --all and none. Nothing was started.")
    settings = Settings.load()
    url = settings.need("airbyte_url")
    session = AirbyteSession(url, settings.need("airbyte_client_id"), settings.need("airbyte_client_secret"))
    refresh = StreamRefresh(session, url, settings.need("airbyte_connection_id"))
    if all_streams:
        streams = tuple(refresh.streams())
        if not yes:
            say(f"Airbyte will read all of {', '.join(streams)} from their beginning.")
            click.confirm("Refresh them?", abort=True, err=True)
    job_id = refresh.start(streams)
    say(f"Airbyte job {job_id} refreshes {', '.join(streams)}")
    with shown("refresh of streams", say):
        rows = refresh.await_end(job_id, settings.airbyte_deadline_seconds)
    if as_json:
        answer({"job_id": job_id, "streams": streams, "rows": rows})
    else:
        moved = "" if rows is None else f", {rows:,} rows moved"
        show(f"refreshed{moved}; `shelfgate refresh` judges and publishes what landed")


def _show(changes: Sequence[Change], settings: Settings, plan_only: bool, as_json: bool) -> None:
    open_ = sum(change.action != "unchanged" for change in changes)
    connections = [change.found_id for change in changes if change.declared.kind == "connection" and change.found_id]
    if as_json:
        found = [change.as_dict() for change in changes]
        answer({"applied": not plan_only, "differs": bool(open_), "changes": found, "connection_ids": connections})
    else:
        for change in changes:
            show(f"{change.declared.kind} {change.declared.name}: {change.action}")
            for difference in change.differences:
                show(f"    {difference}")
        verb = "to do" if plan_only else "done"
        show(f"{open_} of {len(changes)} {verb}" if open_ else "nothing to do: Airbyte has what is declared")
    if connections and settings.airbyte_connection_id not in connections:
        say(f"SHELFGATE_AIRBYTE_CONNECTION_ID is not the declared connection's: set it to {connections[0]}.")
