"""`shelfgate backup` and `restore`: the DuckDB warehouse as a file, from a terminal."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import answer, say, show
from cli.options import as_json_option

if TYPE_CHECKING:
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse


@click.command()
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. [default: a new one in the folder `backups` beside the warehouse]",
)
@as_json_option
def backup(to: Path | None, as_json: bool) -> None:
    """Copy the DuckDB warehouse to a file, and read the copy from end to end.

    Refused while a run holds the warehouse (exit status 6).
    """
    from shelfgate.publication.backup import back_up

    done = back_up(_warehouse("backup"), to)
    if as_json:
        answer(asdict(done))
    else:
        serves = done.content.publication or "nothing yet"
        show(f"{done.backup}: {done.bytes:,} bytes, {done.content.rows:,} rows, readers see {serves}")


@click.command()
@click.option(
    "--from", "source", type=click.Path(path_type=Path), required=True, help="A file that `shelfgate backup` wrote."
)
@as_json_option
def restore(source: Path, as_json: bool) -> None:
    """Make a backup the DuckDB warehouse; the file that was it is kept aside.

    Refused while a run holds the warehouse (exit status 6). Refresh all streams in Airbyte before the next run: it
    goes on where it stopped, and does not know that the warehouse went back.
    """
    from shelfgate.publication.backup import restore as put_back

    done = put_back(_warehouse("restore"), source)
    if as_json:
        answer(asdict(done))
        return
    serves = done.content.publication or "nothing yet"
    show(f"{done.warehouse}: {done.content.rows:,} rows, readers see {serves}")
    if done.kept_aside:
        show(f"the file before is kept as {done.kept_aside}")
    show("refresh all streams in Airbyte (docs/runbook.md), then `shelfgate refresh`")


def _warehouse(command: str) -> DuckDBWarehouse:
    """
    Raises:
        ConfigurationError: the warehouse is not a DuckDB file.
    """
    from shelfgate.errors import ConfigurationError
    from shelfgate.settings import Settings
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

    settings = Settings.load()
    if (target := settings.need("target")) != "duckdb":
        raise ConfigurationError(
            f"{command}: SHELFGATE_TARGET is {target}; only the DuckDB warehouse is a file. In Snowflake, "
            "`shelfgate rollback` and the account's Time Travel are the way back. Nothing was done."
        )
    return DuckDBWarehouse(settings.warehouse_file, wait_seconds=settings.warehouse_wait_seconds, on_wait=say)
