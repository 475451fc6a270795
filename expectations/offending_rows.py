"""The one check of ours: a query for the rows that should not be; runs it once where the stock one runs it twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

SAMPLE = 5
"""Rows named in the evidence: enough to find the cause, few enough for one screen."""


class OffendingRows(TableMetricProvider):
    """Metric `offending_rows.sample`: at most SAMPLE rows of the query, each with the count of all of them."""

    metric_name = "offending_rows.sample"
    value_keys = ("query",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> list[dict[str, Any]]:
        query = metric_value_kwargs["query"].strip()
        counted = f"select q.*, count(*) over () as offending_rows from ({query}\n) as q limit {SAMPLE}"
        # text() reads `:word` as a bind parameter, even inside a literal
        found = execution_engine.execute_query(sa.text(counted.replace(":", r"\:")))
        return [{str(key).lower(): value for key, value in row.items()} for row in found.mappings()]


class ExpectNoOffendingRows(BatchExpectation):
    """Expect that the query returns no row.

    The query selects keys, dates and counts only: what it returns becomes evidence that people read.
    """

    query: str
    metric_dependencies: ClassVar[tuple[str, ...]] = ("offending_rows.sample",)
    success_keys: ClassVar[tuple[str, ...]] = ("query",)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        rows = metrics["offending_rows.sample"]
        count = int(rows[0]["offending_rows"]) if rows else 0
        sample = [{k: str(v) for k, v in row.items() if k != "offending_rows"} for row in rows]
        return {"success": count == 0, "result": {"observed_value": count, "details": {"sample": sample}}}

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
