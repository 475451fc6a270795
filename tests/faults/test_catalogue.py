"""The catalogue of faults holds: each is stopped where it says, nothing else is, and no critical check is idle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import at_home
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, ModelFault, SourceFault
from tests.faults.ground import Ground, Met, ground
from tests.faults.injecting import closed_gates, meet_in_folder, new_home, settled, spared
from tests.faults.meeting import meet_whole_flow
from tests.faults.mutants import mistaken
from tests.faults.report import CRITICAL
from tests.house import House


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
def made(request: pytest.FixtureRequest, prefect_server: str, generated: Path) -> Iterator[Ground]:
    with (
        _environment(prefect_server, generated),
        new_home() as home,
        ground(home, request.param) as one,
    ):
        yield one


@pytest.fixture(scope="module")
def house(prefect_server: str, generated: Path) -> Iterator[House]:
    with _environment(prefect_server, generated), new_home() as home:
        yield settled(home)


WITHIN = [(fault.scale, fault) for fault in FAULTS if not isinstance(fault, SourceFault)]
SOURCES = [fault for fault in FAULTS if isinstance(fault, SourceFault)]


@pytest.mark.proofs
@pytest.mark.parametrize("made", [0.1, 1], indirect=True)
def test_without_a_fault_every_gate_opens(made: Ground) -> None:
    assert closed_gates(made) == []


@pytest.mark.proofs
@pytest.mark.parametrize(("made", "fault"), WITHIN, ids=[fault.fault_id for _, fault in WITHIN], indirect=["made"])
def test_a_fault_in_the_warehouse_is_stopped_as_declared(made: Ground, fault: Fault) -> None:
    as_declared(meet_in_folder(made, fault))


@pytest.mark.proofs
@pytest.mark.parametrize("fault", SOURCES, ids=[fault.fault_id for fault in SOURCES])
def test_a_fault_of_the_sources_is_stopped_as_declared_and_mended_the_next_run_publishes(
    house: House, prefect_server: str, generated: Path, monkeypatch: pytest.MonkeyPatch, fault: SourceFault
) -> None:
    at_home(house.home, prefect_server, generated, monkeypatch)

    as_declared(meet_whole_flow(house, fault))


@pytest.mark.proofs
@pytest.mark.parametrize("made", [0.1, 1], indirect=True)
def test_with_every_fault_undone_the_day_publishes(made: Ground) -> None:
    assert spared(made) == []
