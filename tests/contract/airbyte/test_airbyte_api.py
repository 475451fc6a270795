"""The Airbyte stand-in as our own client and a bare HTTP client see it: tokens, jobs, refusals."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.airbyte.response_shapes import iso_duration, offset_date_time
from shelfgate.errors import ConfigurationError, SyncFailed
from tests.contract.airbyte.airbyte_connection import CONNECTION, Connection, configured, connected, held


@pytest.fixture
def connection(small_source: str, tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(small_source, tmp_path)) as connection:
        yield connection


@pytest.fixture
def bare(connection: Connection) -> Iterator[httpx.Client]:
    """Without our client: what the API itself answers. Authorised."""
    with httpx.Client(base_url=connection.url) as http:
        http.headers["authorization"] = f"Bearer {token(http)['access_token']}"
        yield http


def token(http: httpx.Client, **body: Any) -> Any:
    answer = http.post(
        "applications/token", **(body or {"json": {"client_id": "shop", "client_secret": "shop-secret"}})
    )
    return answer.raise_for_status().json()


def test_a_sync_goes_from_pending_over_running_to_succeeded(connection: Connection) -> None:
    seen: list[str] = []

    with held(connection.config.warehouse):
        triggered = connection.api.trigger(CONNECTION)
        wait_for(connection, triggered.job.job_id, "running")
    job = connection.api.await_job(triggered.job.job_id, 30, lambda job: seen.append(job.status))

    assert triggered.ours
    assert triggered.job.status in ("pending", "running")
    assert seen[-1] == job.status == "succeeded"
    assert job.rows_synced


def test_a_second_trigger_adopts_the_job_that_runs(connection: Connection) -> None:
    with held(connection.config.warehouse):
        first = connection.api.trigger(CONNECTION)
        second = connection.client().trigger(CONNECTION)

    assert (first.ours, second.ours) == (True, False)
    assert second.job.job_id == first.job.job_id
    connection.api.await_job(first.job.job_id, 30, lambda _: None)
    assert len(connection.api.list_jobs(CONNECTION)) == 1


def test_triggers_at_the_same_time_start_one_job(connection: Connection) -> None:
    """All have seen that no job runs before the first one starts it: the others are refused, and adopt it."""
    found: list[int] = []

    def trigger() -> None:
        found.append(connection.client(sleep=lambda _: time.sleep(0.05)).trigger(CONNECTION).job.job_id)

    threads = [threading.Thread(target=trigger) for _ in range(4)]
    with held(connection.config.warehouse):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [found[0]] * 4


def test_a_cancelled_job_stops_and_lands_nothing(connection: Connection) -> None:
    with held(connection.config.warehouse):
        job_id = connection.api.trigger(CONNECTION).job.job_id
        wait_for(connection, job_id, "running")

        connection.api.cancel(job_id)

        with pytest.raises(SyncFailed, match=f"job {job_id} of connection {CONNECTION} cancelled"):
            connection.api.await_job(job_id, 30, lambda _: None)
    assert connection.landed("select count(*) from duckdb_tables()") == [(0,)]
    connection.api.cancel(job_id)
    assert connection.sync().status == "succeeded"


def test_a_job_that_reads_is_interrupted(whole_source: str, tmp_path: Path) -> None:
    with connected(configured(whole_source, tmp_path)) as connection:
        job_id = connection.api.trigger(CONNECTION).job.job_id
        wait_for(connection, job_id, "running")
        time.sleep(0.1)

        connection.api.cancel(job_id)
        job = connection.api.get_job(job_id)

    assert job.status == "cancelled"
    assert connection.landed("select count(*) from duckdb_tables()") == [(0,)]


def test_a_job_that_gets_no_turn_at_the_warehouse_fails(small_source: str, tmp_path: Path) -> None:
    config = configured(small_source, tmp_path, warehouse_wait_seconds=0.1)

    with held(config.warehouse), connected(config) as connection:
        why = connection.why_it_failed()

    assert "no turn at the warehouse" in why


def test_job_numbers_grow_on_when_the_stand_in_starts_again(small_source: str, tmp_path: Path) -> None:
    config = configured(small_source, tmp_path)
    with connected(config) as connection:
        first = connection.sync().job_id
    with held(config.warehouse), connected(config) as connection:
        stopped = connection.api.trigger(CONNECTION).job.job_id
        wait_for(connection, stopped, "running")

    with connected(config) as connection:
        assert [(job.job_id, job.status) for job in connection.api.list_jobs(CONNECTION)] == [
            (stopped, "cancelled"),
            (first, "succeeded"),
        ]
        assert connection.sync().job_id == stopped + 1 > first


def test_a_job_that_a_killed_stand_in_left_running_has_failed(small_source: str, tmp_path: Path) -> None:
    config = configured(small_source, tmp_path)
    config.state_folder.mkdir()
    moments = {"created_at": "2026-11-22T06:00:00+00:00", "updated_at": "2026-11-22T06:00:00+00:00"}
    left = {"job_id": 7, "connection_id": CONNECTION, "status": "running", **moments}
    (config.state_folder / "airbyte_jobs.json").write_text(json.dumps([left]))

    with connected(config) as connection:
        assert connection.api.get_job(7).status == "failed"
        assert connection.sync().job_id == 8


def test_an_expired_token_is_replaced_in_the_middle_of_a_wait(small_source: str, tmp_path: Path) -> None:
    with connected(configured(small_source, tmp_path, token_ttl_seconds=1)) as connection:
        api = connection.client(clock=lambda: 0.0)
        job_id = api.trigger(CONNECTION).job.job_id
        time.sleep(1.1)

        assert api.await_job(job_id, 30, lambda _: None).status == "succeeded"


@pytest.mark.parametrize("wrong", [{"client_id": "other"}, {"client_secret": "hush-hush"}])
def test_wrong_credentials_are_a_configuration_error_that_does_not_show_them(
    connection: Connection, wrong: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="does not accept the client id and secret") as caught:
        connection.client(**wrong).trigger(CONNECTION)

    assert "hush" not in str(caught.value)
    assert "shop" not in str(caught.value)


def test_a_url_without_the_path_of_the_api_is_a_configuration_error(connection: Connection) -> None:
    with pytest.raises(ConfigurationError, match="lacks its path"):
        connection.client(base_url=connection.url.removesuffix("/api/public/v1")).trigger(CONNECTION)
    with pytest.raises(ConfigurationError, match="not of the form"):
        connection.client(base_url="airbyte:8000")


@pytest.mark.parametrize("title", ["resource-not-found", "forbidden"])
def test_an_unknown_connection_is_a_configuration_error(small_source: str, tmp_path: Path, title: str) -> None:
    config = configured(small_source, tmp_path, unknown_id_title=title)

    with connected(config) as connection, pytest.raises(ConfigurationError, match=r"0b0b: 40[34] Could not find"):
        connection.api.trigger("0b0b")


def test_an_inactive_connection_is_refused_before_a_job_is_asked_for(
    connection: Connection, bare: httpx.Client
) -> None:
    assert bare.patch(f"connections/{CONNECTION}", json={"status": "inactive"}).json()["status"] == "inactive"

    with pytest.raises(ConfigurationError, match="is inactive; wanted: active"):
        connection.api.trigger(CONNECTION)
    assert problem(bare.post("jobs", json=sync())) == (409, "state-conflict", "Could not fulfill request")


def test_problems_have_airbytes_form(bare: httpx.Client) -> None:
    job = bare.post("jobs", json=sync()).json()["jobId"]
    assert problem(bare.post("jobs", json=sync(jobType="refresh"))) == (
        422,
        "unprocessable-entity",
        "Refreshes are not supported in the public API",
    )
    assert problem(bare.get("jobs/4711"))[:2] == (404, "resource-not-found")
    assert problem(bare.post("jobs", content=b"{"))[:2] == (400, "bad-request")
    assert problem(bare.get("jobs", params={"limit": 101}))[:2] == (400, "bad-request")
    assert problem(bare.get("jobs", params={"orderBy": "age|DESC"}))[:2] == (400, "bad-request")
    while bare.get(f"jobs/{job}").json()["status"] not in ("succeeded", "failed"):
        time.sleep(0.02)
    assert problem(bare.delete(f"jobs/{job}")) == (409, "state-conflict", "Job is not currently running")
    bare.headers["authorization"] = "Bearer stale"
    for answer in (bare.get("jobs"), bare.post("jobs", json=sync()), bare.get(f"connections/{CONNECTION}")):
        assert problem(answer)[:2] == (401, "invalid-api-key")


def test_a_token_may_be_asked_for_in_json_or_as_a_form(bare: httpx.Client) -> None:
    credentials = {"client_id": "shop", "client_secret": "shop-secret", "grant_type": "client_credentials"}

    for answer in (token(bare, json=credentials), token(bare, data=credentials)):
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    refused = bare.post("applications/token", data={**credentials, "client_secret": "other"})
    assert (refused.status_code, list(refused.json())) == (401, ["errorId"])


def test_jobs_are_listed_in_pages_newest_first(connection: Connection, bare: httpx.Client) -> None:
    ids = [connection.sync().job_id for _ in range(3)]

    first = bare.get("jobs", params={"connectionId": CONNECTION, "limit": 2}).json()
    second = bare.get(first["next"]).json()
    # Airbyte names a next page after the last one, too.
    third = bare.get(second["next"]).json()

    assert [[job["jobId"] for job in page["data"]] for page in (first, second, third)] == [ids[:0:-1], ids[:1], []]
    assert (first["previous"], third["next"]) == ("", "")
    oldest = bare.get("jobs", params={"orderBy": "createdAt|ASC", "limit": 1}).json()["data"]
    assert oldest[0]["jobId"] == ids[0]
    assert bare.get("jobs", params={"connectionId": "other"}).json()["data"] == []


def test_times_are_written_as_java_writes_them() -> None:
    moment = datetime(2026, 11, 22, 6, 0, 0, 123, tzinfo=UTC)

    assert offset_date_time(moment) == "2026-11-22T06:00Z"
    assert offset_date_time(moment + timedelta(seconds=3)) == "2026-11-22T06:00:03Z"
    assert [iso_duration(timedelta(seconds=s)) for s in (0, 247, 29172)] == ["PT0S", "PT4M7S", "PT8H6M12S"]


def sync(**changes: str) -> dict[str, str]:
    return {"connectionId": CONNECTION, "jobType": "sync", **changes}


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"].endswith(f"#{body['title']}")
    return answer.status_code, body["title"], body["data"]["message"]


def wait_for(connection: Connection, job_id: int, status: str) -> None:
    deadline = time.monotonic() + 20
    while connection.api.get_job(job_id).status != status:
        assert time.monotonic() < deadline, f"job {job_id} did not get {status}"
        time.sleep(0.01)
