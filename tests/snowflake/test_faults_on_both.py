"""The faults of landed data and of the candidate on both engines: the same SQL, the same gate, the same checks."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from expectations.compiler.suites import SUITES
from expectations.validation.gate import Judge
from shelfgate.model import Gate
from tests.faults.catalogue import FAULTS
from tests.faults.fault import PASSES, At, RowsFault
from tests.faults.ground import Met, fired_in, ground, hold
from tests.faults.injecting import closed_gates, meet_in_folder, new_home
from tests.faults.twin import Twin
from tests.integration.gates.conftest import write_index
from tests.snowflake.conftest import Estate, install_database

# One of each kind: a count, NULLs, a digest, a key twice over, references, and two of the candidate.
SAMPLE = ("F03", "F12", "F16", "F23-web", "F32", "F34", "F39-net", "F47-marts")

BOTH = [fault for fault in FAULTS if isinstance(fault, RowsFault) and fault.at in (At.LANDED, At.BUILT)]
_numbers = itertools.count(1)


@contextmanager
def twin(estate: Estate, prefect_server: str, generated: Path, folder: Path, scale: float) -> Iterator[Twin]:
    """A day of that scale, built on DuckDB and brought to Snowflake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("SHELFGATE_SANDBOX_CACHE", str(generated))
        with new_home() as home, ground(home, scale) as made:
            assert closed_gates(made) == []
            yield Twin.of(made, install_database(estate, f"FAULTS_{next(_numbers)}"), folder)


@dataclass(frozen=True)
class Outcome:
    """What both engines have to agree on."""

    changed: int
    stopped_at: str
    fired: frozenset[str]

    @classmethod
    def of(cls, met: Met) -> Outcome:
        return cls(met.changed, met.stopped_at, met.fired)


def same_on_both(both: Twin, fault: RowsFault, folder: Path) -> None:
    ground = replace(both.ground, suites=suites_of_its_own(fault, folder))
    met = meet_in_folder(ground, fault), replace(both, ground=ground).meet(fault)

    assert [one.shortcomings for one in met] == [[], []]
    assert Outcome.of(met[1]) == Outcome.of(met[0])


def suites_of_its_own(fault: RowsFault, folder: Path) -> Path:
    """The whole file gate, and of the others the suites of the datasets that the fault concerns: checks of a suite do
    not depend on those of another. What has to pass is judged by all of them.
    """
    if fault.stops_at == PASSES:
        return SUITES
    datasets = {check.partition(".")[0] for check in fault.killed_by}
    for path in SUITES.glob("*/*.json"):
        if path.parent.name == Gate.FILE or path.stem in datasets:
            (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.parent.name)
    write_index(folder)
    return folder


@pytest.fixture(scope="module")
def twins(
    estate: Estate, prefect_server: str, generated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[float], Twin]]:
    """The twin of a scale, made when it is first asked for."""
    with ExitStack() as undo:

        @cache
        def of(scale: float) -> Twin:
            return undo.enter_context(twin(estate, prefect_server, generated, tmp_path_factory.mktemp("twin"), scale))

        yield of


@pytest.mark.parametrize("fault", [one for one in BOTH if one.fault_id in SAMPLE], ids=lambda fault: fault.fault_id)
def test_some_faults_are_stopped_by_the_same_checks_on_both_engines(
    twins: Callable[[float], Twin], fault: RowsFault, tmp_path: Path
) -> None:
    same_on_both(twins(0.01), fault, tmp_path)


@pytest.mark.proofs
@pytest.mark.parametrize("scale", [0.1, 1])
def test_without_a_fault_every_check_passes_on_both_engines(twins: Callable[[float], Twin], scale: float) -> None:
    one = twins(scale)
    judge = Judge(one.publisher, one.docs)
    for gate in (Gate.FILE, Gate.LANDING, Gate.MARTS):
        (ours,), (theirs,) = hold(judge, one.ground.day.run, one.ground.candidate, gate), one.ground.judge(gate)
        assert (fired_in(ours), fired_in(theirs)) == (frozenset(), frozenset())


@pytest.mark.proofs
@pytest.mark.parametrize("fault", BOTH, ids=[one.fault_id for one in BOTH])
def test_a_fault_is_stopped_by_the_same_checks_on_both_engines(
    twins: Callable[[float], Twin], fault: RowsFault, tmp_path: Path
) -> None:
    same_on_both(twins(fault.scale), fault, tmp_path)
