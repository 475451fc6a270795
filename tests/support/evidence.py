"""Evidence as gates leave it: small suites over a small table, judged by the real judge."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from expectations.validation.gate import Judge, Window
from shelfgate.model import Gate, Verdict
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

MORNING = datetime(2002, 12, 29, 6, 0, 0)


def judge_run(
    folder: Path, number: int = 0, *, quantity: int = 5, weight: int = 5, rows: int = 3, item: str = ""
) -> list[Verdict]:
    """One run's landing and marts gates over `rows` rows; a quantity over 1000 closes, a weight over 1000 warns."""
    warehouse = folder.parent / "small.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create or replace table stock (item varchar, quantity integer, weight integer)")
        connection.execute(
            f"insert into stock select $item || range, {quantity}, {weight} from range({rows})", {"item": item}
        )
    window = Window(run_id(number), date(2002, 12, 28), MORNING + timedelta(days=number, microseconds=number))
    judge = Judge(DuckDBWarehouse(warehouse), folder)
    verdicts: list[Verdict] = []
    for gate, dataset in ((Gate.LANDING, "inventory"), (Gate.MARTS, "fct_weekly")):
        with mock.patch("expectations.validation.gate.suites_of", lambda g, *_, d=dataset: [_suite(g, d)]):
            verdicts.append(judge.verdict(gate, window))
        if not verdicts[-1].open:
            break
    return verdicts


def run_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def _suite(gate: Gate, dataset: str) -> dict[str, Any]:
    return {
        "name": f"{gate}.{dataset}",
        "meta": {"gate": str(gate), "dataset": dataset, "window": "select * from stock"},
        "expectations": [
            _check("rows_seen", "expect_table_row_count_to_be_between", "critical", "at least 1 row", min_value=1),
            _check("item_is_known", "expect_column_values_to_not_be_null", "critical", "no NULL", column="item"),
            _check(
                "stock_is_possible",
                "expect_no_offending_rows",
                "critical",
                "0..1000 <pieces>",
                query="select item, quantity from stock where quantity > 1000",
            ),
            _check(
                "weight_is_usual",
                "expect_column_values_to_be_between",
                "warning",
                "0..1000",
                column="weight",
                min_value=0,
                max_value=1000,
            ),
        ],
    }


def _check(check_id: str, kind: str, severity: str, wanted: str, **kwargs: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": severity,
        "description": f"{check_id.replace('_', ' ').capitalize()}",
        "meta": {"check_id": check_id, "wanted": wanted, "what_to_do": f"mend {check_id}"},
    }
