"""What has arrived and is to be judged, in the words that suites may use; refuses a name that it does not know."""

from __future__ import annotations

import csv
import string
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from expectations.checks.misdated import sets_of_misdated
from shelfgate.errors import ConfigurationError

if TYPE_CHECKING:
    from shelfgate.ops.runs import Run

CLOSED_DAYS = Path(__file__).parents[1] / "closed_days.csv"
BEGINNING = datetime(1900, 1, 1)

# Keys of days are Julian day numbers at the source: 1 January 1998 is 2450815.
JULIAN_DAY_OF_ORDINAL_0 = 2450815 - date(1998, 1, 1).toordinal()

# The last snapshot belongs to every window: a run on a quiet day still has to see a row.
ARRIVING_SNAPSHOTS = """select snapshot.inv_date_sk from ops.inventory_snapshot as snapshot
  inner join ops.load_ledger as ledger
    on ledger.object_key = snapshot.object_key and ledger.version_id = snapshot.version_id
  where ledger.loaded_at > {since} or snapshot.inv_date_sk = (select max(inv_date_sk) from ops.inventory_snapshot)"""

# Every week that raw holds, weighed as its loader weighed it.
WEIGHED_SNAPSHOTS = """select
    inv_date_sk,
    count(*) as row_count,
    cast(count(*) as varchar) || '-'
    || cast(sum(hash(inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)) as varchar) as content_digest
  from raw_inventory.inventory
  group by inv_date_sk"""

# Recent lines, and older ones that arrived: two scans that share no row, each by a bound on one column, and not one
# scan by either. An engine skips by the bounds of its row groups what a bound excludes, and reads the whole history for
# an `or` (SF1: 0.06 s of 0.35 for all checks).
ARRIVING_LINES = """select * from {table}
  where {day} >= {first_day}
  union all
  select * from {table}
  where {arrived} > {since} and coalesce({day} < {first_day}, true)"""


class Lines(NamedTuple):
    """A table of lines: the keys of their days, when they arrived, and what says which days are recent."""

    table: str
    day: str
    arrived: str
    first_day: str

    @classmethod
    def landed(cls, table: str, day: str) -> Lines:
        return cls(f"raw_sales.{table}", day, "_airbyte_extracted_at", _first_recent_day(table, day))

    @classmethod
    def staged(cls, view: str, table: str, day: str) -> Lines:
        """The days are those of the landed lines: both gates judge the same weeks."""
        return cls(f"staging.{view}", "sold_date_sk", "extracted_at", _first_recent_day(table, day))

    def arriving(self, literals: dict[str, str]) -> str:
        first_day = string.Template(self.first_day).substitute(literals)
        return ARRIVING_LINES.format(
            table=self.table, day=self.day, arrived=self.arrived, first_day=first_day, since=literals["since_instant"]
        )


def _first_recent_day(table: str, day: str) -> str:
    """Four weeks before the last publication; if the channel has been silent, four weeks before its last day.

    A line dated after the business date is not the channel's last day: nothing would be left of its last four weeks.
    """
    # coalesce: of a NULL, Snowflake's least makes NULL, and DuckDB's does not.
    return (
        f"(select least(${{from_day_sk}} + 7, coalesce(max({day}), ${{from_day_sk}} + 7)) - 28 "
        f"from raw_sales.{table} where {day} <= ${{business_date_sk}})"
    )


LINES = {
    "arriving_catalog_lines": Lines.landed("catalog_sales", "cs_sold_date_sk"),
    "arriving_web_lines": Lines.landed("web_sales", "ws_sold_date_sk"),
    "arriving_catalog_returns": Lines.landed("catalog_returns", "cr_returned_date_sk"),
    "arriving_web_returns": Lines.landed("web_returns", "wr_returned_date_sk"),
    "staged_catalog_lines": Lines.staged("stg_sales__catalog_lines", "catalog_sales", "cs_sold_date_sk"),
    "staged_web_lines": Lines.staged("stg_sales__web_lines", "web_sales", "ws_sold_date_sk"),
}

# Of all history: a sale can be taken back, or corrected, long after its return.
RETURNS_WITH_SALES = """select
    line.{r}_item_sk, line.{r}_order_number, line.{r}_returned_date_sk, line.{r}_return_quantity,
    sale.{s}_item_sk, sale.{s}_sold_date_sk, sale.{s}_quantity
  from raw_sales.{channel}_returns as line
  left join raw_sales.{channel}_sales as sale
    on sale.{s}_item_sk = line.{r}_item_sk and sale.{s}_order_number = line.{r}_order_number"""

JUDGED = "judged_window"
"""The rows of a suite's own window, for its queries: `${judged_window}`."""


