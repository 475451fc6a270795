"""Checks that the one statement of their suite answers; refuses to be asked about anything besides.

What the stock methods find out by building a check's configuration some thirty times, 1 to 6 ms a check, is said
outright here: what it asks for, and what it makes of the answer.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.checks.suite_query import Asked, Counts, Rows, answers_for

METRIC = "suite.answer"


class SuiteQueryMetric(TableMetricProvider):
    """Metric `suite.answer`: the first rows of a query that should have none, or what `Asked` says of the window."""

    metric_name = METRIC
    value_keys = ("query", "observed", *Asked._fields)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Rows | Counts:
        suite_query, ask = answers_for(execution_engine)
        if "query" in metric_value_kwargs:
            return suite_query.first_offending(**metric_value_kwargs, ask=ask)
        return suite_query.counts(Asked(**metric_value_kwargs), ask)


class SuiteQueryCheck(BatchExpectation):
    """A check with one metric, and none that this one depends on."""

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **kwargs: Any
    ) -> ValidationDependencies:
        metric = MetricConfiguration(METRIC, {"batch_id": self.batch_id, "table": None}, self._asks())
        wanted = (runtime_configuration or {}).get("result_format", "BASIC")
        return ValidationDependencies({METRIC: metric}, parse_result_format(wanted))

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        return self._judged(metrics[METRIC])

    @abstractmethod
    def _asks(self) -> dict[str, Any]:
        """The values of the metric: a query and what it observes, or the fields of `Asked`."""

    @abstractmethod
    def _judged(self, answer: Any) -> dict[str, Any]:
        """`success` and `result`, as Great Expectations wants them."""
