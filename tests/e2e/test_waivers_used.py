"""A waiver from its file to the readers: a live one opens its gate and shows everywhere, others change nothing."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from expectations.validation.waivers import read_waivers
from shelfgate.errors import GateClosed
from shelfgate.settings import Settings
from tasks import gates
from tests.support.house import House

DAY = date(1999, 3, 6)
ENTRY = """
waivers:
  - check: web_sales.shipped_after_sold
    dataset: web_sales
    window: 1999-03-06
    reason: the carrier corrected its calendar
    approved_by: r.mueller
    approved_at: {approved}
    expires_at: {expires}
    max_observed: {largest}
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The artifact that each gate left, by its key."""
    kept: dict[str, dict[str, Any]] = {}
    create = gates.create_table_artifact

    def creating(**artifact: Any) -> Any:
        kept[artifact["key"]] = artifact
        return create(**artifact)

    monkeypatch.setattr(gates, "create_table_artifact", creating)
    return kept


@pytest.mark.proofs
def test_a_waiver_opens_its_gate_only_while_it_lives_and_is_shown_wherever_the_verdict_is(
    house: House, shown: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "waivers.yml"
    monkeypatch.setattr("expectations.validation.gate.read_waivers", lambda _: read_waivers(file))
    today = datetime.now(UTC).date()
    house.seed(0.01, DAY)
    with house.source() as source:
        changed = source.execute(
            "update web_sales set ws_ship_date_sk = ws_sold_date_sk - 1 where (ws_item_sk, ws_order_number) in "
            "(select ws_item_sk, ws_order_number from web_sales where ws_sold_date_sk is not null "
            "order by ws_sold_date_sk desc, ws_order_number, ws_item_sk limit 2)"
        )
        assert changed.rowcount == 2

    for approved, expires, largest, refused in (
        (today - timedelta(days=7), today - timedelta(days=1), 2, "expired on"),
        (today, today + timedelta(days=2), 1, "2 observed, at most 1 allowed"),
    ):
        file.write_text(ENTRY.format(approved=approved, expires=expires, largest=largest))
        with pytest.raises(GateClosed, match=refused):
            house.refresh()
        line = next(one for one in shown["gate-landing"]["table"] if one["result"] == "closes the gate")
        assert (line["check"], refused in line["what to do"]) == ("web_sales.shipped_after_sold", True)
        assert house.status()["publication"] is None

    file.write_text(ENTRY.format(approved=today, expires=today + timedelta(days=2), largest=2))
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    logging.getLogger("prefect.task_runs").addHandler(handler)
    try:
        assert house.refresh().publication.new
    finally:
        logging.getLogger("prefect.task_runs").removeHandler(handler)

    assert any(
        "waiver used: web_sales.shipped_after_sold, 1999-03-06: 2 observed, 2 allowed" in line for line in logged
    )
    line = next(one for one in shown["gate-landing"]["table"] if one["check"] == "web_sales.shipped_after_sold")
    assert line["result"] == f"waived until {today + timedelta(days=2)}"
    found = house.status()
    assert [(one["check"], one["observed"]) for one in found["waivers"]] == [("web_sales.shipped_after_sold", 2.0)]
    judged = next(one for one in found["gates"] if (one["gate"], one["dataset"]) == ("landing", "web_sales"))
    assert (judged["result"], judged["failed"][0]["waiver"]["approved_by"]) == ("open", "r.mueller")
    docs = Settings.load().docs_folder
    assert judged["docs"] in shown["gate-landing"]["description"]
    page = Path(unquote(urlsplit(judged["docs"]).path)).read_text()
    assert "waived: the carrier corrected its calendar (approved by r.mueller" in page
    assert "shipped_after_sold</a> (waived)" in (docs / "index.html").read_text()
    with house.warehouse() as connection:
        published = connection.execute("select distinct waivers from marts.data_status").fetchall()
    assert [json.loads(one)[0]["reason"] for (one,) in published] == ["the carrier corrected its calendar"]
