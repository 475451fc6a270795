"""Lines dated where their channel did not sell: ahead of all its sales, or long before them.

A wrong day takes a line out of its week without changing a sum, at the source as well, so no reconciliation sees it.
"""

from __future__ import annotations

from collections.abc import Iterable

# What is dated within this many days before the channel's last day may be the beginning of its history.
_SETTLED_DAYS = 56

# How far from the line the channel's other sales are looked for.
_REACH_DAYS = 182

# The days between the line and the channel's sales would usually bring this many lines: fewer can be chance. SF0.01 has
# one web order of 12 lines in three days, and five weeks without any.
_ENOUGH_LINES = 600

# And they brought less than this share of them. January sells 0.3 of what December sells.
_HARDLY = 0.05

_DAYS = """select days.date_sk, sum(days.lines) as lines, sum(days.closed) as closed
  from (select {day} as date_sk, count(*) as lines, 0 as closed from raw_sales.{table} group by {day}{closed}) as days
  group by days.date_sk"""

_MISDATED = """select arrived.date_sk, arrived.side, arrived.lines
  from (
    select days.date_sk, days.side, days.lines, pace.lines_a_day,
      case when days.side = 'ahead' then greatest(${{business_date_sk}} + 1, days.date_sk - {reach})
        else days.date_sk + 1 end as first_sk,
      case when days.side = 'ahead' then days.date_sk - 1
        else least(days.date_sk + {reach}, pace.last_sk) end as last_sk
    from (
      select {day} as date_sk, case when {day} > ${{business_date_sk}} then 'ahead' else 'back' end as side,
        count(*) as lines
      from ${{{arriving}}} as line
      where {day} > ${{business_date_sk}} + 1 or {day} < ${{business_date_sk}} - {settled}
      group by {day}
    ) as days
    cross join (
      select ends.last_sk, sum(sold.lines) / 28.0 as lines_a_day
      from (
        select max(date_sk) as last_sk from ${{{days}}} as days where lines > 0 and date_sk <= ${{business_date_sk}}
      ) as ends
      inner join ${{{days}}} as sold on sold.date_sk between ends.last_sk - 27 and ends.last_sk
      group by ends.last_sk
    ) as pace
    where days.side = 'ahead' or days.date_sk < pace.last_sk - {settled}
  ) as arrived
  left join ${{{days}}} as sold on sold.date_sk between arrived.first_sk and arrived.last_sk
  group by arrived.date_sk, arrived.side, arrived.lines, arrived.lines_a_day, arrived.first_sk, arrived.last_sk
  having arrived.lines_a_day * (arrived.last_sk - arrived.first_sk + 1 - coalesce(sum(sold.closed), 0)) >= {enough}
    and coalesce(sum(sold.lines), 0)
      < {hardly} * arrived.lines_a_day * (arrived.last_sk - arrived.first_sk + 1 - coalesce(sum(sold.closed), 0))"""


def sets_of_misdated(table: str, day: str, arriving: str, closed: Iterable[int]) -> dict[str, str]:
    """Two queries by name, the second reads the first: the days of a table of lines, and its misdated lines by day.

    `closed` are the keys of the days on which nobody expects a line. `side` of a misdated line is `ahead` or `back`.
    """
    of_lines = arriving.removeprefix("arriving_")
    days = f"days_of_{of_lines}"
    shut = "".join(f" union all select {day_sk}, 0, 1" for day_sk in closed)
    words = {"reach": _REACH_DAYS, "settled": _SETTLED_DAYS, "enough": _ENOUGH_LINES, "hardly": _HARDLY}
    return {
        days: _DAYS.format(table=table, day=day, closed=shut),
        f"misdated_{of_lines}": _MISDATED.format(day=day, arriving=arriving, days=days, **words),
    }
