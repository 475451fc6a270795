"""An engine that fails under the catalogue costs a fault, never the table."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from shelfgate.errors import EngineFailed
from tests.faults import injecting
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault
from tests.faults.ground import Ground, Met
from tests.faults.report import Report

FAULT = FAULTS[0]


@pytest.mark.parametrize("times", [1, 2])
def test_an_engine_that_fails_is_met_once_more_and_then_told(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    good = Met(FAULT, 1, FAULT.stops_at, FAULT.killed_by, pointer_moved=False, healed=True)
    left = [EngineFailed("index 2 within vector of size 2")] * times

    def meet(ground: Ground, fault: Fault, work: Path) -> Met:
        if left:
            raise left.pop()
        return good

    monkeypatch.setattr(injecting, "meet", meet)

    met = injecting.meet_in_folder(cast(Ground, None), FAULT)

    assert (met == good) == (times == 1)
    assert ("the engine failed twice" in "".join(met.shortcomings)) == (times == 2)
    assert Report([met], [], whole=False).good == (times == 1)
