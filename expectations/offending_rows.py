"""The one check of ours: a query for the rows that should not be; refuses to fetch more of them than it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import parse_result_format
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.at_once import Rows, answers_for

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

SAMPLE = 5
"""Rows named in the evidence: enough to find the cause, few enough for one screen."""


METRIC = "offending_rows.sample"

_OF_ALL = ("offending_rows", "observed_sum")


class OffendingRows(TableMetricProvider):
    """Metric `offending_rows.sample`: at most SAMPLE rows of the query, each with the count of all of them, and with
    the sum of `observed` over all of them, NULL if one of them does not say."""

    metric_name = METRIC
    value_keys = ("query", "observed")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> Rows:
        at_once, ask = answers_for(execution_engine)
        query = metric_value_kwargs["query"].strip()
        counted = at_once.offending(query, ask)
        if counted == 0:
            return []
        observed = metric_value_kwargs["observed"] or "1"
        sample = (
            f"select q.*, count(*) over () as offending_rows, "
            f"case when count({observed}) over () = count(*) over () then sum({observed}) over () end as observed_sum "
            f"from ({query}\n) as q limit {SAMPLE}"
        )
        rows = ask(at_once.alone(sample))
        if counted and not rows:
            raise LookupError(f"{counted} offending rows were counted and none was found: the data changed meanwhile")
        return rows


class ExpectNoOffendingRows(BatchExpectation):
    """Expect that the query returns no row.

    The query selects keys, dates and counts only: what it returns becomes evidence that people read. `observed` is an
    expression over the columns of an offending row that says how much is wrong with it, where a row stands for a week,
    a warehouse or a table; its sum is what a waiver limits.
    """

    query: str
    observed: str = ""
    metric_dependencies: ClassVar[tuple[str, ...]] = (METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("query", "observed")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None
    ) -> ValidationDependencies:
        # What the stock method finds out by rebuilding the check's configuration some thirty times, 1 ms a check.
        metric = MetricConfiguration(
            METRIC,
            {"batch_id": self.batch_id, "table": None},
            {"query": self.query, "observed": self.observed},
        )
        wanted = (runtime_configuration or {}).get("result_format", "BASIC")
        return ValidationDependencies({METRIC: metric}, parse_result_format(wanted))

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        rows = metrics[METRIC]
        count = int(rows[0]["offending_rows"]) if rows else 0
        sample = [{k: str(v) for k, v in row.items() if k not in _OF_ALL} for row in rows]
        observed = rows[0]["observed_sum"] if rows else 0
        details = {"sample": sample, "observed": None if observed is None else float(observed)}
        return {"success": count == 0, "result": {"observed_value": count, "details": details}}

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: ExpectationValidationResult | None = None,
        runtime_configuration: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[RenderedStringTemplateContent]:
        """Data Docs: the sentence that must hold, and the first rows for which it does not."""
        described = configuration or (result.expectation_config if result else None)
        sentence = (described.description if described else None) or "No row is returned by the query"
        sample = (result.result.get("details") or {}).get("sample", []) if result and not result.success else []
        shown = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in sample)
        template = "$sentence" + (" (seen: $shown)" if shown else "")
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={"template": template, "params": {"sentence": sentence, "shown": shown}},
            )
        ]
