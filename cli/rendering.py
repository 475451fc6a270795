"""Answers about what stands published, for people and for programs; reads only."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli.console import Styled, answer, say, show, show_table
from shelfgate.ops.pointer import publications
from shelfgate.ops.status import status, status_with_costs
from shelfgate.publication.rollback import changed_between, readable
from shelfgate.settings import Settings
from shelfgate.warehouse import install
from shelfgate.warehouse.registry import target_of
from tasks.connect import connect_to_read

if TYPE_CHECKING:
    from flows.run_context import Refreshed

_NOTHING_YET = "nothing is published yet: `shelfgate refresh`"


def read_status(settings: Settings, *, with_costs: bool = False) -> dict[str, Any]:
    with connect_to_read(settings, on_wait=say) as session:
        install(session)
        found = status_with_costs(session) if with_costs else status(session)
        return {**found, "data_docs": str((settings.docs_folder / "index.html").absolute())}


def show_status(*, as_json: bool) -> None:
    found = read_status(Settings.load(), with_costs=True)
    if as_json:
        answer(found)
        return
    current = found["publication"]
    if current is None:
        show(_NOTHING_YET)
    else:
        through = found["data_through"]
        show(
            Styled(current["publication_id"]),
            f" of {current['published_at']} UTC, business date {current['business_date']}; sales through "
            f"{through['sales']}, stock through {through['inventory']}",
        )
    if found["stale_since"]:
        show(Styled(f"stale since {found['stale_since']} UTC", "bold red"), ": a gate is closed")
    _show_gates(found["gates"])
    for one in found["waivers"]:
        show(
            f"waiver in force: {one['check']}, {one['window']}: {one['observed']:g} observed, {one['max_observed']:g} "
            f"allowed; {one['reason']} (approved by {one['approved_by']}, expires {one['expires_at']})"
        )
    show("dumps: " + (", ".join(f"{count:,} {status}" for status, count in found["dumps"].items()) or "none"))
    for one in found["quarantined"]:
        show(f"  quarantined {one['object_key']}: {one['reason']}")
    show_costs(found["credits"])
    show(f"Data Docs: {found['data_docs']}")


def _show_gates(gates: list[dict[str, Any]]) -> None:
    """The last verdict of every gate; what failed and the page of each, below it, where they can be copied."""
    columns = ("gate", "dataset", "verdict", "checks", "rows_seen", "business_date")
    show_table(
        ("gate", "dataset", "verdict", "checks", "rows", "business date"),
        [[str(gate[column]) for column in columns] for gate in gates],
    )
    for gate in gates:
        for one in gate["failed"]:
            show(f"  {gate['dataset']}.{one['check']}: {one['seen']}; expected {one['wanted']}")
        if gate["failed"] and gate["docs"]:
            show(f"    {gate['docs']}")


def show_costs(found: dict[str, Any]) -> None:
    """What the last runs cost; what nobody knows is never shown as 0."""
    if not found["available"]:
        show(f"credits: not available: {found['why']}")
        return
    rows: list[tuple[str, ...]] = []
    for run in found["runs"]:
        stages = ", ".join(f"{stage} {spent:.4f}" for stage, spent in run["by_stage"].items())
        known = "not available" if run["credits"] is None else f"{run['credits']:.4f}"
        rows.append((run["run_id"], known, str(run["statements"] or ""), stages, run["why"] or ""))
    show_table(("run", "credits", "statements", "by stage", "why"), rows)


def show_publications(*, as_json: bool) -> None:
    settings = Settings.load()
    with connect_to_read(settings, on_wait=say) as session:
        install(session)
        found = publications(session)
        kept = {row["id"] for row in session.rows("select distinct publication_id as id from ops.manifest")}
    if as_json:
        answer({"publications": [{**asdict(one), "readable": one.publication_id in kept} for one in found]})
        return
    if not found:
        show(_NOTHING_YET)
        return
    show_table(
        ("publication", "action", "published at (UTC)", "business date", "sales", "stock", "parts", "rows", "readable"),
        [
            (
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
            for one in found
        ],
    )


def show_difference(older: str, newer: str, *, as_json: bool) -> None:
    """The partitions that two publications do not serve alike."""
    settings = Settings.load()
    with connect_to_read(settings, on_wait=say) as session:
        install(session)
        for one in (older, newer):
            readable(session, one)
        found = changed_between(session, older, newer)
    if as_json:
        answer({"older": older, "newer": newer, "changed": found})
        return
    show_table(
        ("table", "week", f"rows in {older}", f"rows in {newer}"),
        [
            (one["table"], str(one["week"] or "whole"), _counted(one["rows_before"]), _counted(one["rows_after"]))
            for one in found
        ],
    )
    show(f"{len(found)} partitions differ")


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
        "warehouse": target_of(settings).place,
    }


def stage_table(summary: dict[str, Any]) -> None:
    """Print the end of a run."""
    publication = summary["publication"]
    if summary["result"] == "published":
        show(
            "\n",
            Styled(f"{publication['publication_id']} published", "bold green"),
            f": business date {publication['business_date']}, {publication['rows_written']:,} rows in "
            f"{publication['partitions_changed']} partitions",
        )
    else:
        show("\n", Styled("nothing new"), f": readers keep {publication['publication_id']}")
    show_table(("stage", "seconds"), [(stage, f"{seconds:.1f}") for stage, seconds in summary["seconds"].items()])
    show_table(
        ("gate", "dataset", "verdict", "checks", "rows"),
        [
            (gate["gate"], gate["dataset"], gate["verdict"], str(gate["checks"]), f"{gate['rows_seen']:,}")
            for gate in summary["gates"]
        ],
    )
    show(f"warehouse: {summary['warehouse']}")
    show(f"Data Docs: {summary['data_docs']}")
