"""Column checks that count; refuses to fetch a value of a row, which may not be shown anyway.

The stock checks send one more query each for a sample of values, even where nothing failed, and read a row of the
window to learn its columns.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import core
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.silence import in_silence

_ROWS = "table.row_count"
_NULLS = "column_values.nonnull.unexpected_count"


class _CountingOnly(ColumnMapExpectation):
    """What it asks for, and what it makes of the answers, said outright.

    The stock methods find both out by building the check's configuration some thirty times: 6 ms a check.
    """

    value_keys: ClassVar[tuple[str, ...]] = ()
    """Of the metric: which fields of the check it is given."""

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **kwargs: Any
    ) -> ValidationDependencies:
        assert self.row_condition is None, "a contract has no row conditions: it says so in its window"
        table = {"batch_id": self.batch_id, "table": None, "row_condition": None, "condition_parser": None}
        column = {**table, "column": self.column}
        values = {key: getattr(self, key) for key in self.value_keys}
        wanted = {
            _ROWS: MetricConfiguration(_ROWS, table, {}),
            _NULLS: MetricConfiguration(_NULLS, column, {}),
            self._counted: MetricConfiguration(self._counted, column, values),
        }
        result_format = (runtime_configuration or {}).get("result_format", "BASIC")
        return ValidationDependencies(wanted, parse_result_format(result_format))

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        # Snowflake answers with decimals, and with NULL where there is no row to sum over.
        rows, nulls, unexpected = (int(metrics[name] or 0) for name in (_ROWS, _NULLS, self._counted))
        # A NULL is in no range and out of none, so it does not count there; a check for NULLs looks at every row.
        looked_at = rows if self._counted == _NULLS else rows - nulls
        share = unexpected / looked_at if looked_at else 0.0
        counted = {"element_count": rows, "unexpected_count": unexpected, "unexpected_percent": 100 * share}
        missing = {"missing_count": nulls, "missing_percent": 100 * nulls / rows if rows else None}
        return {
            "success": 1 - share >= cast(float, self.mostly),
            "result": counted if self._counted == _NULLS else counted | missing,
        }

    @property
    def _counted(self) -> str:
        return f"{self.map_metric}.unexpected_count"


with in_silence():

    class ExpectColumnValuesToNotBeNull(_CountingOnly, core.ExpectColumnValuesToNotBeNull):
        """Stands in the registry in place of the stock check of that name."""

    class ExpectColumnValuesToBeBetween(_CountingOnly, core.ExpectColumnValuesToBeBetween):
        """Stands in the registry in place of the stock check of that name."""

        value_keys = ("min_value", "max_value", "strict_min", "strict_max")

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
