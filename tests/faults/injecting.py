"""All faults of a kind on one ground after another; refuses to end without a publication of the day they spared."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from cli.prefect_api import send_what_waits, server
from sandbox import stack
from shelfgate.errors import EngineFailed
from shelfgate.model import Gate
from tests.faults.fault import Fault, SourceFault
from tests.faults.ground import Ground, Met, ground
from tests.faults.meeting import meet, meet_whole_flow
from tests.support.house import House

Told = Callable[[str], None]

WEDNESDAY = date(2000, 12, 27)
"""Sources of scale 0.01 are settled through this day; the next brings a snapshot."""


def inject_all(faults: Sequence[Fault], tell: Told) -> tuple[list[Met], list[str]]:
    """Let every fault meet its gates; answers with what they met and the gates that stayed closed without one."""
    met: list[Met] = []
    false_stops: list[str] = []
    for scale in sorted({fault.scale for fault in faults if not isinstance(fault, SourceFault)}):
        some = [fault for fault in faults if fault.scale == scale and not isinstance(fault, SourceFault)]
        with new_home(), ground(Path(os.environ["SHELFGATE_HOME"]), scale) as made:
            false_stops += [f"{gate} (scale {scale:g})" for gate in closed_gates(made)]
            met += [_told(fault, meet_in_folder(made, fault), tell) for fault in some]
            false_stops += spared(made)
    sources = [fault for fault in faults if isinstance(fault, SourceFault)]
    if sources:
        with new_home() as home, server(home, tell):
            house = settled(home)
            met += [_told(fault, meet_whole_flow(house, fault), tell) for fault in sources]
    order = [fault.fault_id for fault in faults]
    return sorted(met, key=lambda one: order.index(one.fault.fault_id)), false_stops


def meet_in_folder(made: Ground, fault: Fault) -> Met:
    """What a fault met; it is met once more if the engine failed, and the catalogue goes on whatever comes of it."""
    failed = ""
    for _ in range(2):
        try:
            with tempfile.TemporaryDirectory() as work:
                return meet(made, fault, Path(work))
        except EngineFailed as error:
            failed = str(error)
    return Met.nothing(fault, failed)


def closed_gates(made: Ground) -> list[str]:
    """The gates that stay closed with nothing wrong."""
    return [str(gate) for gate in (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS) if not made.judge(gate)[0].open]


def spared(made: Ground) -> list[str]:
    """With every fault undone the day has to publish: the gates that stand in its way, if any do."""
    stopped = closed_gates(made)
    if not stopped:
        publication, read_back = made.publish(made.judge(Gate.MARTS)[0])
        stopped = [] if publication.new and read_back.open else ["published"]
    return [f"{gate} (after all were undone)" for gate in stopped]


def settled(home: Path) -> House:
    """A house with a publication and nothing wrong."""
    house = House(home)
    house.seed(0.01, WEDNESDAY)
    assert house.refresh().publication.new
    return house


@contextmanager
def new_home(tell: Told = lambda _: None) -> Iterator[Path]:
    """An estate of its own, which SHELFGATE_HOME names for the length of the block."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["SHELFGATE_HOME"] = folder
        stack.up(home, with_parent=os.getpid(), on_progress=tell)
        try:
            yield home
        finally:
            send_what_waits()
            stack.down(home)
            # Where this estate's servers listen went into the environment, too: the next home has others.
            for name in set(os.environ) - set(before):
                del os.environ[name]
            os.environ.update(before)


def _told(fault: Fault, met: Met, tell: Told) -> Met:
    wrong = "; ".join(met.shortcomings)
    tell(f"{fault.fault_id} {fault.what}: stopped at {met.stopped_at}{', NOT AS DECLARED: ' + wrong if wrong else ''}")
    return met
