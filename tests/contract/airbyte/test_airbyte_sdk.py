"""The stand-in against the vendor: Airbyte's own SDK drives it, and the SDK's models must parse whatever it answers.

The SDK takes a token from us: left to itself it loses the base path of a token address, which is its defect.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from airbyte_api import AirbyteAPI, api, models
from airbyte_api.errors import SDKError

from sandbox.airbyte.workspace_registry import MASK
from tests.contract.airbyte.airbyte_connection import CONNECTION, Connection, configured, connected, held

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def connection(small_source: str, tmp_path: Path) -> Iterator[Connection]:
    with connected(configured(small_source, tmp_path)) as connection:
        yield connection


@pytest.fixture
def token(connection: Connection) -> str:
    body = {"client_id": "shop", "client_secret": "shop-secret", "grant-type": "client_credentials"}
    return httpx.post(f"{connection.url}/applications/token", json=body).raise_for_status().json()["access_token"]


@pytest.fixture
def sdk(connection: Connection, token: str) -> AirbyteAPI:
    return AirbyteAPI(server_url=connection.url, security=models.Security(bearer_auth=token), timeout_ms=90_000)


def test_the_vendors_sdk_builds_a_connection_and_runs_it(connection: Connection, sdk: AirbyteAPI) -> None:
    """Create, poll, list, and rows in the warehouse at the end."""
    made = _built(connection, sdk)

    started = sdk.jobs.create_job(request=job_of(made.connection_id)).job_response
    assert started is not None
    job = _ended(sdk, started.job_id)

    assert job.status is models.JobStatusEnum.SUCCEEDED
    assert job.rows_synced
    assert job.duration
    assert job.last_updated_at
    assert connection.landed("select count(*) > 0 from raw_sales.item") == [(True,)]
    assert connection.landed("select count(*) from duckdb_tables()") == [(2,)], "two streams were configured"
    listed = sdk.jobs.list_jobs(request=api.ListJobsRequest(connection_id=made.connection_id, limit=5)).jobs_response
    assert listed is not None
    assert [one.job_id for one in listed.data] == [job.job_id]


def test_every_kind_of_resource_is_read_listed_and_patched(connection: Connection, sdk: AirbyteAPI) -> None:
    made = _built(connection, sdk)
    workspace = connection.config.workspace_id

    sources = sdk.sources.list_sources(request=api.ListSourcesRequest(workspace_ids=[workspace])).sources_response
    destinations = sdk.destinations.list_destinations(request={"workspace_ids": [workspace]}).destinations_response
    connections = sdk.connections.list_connections(request={"workspace_ids": [workspace]}).connections_response
    assert sources is not None
    assert destinations is not None
    assert connections is not None
    assert [len(found.data) for found in (sources, destinations, connections)] == [2, 2, 2]
    source = sdk.sources.get_source(request={"source_id": made.source_id}).source_response
    assert source is not None
    assert isinstance(source.configuration, models.SourcePostgres)
    assert source.configuration.password == MASK
    patched = sdk.connections.patch_connection(
        request=api.PatchConnectionRequest(
            connection_id=made.connection_id,
            connection_patch_request=models.ConnectionPatchRequest(status=models.ConnectionStatusEnum.INACTIVE),
        )
    ).connection_response
    assert patched is not None
    assert patched.status is models.ConnectionStatusEnum.INACTIVE
    renamed = sdk.sources.patch_source(
        request={"source_id": made.source_id, "source_patch_request": {"name": "renamed"}}
    ).source_response
    assert renamed is not None
    assert renamed.name == "renamed"
    with pytest.raises(SDKError) as refused:
        sdk.jobs.create_job(request=job_of(made.connection_id))
    assert _problem(refused.value) == (409, "state-conflict")


def test_a_running_job_is_seen_refused_twice_and_cancelled(connection: Connection, sdk: AirbyteAPI) -> None:
    with held(connection.config.warehouse):
        started = sdk.jobs.create_job(request=job_of(CONNECTION)).job_response
        assert started is not None
        assert started.status in (models.JobStatusEnum.PENDING, models.JobStatusEnum.RUNNING)
        with pytest.raises(SDKError) as refused:
            sdk.jobs.create_job(request=job_of(CONNECTION))
        assert _problem(refused.value) == (409, "try-again-later")

        cancelled = sdk.jobs.cancel_job(request={"job_id": started.job_id}).job_response

    assert cancelled is not None
    assert cancelled.status is models.JobStatusEnum.CANCELLED
    with pytest.raises(SDKError) as ended:
        sdk.jobs.cancel_job(request={"job_id": started.job_id})
    assert _problem(ended.value) == (409, "state-conflict")


def test_the_vendors_sdk_understands_every_refusal(connection: Connection, sdk: AirbyteAPI) -> None:
    calls: list[tuple[Any, int, str]] = [
        (lambda: sdk.jobs.get_job(request={"job_id": 4711}), 404, "resource-not-found"),
        (lambda: sdk.sources.get_source(request={"source_id": UNKNOWN}), 404, "resource-not-found"),
        (lambda: sdk.destinations.get_destination(request={"destination_id": UNKNOWN}), 404, "resource-not-found"),
        (lambda: sdk.connections.get_connection(request={"connection_id": UNKNOWN}), 404, "resource-not-found"),
        (
            lambda: sdk.jobs.create_job(request=job_of(CONNECTION, models.JobTypeEnum.REFRESH)),
            422,
            "unprocessable-entity",
        ),
        (
            lambda: sdk.connections.create_connection(request={"source_id": UNKNOWN, "destination_id": UNKNOWN}),
            404,
            "resource-not-found",
        ),
        (lambda: sdk.sources.list_sources(request={"workspace_ids": [UNKNOWN]}), 403, "forbidden"),
    ]
    for call, status, title in calls:
        with pytest.raises(SDKError) as refused:
            call()
        assert _problem(refused.value) == (status, title)
    stranger = AirbyteAPI(server_url=connection.url, security=models.Security(bearer_auth="stale"))
    with pytest.raises(SDKError) as refused:
        stranger.jobs.list_jobs(request={})
    assert _problem(refused.value) == (401, "invalid-api-key")


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/v1/jobs", "/jobs", "/api/public/v1/job", "/api/public/v1/jobs/x"])
def test_no_other_path_is_answered(connection: Connection, token: str, path: str) -> None:
    address = connection.url.removesuffix("/api/public/v1") + path

    assert httpx.get(address, headers={"authorization": f"Bearer {token}"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("sources", {"name": "one"}, 400),
        ("sources", {"name": "one", "workspaceId": UNKNOWN, "configuration": {"sourceType": "postgres"}}, 403),
        ("destinations", {"name": "one", "workspaceId": "own", "configuration": {"destinationType": "s3"}}, 422),
        ("sources", {"name": "one", "workspaceId": "own", "configuration": {"sourceType": "postgres"}}, 400),
        ("connections", {"sourceId": "own", "destinationId": "own", "shedule": {}}, 400),
        ("connections", {"sourceId": "own", "destinationId": "own", "schedule": {"scheduleType": "cron"}}, 422),
        ("connections", {"sourceId": "own", "destinationId": "own", "status": "asleep"}, 400),
        ("connections", {"streams": [{"name": "no_such_table"}]}, 400),
        ("connections", {"streams": [{"name": "item", "syncMode": "incremental_deduped_history"}]}, 400),
        ("connections", {"streams": [{"name": "web_sales", "primaryKey": [["ws_item_sk"]], "merged": True}]}, 400),
        ("connections", {"streams": [{"name": "web_sales", "cursorField": ["ws_item_sk"], "merged": True}]}, 400),
    ],
)
def test_a_body_that_airbyte_would_refuse_is_refused(
    connection: Connection, token: str, path: str, body: dict[str, Any], status: int
) -> None:
    with httpx.Client(base_url=connection.url, headers={"authorization": f"Bearer {token}"}) as http:
        known = http.get(f"connections/{CONNECTION}").json()
        body = {key: known[key] if value == "own" and key in known else value for key, value in body.items()}
        if streams := body.pop("streams", None):
            for stream in streams:
                if stream.pop("merged", False):
                    stream["syncMode"] = "incremental_deduped_history"
            body = {key: known[key] for key in ("sourceId", "destinationId", "namespaceDefinition", "namespaceFormat")}
            body["configurations"] = {"streams": streams}
        before = len(http.get(path).json()["data"])

        refused = http.post(path, json=body)

        assert refused.status_code == status, refused.text
        assert refused.json()["data"]["message"]
        assert len(http.get(path).json()["data"]) == before


def job_of(connection_id: str, kind: models.JobTypeEnum = models.JobTypeEnum.SYNC) -> models.JobCreateRequest:
    return models.JobCreateRequest(connection_id=connection_id, job_type=kind)


def _built(connection: Connection, sdk: AirbyteAPI) -> models.ConnectionResponse:
    """A second connection to the same Postgres, of two streams, made by the SDK."""
    workspace = connection.config.workspace_id
    seeded = httpx.URL(connection.config.postgres_dsn)
    source = sdk.sources.create_source(
        request=models.SourceCreateRequest(
            name="sdk-postgres",
            workspace_id=workspace,
            configuration=models.SourcePostgres(
                host=seeded.host,
                port=seeded.port,
                database=seeded.path.strip("/"),
                username=seeded.username,
                password=seeded.password,
                schemas=["public"],
                replication_method=models.DetectChangesWithXminSystemColumn(),
            ),
        )
    ).source_response
    destination = sdk.destinations.create_destination(
        request=models.DestinationCreateRequest(
            name="sdk-snowflake",
            workspace_id=workspace,
            configuration=models.DestinationSnowflake(
                host="sandbox.invalid", role="R", warehouse="W", database="D", schema_="S", username="U"
            ),
        )
    ).destination_response
    assert source is not None
    assert destination is not None
    streams = [
        models.StreamConfiguration(
            name="web_sales", sync_mode=models.ConnectionSyncModeEnum.INCREMENTAL_DEDUPED_HISTORY
        ),
        models.StreamConfiguration(name="item"),
    ]
    made = sdk.connections.create_connection(
        request=models.ConnectionCreateRequest(
            name="sdk-connection",
            source_id=source.source_id,
            destination_id=destination.destination_id,
            namespace_definition=models.NamespaceDefinitionEnum.CUSTOM_FORMAT,
            namespace_format="RAW_SALES",
            configurations=models.StreamConfigurations(streams=streams),
        )
    ).connection_response
    assert made is not None
    assert [stream.name for stream in made.configurations.streams or []] == ["web_sales", "item"]
    return made


def _ended(sdk: AirbyteAPI, job_id: int) -> models.JobResponse:
    deadline = time.monotonic() + 60
    while True:
        job = sdk.jobs.get_job(request={"job_id": job_id}).job_response
        assert job is not None
        if job.last_updated_at is not None:
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def _problem(error: SDKError) -> tuple[int, str]:
    body = json.loads(error.body)
    assert body["status"] == error.status_code
    return error.status_code, body["title"]
