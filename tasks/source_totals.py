"""What the source holds, counted by the run itself: Airbyte's `succeeded` is not proof."""

from __future__ import annotations

from prefect import get_run_logger, task

from shelfgate.clients.source_postgres import count_source, need_all_tables
from shelfgate.ops.ledger import record_source_totals
from shelfgate.ops.runs import Run
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.retries import EXTERNAL_CALL


@task(name="look at source", **EXTERNAL_CALL)
def look_at_source(settings: Settings) -> None:
    """See that the source answers and has every table, before a sync is started that could only fail."""
    need_all_tables(settings.need("source_dsn"))


@task(name="count source", **EXTERNAL_CALL)
def count_source_rows(settings: Settings, warehouse: Warehouse, run: Run) -> int:
    """Count rows, units and money of every day in Postgres into `ops.source_total`; returns the rows counted."""
    totals = count_source(settings.need("source_dsn"))
    with warehouse.turn() as session:
        record_source_totals(session, run.run_id, totals)
    rows = sum(total.rows for total in totals)
    get_run_logger().info("the source holds %s rows", f"{rows:,}")
    return rows
