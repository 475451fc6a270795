"""`shelfgate gates check`: judges as a run would, leaves no trace, answers by its exit status."""

from __future__ import annotations

from datetime import date

import pytest

from tests.e2e.test_command_line import answered, run
from tests.support.house import House

GATES = ("file", "landing", "staging", "marts", "published")


@pytest.mark.proofs
def test_each_gate_can_be_judged_by_hand_and_nothing_is_recorded(house: House) -> None:
    house.seed(0.01, date(1999, 3, 6))
    house.refresh()
    before = (house.marts(), _verdicts(house))

    for gate in GATES:
        found = answered("gates", "check", gate)
        assert (found["gate"], found["result"], found["business_date"]) == (gate, "open", "1999-03-06")
        assert all(check["result"] == "passed" for suite in found["suites"] for check in suite["checks"])

    with house.warehouse() as connection:
        connection.execute("update raw_sales.web_sales set ws_quantity = 999")
    status, out, _ = run("gates", "check", "landing")
    assert status == 3
    assert "web_sales.reconciles_by_day" in out
    assert "nothing was recorded" in out
    assert run("gates", "check", "landing", "--json")[0] == 3
    assert (house.marts(), _verdicts(house)) == before


def _verdicts(house: House) -> list[tuple[object, ...]]:
    with house.warehouse() as connection:
        return connection.execute("select * from ops.gate_result order by all").fetchall()
