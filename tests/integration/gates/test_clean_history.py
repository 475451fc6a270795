"""On clean history no check fires: a gate that stops good days is turned off by those whom it wakes.

Three readings, all with the SQL of the committed suites: a first load, whose window is the whole history; daily runs on
sources that end on their Saturday (`history.py`); and a year of them with the noise that a shop has.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfgate.model import Gate
from tests.conftest import at_home, estate_at
from tests.integration.gates.growing_warehouse import GrowingWarehouse
from tests.integration.gates.history import LAST_SATURDAY, SATURDAYS, judge_first_load, judge_saturdays
from tests.integration.gates.noise import add_noise

NOISY_YEAR = SATURDAYS[156:208]

pytestmark = [pytest.mark.proofs, pytest.mark.alone]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, prefect_server: str, generated: Path) -> Path:
    """A warehouse of scale 0.1 after one refresh of the last Saturday that has a snapshot in its week."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        at_home(home, prefect_server, generated, patch)
        with estate_at(home) as house:
            house.seed(0.1, LAST_SATURDAY)
            house.refresh()
    return home / "warehouse.duckdb"


def test_no_check_fires_on_a_first_load_of_the_whole_history(warehouse: Path) -> None:
    found = judge_first_load(warehouse, (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS))

    assert found.checks > 250
    assert found.critical == []
    assert found.warned.total() <= 0.01 * found.checks, found.warned


def test_on_no_saturday_a_critical_check_fires_and_hardly_a_warning(warehouse: Path) -> None:
    with GrowingWarehouse.over(warehouse) as grown:
        found = judge_saturdays(grown)

    assert (found.days, found.checks > 15_000) == (261, True)
    assert found.critical == []
    assert found.warned.total() <= 0.01 * found.checks, found.warned


def test_in_a_year_with_the_noise_of_a_shop_nothing_critical_fires(warehouse: Path) -> None:
    with GrowingWarehouse.over(warehouse) as grown:
        noise = add_noise(grown, NOISY_YEAR[0], NOISY_YEAR[-1], seed=7)
        grown.grow(NOISY_YEAR[0])
        found = judge_saturdays(grown, NOISY_YEAR, all_every=1)

    assert noise.late_lines > 100
    assert 0.8 < noise.least_volume < 0.9
    assert 1.1 < noise.most_volume < 1.2
    assert 0.035 < noise.least_unknown < 0.045
    assert 0.055 < noise.most_unknown < 0.065
    assert found.days == 52
    assert found.checks > 6_000
    assert found.critical == []
