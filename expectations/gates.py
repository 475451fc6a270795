"""Suite and window to verdict; refuses to open on silence: nothing checked, nothing seen, something raised."""

from __future__ import annotations

import csv
import json
import logging
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from expectations.compile import SUITES, suite_digest
from expectations.docs_runs import keep_verdict
from expectations.evidence import withhold_values
from expectations.results import as_check, rows_seen
from expectations.waivers import WAIVERS, WaiverFile, read_waivers, with_waiver
from shelfgate.errors import ConfigurationError
from shelfgate.model import CheckResult, Gate, SuiteResult, Verdict

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

SOURCE = "warehouse"
CLOSED_DAYS = Path(__file__).parent / "closed_days.csv"

# Comparison metrics resolve through a process-wide current context (great_expectations issue 12209): two gates in two
# threads answered wrongly 22 times of 24.
_ONE_GATE_AT_A_TIME = threading.Lock()

# No value of a row may reach the evidence: BASIC without samples is the smallest format that still counts.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}

# What may go wrong while a suite is put together or run, besides the errors of Great Expectations and of the engine: a
# name that a query does not know, a suite of another form than ours. Each keeps the gate closed, on record.
_CANNOT_JUDGE = (
    SQLAlchemyError,
    ConfigurationError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
)

BEGINNING = datetime(1900, 1, 1)

# The last snapshot belongs to every window: a run on a quiet day still has to see a row.
ARRIVING_SNAPSHOTS = """(
  select snapshot.inv_date_sk from ops.inventory_snapshot as snapshot
  inner join ops.load_ledger as ledger
    on ledger.object_key = snapshot.object_key and ledger.version_id = snapshot.version_id
  where ledger.loaded_at > {since} or snapshot.inv_date_sk = (select max(inv_date_sk) from ops.inventory_snapshot)
)"""

# What a sync brought and the week before the last publication; four weeks at least, so that a silent source has rows.
ARRIVING_LINES = """(
  select * from raw_sales.{channel}_sales
  where _airbyte_extracted_at > {since}
    or {prefix}_sold_date_sk >= {from_day_sk}
    or {prefix}_sold_date_sk >= (select max({prefix}_sold_date_sk) - 28 from raw_sales.{channel}_sales)
)"""
LINE_PREFIXES = {"catalog": "cs", "web": "ws"}

# Keys of days are Julian day numbers at the source: 1 January 1998 is 2450815.
JULIAN_DAY_OF_ORDINAL_0 = 2450815 - date(1998, 1, 1).toordinal()


@dataclass(frozen=True)
class Window:
    """What has arrived: everything loaded since the publication that the run is based on, up to its business date."""

    run_id: str
    business_date: date
    judged_at: datetime
    since: datetime | None = None
    published_through: date | None = None

    def names(self) -> dict[str, str]:
        """SQL literals for the `${...}` names that a suite may use."""
        from_day = max((self.published_through or BEGINNING.date()) - timedelta(days=7), BEGINNING.date())
        since = f"timestamp '{self.since or BEGINNING}'"
        # Airbyte stamps instants; compared with a bare timestamp they would be read in the session's time zone.
        since_instant = f"cast('{self.since or BEGINNING}+00:00' as timestamp with time zone)"
        from_day_sk = str(from_day.toordinal() + JULIAN_DAY_OF_ORDINAL_0)
        lines = {
            f"arriving_{channel}_lines": ARRIVING_LINES.format(
                channel=channel, prefix=prefix, since=since_instant, from_day_sk=from_day_sk
            )
            for channel, prefix in LINE_PREFIXES.items()
        }
        return {
            "run_id": f"'{self.run_id}'",
            "business_date": f"date '{self.business_date}'",
            "from_day": f"date '{from_day}'",
            "from_day_sk": from_day_sk,
            "since": since,
            "closed_days": closed_days_as_sql(),
            "arriving_snapshots": ARRIVING_SNAPSHOTS.format(since=since),
            **lines,
        }


@dataclass(frozen=True)
class Judge:
    """Where a gate reads and where it leaves its evidence. `connection_string` is a SQLAlchemy URL."""

    connection_string: str
    docs_folder: Path
    suites: Path = SUITES
    waivers: Path = WAIVERS

    def verdict(self, gate: Gate, window: Window, *, data_digest: str | None = None) -> Verdict:
        """Run every suite of a gate.

        Raises nothing for bad data: a gate that could not judge gives a verdict that does not open. The caller holds
        the warehouse's turn.
        """
        suites = suites_of(gate, self.suites)
        waivers = read_waivers(self.waivers)
        with _ONE_GATE_AT_A_TIME:
            results = self._judge(suites, window, waivers)
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

    def _judge(self, suites: list[dict[str, Any]], window: Window, waivers: WaiverFile) -> list[SuiteResult]:
        import duckdb
        import great_expectations as gx

        cannot_judge = (gx.exceptions.GreatExpectationsError, duckdb.Error, *_CANNOT_JUDGE)
        results: list[SuiteResult] = []
        try:
            with _in_silence(), self._context() as (context, source):
                for suite in suites:
                    try:
                        found = _judge_suite(context, source, suite, window)
                    except cannot_judge as error:
                        found = _unjudged(suite, error)
                    results.append(_waived(found, waivers, window))
        except cannot_judge as error:
            # The warehouse cannot be read, or cannot be let go of: what was judged by then counts for nothing.
            results = [_unjudged(suite, error) for suite in suites]
        return results

    @contextmanager
    def _context(self) -> Iterator[tuple[EphemeralDataContext, Any]]:
        import expectations.on_duckdb  # noqa: F401  (registers add_duckdb)
        from expectations.docs import context_for

        context = context_for(self.docs_folder)
        source = context.data_sources.add_duckdb(SOURCE, connection_string=self.connection_string)
        try:
            yield context, source
        finally:
            source.close()


