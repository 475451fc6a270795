"""Column checks that count; refuses to fetch a value of a row, which may not be shown anyway.

The stock checks send one more query each for a sample of values, even where nothing failed, and read a row of the
window to learn its columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import core
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.validator import ValidationDependencies

from expectations.silence import in_silence


class _CountingOnly(BatchExpectation):
    _held: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        return self._held or super().configuration

    def metrics_validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
        **kwargs: Any,
    ) -> Any:
        with self._holding():
            return super().metrics_validate(metrics, runtime_configuration, execution_engine, **kwargs)

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **kwargs: Any
    ) -> ValidationDependencies:
        with self._holding():
            found = super().get_validation_dependencies(execution_engine, runtime_configuration, **kwargs)
        for name in found.get_metric_names():
            if name.endswith(".unexpected_values"):
                found.remove_metric_configuration(name)
        return found

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """The stock methods build the configuration anew at each of thirty looks at it: 3 ms a check."""
        outer = self._held
        self._held = outer or super().configuration
        try:
            yield
        finally:
            self._held = outer


with in_silence():

    class ExpectColumnValuesToNotBeNull(_CountingOnly, core.ExpectColumnValuesToNotBeNull):
        """Stands in the registry in place of the stock check of that name."""

    class ExpectColumnValuesToBeBetween(_CountingOnly, core.ExpectColumnValuesToBeBetween):
        """Stands in the registry in place of the stock check of that name."""

    class ColumnNames(TableMetricProvider):
        """Metric `table.column_types`: names only, of a window that is not evaluated for it."""

        metric_name = "table.column_types"
        value_keys = ("include_nested",)

        @metric_value(engine=SqlAlchemyExecutionEngine)
        def _sqlalchemy(
            cls,
            execution_engine: SqlAlchemyExecutionEngine,
            metric_domain_kwargs: dict[str, Any],
            metric_value_kwargs: dict[str, Any],
            metrics: dict[str, Any],
            runtime_configuration: dict[str, Any],
        ) -> list[dict[str, Any]]:
            window, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
            none = sa.select(sa.text("*")).select_from(cast(sa.FromClause, window)).limit(0)
            names = list(execution_engine.execute_query(none).keys())
            return [{"name": name, "type": sa.types.NullType()} for name in names]
