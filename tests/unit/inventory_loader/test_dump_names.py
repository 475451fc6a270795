"""What an event and an object key may say."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from inventory_loader.errors import DumpRefused, EventNotUnderstood
from inventory_loader.objects import Dropped, LoadRequest, dump_date_of

PREFIX = "inbound/inventory/"


def dropped(key: str, *, written: datetime = datetime(2026, 11, 22, 10)) -> Dropped:
    return Dropped(key, "v1", "e1", 10, written)


@pytest.mark.parametrize(
    "name",
    ["2002-12-26.csv", "2002-12-26.csv.gz", "2002-12-26-again.csv", "2002-12-26-a.b_c-2.csv.gz", "2002-12-26-.csv.csv"],
)
def test_the_key_tells_the_day_of_the_dump(name: str) -> None:
    assert dump_date_of(dropped(PREFIX + name), PREFIX) == date(2002, 12, 26)


@pytest.mark.parametrize(
    "key",
    [
        "2002-12-26.csv",
        "inbound/sales/2002-12-26.csv",
        "x/inbound/inventory/2002-12-26.csv",
        PREFIX,
        PREFIX + "2002-12-26",
        PREFIX + "2002-12-26.CSV",
        PREFIX + "2002-12-26.csv.zip",
        PREFIX + "2002-12-26.csv\n",
        PREFIX + "2002-12-26-.csv.gz.exe",
        PREFIX + "2002-12-26x.csv",
        PREFIX + "20021226.csv",
        PREFIX + "sub/2002-12-26.csv",
        PREFIX + "../2002-12-26.csv",
        PREFIX + "2002-12-26-%2e%2e.csv",
        PREFIX + "2002-12-26-'; drop table--.csv",
        PREFIX + "2002-12-26-$$.csv",
        PREFIX + "2002-12-26-é.csv",
        PREFIX + "\uff12002-12-26.csv",
    ],
)
def test_a_key_of_another_form_is_refused(key: str) -> None:
    wanted = r"wanted inbound/inventory/YYYY-MM-DD.*: rename or delete the object"
    with pytest.raises(DumpRefused, match=f"object key of another form; {wanted}"):
        dump_date_of(dropped(key), PREFIX)


def test_the_prefix_is_text_and_not_a_pattern() -> None:
    with pytest.raises(DumpRefused):
        dump_date_of(dropped("inboundXinventory/2002-12-26.csv"), "inbound.inventory/")


def test_a_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DumpRefused, match="2002-02-30, which is no day"):
        dump_date_of(dropped(PREFIX + "2002-02-30.csv"), PREFIX)


def test_a_dump_cannot_be_dated_after_it_was_written() -> None:
    """It would outrank every correction until that day."""
    written = datetime(2003, 1, 8, 23)

    assert dump_date_of(dropped(PREFIX + "2003-01-09.csv", written=written), PREFIX) == date(2003, 1, 9)
    with pytest.raises(DumpRefused, match="dated 2003-01-10, after the object was written"):
        dump_date_of(dropped(PREFIX + "2003-01-10.csv", written=written), PREFIX)


def test_an_event_names_an_object_a_run_and_perhaps_a_version() -> None:
    event = {"object_key": "k", "version_id": None, "run_id": "r"}

    assert LoadRequest.from_event(event) == LoadRequest("k", None, "r")
    assert LoadRequest.from_event(event | {"version_id": "v"}) == LoadRequest("k", "v", "r")


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        {"object_key": "k"},
        {"object_key": "", "run_id": "r"},
        {"object_key": "k", "run_id": ""},
        {"object_key": "k", "run_id": "r", "version_id": 7},
        {"Records": [{"s3": {}}]},
    ],
)
def test_an_event_that_does_not_is_the_fault_of_the_caller(event: object) -> None:
    with pytest.raises(EventNotUnderstood, match="wanted object_key and run_id as text"):
        LoadRequest.from_event(event)
