"""Bucket and keys from Prefect blocks, on the wire: a real server holds the blocks, real clients sign with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.runtime import flow_run
from prefect_aws import AwsCredentials, S3Bucket
from prefect_aws.client_parameters import AwsClientParameters
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flows.run_context import daily_run
from shelfgate.clients.landing_bucket import dropped_objects
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings
from tasks.aws_blocks import lambda_client, landing
from tasks.inventory_load import load_dumps
from tests.contract.serving import served
from tests.support.documentation import DocumentedPage

S3_ID, S3_SECRET = "AKIAOFTHEBUCKET", "canary-of-the-bucket"
LAMBDA_ID, LAMBDA_SECRET = "AKIAOFTHELAMBDA", "canary-of-the-lambda"
VERSIONS = """<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>dumps</Name><Prefix>in/</Prefix>
<IsTruncated>false</IsTruncated><Version><Key>in/2002-12-26.csv</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>
<LastModified>2002-12-26T06:00:00.000Z</LastModified><ETag>"e"</ETag><Size>7</Size></Version></ListVersionsResult>"""


class Aws:
    """Remembers who asked for what; says what S3 and Lambda would."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def answer(self, request: Request) -> Response:
        signer = request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        self.asked.append((signer, request.url.path))
        if request.url.path.endswith("/invocations"):
            (one,) = (await request.json())["objects"]
            reply = {"receipts": [one | {"status": "loaded"}], "vanished": [], "left": 0}
            return JSONResponse(reply, headers={"X-Amz-Executed-Version": "$LATEST"})
        return Response(VERSIONS, media_type="application/xml")


@pytest.fixture
def aws(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Two blocks with different keys, and settings that name them; nothing of AWS in the environment."""
    found = Aws()
    everything = Route("/{path:path}", found.answer, methods=["GET", "POST", "PUT"])
    with served(Starlette(routes=[everything])) as address:
        there = AwsClientParameters(endpoint_url=address)
        bucket_keys = AwsCredentials(
            aws_access_key_id=S3_ID,
            aws_secret_access_key=SecretStr(S3_SECRET),
            region_name="us-east-1",
            aws_client_parameters=there,
        )
        lambda_keys = bucket_keys.model_copy(
            update={"aws_access_key_id": LAMBDA_ID, "aws_secret_access_key": SecretStr(LAMBDA_SECRET)}
        )
        S3Bucket(bucket_name="dumps", bucket_folder="in", credentials=bucket_keys).save("landing", overwrite=True)
        lambda_keys.save("loader", overwrite=True)
        for name, value in {
            "HOME": str(tmp_path),
            "TARGET": "duckdb",
            "S3_BLOCK": "landing",
            "AWS_BLOCK": "loader",
            "LAMBDA_FUNCTION": "inventory-loader",
        }.items():
            monkeypatch.setenv(f"SHELFGATE_{name}", value)
        yield found


@flow(name="load-by-blocks", persist_result=False)
def load_by_blocks() -> tuple[str, int]:
    with daily_run(date(2002, 12, 28)) as day:
        return str(flow_run.get_id()), load_dumps(day.settings, day.warehouse, day.run)["loaded"]


def test_a_deployment_lists_and_loads_with_the_keys_of_its_blocks_and_shows_none(aws: Aws) -> None:
    run_id, loaded = load_by_blocks()

    assert loaded == 1
    assert aws.asked == [
        (S3_ID, "/dumps"),
        (LAMBDA_ID, "/2015-03-31/functions/inventory-loader/invocations"),
    ]
    client = get_client(sync_client=True)
    run = client.read_flow_run(UUID(run_id))
    logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run_id)])))
    told = json.dumps(run.parameters) + repr(Settings.load()) + "".join(log.message for log in logs)
    assert S3_SECRET not in told
    assert LAMBDA_SECRET not in told


def test_the_blocks_of_the_page_find_the_landing_bucket(prefect_server: str, docs_bucket: Any, tmp_path: Path) -> None:
    """docs/aws.md: its code saves the blocks that its settings name; moto is S3, and STS for the role."""
    (code,) = DocumentedPage("aws.md").python()
    for written, meant in (('bucket_name="..."', 'bucket_name="docs"'), ("iam::...:", "iam::123456789012:")):
        assert written in code
        code = code.replace(written, meant)
    docs_bucket.put_object(Bucket="docs", Key="inbound/inventory/1998-01-02.csv", Body=b"x")

    exec(compile(code, "aws.md", "exec"), {})  # noqa: S102
    settings = Settings(home=tmp_path, s3_block="shelfgate-landing", aws_block="shelfgate")

    assert [one.object_key for one in dropped_objects(*landing(settings))] == ["inbound/inventory/1998-01-02.csv"]
    assert lambda_client(settings) is not None


def test_a_lambda_that_takes_long_is_not_called_twice_with_a_blocks_keys_either(aws: Aws) -> None:
    config = lambda_client(Settings.load()).meta.config  # pyright: ignore[reportOptionalMemberAccess]

    assert config.retries["total_max_attempts"] == 1
    assert config.read_timeout == 910


def test_a_block_that_is_not_there_is_a_configuration_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_S3_BLOCK", "nowhere")

    with pytest.raises(ConfigurationError, match="block s3-bucket/nowhere cannot be loaded"):
        landing(Settings.load())

    monkeypatch.setenv("SHELFGATE_AWS_BLOCK", "nobody")
    with pytest.raises(ConfigurationError, match="block aws-credentials/nobody cannot be loaded"):
        lambda_client(Settings.load())
    assert aws.asked == []


def test_a_bucket_that_contradicts_the_block_is_a_configuration_error(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "another")

    with pytest.raises(ConfigurationError, match="SHELFGATE_S3_BUCKET is another, the block s3-bucket/landing says"):
        landing(Settings.load())


def test_without_a_block_the_environment_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "of-a-laptop")

    assert landing(Settings.load()) == ("of-a-laptop", "inbound/inventory/", None)
    assert lambda_client(Settings.load()) is None
