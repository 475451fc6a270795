"""Answers about what stands published, for people and for programs; reads only."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from flows.console import answer, say
from shelfgate.publication import publications
from shelfgate.rollback import changed_between, readable
from shelfgate.settings import Settings
from shelfgate.status import status, status_with_costs
from shelfgate.warehouse import install, open_warehouse
from tasks.snowflake_blocks import with_keys

if TYPE_CHECKING:
    from flows.day import Refreshed


def read_status(settings: Settings, *, with_costs: bool = False) -> dict[str, Any]:
    with open_warehouse(with_keys(settings), on_wait=say).turn() as session:
        install(session)
        found = status_with_costs(session) if with_costs else status(session)
        return {**found, "data_docs": str((settings.docs_folder / "index.html").absolute())}


def show_status(*, as_json: bool) -> None:
    found = read_status(Settings.load(), with_costs=True)
    if as_json:
        answer(found)
        return
    console = Console()
    current = found["publication"]
    if current is None:
        console.print("nothing is published yet: `shelfgate refresh`")
    else:
        through = found["data_through"]
        console.print(
            f"[bold]{current['publication_id']}[/bold] of {current['published_at']} UTC, business date "
            f"{current['business_date']}; sales through {through['sales']}, stock through {through['inventory']}"
        )
    if found["stale_since"]:
        console.print(f"[bold red]stale since {found['stale_since']} UTC[/bold red]: a gate is closed")
    table = Table("gate", "dataset", "verdict", "checks", "rows", "business date", "failed", "page")
    for gate in found["gates"]:
        failed = "; ".join(f"{one['check']}: {one['seen']}" for one in gate["failed"])
        columns = ("gate", "dataset", "result", "checks", "rows_seen", "business_date")
        table.add_row(*(str(gate[column]) for column in columns), failed, gate["docs"] or "")
    console.print(table)
    for one in found["waivers"]:
        console.print(
            f"waiver in force: {one['check']}, {one['window']}: {one['observed']:g} seen, {one['max_observed']:g} "
            f"allowed; {one['reason']} (approved by {one['approved_by']}, expires {one['expires_at']})",
            markup=False,
        )
    console.print(f"dumps: {found['dumps']}")
    for one in found["quarantined"]:
        console.print(f"  quarantined {one['object_key']}: {one['reason']}", markup=False)
    show_costs(console, found["credits"])
    console.print(f"Data Docs: {found['data_docs']}")


def show_costs(console: Console, found: dict[str, Any]) -> None:
    """What the last runs cost; what nobody knows is never shown as 0."""
    if not found["available"]:
        console.print(f"credits: not available: {found['why']}", markup=False)
        return
    table = Table("run", "credits", "statements", "by stage", "")
    for run in found["runs"]:
        stages = ", ".join(f"{stage} {spent:.4f}" for stage, spent in run["by_stage"].items())
        known = "not available" if run["credits"] is None else f"{run['credits']:.4f}"
        table.add_row(run["run_id"], known, str(run["statements"] or ""), stages, run["why"] or "")
    console.print(table)


def show_publications(*, as_json: bool) -> None:
    settings = Settings.load()
    with open_warehouse(with_keys(settings), on_wait=say).turn() as session:
        install(session)
        found = publications(session)
        kept = {row["id"] for row in session.rows("select distinct publication_id as id from ops.manifest")}
    if as_json:
        answer({"publications": [{**asdict(one), "readable": one.publication_id in kept} for one in found]})
        return
    table = Table(
        "publication",
        "action",
        "published at (UTC)",
        "business date",
        "sales",
        "stock",
        "partitions",
        "rows",
        "readable",
    )
    for one in found:
        table.add_row(
            one.publication_id,
            one.action,
            f"{one.published_at:%Y-%m-%d %H:%M:%S}",
            str(one.business_date),
            str(one.sales_through),
            str(one.inventory_through),
            str(one.partitions_changed),
            f"{one.rows_written:,}",
            "yes" if one.publication_id in kept else "no",
        )
    Console().print(table)


def show_difference(older: str, newer: str, *, as_json: bool) -> None:
    """The partitions that two publications do not serve alike."""
    settings = Settings.load()
    with open_warehouse(with_keys(settings), on_wait=say).turn() as session:
        install(session)
        for one in (older, newer):
            readable(session, one)
        found = changed_between(session, older, newer)
    if as_json:
        answer({"older": older, "newer": newer, "changed": found})
        return
    table = Table("table", "week", f"rows in {older}", f"rows in {newer}")
    for one in found:
        table.add_row(
            one["table"], str(one["week"] or "whole"), _counted(one["rows_before"]), _counted(one["rows_after"])
        )
    Console().print(table)
    Console().print(f"{len(found)} partitions differ")


def _counted(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def summary_of(settings: Settings, refreshed: Refreshed, found: dict[str, Any]) -> dict[str, Any]:
    """What a run ended with, for both ways of telling it."""
    publication = refreshed.publication
    return {
        "result": "published" if publication.new else "nothing new",
        "publication": asdict(publication),
        "seconds": {**refreshed.seconds, "total": round(sum(refreshed.seconds.values()), 2)},
        "gates": [gate for gate in found["gates"] if gate["result"]],
        "dumps": found["dumps"],
        "data_docs": found["data_docs"],
        "warehouse": str(settings.warehouse_file.absolute()),
    }


def stage_table(summary: dict[str, Any]) -> None:
    """Print the end of a run."""
    console = Console()
    publication = summary["publication"]
    if summary["result"] == "published":
        console.print(
            f"\n[bold green]{publication['publication_id']} published[/bold green]: business date "
            f"{publication['business_date']}, {publication['rows_written']:,} rows in "
            f"{publication['partitions_changed']} partitions"
        )
    else:
        console.print(f"\n[bold]nothing new[/bold]: readers keep {publication['publication_id']}")
    table = Table("stage", "seconds")
    for stage, seconds in summary["seconds"].items():
        table.add_row(stage, f"{seconds:.1f}")
    console.print(table)
    gates = Table("gate", "dataset", "verdict", "checks", "rows", "warnings")
    for gate in summary["gates"]:
        gates.add_row(
            gate["gate"],
            gate["dataset"],
            gate["result"],
            str(gate["checks"]),
            f"{gate['rows_seen']:,}",
            str(gate["warnings"]),
        )
    console.print(gates)
    console.print(f"warehouse: {summary['warehouse']}\nData Docs: {summary['data_docs']}", soft_wrap=True)
