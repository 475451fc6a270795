"""A refresh reads streams anew: rows that were deleted at the source go, which no sync by xmin sees."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from shelfgate.clients.airbyte.http_session import AirbyteSession
from shelfgate.clients.airbyte.stream_refresh import StreamRefresh
from shelfgate.clients.source_postgres import DATED, UNDATED
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure, SyncFailed
from shelfgate.progress import Step, listening
from tests.contract.airbyte.airbyte_connection import CONNECTION, Connection, configured, connected, held

GONE = "delete from catalog_sales where cs_order_number in (select min(cs_order_number) from catalog_sales)"


@pytest.fixture
def connection(source: str, tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(source, tmp_path)) as connection:
        connection.sync()
        yield connection


def refresh_of(
    connection: Connection, url: str | None = None, transport: httpx.BaseTransport | None = None
) -> StreamRefresh:
    url = url or connection.url
    session = AirbyteSession(url, "shop", "shop-secret", transport=transport)
    return StreamRefresh(session, url, CONNECTION, sleep=lambda _: time.sleep(0.02))


def key(connection: Connection) -> dict[str, str]:
    body = {"client_id": "shop", "client_secret": "shop-secret"}
    answer = httpx.post(f"{connection.url}/applications/token", json=body).raise_for_status().json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


def asked(connection: Connection, **body: object) -> httpx.Response:
    url = connection.url.replace("/public", "") + "/connections/refresh"
    return httpx.post(url, json={"connectionId": CONNECTION, **body}, headers=key(connection))


def generation(connection: Connection, table: str) -> tuple[int, int]:
    query = f"select min(_airbyte_generation_id), max(_airbyte_generation_id) from raw_sales.{table}"
    return connection.landed(query)[0]  # pyright: ignore[reportReturnType]


def test_a_refresh_removes_what_the_source_deleted(connection: Connection) -> None:
    connection.change(GONE)
    connection.change("delete from web_sales where ws_order_number = (select min(ws_order_number) from web_sales)")
    connection.sync()
    source, landed = connection.rows("catalog_sales")
    assert len(landed) > len(source), "a sync sees no deleted row"

    refresh = refresh_of(connection)
    rows = refresh.await_end(refresh.start(["catalog_sales"]), 60)

    source, landed = connection.rows("catalog_sales")
    assert landed == source
    assert rows is not None
    assert rows >= len(source)
    assert generation(connection, "catalog_sales") == (2, 2)
    source, landed = connection.rows("web_sales")
    assert len(landed) > len(source), "only the stream that was named"
    assert generation(connection, "web_sales") == (1, 1)


def test_a_sync_after_a_refresh_reads_only_what_is_new(connection: Connection) -> None:
    refresh = refresh_of(connection)
    refresh.await_end(refresh.start(["catalog_sales"]), 60)
    connection.change("update catalog_sales set cs_quantity = 1 where cs_order_number % 10 = 0")

    connection.sync()

    source, landed = connection.rows("catalog_sales")
    assert landed == source
    assert generation(connection, "catalog_sales") == (2, 2)


def test_a_refresh_that_merges_keeps_what_was_deleted(connection: Connection) -> None:
    before = len(connection.rows("catalog_sales")[1])
    connection.change(GONE)

    job = asked(connection, refreshMode="Merge", streams=[{"streamName": "catalog_sales"}]).json()["job"]
    refresh_of(connection).await_end(job["id"], 60)

    assert len(connection.rows("catalog_sales")[1]) == before
    assert generation(connection, "catalog_sales") == (1, 2)


def test_the_public_api_lists_a_refresh_and_starts_none(connection: Connection) -> None:
    refresh = refresh_of(connection)
    job_id = refresh.start(["catalog_sales"])
    refresh.await_end(job_id, 60)

    with httpx.Client(base_url=connection.url, headers=key(connection)) as http:
        listed = http.get("jobs", params={"connectionId": CONNECTION, "jobType": "refresh"}).json()["data"]
        refused = http.post("jobs", json={"connectionId": CONNECTION, "jobType": "refresh"})

    assert [(job["jobId"], job["jobType"], job["status"]) for job in listed] == [(job_id, "refresh", "succeeded")]
    assert (refused.status_code, refused.json()["data"]["message"]) == (
        422,
        "Refreshes are not supported in the public API",
    )


def test_what_cannot_be_refreshed_is_an_error_that_says_why(connection: Connection) -> None:
    with pytest.raises(ConfigurationError, match=r"observed no stream catalogue, expected of: catalog_returns, .*"):
        refresh_of(connection).start(["catalogue"])
    with pytest.raises(ConfigurationError, match="Airbyte Cloud offers a refresh in its interface only"):
        refresh_of(connection, "https://api.airbyte.com/v1")
    assert httpx.post(refresh_of(connection)._url).status_code == 401  # pyright: ignore[reportPrivateUsage]
    assert asked(connection, refreshMode="merge").status_code == 422
    assert asked(connection, refreshMode="Merge", streams=[{"streamName": "nowhere"}]).status_code == 422
    with held(connection.config.warehouse):
        running = connection.api.trigger(CONNECTION).job.job_id
        with pytest.raises(ExternalServiceUnavailable, match="No refresh was started: a job of this connection runs"):
            refresh_of(connection).start(["catalog_sales"])
        connection.api.cancel(running)


def test_a_refresh_that_fails_or_does_not_end_is_told(connection: Connection) -> None:
    connection.change("alter table income_band rename to away")
    refresh = refresh_of(connection)
    with pytest.raises(SyncFailed, match=r"refresh job \d+ failed.*What had landed before stays"):
        refresh.await_end(refresh.start(["catalog_sales"]), 60)
    connection.change("alter table away rename to income_band")
    with held(connection.config.warehouse):
        job_id = refresh.start(["catalog_sales"])
        with pytest.raises(ExternalServiceUnavailable, match="not ended after 0 s"):
            refresh.await_end(job_id, 0)
    refresh.await_end(job_id, 60)


def test_an_answer_without_a_refresh_job_is_no_success(connection: Connection) -> None:
    answers = [{}, {"job": None}, {"job": {"id": 7, "configType": "sync"}}, []]

    def airbyte(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/refresh"):
            return httpx.Response(200, json=answers.pop())
        with httpx.Client() as http:
            return http.send(request)

    while answers:
        with pytest.raises(PermanentFailure, match="observed an answer without a refresh job"):
            refresh_of(connection, transport=httpx.MockTransport(airbyte)).start(["catalog_sales"])


def refresh_streams(connection: Connection, home: Path, *options: str, typed: str = "") -> Result:
    named = {
        "HOME": str(home),
        "AIRBYTE_URL": connection.url,
        "AIRBYTE_CLIENT_ID": "shop",
        "AIRBYTE_CLIENT_SECRET": "shop-secret",
        "AIRBYTE_CONNECTION_ID": CONNECTION,
    }
    given = {f"SHELFGATE_{name}": value for name, value in named.items()}
    return CliRunner().invoke(cli, ["airbyte", "refresh-streams", *options], input=typed, env=given)


def test_a_refresh_of_all_streams_asks_first(connection: Connection, tmp_path: Path) -> None:
    refused = refresh_streams(connection, tmp_path / "home", "--all", typed="n\n")
    assert refused.exit_code != 0
    assert "Refresh them?" in refused.stderr
    assert generation(connection, "catalog_sales") == (1, 1)

    answered = refresh_streams(connection, tmp_path / "home", "--all", "--yes", "--json")

    told = json.loads(answered.stdout)
    assert set(told["streams"]) == {*DATED, *UNDATED}
    assert generation(connection, "catalog_sales") == generation(connection, "item") == (2, 2)


@pytest.mark.parametrize("options", [[], ["--all", "item"]])
def test_streams_are_named_or_all_of_them(connection: Connection, tmp_path: Path, options: list[str]) -> None:
    assert refresh_streams(connection, tmp_path / "home", *options).exit_code == 2
    assert generation(connection, "item") == (1, 1)


def test_a_refresh_under_way_reports_its_job(connection: Connection) -> None:
    refresh, heard = refresh_of(connection), []
    with held(connection.config.warehouse):
        job_id = refresh.start(["item"])
        with listening(heard.append), pytest.raises(ExternalServiceUnavailable):
            refresh.await_end(job_id, 0.1)
    refresh.await_end(job_id, 60)

    assert Step(now=f"Airbyte refresh job {job_id} is running") in heard