@contextmanager
def _in_silence() -> Iterator[None]:
    """Great Expectations logs an OperationalError of the engine word for word; what may be kept of it is evidence."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def suites_of(gate: Gate, folder: Path = SUITES) -> list[dict[str, Any]]:
    """The committed suites of a gate, in the order of their names; one that cannot be read stands in as one without a
    check, which no gate opens for. A gate without any suite stays closed, too: no check ran."""
    found: list[dict[str, Any]] = []
    for path in sorted((folder / gate).glob("*.json")):
        try:
            suite = json.loads(path.read_text(encoding="utf-8"))
            _ = suite["meta"]["dataset"], suite["meta"]["window"], suite["expectations"]
        except (OSError, ValueError, TypeError, LookupError):
            meta = {"gate": str(gate), "dataset": path.stem, "window": ""}
            suite = {"name": f"{gate}.{path.stem}", "meta": meta, "expectations": []}
        found.append(suite)
    return found


def closed_days_as_sql() -> str:
    """The closed-day calendar as a derived table of (channel, closed_on)."""
    with CLOSED_DAYS.open(encoding="utf-8", newline="") as file:
        rows = [(row["channel"], date.fromisoformat(row["date"])) for row in csv.DictReader(file)]
    values = ", ".join(f"('{channel}', date '{day}')" for channel, day in rows)
    return f"(select * from (values {values}) as calendar (channel, closed_on))"


def render(sql: str, names: dict[str, str]) -> str:
    """Fill in `${...}`; a name that is not known is an error, not an empty text."""
    try:
        return string.Template(sql).substitute(names)
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"suite: unknown name {error} in a query; known: {', '.join(sorted(names))}."
        ) from error


def _judge_suite(context: EphemeralDataContext, source: Any, suite: dict[str, Any], window: Window) -> SuiteResult:
    import great_expectations as gx

    meta, names = suite["meta"], window.names()
    expectations = [_rendered(expectation, names) for expectation in suite["expectations"]]
    asset = source.add_query_asset(name=suite["name"], query=render(meta["window"], names))
    batch = asset.add_batch_definition_whole_table("window")
    added = context.suites.add(gx.ExpectationSuite(name=suite["name"], expectations=expectations, meta=meta))
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=suite["name"], data=batch, suite=added)
    )
    run_id = gx.RunIdentifier(run_name=window.run_id, run_time=window.judged_at.replace(tzinfo=UTC))
    result = definition.run(result_format=_RESULT_FORMAT, run_id=run_id)
    by_id = {expectation["meta"]["check_id"]: expectation for expectation in suite["expectations"]}
    return SuiteResult(
        gate=Gate(meta["gate"]),
        dataset=meta["dataset"],
        suite=suite["name"],
        suite_sha256=suite_digest(suite),
        checks_expected=len(suite["expectations"]),
        rows_seen=rows_seen(result),
        checks=tuple(as_check(one, by_id, Gate(meta["gate"])) for one in result.results),
        docs_path=_docs_path(suite["name"], window),
        may_be_empty=bool(meta.get("may_be_empty")),
    )


def _unjudged(suite: dict[str, Any], error: Exception) -> SuiteResult:
    """The suite could not be run (a missing table, a name that no query knows): evidence, and a closed gate."""
    meta = suite["meta"]
    check = CheckResult.critical(
        "window_is_readable",
        False,
        f"{type(error).__name__}: {withhold_values(str(error))}",
        f"rows of: {' '.join(meta['window'].split())[:200]}",
    )
    expected = len(suite["expectations"])
    return SuiteResult.unjudged(
        Gate(meta["gate"]), meta["dataset"], suite["name"], suite_digest(suite), expected, check
    )


def _waived(result: SuiteResult, waivers: WaiverFile, window: Window) -> SuiteResult:
    """The result with its waivers, used or refused."""
    checks = (
        with_waiver(check, result.dataset, waivers, window.business_date, window.judged_at) for check in result.checks
    )
    return replace(result, checks=tuple(checks))


def _rendered(expectation: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    import expectations.offending_rows  # noqa: F401  (registers the expectation)

    kwargs = {k: render(v, names) if k == "query" else v for k, v in expectation["kwargs"].items()}
    return {**expectation, "kwargs": kwargs}


def _docs_path(suite_name: str, window: Window) -> str:
    """Where Data Docs put the page of this result, below the site's folder."""
    folder = suite_name.replace(".", "/")
    return f"validations/{folder}/{window.run_id}/{window.judged_at:%Y%m%dT%H%M%S.%fZ}/{SOURCE}-{suite_name}.html"
