"""The catalogue of faults holds: each is stopped where it says, nothing else is, and no critical check is idle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import at_home
from tests.faults.catalogue import FAULTS
from tests.faults.fault import ModelFault, SourceFault
from tests.faults.ground import Met, ground
from tests.faults.injecting import closed_gates, meet_in_folder, new_home, settled, spared
from tests.faults.meeting import meet_whole_flow
from tests.faults.mutants import mistaken
from tests.faults.report import CRITICAL
from tests.support.house import House


def test_every_critical_check_has_a_fault_that_it_must_stop() -> None:
    named = {f"{fault.stops_at}.{check}" for fault in FAULTS for check in fault.killed_by}

    assert sorted(CRITICAL - named) == []


def test_every_mutant_still_finds_the_text_that_it_changes() -> None:
    found = [mistaken(fault)[1] for fault in FAULTS if isinstance(fault, ModelFault)]

    assert min(found) >= 1


def as_declared(met: Met) -> None:
    assert met.shortcomings == [], f"fired: {sorted(met.fired)}"


@contextmanager
def _environment(prefect_server: str, generated: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("SHELFGATE_SANDBOX_CACHE", str(generated))
        yield


@pytest.fixture(scope="module")
def house(prefect_server: str, generated: Path) -> Iterator[House]:
    with _environment(prefect_server, generated), new_home() as home:
        yield settled(home)


WITHIN = [fault for fault in FAULTS if not isinstance(fault, SourceFault)]
SOURCES = [fault for fault in FAULTS if isinstance(fault, SourceFault)]


# One test a scale: pytest 9 makes a parametrised fixture anew for every fault, and a ground takes a minute.
@pytest.mark.proofs
@pytest.mark.parametrize("scale", [0.1, 1])
def test_a_clean_day_opens_every_gate_each_fault_is_stopped_as_declared_and_without_them_the_day_publishes(
    prefect_server: str, generated: Path, scale: float
) -> None:
    with _environment(prefect_server, generated), new_home() as home, ground(home, scale) as made:
        assert closed_gates(made) == []
        met = [meet_in_folder(made, fault) for fault in WITHIN if fault.scale == scale]

        wrong = {one.fault.fault_id: (one.shortcomings, sorted(one.fired)) for one in met if one.shortcomings}
        assert wrong == {}
        assert spared(made) == []


@pytest.mark.proofs
@pytest.mark.parametrize("fault", SOURCES, ids=[fault.fault_id for fault in SOURCES])
def test_a_fault_of_the_sources_is_stopped_as_declared_and_mended_the_next_run_publishes(
    house: House, prefect_server: str, generated: Path, monkeypatch: pytest.MonkeyPatch, fault: SourceFault
) -> None:
    at_home(house.home, prefect_server, generated, monkeypatch)

    as_declared(meet_whole_flow(house, fault))
