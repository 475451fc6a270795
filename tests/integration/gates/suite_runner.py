"""A suite's checks as plain SQL, without Great Expectations: the whole clean history in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from expectations.checks.window import JUDGED, render
from expectations.validation.gate import suites_of
from shelfgate.model import Gate


@dataclass(frozen=True)
class Fired:
    """A check that failed. `row` is the first row that should not be."""

    check: str
    severity: str
    rows: int
    row: tuple[Any, ...]


def run_gate(
    warehouse: duckdb.DuckDBPyConnection, gate: Gate, names: dict[str, str], *, only: tuple[str, ...] = ()
) -> tuple[int, list[Fired]]:
    """How many checks of a gate ran, and those that failed; `only` names the datasets, if not all are wanted."""
    ran = 0
    fired: list[Fired] = []
    for suite in suites_of(gate):
        if only and suite["meta"]["dataset"] not in only:
            continue
        window = render(suite["meta"]["window"], names)
        for expectation in suite["expectations"]:
            ran += 1
            check = f"{gate}.{suite['meta']['dataset']}.{expectation['meta']['check_id']}"
            for query in _offending(expectation, window, {**names, JUDGED: f"({window})"}):
                rows = warehouse.execute(
                    f"select q.*, count(*) over () as offending_rows from ({query}\n) as q limit 1"
                ).fetchall()
                if rows:
                    fired.append(Fired(check, expectation["severity"], rows[0][-1], rows[0][:-1]))
    return ran, fired


def _offending(expectation: dict[str, Any], window: str, names: dict[str, str]) -> Iterator[str]:
    """The query for the rows that should not be.

    Raises:
        KeyError: the suites use an expectation that this runner does not know.
    """
    kwargs = expectation["kwargs"]
    column = kwargs.get("column")
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    yield {
        "expect_no_offending_rows": lambda: render(kwargs["query"], names),
        "expect_column_values_to_not_be_null": lambda: f"select 1 from ({window}) as w where {column} is null",
        "expect_column_values_to_be_between": lambda: (
            f"select 1 from ({window}) as w where not coalesce({column} between "
            f"{column if low is None else low} and {column if high is None else high}, true)"
        ),
        "expect_table_row_count_to_be_between": lambda: (
            f"select 1 from (select count(*) as found from ({window}) as w) as counted where found < {low}"
        ),
    }[expectation["type"]]()
