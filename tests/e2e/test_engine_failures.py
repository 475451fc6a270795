"""A whole refresh whose engine fails in each of its stages: the day is published all the same, the lease given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from cli.flow_runs import backfill_now
from flows.run_context import RunContext
from shelfgate.errors import EngineFailed
from shelfgate.warehouse.engines.duckdb import connections, warehouse
from tests.support.house import House
from tests.support.invalidated import fail_at_commit, invalidate, is_open

FIRST_DAY = date(1999, 3, 1)
STAGES = {
    "begin",
    "sync",
    "inventory",
    "file gate",
    "landing gate",
    "build staging",
    "staging gate",
    "build marts",
    "marts gate",
    "publish",
    "published gate",
}
"""All that use the warehouse; `data docs` reads files."""

Break = Callable[[duckdb.DuckDBPyConnection], None]


@dataclass
class Trouble:
    """Breaks the instance right after the n-th connection of each stage is opened; with `always`, in every attempt."""

    break_it: Break = invalidate
    opening: int = 1
    stages: frozenset[str] = frozenset(STAGES)
    always: bool = False
    stage: str = "begin"
    seen: int = 0
    struck: list[str] = field(default_factory=list)

    def enter(self, stage: str) -> None:
        self.stage, self.seen = stage, 0

    def opened(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.seen += 1
        due = self.seen >= self.opening and (self.always or self.stage not in self.struck)
        if due and self.stage in self.stages:
            self.struck.append(self.stage)
            self.break_it(connection)


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, trouble: Trouble) -> Iterator[Trouble]:
    """Every turn passes here, those that answer beside a gate too; whoever connects later joins their instance."""
    stage_of, living = RunContext.stage, connections.living

    @contextmanager
    def stage(day: RunContext, name: str) -> Iterator[None]:
        trouble.enter(name)
        try:
            with stage_of(day, name):
                yield
        finally:
            # What a run does after its last stage, the lease given back, is not that stage.
            trouble.enter("after it")

    def watched(path: Path) -> duckdb.DuckDBPyConnection:
        connection = living(path)
        trouble.opened(connection)
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(RunContext, "stage", stage)
        patch.setattr(warehouse, "living", watched)
        yield trouble


@pytest.fixture
def settled(house_of_the_module: House) -> House:
    """A house with a publication, and a day after it that nobody has published."""
    house = house_of_the_module
    if house.day == date.min:
        house.seed(0.01, FIRST_DAY)
        house.refresh()
    house.advance()
    return house


def owner_of_lease(house: House) -> str | None:
    with house.warehouse() as connection:
        found = connection.execute("select owner from ops.lease").fetchone()
    assert found is not None
    return found[0]


CASES = [
    # The first connection of a stage renews the lease; the second is its own turn.
    pytest.param(Trouble(invalidate, opening=2), id="its turn"),
    pytest.param(Trouble(invalidate, opening=1), id="as it begins", marks=pytest.mark.proofs),
    pytest.param(Trouble(invalidate, opening=3), id="beside its turn", marks=pytest.mark.proofs),
    pytest.param(Trouble(fail_at_commit, opening=1), id="at its first commit", marks=pytest.mark.proofs),
    pytest.param(Trouble(fail_at_commit, opening=2), id="at its own commit", marks=pytest.mark.proofs),
]


@pytest.mark.parametrize("trouble", CASES)
def test_a_day_is_published_though_the_engine_fails_in_each_stage(
    settled: House, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken(monkeypatch, trouble):
        publication = settled.refresh().publication

    assert publication.new
    assert publication.business_date == settled.day
    # `begin` opens one connection only, and some stages two.
    assert len(trouble.struck) >= (4 if trouble.opening == 3 else len(STAGES) - 1), trouble.struck
    assert owner_of_lease(settled) is None
    assert not is_open(settled.home / "warehouse.duckdb")
    assert not settled.refresh().publication.new
    assert settled.differences(facts_only=True) == []


ALWAYS = [
    pytest.param("file gate"),
    *(pytest.param(one, marks=pytest.mark.proofs) for one in sorted(STAGES - {"file gate", "begin"})),
]


@pytest.mark.parametrize("stage", ALWAYS)
def test_an_engine_that_fails_twice_ends_the_run_and_the_process_goes_on(
    settled: House, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settled.marts()
    trouble = Trouble(opening=2, stages=frozenset({stage}), always=True)
    with broken(monkeypatch, trouble), pytest.raises(EngineFailed, match="failed inside itself") as ended:
        settled.refresh()

    assert ended.value.exit_status == 4
    assert len(trouble.struck) > 1
    assert owner_of_lease(settled) is None
    assert settled.marts() == before or stage in {"published gate"}
    assert settled.refresh().publication.business_date == settled.day
    assert settled.differences(facts_only=True) == []


def test_a_backfill_goes_on_after_a_run_that_the_engine_ended(settled: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = settled.day
    settled.advance(1)
    trouble = Trouble(opening=2, stages=frozenset({"staging gate"}), always=True)
    real = trouble.opened

    def until_the_run_has_failed(connection: duckdb.DuckDBPyConnection) -> None:
        if len(trouble.struck) < 2:
            real(connection)

    monkeypatch.setattr(trouble, "opened", until_the_run_has_failed)
    with broken(monkeypatch, trouble):
        published = backfill_now(first, settled.day)

    assert len(trouble.struck) == 2
    assert len(published) == 2
    with settled.warehouse() as connection:
        days = connection.execute(
            "select business_date from ops.publication where business_date >= ? order by sequence_number", [first]
        ).fetchall()
    assert [day for (day,) in days] == [first, first + timedelta(days=1)]
