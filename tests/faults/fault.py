"""What a fault is: one thing made wrong, where, and who has to notice; refuses to say how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.gates.growing_warehouse import counted_lines

if TYPE_CHECKING:
    from tests.faults.ground import Ground
    from tests.support.house import House

Undo = Callable[[], None]

PASSES = "passes"
"""Where a change is stopped that is none of ours to stop: nowhere, the day publishes."""

STOPS = ("sync", "file", "landing", "staging", "marts", "publish", "published", PASSES)
"""Where a day can be stopped, in its order."""


class At(StrEnum):
    """When the fault is injected."""

    SOURCE = "source"
    """In Postgres or S3, before a run; the whole flow meets it."""
    LANDED = "landed"
    """In the warehouse, between the landing of a day and its file gate."""
    STAGED = "staged"
    """In the warehouse, between the staging build and its gate."""
    BUILT = "built"
    """In the candidate, between its build and the marts gate."""
    MODEL = "model"
    """In the text of a dbt model, before the build."""
    APPROVED = "approved"
    """After the marts gate has opened."""


@dataclass(frozen=True)
class Fault:
    """`killed_by` are checks (`dataset.check`) that must be among those that fire at `stops_at`."""

    fault_id: str
    what: str
    at: At
    stops_at: str
    killed_by: frozenset[str]
    scale: float = 0.1


@dataclass(frozen=True)
class RowsFault(Fault):
    """SQL on the warehouse; all statements together change the rows that are counted."""

    statements: Sequence[str] = ()


@dataclass(frozen=True)
class ModelFault(Fault):
    """A text of the dbt project and what stands there by mistake."""

    file: str = ""
    right: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class ProtocolFault(Fault):
    """Something between the gates goes wrong: `act` does it, and says what it changed, where it stopped, what fired."""

    act: Callable[[Ground, Path], tuple[int, str, frozenset[str]]] = lambda ground, work: (0, PASSES, frozenset())


class SourceFault(Fault):
    """A fault of the sources. A subclass says how it comes."""

    def inject(self, house: House) -> tuple[int, Undo]:
        """Break the sources of the day; returns how many rows or objects were changed, and what mends them."""
        raise NotImplementedError


def rows(
    fault_id: str, what: str, at: At, killed_by: str, *statements: str, stops_at: str = "", scale: float = 0.1
) -> RowsFault:
    """`killed_by`: names of checks, in one text."""
    where = stops_at or {At.LANDED: "landing", At.STAGED: "staging", At.BUILT: "marts"}[at]
    return RowsFault(fault_id, what, at, where, frozenset(killed_by.split()), scale, statements)


def placed_so_at_the_source(table: str, day: str, quantity: str) -> str:
    """The statement after which the source has counted the table's lines where they stand now, warehouses included."""
    p = day.partition("_")[0]
    return (
        "update ops.source_total set placement = landed.placement from (select calendar.d_date as business_day, "
        f"sum((coalesce(line.{quantity}, 0) + 1) * (line.{p}_item_sk + 1009 * coalesce(line.{p}_warehouse_sk, 0))) "
        f"as placement from raw_sales.{table} as line left join raw_sales.date_dim as calendar "
        f"on calendar.d_date_sk = line.{day} group by calendar.d_date) as landed "
        f"where source_total.dataset = '{table}' and source_total.business_day is not distinct from landed.business_day"
    )


def counted_so_at_the_source(dataset: str) -> tuple[str, str]:
    """The statements after which the source has the table's lines as they stand now, on the days that they bear now."""
    return (
        f"delete from ops.source_total where dataset = '{dataset}'",
        "insert into ops.source_total select (select max(run_id) from ops.source_total), counted.* "
        f"from ({counted_lines(dataset)}) as counted",
    )
