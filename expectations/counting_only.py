"""Checks of a window's rows and columns that count; refuses to fetch a value of a row, which may not be shown anyway.

The stock checks read a row of the window to learn its columns and send one more query each for a sample of values, even
where nothing failed. Here one statement counts for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import core
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.silence import in_silence

if TYPE_CHECKING:
    from collections.abc import Mapping

METRIC = "window.counts"


class Asked(NamedTuple):
    """What a check counts: the window's rows; if it names a column, its NULLs and the values out of its range too."""

    column: str | None = None
    min_value: float | None = None
    max_value: float | None = None

    @property
    def counted(self) -> list[sa.ColumnElement[int]]:
        """Values of the column, and those of them that lie out of its range."""
        if self.column is None:
            return []
        value = sa.column(self.column)
        beyond = [value < self.min_value] if self.min_value is not None else []
        beyond += [value > self.max_value] if self.max_value is not None else []
        return [sa.func.count(value), sa.func.count(sa.case((sa.or_(*beyond), 1))) if beyond else sa.literal(0)]


class Counts(NamedTuple):
    """Rows of the window, and of one column its NULLs and the values out of its range."""

    rows: int
    nulls: int = 0
    outside: int = 0


class _AtOnce:
    """What the checks of one suite count, asked for in one statement."""

    def __init__(self, asked: list[Asked]) -> None:
        self.asked = asked
        self.counts: Mapping[Asked, Counts] | None = None

    def of(self, one: Asked, window: sa.FromClause, engine: SqlAlchemyExecutionEngine) -> Counts | None:
        """None if the statement for all of them could not be run."""
        if self.counts is None:
            try:
                self.counts = _counted(self.asked, window, engine)
            except Exception:  # noqa: BLE001  (one broken column breaks them all: each is then asked by itself, and raises)
                self.counts = {}
        return self.counts.get(one)


def _counted(asked: list[Asked], window: sa.FromClause, engine: SqlAlchemyExecutionEngine) -> dict[Asked, Counts]:
    columns = [counted for one in asked for counted in one.counted]
    labelled = [counted.label(f"counted_{number}") for number, counted in enumerate([sa.func.count(), *columns])]
    found = iter(int(number) for number in engine.execute_query(sa.select(*labelled).select_from(window)).one())
    rows = next(found)
    return {one: Counts(rows, rows - next(found), next(found)) if one.column else Counts(rows) for one in asked}


_at_once: ContextVar[_AtOnce | None] = ContextVar("at_once", default=None)


@contextmanager
def counted_at_once(checks: list[dict[str, Any]]) -> Iterator[None]:
    """Within the block, what these checks count is counted in one statement as soon as one is asked for."""
    token = _at_once.set(_AtOnce(list(dict.fromkeys(_asked(check) for check in checks))))
    try:
        yield
    finally:
        _at_once.reset(token)


def _asked(kwargs: Mapping[str, Any]) -> Asked:
    """The bounds of a count of rows are no bounds of a value."""
    column = kwargs.get("column")
    return Asked(column, kwargs.get("min_value"), kwargs.get("max_value")) if column else Asked()


class WindowCounts(TableMetricProvider):
    """Metric `window.counts`: what `Asked` says, of the rows that the suite judges."""

    metric_name = METRIC
    value_keys = Asked._fields

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Counts:
        domain, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        one, window, at_once = _asked(metric_value_kwargs), cast(sa.FromClause, domain), _at_once.get()
        counted = at_once.of(one, window, execution_engine) if at_once is not None else None
        return counted or _counted([one], window, execution_engine)[one]


class _CountingOnly(BatchExpectation):
    """What it asks for, and what it makes of the answer, said outright.

    The stock methods find both out by building the check's configuration some thirty times and take ten metrics a
    column: 6 ms a check.
    """

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **kwargs: Any
    ) -> ValidationDependencies:
        assert self.row_condition is None, "a contract has no row conditions: it says so in its window"
        strict = [name for name in ("strict_min", "strict_max") if getattr(self, name, False)]
        assert not strict, "a contract's bounds are in range themselves"
        fields = {name: getattr(self, name, None) for name in Asked._fields}
        metric = MetricConfiguration(METRIC, {"batch_id": self.batch_id, "table": None}, _asked(fields)._asdict())
        wanted = (runtime_configuration or {}).get("result_format", "BASIC")
        return ValidationDependencies({METRIC: metric}, parse_result_format(wanted))

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return self._judged(metrics[METRIC])

    def _judged(self, counts: Counts) -> dict[str, Any]:
        raise NotImplementedError


with in_silence():

    class ExpectTableRowCountToBeBetween(_CountingOnly, core.ExpectTableRowCountToBeBetween):
        """Stands in the registry in place of the stock check of that name."""

        def _judged(self, counts: Counts) -> dict[str, Any]:
            low, high = cast("int | None", self.min_value), cast("int | None", self.max_value)
            within = (low is None or counts.rows >= low) and (high is None or counts.rows <= high)
            return {"success": within, "result": {"observed_value": counts.rows}}

    class ExpectColumnValuesToNotBeNull(_CountingOnly, core.ExpectColumnValuesToNotBeNull):
        """Stands in the registry in place of the stock check of that name."""

        def _judged(self, counts: Counts) -> dict[str, Any]:
            return _judged_share(counts.nulls, counts.rows, self.mostly, {"element_count": counts.rows})

    class ExpectColumnValuesToBeBetween(_CountingOnly, core.ExpectColumnValuesToBeBetween):
        """Stands in the registry in place of the stock check of that name.

        A NULL is in no range and out of none, so it does not count.
        """

        def _judged(self, counts: Counts) -> dict[str, Any]:
            missing = 100 * counts.nulls / counts.rows if counts.rows else None
            told = {"element_count": counts.rows, "missing_count": counts.nulls, "missing_percent": missing}
            return _judged_share(counts.outside, counts.rows - counts.nulls, self.mostly, told)


def _judged_share(unexpected: int, values: int, mostly: Any, told: dict[str, Any]) -> dict[str, Any]:
    share = unexpected / values if values else 0.0
    counted = {"unexpected_count": unexpected, "unexpected_percent": 100 * share}
    return {"success": 1 - share >= cast(float, mostly), "result": told | counted}
