"""The one check of ours: a query for the rows that should not be; refuses to fetch more of them than it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

from expectations.checks.suite_query import Rows
from expectations.checks.suite_query_check import METRIC, SuiteQueryCheck

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

_OF_ALL = ("offending_rows", "observed_sum")


class ExpectNoOffendingRows(SuiteQueryCheck):
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

    def _asks(self) -> dict[str, Any]:
        return {"query": self.query, "observed": self.observed}

    def _judged(self, answer: Rows) -> dict[str, Any]:
        count = int(answer[0]["offending_rows"]) if answer else 0
        sample = [{k: str(v) for k, v in row.items() if k not in _OF_ALL} for row in answer]
        observed = answer[0]["observed_sum"] if answer else 0
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
        template = "$sentence" + (" (observed: $shown)" if shown else "")
        return [
            RenderedStringTemplateContent(
                content_block_type="string_template",
                string_template={"template": template, "params": {"sentence": sentence, "shown": shown}},
            )
        ]