@dataclass(frozen=True)
class Window:
    """What has arrived: everything loaded since the publication that the run is based on, up to its business date."""

    run_id: str
    business_date: date
    judged_at: datetime
    since: datetime | None = None
    published_through: date | None = None

    @classmethod
    def of(cls, run: Run, judged_at: datetime) -> Window:
        """The window of a run: the one place that says what is judged."""
        through = run.base.business_date if run.base else None
        return cls(run.run_id, run.business_date, judged_at, run.judged_until, through)

    def literals(self) -> dict[str, str]:
        """SQL literals for the `${...}` names that a suite may use."""
        from_day = max((self.published_through or BEGINNING.date()) - timedelta(days=7), BEGINNING.date())
        return {
            "run_id": f"'{self.run_id}'",
            "business_date": f"date '{self.business_date}'",
            "business_date_sk": _day_sk(self.business_date),
            "from_day": f"date '{from_day}'",
            "from_day_sk": _day_sk(from_day),
            "since": f"timestamp '{self.since or BEGINNING}'",
            # Airbyte stamps instants; compared with a bare timestamp they would be read in the session's time zone.
            "since_instant": _instant(self.since or BEGINNING),
            # A sync a day brings too little to tell a few lines from noise.
            "four_weeks_before_since": _instant((self.since or BEGINNING) - timedelta(days=28)),
            "closed_days": closed_days_as_sql(),
        }

    def sets(self) -> dict[str, str]:
        """Queries for the sets of rows that several checks of a suite read, by name."""
        names, sets = self.literals(), {}
        for name, query in self._queries().items():
            sets[name], names[name] = render(query, names), f"(select * from {name})"
        return sets

    def _queries(self) -> dict[str, str]:
        """The sets, each before those that name it."""
        literals = self.literals()
        lines = {name: one.arriving(literals) for name, one in LINES.items()}
        landed = {name: one for name, one in LINES.items() if name.startswith("arriving_")}
        misdated = [
            sets_of_misdated(one.table.removeprefix("raw_sales."), one.day, name, _closed(name))
            for name, one in landed.items()
        ]
        return {
            "arriving_snapshots": ARRIVING_SNAPSHOTS.format(since=literals["since"]),
            "weighed_snapshots": WEIGHED_SNAPSHOTS,
            **lines,
            "catalog_returns_with_sales": RETURNS_WITH_SALES.format(channel="catalog", r="cr", s="cs"),
            "web_returns_with_sales": RETURNS_WITH_SALES.format(channel="web", r="wr", s="ws"),
            **{name: query for pair in misdated for name, query in pair.items()},
        }

    def names(self, judged: str = "") -> dict[str, str]:
        """Every `${...}` name, sets as derived tables: what stands alone. `judged` is the window of the suite."""
        names = self.literals()
        for name, query in self._queries().items():
            names[name] = f"({render(query, names)})"
        return {**names, JUDGED: f"({render(judged, names)})"} if judged else names


@dataclass(frozen=True)
class Rendered:
    """The queries of one suite over one window: sets are named once in `given` and read by name.

    `given` holds common table expressions without their `with`, so that the engine computes each set once for all
    queries of a statement.
    """

    window: Window
    judged: str

    @cached_property
    def asset(self) -> str:
        """The rows that the suite judges, as a query that stands alone."""
        return render(self.judged, self.window.names())

    @cached_property
    def given(self) -> dict[str, str]:
        """Every set and its query, each before those that read it."""
        return {**self.window.sets(), JUDGED: render(self.judged, self._by_name)}

    def query(self, sql: str) -> str:
        """A check's query, which reads the sets by name."""
        return render(sql.strip(), {**self._by_name, JUDGED: f"(select * from {JUDGED})"})

    @cached_property
    def _by_name(self) -> dict[str, str]:
        return {**self.window.literals(), **{name: f"(select * from {name})" for name in self.window.sets()}}


def _day_sk(day: date) -> str:
    return str(day.toordinal() + JULIAN_DAY_OF_ORDINAL_0)


def _instant(moment: datetime) -> str:
    return f"cast('{moment}+00:00' as timestamp with time zone)"


@cache
def _closed_days() -> tuple[tuple[str, date], ...]:
    with CLOSED_DAYS.open(encoding="utf-8", newline="") as file:
        return tuple((row["channel"], date.fromisoformat(row["date"])) for row in csv.DictReader(file))


def _closed(lines: str) -> list[int]:
    """Keys of the days on which no line of this set is expected: a return may come on any day."""
    return [int(_day_sk(day)) for channel, day in _closed_days() if lines == f"arriving_{channel}_lines"]


def closed_days_as_sql() -> str:
    """The closed-day calendar as a derived table of (channel, closed_on)."""
    values = ", ".join(f"('{channel}', date '{day}')" for channel, day in _closed_days())
    return f"(select * from (values {values}) as calendar (channel, closed_on))"


def render(sql: str, names: dict[str, str]) -> str:
    """Fill in `${...}`; a name that is not known is an error, not an empty text."""
    try:
        return string.Template(sql).substitute(names)
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"suite: unknown name {error} in a query; known: {', '.join(sorted(names))}."
        ) from error
