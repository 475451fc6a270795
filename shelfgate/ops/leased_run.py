"""The lease around a run, and what readers see after one that did not come to its end. Apart: it needs no Prefect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypeVar

from shelfgate import interruption
from shelfgate.errors import EngineFailed, ShelfgateError
from shelfgate.ops.lease import Lease, release, release_of, take
from shelfgate.ops.pointer import current_publication
from shelfgate.ops.runs import Run, begin_run
from shelfgate.warehouse import Session, Warehouse, install

Result = TypeVar("Result")


@contextmanager
def leased(
    warehouse: Warehouse, run_id: str, business_date: date | None, warn: Callable[[str], None]
) -> Iterator[tuple[Run, Lease]]:
    """Install what is missing, take the lease, pin what the run is based on; give the lease back.

    An exception that is not ours, or that comes with a signal, gets a note that says what readers see.

    Raises:
        WarehouseBusy: another run holds the lease.
        ConfigurationError: as `begin_run`.
        Interrupted: a signal asked this process to end.
    """
    ending = warehouse.tagged(run=run_id, stage="end")

    def begin(session: Session) -> tuple[Run, Lease]:
        install(session)
        lease = take(session, run_id)
        try:
            return begin_run(session, lease, business_date), lease
        except BaseException:
            release(session, lease)
            raise

    try:
        run, lease = in_one_turn(warehouse.tagged(run=run_id, stage="begin"), begin, warn)
    except EngineFailed:
        _let_go(ending, lambda session: release_of(session, run_id), warn)
        raise
    try:
        interruption.raise_if_requested()
        yield run, lease
    except BaseException as ended:
        stands = _give_back(ending, run, lease, warn)
        if stands and (interruption.requested() is not None or not isinstance(ended, ShelfgateError)):
            ended.add_note(stands)
        raise
    _give_back(ending, run, lease, warn)


def _give_back(warehouse: Warehouse, run: Run, lease: Lease, warn: Callable[[str], None]) -> str | None:
    """Give the lease back; answers with what readers see now, if the warehouse says.

    Nobody depends on it: a lease that is not given back expires. So no trouble here may hide how the run ended.
    """

    def give_back(session: Session) -> str:
        release(session, lease)
        return what_readers_see(session, run)

    return _let_go(warehouse, give_back, warn)


def _let_go(warehouse: Warehouse, work: Callable[[Session], Result], warn: Callable[[str], None]) -> Result | None:
    try:
        return in_one_turn(warehouse, work, warn)
    except ShelfgateError as error:
        warn(f"the lease was not given back and will expire: {error}")
        return None


def in_one_turn(warehouse: Warehouse, work: Callable[[Session], Result], warn: Callable[[str], None]) -> Result:
    """What `work` answers; if the engine fails, it is done once more, on the warehouse opened anew.

    Raises:
        EngineFailed: it failed again.
    """
    try:
        with warehouse.turn() as session:
            return work(session)
    except EngineFailed as error:
        warn(f"{error} It is tried once more now.")
    with warehouse.turn() as session:
        return work(session)


def what_readers_see(session: Session, run: Run) -> str:
    """One or two sentences: did this run publish, and what do readers see."""
    found = session.rows("select publication_id, action from ops.publication where run_id = ?", [run.run_id])
    if not found:
        current = current_publication(session)
        return f"Nothing was published; readers keep {current.publication_id if current else 'nothing yet'}."
    published = found[0]["publication_id"]
    if found[0]["action"] == "rollback":
        return f"The rollback was done before that: readers see {published}."
    return (
        f"{published} was published before that, and readers see it. It may not have been read back: "
        "`shelfgate gates check published` does that."
    )
