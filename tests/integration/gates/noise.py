"""The noise of a shop over clean history: weeks that sell more or less, late lines, stock that nobody counted.

Refuses to make faults of it: order numbers stay contiguous, the source is counted as it is, a dump's digest is its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from expectations.checks.window import JULIAN_DAY_OF_ORDINAL_0
from tests.integration.gates.growing_warehouse import GrowingWarehouse

CHANNELS = {"catalog": ("cs", "cr"), "web": ("ws", "wr")}


@dataclass(frozen=True)
class Noise:
    """What was done, as counted afterwards: lines that come late, the weeks' orders against the clean ones, their share
    of unknown stock."""

    late_lines: int
    least_volume: float
    most_volume: float
    least_unknown: float
    most_unknown: float


def add_noise(grown: GrowingWarehouse, first: date, last: date, *, seed: int) -> Noise:
    """Change what arrives between two days: volume by up to 15 %, lines up to 2 days late, 4..6 % of stock unknown."""
    numbers = random.Random(seed)
    grown.as_generated = False
    grown.connection.execute("set threads = 1")  # so that one seed gives one noise
    grown.connection.execute(f"select setseed({numbers.random()})")
    first_sk, last_sk = (day.toordinal() + JULIAN_DAY_OF_ORDINAL_0 for day in (first, last))
    weeks = [(sk, sk + 6) for sk in range(first_sk, last_sk + 1, 7)]
    volumes = [numbers.uniform(0.85, 1.15) for _ in weeks]
    unknown = [numbers.uniform(0.04, 0.06) for _ in weeks]
    volumes[:2], unknown[:2] = [0.8501, 1.1499], [0.0401, 0.0599]
    clean = [_orders(grown, *week) for week in weeks]
    for (start, end), volume in zip(weeks, volumes, strict=True):
        for channel in CHANNELS:
            _sell(grown, channel, start, end, volume)
    for channel in CHANNELS:
        _number_again(grown, channel)
    late = sum(_delay(grown, channel, first_sk, last_sk) for channel in CHANNELS)
    for (start, end), share in zip(weeks, unknown, strict=True):
        _forget(grown, start, end, share)
    _weigh_again(grown)
    seen = [_orders(grown, *week) / orders for week, orders in zip(weeks, clean, strict=True)]
    missing = [share for week in weeks if (share := _unknown(grown, *week)) is not None]
    return Noise(late, min(seen), max(seen), min(missing), max(missing))


def _orders(grown: GrowingWarehouse, start: int, end: int) -> int:
    (found,) = grown.connection.execute(
        "select "
        + " + ".join(
            f"(select count(distinct {p}_order_number) from dated.{channel}_sales "
            f"where {p}_sold_date_sk between {start} and {end})"
            for channel, (p, _) in CHANNELS.items()
        )
    ).fetchone() or (0,)
    return found


def _unknown(grown: GrowingWarehouse, start: int, end: int) -> float | None:
    """The share of a week's stock that nobody counted; None of a week without a snapshot."""
    (share,) = grown.connection.execute(
        "select avg(case when inv_quantity_on_hand is null then 1.0 else 0.0 end) from dated.inventory "
        f"where inv_date_sk between {start} and {end}"
    ).fetchone() or (None,)
    return share


def _sell(grown: GrowingWarehouse, channel: str, start: int, end: int, volume: float) -> None:
    """Leave whole orders out, with their returns, or let some be placed once more; they are numbered afterwards."""
    p, r = CHANNELS[channel]
    orders = (
        f"select {p}_order_number from (select distinct {p}_order_number from dated.{channel}_sales "
        f"where {p}_sold_date_sk between {start} and {end}) order by random()"
    )
    (count,) = grown.connection.execute(f"select count(*) from ({orders})").fetchone() or (0,)
    grown.connection.execute(f"create or replace temp table picked as {orders} limit {round(abs(volume - 1) * count)}")
    if volume < 1:
        grown.connection.execute(f"delete from dated.{channel}_sales where {p}_order_number in (from picked)")
        grown.connection.execute(f"delete from dated.{channel}_returns where {r}_order_number in (from picked)")
        return
    grown.connection.execute(
        f"insert into dated.{channel}_sales select * replace ({p}_order_number + 100000000 as {p}_order_number) "
        f"from dated.{channel}_sales where {p}_order_number in (from picked)"
    )


