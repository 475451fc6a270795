"""Which fault stops the requests that come after it, when time is up, and which requests share an engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from inventory_loader.batch import LEAST_SECONDS, LoadOutcome, load_all
from inventory_loader.engines import EngineOfRun
from inventory_loader.errors import (
    ConfigurationError,
    ObjectVanished,
    ScratchSpaceFailed,
    StoreRefused,
    StoreUnavailable,
    WarehouseBusy,
    WarehouseFailed,
)
from inventory_loader.objects import LoadRequest
from inventory_loader.receipt import Receipt, Status

DIRECT = [LoadRequest(name, None, "run-1") for name in "abc"]
NOTIFIED = [replace(request, notified=True) for request in DIRECT]
MESSAGES = [replace(request, run_id=f"run-{request.object_key}", message_id=request.object_key) for request in NOTIFIED]
FORMS = {"direct": DIRECT, "notification": NOTIFIED, "messages": MESSAGES}


class Store:
    """A bucket in which every object is there."""

    def __init__(self) -> None:
        self.checked: list[str] = []

    def check_current(self, object_key: str) -> None:
        self.checked.append(object_key)


class Engines(EngineOfRun):
    """Notes which run an engine is opened for, and which is closed."""

    def __init__(self, target: str = "duckdb") -> None:
        settings = {"SHELFGATE_TARGET": target, "SHELFGATE_DUCKDB_PATH": "/nowhere.duckdb"}
        super().__init__(settings, ends_at=time.monotonic() + 900)
        self.opened: list[str] = []

    def of(self, run_id: str) -> Any:
        before, engine = self._current, super().of(run_id)
        if self._current is not before:
            self.opened.append(run_id)
        return engine


def receipt(request: LoadRequest) -> Receipt:
    return Receipt(request.object_key, "v", "e", None, 1, 1, Status.LOADED, None, None)


def outcomes(
    requests: Sequence[LoadRequest],
    faults: Mapping[str, Exception] | None = None,
    *,
    seconds: float = 900.0,
    engines: EngineOfRun | None = None,
    store: Store | None = None,
) -> list[LoadOutcome]:
    def load_one(request: LoadRequest, _: object) -> Receipt:
        if fault := (faults or {}).get(request.object_key):
            raise fault
        return receipt(request)

    return load_all(
        requests,
        store=store or Store(),  # pyright: ignore[reportArgumentType]
        engines=engines or Engines(),
        load_one=load_one,
        ends_at=time.monotonic() + seconds,
    )


def shown(found: Sequence[LoadOutcome]) -> str:
    """`+` loaded, `-` a fault, `0` vanished, `.` left."""
    return "".join("+" if each.receipt else "0" if each.vanished else "." if each.left else "-" for each in found)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", [StoreRefused, StoreUnavailable, ScratchSpaceFailed])
def test_a_fault_of_one_object_stops_no_other(form: str, fault: type[Exception]) -> None:
    assert shown(outcomes(FORMS[form], {"a": fault("x")})) == "-++"


@pytest.mark.parametrize(("form", "expected"), [("direct", "-.."), ("notification", "-++"), ("messages", "-++")])
@pytest.mark.parametrize("fault", [WarehouseBusy, WarehouseFailed])
def test_a_fault_of_the_warehouse_stops_direct_requests_only(form: str, expected: str, fault: type[Exception]) -> None:
    assert shown(outcomes(FORMS[form], {"a": fault("x")})) == expected


@pytest.mark.parametrize("form", FORMS)
def test_a_vanished_object_stops_no_other(form: str) -> None:
    found = outcomes(FORMS[form], {"a": ObjectVanished("x")})

    assert shown(found) == "0++"
    assert found[0].done


@pytest.mark.parametrize(("form", "expected"), [("direct", "+.."), ("notification", "+++"), ("messages", "+..")])
def test_without_time_the_first_is_tried_and_the_rest_is_left(form: str, expected: str) -> None:
    assert shown(outcomes(FORMS[form], seconds=LEAST_SECONDS - 1)) == expected


def test_without_time_messages_are_tried_until_one_is_done() -> None:
    assert shown(outcomes(MESSAGES, {"a": StoreRefused("x")}, seconds=LEAST_SECONDS - 1)) == "-+."


def test_the_requests_of_one_message_are_tried_together() -> None:
    together = [MESSAGES[0], MESSAGES[1], replace(MESSAGES[2], message_id=MESSAGES[1].message_id)]

    assert shown(outcomes(together, {"a": StoreRefused("x")}, seconds=LEAST_SECONDS - 1)) == "-++"
    assert shown(outcomes(together, seconds=LEAST_SECONDS - 1)) == "+.."


def test_a_message_fails_by_itself_whatever_is_raised() -> None:
    assert shown(outcomes(MESSAGES, {"b": OSError(28, "No space left")})) == "+-+"
    for requests in (DIRECT, NOTIFIED):
        with pytest.raises(OSError, match="No space left"):
            outcomes(requests, {"b": OSError(28, "No space left")})


def test_only_notified_objects_are_checked_first() -> None:
    direct, notified = Store(), Store()

    outcomes(DIRECT, store=direct)
    outcomes(NOTIFIED, store=notified)

    assert (direct.checked, notified.checked) == ([], ["a", "b", "c"])


@pytest.mark.parametrize(
    ("form", "opened"), [("direct", ["run-1"]), ("notification", ["run-1"]), ("messages", ["run-a", "run-b", "run-c"])]
)
def test_the_requests_of_one_run_share_an_engine(form: str, opened: list[str]) -> None:
    engines = Engines()

    outcomes(FORMS[form], engines=engines)

    assert engines.opened == opened


def test_an_engine_that_failed_is_not_used_again() -> None:
    engines = Engines()

    outcomes(NOTIFIED, {"a": WarehouseFailed("x"), "b": StoreRefused("x")}, engines=engines)

    assert engines.opened == ["run-1", "run-1"]


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="SHELFGATE_TARGET is 'oracle'; wanted duckdb or snowflake"):
        outcomes(DIRECT, engines=Engines("oracle"))

    assert [type(each.fault) for each in outcomes(MESSAGES, engines=Engines("oracle"))] == [ConfigurationError] * 3
    assert outcomes([], engines=Engines("oracle")) == []
