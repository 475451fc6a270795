"""No page of a proxy, and none of Prefect's own interface, counts as Prefect's word."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from cli import prefect_api
from shelfgate.clients.airbyte.responses import Note
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from tasks import airbyte_checkpoint, aws_blocks, snowflake_blocks
from tests.contract.answering import PAGE, Answer, answering


def test_a_page_is_no_healthy_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(prefect_api, "PAGE_SECONDS", 0.5)
    with answering() as scripted:
        scripted.says(Answer(PAGE))
        monkeypatch.setenv("PREFECT_API_URL", scripted.address)
        began = time.monotonic()

        with (
            pytest.raises(ConfigurationError, match=r"observed 200, text/html .*PREFECT_API_URL ends with /api"),
            prefect_api.server(tmp_path, lambda _: None),
        ):
            pytest.fail("a run began")

    assert time.monotonic() - began < 30


def test_a_page_that_gives_way_to_the_server_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with answering() as scripted:
        scripted.says(Answer(PAGE), Answer(PAGE, 503), Answer("true", content_type="application/json"))
        monkeypatch.setenv("PREFECT_API_URL", scripted.address)

        with prefect_api.server(tmp_path, lambda _: None) as url:
            assert url == scripted.address


GOOD = {"fence": 3, "job_id": 4, "ours": True, "used": False}


@pytest.mark.parametrize(
    "data",
    [
        None,
        PAGE,
        "[]",
        "{}",
        json.dumps([GOOD | {"used": "no"}]),
        json.dumps([GOOD | {"fence": "3"}]),
        json.dumps([GOOD | {"job_id": True}]),
        json.dumps([{key: value for key, value in GOOD.items() if key != "fence"}]),
    ],
    ids=str,
)
def test_a_note_of_another_form_starts_no_second_job(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    assert airbyte_checkpoint._note(json.dumps([GOOD])) == Note(3, 4, ours=True)
    assert airbyte_checkpoint._note(json.dumps([GOOD | {"used": True}])) is None

    class Client:
        def read_artifacts(self, **_: Any) -> list[Any]:
            return [type("Artifact", (), {"data": data})]

    monkeypatch.setattr(airbyte_checkpoint, "get_client", lambda **_: Client())
    monkeypatch.setattr(airbyte_checkpoint.flow_run, "get_id", lambda: "00000000-0000-0000-0000-000000000001")

    with pytest.raises(ExternalServiceUnavailable, match=r"artifact airbyte-job .* No sync was started"):
        airbyte_checkpoint.last_note()


@pytest.mark.parametrize(
    "load", [lambda: aws_blocks._loaded("aws-credentials", "x"), lambda: snowflake_blocks._loaded("block", "x")]
)
def test_a_block_behind_a_page_is_an_outage_and_a_missing_one_is_not(load: Callable[[], Any]) -> None:
    missing = Answer('{"detail": "not found"}', 404, "application/json")
    pages = [Answer(PAGE), Answer(PAGE, 503), Answer(PAGE, 302, headers={"location": "/sign-in"})]
    with (
        answering() as scripted,
        temporary_settings({PREFECT_API_URL: scripted.address, PREFECT_CLIENT_MAX_RETRIES: 0}),
    ):
        for page in pages:
            scripted.says(page)
            with pytest.raises(ExternalServiceUnavailable, match="Prefect"):
                load()
        scripted.says(missing)
        with pytest.raises(ConfigurationError, match="cannot be loaded"):
            load()
