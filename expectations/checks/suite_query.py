"""What a suite asks of the warehouse, in one statement; refuses to send what one statement can answer twice.

The stock checks send one to three statements each, and the sets that they share are computed for each of them. Here one
statement counts for all checks of a suite; only a query that does return rows is sent again, for the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from expectations.checks.window import JUDGED

if TYPE_CHECKING:
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]
"""Sends one statement; names of columns come back in lower case."""

SAMPLE = 5
"""Rows named in the evidence: enough to find the cause, few enough for one screen."""

_WINDOW_COUNTS = "window_counts"


class Asked(NamedTuple):
    """What a check counts in the window: its rows; if it names a column, its values and those out of its range too."""

    column: str | None = None
    min_value: float | None = None
    max_value: float | None = None

    @classmethod
    def by(cls, check: Mapping[str, Any]) -> Asked:
        """What a check counts. The bounds of a count of rows are no bounds of a value."""
        if not check.get("column"):
            return cls()
        bounds = (check.get("min_value"), check.get("max_value"))
        # Great Expectations makes floats of whole bounds: the same range has to read the same.
        return cls(check["column"], *(None if bound is None else float(bound) for bound in bounds))

    @property
    def counted(self) -> list[str]:
        """Expressions over the window, in the order of `Counts.of`."""
        if self.column is None:
            return ["count(*)"]
        value = f"judged.{self.column}"
        beyond = [f"{value} < {self.min_value}"] if self.min_value is not None else []
        beyond += [f"{value} > {self.max_value}"] if self.max_value is not None else []
        outside = [f"count(case when {' or '.join(beyond)} then 1 end)"] if beyond else []
        return ["count(*)", f"count({value})", *outside]


class Counts(NamedTuple):
    """Rows of the window, and of one column its NULLs and the values out of its range."""

    rows: int
    nulls: int = 0
    outside: int = 0

    @classmethod
    def of(cls, rows: int, values: int | None = None, outside: int = 0) -> Counts:
        return cls(rows, 0 if values is None else rows - values, outside)


@dataclass
class SuiteQuery:
    """The queries of one suite, and what its other checks count in its window.

    `given` names the sets that they share, each with its query, the window itself among them.
    """

    queries: list[str]
    counted: list[Asked]
    given: dict[str, str]
    ahead: Callable[[], Rows] | None = None
    """What the statement returns, if somebody else has sent it already."""
    answers: dict[str, int] | None = field(default=None, init=False)

    @property
    def statement(self) -> str:
        """One row an answer: `counted`, and `place`, that of the query or, behind them, of the expression."""
        counted = [
            *(f"count(*) as counted from ({query}\n) as q" for query in self.queries),
            *(
                f"value_{number} as counted from (select * from {_WINDOW_COUNTS}) as counts"
                for number in range(len(self._expressions))
            ),
        ]
        together = " union all ".join(f"select {place} as place, {one}" for place, one in enumerate(counted))
        return with_sets(together, {**self.given, _WINDOW_COUNTS: self._counting(self._expressions)})

    def offending(self, query: str, ask: Ask) -> int | None:
        """How many rows a query returns; None if the statement could not be run."""
        return self._answered(ask).get(query)

    def first_offending(self, query: str, observed: str, ask: Ask) -> Rows:
        """At most SAMPLE rows of a query, each with the count of all and their sum of `observed`, NULL if one of
        them does not say.

        Raises:
            LookupError: rows were counted, and none is there any more.
        """
        counted = self.offending(query, ask)
        if counted == 0:
            return []
        observed = observed or "1"
        sample = (
            f"select q.*, count(*) over () as offending_rows, "
            f"case when count({observed}) over () = count(*) over () then sum({observed}) over () end as observed_sum "
            f"from ({query}\n) as q limit {SAMPLE}"
        )
        rows = ask(with_sets(sample, self.given))
        if counted and not rows:
            raise LookupError(f"{counted} offending rows were counted and none was found: the data changed meanwhile")
        return rows

    def counts(self, asked: Asked, ask: Ask) -> Counts:
        """What a check counts in the window; by a statement of its own if that for all could not be run."""
        answers = self._answered(ask)
        if all(expression in answers for expression in asked.counted):
            return Counts.of(*(answers[expression] for expression in asked.counted))
        (row,) = ask(with_sets(self._counting(asked.counted), self.given))
        return Counts.of(*map(int, row.values()))

    def _answered(self, ask: Ask) -> dict[str, int]:
        if self.answers is None:
            asked = [*self.queries, *self._expressions]
            try:
                found = self.ahead() if self.ahead else ask(self.statement)
                places = sorted(int(row["place"]) for row in found)
            except Exception:  # noqa: BLE001  (one broken query breaks them all: each is then sent by itself, and raises)
                found, places = [], []
            # Not one answer a question: the text of one query has changed another's, and none is believed.
            believed = found if places == list(range(len(asked))) else []
            self.answers = {asked[int(row["place"])]: int(row["counted"]) for row in believed}
        return self.answers

    @cached_property
    def _expressions(self) -> list[str]:
        return list(dict.fromkeys(expression for asked in self.counted for expression in asked.counted))

    @staticmethod
    def _counting(expressions: list[str]) -> str:
        values = ", ".join(f"{expression} as value_{number}" for number, expression in enumerate(expressions))
        return f"select {values} from (select * from {JUDGED}) as judged"


def with_sets(sql: str, given: dict[str, str]) -> str:
    """The statement after those of the sets that it reads, in their order; a set may read the ones before it."""
    read, needed = sql, []
    for name, query in reversed(given.items()):
        if f"from {name})" in read:
            needed.append(f"{name} as ({query})")
            read += query
    return f"with {', '.join(reversed(needed))} {sql}" if needed else sql


_suite_query: ContextVar[SuiteQuery] = ContextVar("suite_query")


@contextmanager
def use_suite_query(suite_query: SuiteQuery) -> Iterator[None]:
    """Within the block, the checks of a suite find their answers here."""
    token = _suite_query.set(suite_query)
    try:
        yield
    finally:
        _suite_query.reset(token)


def answers_for(engine: SqlAlchemyExecutionEngine) -> tuple[SuiteQuery, Ask]:
    """The suite that is being judged, and how to ask for what it does not know yet.

    Raises:
        LookupError: no suite is being judged.
    """

    def ask(sql: str) -> Rows:
        # text() reads `:word` as a bind parameter, even inside a literal
        found = engine.execute_query(sa.text(sql.replace(":", r"\:")))
        return [{str(key).lower(): value for key, value in row.items()} for row in found.mappings()]

    return _suite_query.get(), ask
