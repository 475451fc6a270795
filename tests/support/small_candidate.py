"""A candidate of a few rows, without dbt: for what happens to one after it was built."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from shelfgate.publication.candidate import PUBLISHED_TABLES, columns_by_table
from shelfgate.warehouse import Session

FACTS = tuple(table.name for table in PUBLISHED_TABLES if table.by_week)


def make_candidate(session: Session, weeks: Iterable[date]) -> None:
    """One row in every dimension, one a week in every fact, every week touched."""
    session.run(
        "create table candidate.partition_inputs (table_name varchar, week_start_date date, through_date date, "
        "input_digest varchar, is_touched boolean)"
    )
    for table in PUBLISHED_TABLES:
        session.run(f"create table candidate.{table.name} as select * exclude (build_id) from store.{table.name}")
        if not table.by_week:
            first = columns_by_table(session, "candidate")[table.name][0]
            session.run(f"insert into candidate.{table.name} ({first}) values (null)")
    for week in weeks:
        for fact in FACTS:
            sell(session, fact, week, 5)


def sell(session: Session, fact: str, week: date, units: int) -> None:
    """Build a week of a fact anew, from inputs that hold so many units."""
    column = "sum_qty_wk" if fact == "fct_weekly_sales_inventory" else "catalog_qty"
    session.run(f"delete from candidate.{fact} where week_start_date = ?", [week])
    session.run(
        f"insert into candidate.{fact} (warehouse_sk, item_id, week_start_date, {column}) values (1, 'I', ?, ?)",
        [week, units],
    )
    session.run("delete from candidate.partition_inputs where table_name = ? and week_start_date = ?", [fact, week])
    session.run(
        "insert into candidate.partition_inputs values (?, ?, ?, ?, true)", [fact, week, week, f"{units} units"]
    )


def leave_to_the_base(session: Session, fact: str, week: date) -> None:
    """The week is not touched: nothing is built of it."""
    session.run(f"delete from candidate.{fact} where week_start_date = ?", [week])
    session.run(
        "update candidate.partition_inputs set is_touched = false where table_name = ? and week_start_date = ?",
        [fact, week],
    )
