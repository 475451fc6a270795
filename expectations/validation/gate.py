"""Suite and window to verdict; refuses to open on silence: nothing checked, nothing seen, something raised."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.checks.gx_logs import suppress_gx_logs
from expectations.checks.window import Window
from expectations.compiler.suites import INDEX, SUITES, suite_digest
from expectations.data_docs.run_history import keep_verdict
from expectations.engines.registry import asking_ahead, source_on
from expectations.validation.waivers import WAIVERS, WaiverFile, read_waivers, with_waiver
from shelfgate import interruption
from shelfgate.errors import ConfigurationError, EngineFailed, WarehouseDamaged
from shelfgate.model import CheckResult, Gate, SuiteResult, Verdict
from shelfgate.progress import Step, report
from shelfgate.redaction import withhold_values
from shelfgate.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from great_expectations.datasource.fluent import SQLDatasource

    from expectations.checks.suite_query import SuiteQuery
    from expectations.validation.suite_runner import Prepared

# Comparison metrics resolve through a process-wide current context (great_expectations issue 12209): two gates in two
# threads answered wrongly 22 times of 24.
_ONE_GATE_AT_A_TIME = threading.Lock()

# A check may raise anything, and a library that gives up may ask the process to exit. Whatever it was, nothing is known
# about the data: a closed gate, on record. After Ctrl-C or SIGTERM there is no verdict at all, neither open nor closed.
ANY_CRASH = (Exception, SystemExit)

# Nothing is known about the data here either, but a record of it could not be kept, or would blame the data: the run
# ends with what failed, or tries once more. No approval comes of it.
ENGINE_GONE = (EngineFailed, WarehouseDamaged)


@dataclass(frozen=True)
class Judge:
    """Where a gate reads and where it leaves its evidence."""

    warehouse: Warehouse
    docs_folder: Path
    suites: Path = SUITES
    waivers: Path = WAIVERS

    def verdict(self, gate: Gate, window: Window, *, data_digest: str | None = None) -> Verdict:
        """Run every suite of a gate.

        Raises nothing for bad data or a crash: a gate that could not judge gives a verdict that does not open. The
        caller holds the warehouse's turn.

        Raises:
            EngineFailed, WarehouseDamaged: the warehouse is at fault, not the data.
            Interrupted: a signal asked the process to end. Nothing is judged and no evidence is kept.
        """
        suites = suites_of(gate, self.suites)
        with _ONE_GATE_AT_A_TIME:
            results = self._judge(gate, suites, window)
        interruption.raise_if_requested()
        verdict = Verdict(
            gate=gate,
            run_id=window.run_id,
            business_date=window.business_date,
            suites=tuple(results),
            expected_suites=tuple(suite["meta"]["dataset"] for suite in suites),
            data_digest=data_digest,
        )
        keep_verdict(self.docs_folder, verdict, window.judged_at)
        return verdict

    def _judge(self, gate: Gate, suites: list[dict[str, Any]], window: Window) -> list[SuiteResult]:
        results: list[SuiteResult] = []
        try:
            waivers = read_waivers(self.waivers)
            tag = {"run": window.run_id, "stage": f"{gate} gate"}
            # The first gate of a process imports it: some seconds on a busy machine.
            report(Step("suites", 0, len(suites), "setting up Great Expectations"))
            with (
                suppress_gx_logs(),
                source_on(self.warehouse, self.docs_folder, **tag) as source,
                asking_ahead(self.warehouse) as ask_ahead,
            ):
                ready = [_prepared(suite, window, ask_ahead) for suite in suites]
                for number, (suite, prepared) in enumerate(zip(suites, ready, strict=True)):
                    report(Step("suites", number, len(suites), suite["meta"]["dataset"]))
                    results.append(_waived(_judged(source, suite, prepared), waivers, window))
        except ENGINE_GONE:
            raise
        except ANY_CRASH as error:
            interruption.raise_if_requested()
            # The warehouse cannot be read, or cannot be let go of: what was judged by then counts for nothing.
            results = [_unjudged(suite, error) for suite in suites]
        return results


def _prepared(
    suite: dict[str, Any], window: Window, ask_ahead: Callable[[SuiteQuery], None]
) -> Prepared | BaseException:
    """The suite, its statement under way; what speaks against judging by it otherwise."""
    from expectations.validation.suite_runner import prepare

    if why := suite["meta"].get("unusable"):
        return ConfigurationError(f"{why}. Wanted the suites as they are compiled from the contracts.")
    try:
        prepared = prepare(suite, window)
        ask_ahead(prepared.suite_query)
    except ANY_CRASH as error:
        interruption.raise_if_requested()
        return error
    return prepared


def _judged(source: SQLDatasource, suite: dict[str, Any], prepared: Prepared | BaseException) -> SuiteResult:
    from expectations.validation.suite_runner import run_suite

    interruption.raise_if_requested()
    if isinstance(prepared, BaseException):
        return _unjudged(suite, prepared)
    try:
        return run_suite(source, prepared)
    except ANY_CRASH as error:
        # DuckDB answers a signal with `RuntimeError: Query interrupted`, Snowflake's connector with SystemExit.
        interruption.raise_if_requested()
        return _unjudged(suite, error)


def crashed(gate: Gate, run_id: str, business_date: date, error: BaseException) -> Verdict:
    """The verdict of a gate that could not even begin to judge, or that could not keep its evidence."""
    check = _not_judged(error, "a gate that judges, and keeps what it saw")
    result = SuiteResult.unjudged(gate, str(gate), f"{gate}.{gate}", "", 1, check)
    return Verdict(gate, run_id, business_date, (result,), (str(gate),))


def suites_of(gate: Gate, folder: Path = SUITES) -> list[dict[str, Any]]:
    """The committed suites of a gate, in the order of their names.

    The index says which there must be and what is in them: a suite that is missing, cannot be read, is another one or
    is not in the index stands in without a check and with the reason in `meta.unusable`; no gate opens for it. A gate
    without any suite stays closed, too: no check ran.
    """
    try:
        index = dict(json.loads((folder / INDEX).read_text(encoding="utf-8")).get(gate, {}))
    except (OSError, ValueError, TypeError, AttributeError):
        index = {}
    there = {path.stem for path in (folder / gate).glob("*.json")}
    return [_suite(gate, dataset, folder, index.get(dataset)) for dataset in sorted({*index, *there})]


def _suite(gate: Gate, dataset: str, folder: Path, expected: str | None) -> dict[str, Any]:
    try:
        suite = json.loads((folder / gate / f"{dataset}.json").read_text(encoding="utf-8"))
        _ = suite["meta"]["window"], suite["expectations"]
        found = suite_digest(suite) if (suite["meta"]["gate"], suite["meta"]["dataset"]) == (gate, dataset) else ""
    except (OSError, ValueError, TypeError, LookupError) as error:
        return _unusable(gate, dataset, f"its file is missing or is no suite ({type(error).__name__})")
    if expected is None:
        return _unusable(gate, dataset, f"{INDEX} does not name it, or cannot be read")
    if found != expected:
        return _unusable(gate, dataset, f"its digest is {found[:12]}, {INDEX} says {expected[:12]}")
    return suite


def _unusable(gate: Gate, dataset: str, why: str) -> dict[str, Any]:
    meta = {"gate": str(gate), "dataset": dataset, "window": "", "unusable": f"suite {gate}.{dataset}: {why}"}
    return {"name": f"{gate}.{dataset}", "meta": meta, "expectations": []}


def _unjudged(suite: dict[str, Any], error: BaseException) -> SuiteResult:
    """The suite could not be run (a missing table, a name that no query knows): evidence, and a closed gate."""
    meta = suite["meta"]
    check = _not_judged(error, f"rows of: {' '.join(meta['window'].split())[:200]}")
    expected = len(suite["expectations"])
    return SuiteResult.unjudged(
        Gate(meta["gate"]), meta["dataset"], suite["name"], suite_digest(suite), expected, check
    )


def _not_judged(error: BaseException, wanted: str) -> CheckResult:
    return CheckResult.critical(
        "window_is_readable", False, f"{type(error).__name__}: {withhold_values(str(error))}", wanted
    )


def _waived(result: SuiteResult, waivers: WaiverFile, window: Window) -> SuiteResult:
    """The result with its waivers, used or refused."""
    checks = (
        with_waiver(check, result.dataset, waivers, window.business_date, window.judged_at) for check in result.checks
    )
    return replace(result, checks=tuple(checks))
