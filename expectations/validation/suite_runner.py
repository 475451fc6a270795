"""One suite through Great Expectations; refuses to ask the warehouse the same thing twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.core.freshness_diagnostics import ValidationDefinitionFreshnessDiagnostics

import expectations.checks.counting_checks
import expectations.checks.offending_rows  # noqa: F401  (both register their checks)
from expectations.checks.suite_query import Asked, SuiteQuery, use_suite_query
from expectations.checks.window import Rendered, Window
from expectations.compiler.suites import suite_digest
from expectations.engines.registry import SOURCE
from expectations.validation.results import as_check, rows_seen
from shelfgate.model import Gate, SuiteResult

if TYPE_CHECKING:
    from great_expectations.datasource.fluent import SQLDatasource

# No value of a row may reach the evidence: BASIC without samples is the smallest format that still counts.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


class ValidationOfOneRun(gx.ValidationDefinition):
    """A definition that lives for one run.

    The stock one first reads its suite back from the store and compares the two, in case somebody has edited either:
    10 to 20 ms a suite, for a suite that was made from its committed file a moment ago.
    """

    def is_fresh(self) -> ValidationDefinitionFreshnessDiagnostics:
        return ValidationDefinitionFreshnessDiagnostics(errors=[])


@dataclass(frozen=True)
class Prepared:
    """A suite in the words of one window: what it asks can be answered before its turn comes."""

    suite: dict[str, Any]
    rendered: Rendered
    expectations: list[dict[str, Any]]
    suite_query: SuiteQuery


def prepare(suite: dict[str, Any], window: Window) -> Prepared:
    """Fill a window into the queries of a suite.

    Raises:
        ConfigurationError: a query uses a name that no window knows.
    """
    rendered = Rendered(window, suite["meta"]["window"])
    expectations = [_rendered(expectation, rendered) for expectation in suite["expectations"]]
    checks = [one["kwargs"] for one in expectations]
    queries = [check["query"] for check in checks if "query" in check]
    counted = [Asked.by(check) for check in checks if "query" not in check]
    return Prepared(suite, rendered, expectations, SuiteQuery(queries, counted, rendered.given))


def run_suite(source: SQLDatasource, prepared: Prepared) -> SuiteResult:
    """Judge a window by a suite and leave the evidence in the context's store.

    Raises:
        Exception: whatever Great Expectations or the engine makes of a suite or a window that it cannot read.
    """
    suite, window, expectations = prepared.suite, prepared.rendered.window, prepared.expectations
    meta, name = suite["meta"], suite["name"]
    batch = source.add_query_asset(name=name, query=prepared.rendered.asset).add_batch_definition_whole_table("window")
    definition = ValidationOfOneRun(
        name=name, data=batch, suite=gx.ExpectationSuite(name=name, expectations=expectations, meta=meta)
    )
    run_id = gx.RunIdentifier(run_name=window.run_id, run_time=window.judged_at.replace(tzinfo=UTC))
    with use_suite_query(prepared.suite_query):
        result = definition.run(result_format=_RESULT_FORMAT, run_id=run_id)
    by_id = {expectation["meta"]["check_id"]: expectation for expectation in suite["expectations"]}
    return SuiteResult(
        gate=Gate(meta["gate"]),
        dataset=meta["dataset"],
        suite=name,
        suite_sha256=suite_digest(suite),
        checks_expected=len(suite["expectations"]),
        rows_seen=rows_seen(result),
        checks=tuple(as_check(one, by_id, Gate(meta["gate"])) for one in result.results),
        docs_path=_docs_path(name, window),
        may_be_empty=bool(meta.get("may_be_empty")),
    )


def _rendered(expectation: dict[str, Any], rendered: Rendered) -> dict[str, Any]:
    kwargs = dict(expectation["kwargs"])
    if "query" in kwargs:
        kwargs["query"] = rendered.query(kwargs["query"])
    return {**expectation, "kwargs": kwargs}


def _docs_path(suite_name: str, window: Window) -> str:
    """Where Data Docs put the page of this result, below the site's folder."""
    folder = suite_name.replace(".", "/")
    return f"validations/{folder}/{window.run_id}/{window.judged_at:%Y%m%dT%H%M%S.%fZ}/{SOURCE}-{suite_name}.html"
