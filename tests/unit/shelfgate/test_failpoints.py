"""Failpoints: nothing unless asked, an error for what nobody knows, refused where it would hurt."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfgate import failpoints
from shelfgate.errors import ConfigurationError
from shelfgate.failpoints import SimulatedCrash, SimulatedFailure, failpoint, outside_call
from shelfgate.settings import Settings
from shelfgate.warehouse import open_warehouse


@pytest.fixture(autouse=True)
def _counting_anew() -> None:
    failpoints.start_counting_anew()


def test_an_unarmed_one_does_nothing() -> None:
    failpoint("publish.before_commit")


def test_an_armed_one_ends_the_run_past_every_except_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, "publish.before_commit=crash, dbt.after=fail")

    failpoint("publish.begun")
    with pytest.raises(SimulatedCrash):
        failpoint("publish.before_commit")
    assert not issubclass(SimulatedCrash, Exception)
    with pytest.raises(SimulatedFailure), outside_call("dbt"):
        pass


def test_one_can_wait_for_its_third_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, "verdict.begun@3=fail")

    failpoint("verdict.begun")
    failpoint("verdict.begun")
    with pytest.raises(SimulatedFailure):
        failpoint("verdict.begun")
    failpoint("verdict.begun")


@pytest.mark.parametrize("armed", ["publish=kill", "publish.begun", "publish.begun=explode"])
def test_what_nobody_knows_is_an_error(armed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, armed)

    with pytest.raises(ValueError, match="wanted NAME"):
        failpoint("publish.begun")


def test_a_warehouse_that_is_not_this_machines_own_refuses_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, "publish.begun=kill")

    with pytest.raises(ConfigurationError, match="Failpoints end runs on purpose"):
        open_warehouse(Settings(home=tmp_path, target="snowflake"))
