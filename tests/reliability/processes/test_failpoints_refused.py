"""Failpoints end runs on purpose: they are refused wherever the warehouse is not this machine's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shelfgate.errors import ConfigurationError
from shelfgate.failpoints import VARIABLE, failpoint
from shelfgate.settings import Settings
from shelfgate.warehouse import open_warehouse
from tests.support.terminal import run


def test_an_armed_failpoint_is_refused_on_snowflake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_TARGET", "snowflake")
    monkeypatch.setenv(VARIABLE, "publish.before_commit=kill")

    with pytest.raises(ConfigurationError, match="Failpoints end runs on purpose: unset it"):
        open_warehouse(Settings.load())
    status, out, _ = run("status", "--json")
    assert (status, json.loads(out)["exit_status"]) == (2, 2)


@pytest.mark.parametrize("armed", ["publish.midway=kill", "publish.begun=explode", "publish.begun"])
def test_a_place_or_an_action_that_does_not_exist_is_an_error_and_not_silence(
    monkeypatch: pytest.MonkeyPatch, armed: str
) -> None:
    monkeypatch.setenv(VARIABLE, armed)

    with pytest.raises(ValueError, match="wanted NAME"):
        failpoint("publish.begun")
