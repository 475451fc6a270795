"""A deployment's bucket and keys from Prefect blocks; refuses to fall back to the environment when a named block fails.

Where no block is named, boto3 finds its own credentials, as on a laptop.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx
from prefect.runtime import flow_run

from shelfgate.clients import lambda_api
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from shelfgate.settings import Settings

if TYPE_CHECKING:
    from prefect_aws import AwsCredentials, S3Bucket


def landing(settings: Settings) -> tuple[str, str, Any | None]:
    """The landing bucket, the prefix of its dumps, and a client of S3; None for the one that the environment gives.

    Raises:
        ConfigurationError: SHELFGATE_S3_BUCKET is missing, contradicts SHELFGATE_S3_BLOCK, or the block is no good.
    """
    if settings.s3_block is None:
        return settings.need("s3_bucket"), settings.s3_prefix, _client_of(settings.aws_block, "s3")
    block: S3Bucket = _loaded("s3-bucket", settings.s3_block)
    if settings.s3_bucket not in (None, block.bucket_name):
        raise ConfigurationError(
            f"SHELFGATE_S3_BUCKET is {settings.s3_bucket}, the block s3-bucket/{settings.s3_block} says "
            f"{block.bucket_name}. Nothing was loaded; set one of them."
        )
    folder = block.bucket_folder.strip("/")
    return block.bucket_name, f"{folder}/" if folder else settings.s3_prefix, _client(block.credentials, "s3")


def lambda_client(settings: Settings) -> Any | None:
    """A client of Lambda with the keys of SHELFGATE_AWS_BLOCK; None without one."""
    return _client_of(settings.aws_block, "lambda")


def docs_client(settings: Settings) -> Any | None:
    """A client of S3 with the keys of SHELFGATE_AWS_BLOCK; None without one."""
    return _client_of(settings.aws_block, "s3")


def _client_of(block: str | None, service: str) -> Any | None:
    return None if block is None else _client_of_run(flow_run.get_id(), block, service)


@lru_cache(maxsize=8)
def _client_of_run(run_id: str | None, block: str, service: str) -> Any:
    """Once a run: a backlog of 500 dumps would load the block 500 times. `run_id` ends what is remembered."""
    credentials: AwsCredentials = _loaded("aws-credentials", block)
    return _client(credentials, service)


def _client(credentials: Any, service: str) -> Any:
    """As the block says, endpoint included, but for the waiting: a Lambda that takes long must not be called twice."""
    from botocore.config import Config

    ours = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
    parameters = credentials.aws_client_parameters.get_params_override()
    config = parameters.pop("config", Config()).merge(lambda_api.patience() if service == "lambda" else ours)
    return credentials.get_boto3_session().client(service, config=config, **parameters)


def _loaded(kind: str, name: str) -> Any:
    named = f"block {kind}/{name}"
    try:
        import prefect_aws
    except ImportError:
        raise ConfigurationError(f"{named} needs prefect-aws: install shelfgate with its extra `aws`.") from None
    class_ = prefect_aws.S3Bucket if kind == "s3-bucket" else prefect_aws.AwsCredentials
    try:
        return class_.load(name, _sync=True)  # pyright: ignore[reportCallIssue]  (a keyword of the dispatcher)
    except (httpx.RequestError, json.JSONDecodeError) as error:
        # A page that is no JSON is a proxy's, whatever its status.
        raise ExternalServiceUnavailable(
            f"{named}: Prefect did not answer ({type(error).__name__}). Run again."
        ) from None
    except (ValueError, RuntimeError, httpx.HTTPStatusError) as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code >= 500:
            raise ExternalServiceUnavailable(
                f"{named}: Prefect answered {error.response.status_code}. Run again."
            ) from None
        # Without its text: what did not fit may be a key.
        raise ConfigurationError(
            f"{named} cannot be loaded ({type(error).__name__}). Save it in Prefect under this name (docs/aws.md), or "
            "unset SHELFGATE_S3_BLOCK and SHELFGATE_AWS_BLOCK. Nothing was loaded."
        ) from None
