"""A few lines that are wrong in themselves are set aside and the day publishes; many of them close the gate."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

from tests.support.house import House
from tests.support.terminal import run

DAY = date(1999, 3, 6)

WRONG = {
    ("catalog", "cs_quantity_in_range"): "cs_quantity = -3",
    ("catalog", "warehouse_is_known"): "cs_warehouse_sk = 99",
    ("catalog", "item_is_known"): "cs_item_sk = 99999999",
    ("web", "amount_is_quantity_times_price"): "ws_ext_sales_price = ws_ext_sales_price + 5",
    ("web", "ws_list_price_in_range"): "ws_list_price = 0.5",
}
"""One line each, by the check that it fails first."""


def spoil(house: House, channel: str, change: str, place: int) -> None:
    """Make one line wrong: of those that were not returned, the nth latest."""
    p, r = f"{channel[0]}s", f"{channel[0]}r"
    with house.source() as source:
        statement = (
            f"update {channel}_sales set {change} where ({p}_item_sk, {p}_order_number) in "
            f"(select {p}_item_sk, {p}_order_number from {channel}_sales where {p}_sold_date_sk is not null "
            f"and {p}_quantity + {p}_sales_price + {p}_ext_sales_price + {p}_list_price is not null and not exists "
            f"(select 1 from {channel}_returns where {r}_order_number = {p}_order_number) "
            f"order by {p}_sold_date_sk desc, {p}_order_number, {p}_item_sk offset {place} limit 1)"
        )
        assert source.execute(statement.encode()).rowcount == 1


def test_few_wrong_lines_are_quarantined_and_many_close_the_gate(house: House) -> None:
    house.seed(0.01, DAY)
    for place, ((channel, _), change) in enumerate(WRONG.items()):
        spoil(house, channel, change, 20 * place)

    refreshed = house.refresh()

    assert refreshed.publication.new
    with house.warehouse() as warehouse:
        aside = warehouse.execute(
            "select channel, check_id, reason from quarantine.sales_lines where check_id <> 'sold_date_missing'"
        ).fetchall()
        (noted,) = warehouse.execute(
            "select evidence from ops.gate_result where gate = 'landing' and dataset = 'catalog_sales'"
        ).fetchall()
    assert Counter((channel, check) for channel, check, _ in aside) == Counter(WRONG.keys())
    assert all(reason.startswith("the line breaks a rule: ") for *_, reason in aside)
    counted = {one["check"]: one["seen"] for one in json.loads(noted[0])}
    assert counted["quarantined_lines_are_few"].startswith("3 offending rows, first: ")
    assert house.differences(quarantine=True) == []

    before = house.marts()
    with house.source() as source:
        source.execute("create table held as table web_sales")
        changed = source.execute("update web_sales set ws_quantity = -1 where ws_order_number % 20 = 0")
        assert changed.rowcount > 20
    status, _, told = run("refresh")
    assert (status, "web_sales.ws_quantity_in_range" in told) == (3, True)
    assert house.marts() == before

    with house.source() as source:
        source.execute("delete from web_sales")
        source.execute("insert into web_sales table held")
    house.refresh()
    assert house.differences(quarantine=True) == []
