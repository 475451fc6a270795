"""What goes wrong in a soak, a trouble at a time; refuses to leave a day that one more run does not bring right."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cli.flow_runs import refresh_now, rollback_now
from shelfgate.errors import GateClosed
from shelfgate.failpoints import VARIABLE, SimulatedCrash, start_counting_anew
from tests.support.house import House
from tests.support.terminal import run

PLACES = (
    "source_totals.before_commit",
    "verdict.after_commit",
    "verdict.before_commit@3",
    "publish.begun",
    "publish.before_commit",
    "publish.after_commit",
)
# Far above the order numbers that arrive by themselves: 16,000 of catalog sales at scale 0.01.
OUR_ORDERS = 900_000_000


class NotAsPromised(AssertionError):
    """A promise did not hold."""


@dataclass(frozen=True)
class Trouble:
    """`strike` does harm on a day whose data are in and not yet published, and sees that nothing wrong is published."""

    name: str
    strike: Callable[[House, random.Random], None]


def killed(house: House, rng: random.Random) -> None:
    """SIGKILL in a process of its own."""
    place = rng.choice(PLACES)
    before = house.marts()
    os.environ[VARIABLE] = f"{place}=kill"
    try:
        status, _, err = run("refresh", "--business-date", house.day.isoformat())
    finally:
        del os.environ[VARIABLE]
    _promise(status == -9, f"killed at {place}, the process ended with {status}: {err[-500:]}")
    if place != "publish.after_commit":
        _promise(house.marts() == before, f"killed at {place}, readers saw something else")


def crashed(house: House, rng: random.Random) -> None:
    """The run is gone in the middle of a transaction, its process is not."""
    place = rng.choice(PLACES)
    before = house.marts()
    start_counting_anew()
    os.environ[VARIABLE] = f"{place}=crash"
    try:
        refresh_now(house.day)
    except SimulatedCrash:
        pass  # as it was asked for; what it left is looked at below
    else:
        raise NotAsPromised(f"the run did not end at {place}")
    finally:
        del os.environ[VARIABLE]
    if place != "publish.after_commit":
        _promise(house.marts() == before, f"crashed at {place}, readers saw something else")


def bad_dump(house: House, rng: random.Random) -> None:
    """A dump whose first columns changed places; a corrected one follows."""
    key = f"{house.day}.csv"
    good = house.read_dump(key)
    header, *rows = good.splitlines()
    swapped = [",".join((f[1], f[0], *f[2:])) for f in (row.split(",") for row in rows)]
    house.drop_dump(key, "\n".join([header, *swapped]) + "\n")
    _closes(house, "file gate closed")
    house.drop_dump(key, good)
    house.rejected |= {one["version_id"] for one in house.status()["quarantined"]}


def lost_lines(house: House, rng: random.Random) -> None:
    """Lines vanish at the source after they landed, and come back."""
    last = "cs_order_number = (select max(cs_order_number) from catalog_sales)"
    house.refresh()
    with house.source() as postgres:
        postgres.execute(f"create table held as select * from catalog_sales where {last}")
        postgres.execute(f"delete from catalog_sales where {last}")
    _closes(house, "landing gate closed")
    with house.source() as postgres:
        postgres.execute("insert into catalog_sales select * from held")
        postgres.execute("drop table held")


def restated_week(house: House, rng: random.Random) -> None:
    """After the run another dump of the day counts some shelves anew; tomorrow's of the same week takes it back."""
    house.refresh()
    header, *rows = house.read_dump(f"{house.day}.csv").splitlines()
    for number in rng.sample(range(len(rows)), 5):
        rows[number] = f"{rows[number].rpartition(',')[0]},{rng.randrange(1000)}"
    house.drop_dump(f"{house.day}-recount.csv", "\n".join([header, *rows]) + "\n")


def late_dump(house: House, rng: random.Random) -> None:
    """Another dump of two days ago comes only now; a newer one of the same week, if there is one, knows better."""
    then = house.day - timedelta(days=2)
    header, *rows = house.read_dump(f"{then}.csv").splitlines()
    rows[0] = f"{rows[0].rpartition(',')[0]},{rng.randrange(1000)}"
    house.drop_dump(f"{then}-late.csv", "\n".join([header, *rows]) + "\n")


def duplicate_sync(house: House, rng: random.Random) -> None:
    """Airbyte and the run once more, with nothing new in between."""
    house.refresh()
    before = house.marts()
    _promise(not house.refresh().publication.new, "a second run of the same day published something")
    _promise(house.marts() == before, "a second run of the same day changed what readers see")


def late_lines(house: House, rng: random.Random) -> None:
    """An order of a week long past arrives."""
    ours = OUR_ORDERS + house.day.toordinal()
    with house.source() as postgres:
        postgres.execute(
            "create temporary table late as select * from web_sales where ws_order_number < %s "
            "and ws_sold_date_sk is not null order by ws_order_number, ws_item_sk limit 1 offset %s",
            [OUR_ORDERS, rng.randrange(200)],
        )
        postgres.execute("update late set ws_order_number = %s", [ours])
        postgres.execute("insert into web_sales select * from late")


def changed_customer(house: House, rng: random.Random) -> None:
    """A customer has another name; the old row is closed."""
    with house.source() as postgres:
        postgres.execute(
            "update customer set c_last_name = %s where c_customer_sk = %s",
            [f"Name {house.day.toordinal()}", rng.randrange(1, 900)],
        )


def rolled_back(house: House, rng: random.Random) -> None:
    """Somebody goes back to the publication before; the next run publishes the day again."""
    house.refresh()
    with house.warehouse() as connection:
        found = connection.execute(
            "select distinct publication_id from ops.manifest where publication_id <> "
            "(select publication_id from ops.pointer) order by 1 desc limit 1"
        ).fetchone()
    if found:
        _promise(rollback_now(found[0]).action == "rollback", "the rollback was none")


TROUBLES = tuple(
    Trouble(one.__name__.replace("_", " "), one)
    for one in (
        killed,
        crashed,
        bad_dump,
        lost_lines,
        restated_week,
        late_dump,
        duplicate_sync,
        late_lines,
        changed_customer,
        rolled_back,
    )
)


def _closes(house: House, said: str) -> None:
    before = house.marts()
    try:
        house.refresh()
    except GateClosed as closed:
        _promise(said in str(closed), f"another gate closed: {closed}")
    else:
        raise NotAsPromised(f"no gate closed, {said!r} was wanted")
    _promise(house.marts() == before, "readers saw something else")


def _promise(kept: bool, otherwise: str) -> None:
    if not kept:
        raise NotAsPromised(otherwise)