def _number_again(grown: GrowingWarehouse, channel: str) -> None:
    """Orders are numbered as they come, without a gap; their returns follow them."""
    p, r = CHANNELS[channel]
    grown.connection.execute(
        f"create or replace temp table numbered as select number, row_number() over (order by day_sk, number) as again "
        f"from (select {p}_order_number as number, min(coalesce({p}_sold_date_sk, 0)) as dated, "
        f"coalesce(min({p}_sold_date_sk), 0) as day_sk from dated.{channel}_sales group by 1)"
    )
    for table, prefix in ((f"{channel}_sales", p), (f"{channel}_returns", r)):
        grown.connection.execute(
            f"update dated.{table} set {prefix}_order_number = numbered.again from numbered "
            f"where numbered.number = {prefix}_order_number"
        )


def _delay(grown: GrowingWarehouse, channel: str, first: int, last: int) -> int:
    """One line in twenty comes a day or two after its day, never the first of its order; returns wait for it."""
    p, r = CHANNELS[channel]
    late = grown.connection.execute(
        f"update dated.{channel}_sales as line set day_sk = line.day_sk + 1 + cast(floor(2 * random()) as integer) "
        f"from (select {p}_order_number as number, min({p}_item_sk) as first from dated.{channel}_sales group by 1) o "
        f"where o.number = line.{p}_order_number and o.first <> line.{p}_item_sk and random() < 0.05 "
        f"and line.{p}_sold_date_sk between {first} and {last}"
    ).fetchone()
    grown.connection.execute(
        f"update dated.{channel}_returns as back set day_sk = greatest(back.day_sk, line.day_sk) "
        f"from dated.{channel}_sales as line where line.{p}_order_number = back.{r}_order_number "
        f"and line.{p}_item_sk = back.{r}_item_sk"
    )
    return late[0] if late else 0


def _forget(grown: GrowingWarehouse, start: int, end: int, share: float) -> None:
    """So much of a week's stock is unknown; what was unknown and is not any more gets a number."""
    grown.connection.execute(
        "update dated.inventory as line set inv_quantity_on_hand = case when ranked.rank <= ranked.counted * "
        f"{share} then null else coalesce(inv_quantity_on_hand, cast(floor(1001 * random()) as bigint)) end "
        "from (select rowid as line, row_number() over (order by random()) as rank, count(*) over () as counted "
        f"from dated.inventory where inv_date_sk between {start} and {end}) as ranked where ranked.line = line.rowid"
    )


def _weigh_again(grown: GrowingWarehouse) -> None:
    """The loader's digests and the published stock are those of the noisy dumps."""
    grown.connection.execute(
        "update dated.inventory_snapshot as snapshot set content_digest = weighed.digest from ("
        "select inv_date_sk, cast(count(*) as varchar) || '-' || cast(sum(hash(inv_item_sk, inv_warehouse_sk, "
        "inv_quantity_on_hand)) as varchar) as digest from dated.inventory group by 1) as weighed "
        "where weighed.inv_date_sk = snapshot.inv_date_sk"
    )
    grown.connection.execute(
        "update dated.fct_weekly_sales_inventory as fact set inv_on_hand_qty_wk = line.inv_quantity_on_hand "
        "from dated.inventory as line inner join raw_sales.item as item on item.i_item_sk = line.inv_item_sk "
        "where line.inv_date_sk = fact.day_sk and line.inv_warehouse_sk = fact.warehouse_sk "
        "and item.i_item_id = fact.item_id"
    )
