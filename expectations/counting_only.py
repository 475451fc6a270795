"""Checks of a window's rows and columns that count; refuses to fetch a value of a row, which may not be shown anyway.

The stock checks read a row of the window to learn its columns and send one more query each for a sample of values, even
where nothing failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import core
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.at_once import Asked, Counts, answers_for
from expectations.silence import in_silence

METRIC = "window.counts"


def asked_by(kwargs: Mapping[str, Any]) -> Asked:
    """What a check counts. The bounds of a count of rows are no bounds of a value."""
    column = kwargs.get("column")
    # The library makes floats of whole bounds.
    low, high = (None if kwargs.get(bound) is None else float(kwargs[bound]) for bound in ("min_value", "max_value"))
    return Asked(column, low, high) if column else Asked()


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
        at_once, ask = answers_for(execution_engine)
        return at_once.counts(asked_by(metric_value_kwargs), ask)


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
        metric = MetricConfiguration(METRIC, {"batch_id": self.batch_id, "table": None}, asked_by(fields)._asdict())
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
