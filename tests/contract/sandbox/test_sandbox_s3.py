"""The sandbox's landing bucket: versions as S3 has them, and nothing lost between down and up."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.aws_signature import AwsKeys
from sandbox.sources import dump_bucket
from sandbox.sources.dump_bucket import BUCKET, LandingBucket
from shelfgate.errors import ExternalServiceUnavailable

KEY = "inbound/inventory/2002-12-19.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s3"


@pytest.fixture
def opened(folder: Path) -> Iterator[Callable[[], tuple[LandingBucket, Any]]]:
    buckets: list[LandingBucket] = []

    def open_bucket() -> tuple[LandingBucket, Any]:
        bucket = LandingBucket(folder, AwsKeys("a", "b"))
        buckets.append(bucket)
        return bucket, client(bucket.start())

    yield open_bucket
    for bucket in buckets:
        bucket.stop()


def client(endpoint: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def read(bucket: Any, key: str, **more: str) -> bytes:
    return bucket.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def current(bucket: Any) -> list[tuple[Any, ...]]:
    versions = bucket.list_object_versions(Bucket=BUCKET)["Versions"]
    return [
        (found["Key"], found["VersionId"], found["LastModified"], found["ETag"], found["Size"])
        for found in versions
        if found["IsLatest"]
    ]


def test_a_second_put_makes_a_version_and_keeps_the_first(opened: Callable[[], tuple[LandingBucket, Any]]) -> None:
    _, remote = opened()

    first = remote.put_object(Bucket=BUCKET, Key=KEY, Body=b"one")["VersionId"]
    second = remote.put_object(Bucket=BUCKET, Key=KEY, Body=b"two")["VersionId"]

    assert first != second
    assert read(remote, KEY) == b"two"
    assert read(remote, KEY, VersionId=first) == b"one"
    assert remote.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_an_object_keeps_content_version_and_time_over_a_restart(
    opened: Callable[[], tuple[LandingBucket, Any]], folder: Path, tmp_path: Path
) -> None:
    bucket, remote = opened()
    dump = tmp_path / "dump.csv"
    dump.write_bytes(b"by put_dump")
    dump_bucket.put_dump(remote, folder, KEY, dump)
    remote.put_object(Bucket=BUCKET, Key="by/somebody else+é.csv", Body=b"by the S3 API")
    remote.put_object(Bucket=BUCKET, Key="deleted", Body=b"x")
    bucket.keep()
    remote.delete_object(Bucket=BUCKET, Key="deleted")
    before = current(remote)
    bucket.stop()

    _, remote = opened()

    assert current(remote) == before
    assert {key for key, *_ in before} == {KEY, "by/somebody else+é.csv"}
    assert read(remote, KEY) == b"by put_dump"
    assert read(remote, "by/somebody else+é.csv") == b"by the S3 API"
    assert (folder / KEY).read_bytes() == b"by put_dump"


def test_a_dump_is_in_the_folder_as_soon_as_it_is_put(
    opened: Callable[[], tuple[LandingBucket, Any]], folder: Path, tmp_path: Path
) -> None:
    _, remote = opened()
    dump = tmp_path / "dump.csv"
    dump.write_bytes(b"x")

    dump_bucket.put_dump(remote, folder, KEY, dump)

    assert (folder / KEY).read_bytes() == b"x", "a kill right now would lose it"


def test_a_file_changed_while_the_bucket_was_down_is_a_new_version(
    opened: Callable[[], tuple[LandingBucket, Any]], folder: Path
) -> None:
    bucket, remote = opened()
    version = remote.put_object(Bucket=BUCKET, Key=KEY, Body=b"one")["VersionId"]
    bucket.stop()
    (folder / KEY).write_bytes(b"two")

    _, remote = opened()

    assert read(remote, KEY) == b"two"
    assert remote.head_object(Bucket=BUCKET, Key=KEY)["VersionId"] != version


def test_a_listing_copies_no_content_and_leaves_the_objects_as_they_are(
    opened: Callable[[], tuple[LandingBucket, Any]],
) -> None:
    from moto.s3.models import FakeKey

    _, remote = opened()
    bodies = [b"one", b"two, longer", b"three"]
    put = [remote.put_object(Bucket=BUCKET, Key=KEY, Body=body) for body in bodies]
    ever_made = len(FakeKey.instances_tracked)  # pyright: ignore[reportAttributeAccessIssue]

    listings = [remote.list_object_versions(Bucket=BUCKET)["Versions"] for _ in range(3)]
    gc.collect()

    assert len(FakeKey.instances_tracked) == ever_made  # pyright: ignore[reportAttributeAccessIssue]
    for listing in listings:
        seen = {one["VersionId"]: (one["Size"], one["ETag"], one["IsLatest"]) for one in listing}
        assert seen == {
            one["VersionId"]: (len(body), one["ETag"], body == bodies[-1])
            for one, body in zip(put, bodies, strict=True)
        }
    for one, body in zip(put, bodies, strict=True):
        found = remote.get_object(Bucket=BUCKET, Key=KEY, VersionId=one["VersionId"])
        assert found["Body"].read() == body


def test_a_key_that_is_no_path_below_the_folder_never_leaves_it(
    opened: Callable[[], tuple[LandingBucket, Any]], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bucket, remote = opened()
    for key in ("a/../../outside", "folder/", "double//slash", "a", "a/b"):
        remote.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    bucket.keep()

    assert not (folder.parent / "outside").exists()
    assert sum("will not survive" in record.message for record in caplog.records) == 4


def test_a_dump_that_nobody_takes_is_an_error_of_the_outside_world(folder: Path, tmp_path: Path) -> None:
    dump = tmp_path / "dump.csv"
    dump.write_bytes(b"x")
    nobody = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"max_attempts": 0}, connect_timeout=1),
    )

    with pytest.raises(ExternalServiceUnavailable, match="did not take"):
        dump_bucket.put_dump(nobody, folder, KEY, dump)

    assert not folder.exists()
