"""Lists the dumps in the landing bucket; refuses to read one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shelfgate.clients.aws_session import aws_session
from shelfgate.clients.s3_errors import as_our_errors
from shelfgate.clients.s3_responses import DELETE_MARKER, VERSION, whole_listing
from shelfgate.failpoints import outside_call

if TYPE_CHECKING:
    from botocore.client import BaseClient


NO_VERSION = "null"
"""S3's own word for the version of an object in a bucket that keeps no versions."""


DUMP_SUFFIXES = (".csv", ".csv.gz")
"""As in the bucket's notification filter, case included, and in the loader."""

_LIKE_A_DUMP = re.compile(r".*/(\d{4}-\d{2}-\d{2}|[^/]*\.csv)[^/]*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class DroppedObject:
    """A version of an object; `last_modified` is UTC, in whole seconds."""

    object_key: str
    version_id: str
    last_modified: datetime
    bytes: int
    etag: str

    @property
    def is_dump(self) -> bool:
        """Whether its key is one that the bucket announces; the loader may refuse it all the same."""
        return self.object_key.endswith(DUMP_SUFFIXES)

    @property
    def looks_like_a_dump(self) -> bool:
        """Whether an object that is none may have been meant as one: `2001-12-30.CSV`, `2001-12-30.csv.zip`."""
        return not self.is_dump and self.bytes > 0 and _LIKE_A_DUMP.fullmatch(f"/{self.object_key}") is not None

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at these bytes, another for any others, in a bucket without versions too."""
        return f"{self.object_key}@{self.version_id}#{self.etag}"


def s3_client() -> BaseClient:
    """A client from the environment: `AWS_ENDPOINT_URL_S3`, keys, region."""
    from botocore.config import Config

    # 3 attempts: a listing answers in milliseconds; what lasts longer is an outage, and the task retries that.
    return aws_session().client(
        "s3", config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
    )


@outside_call("bucket")
def dropped_objects(bucket: str, prefix: str, client: Any | None = None) -> list[DroppedObject]:
    """Every version of every object below `prefix`, oldest dump first (by key, then by time of arrival).

    Versions that were overwritten count: a dump may hold weeks that its successor under the same key has not. A key
    that was deleted does not, whatever lies under the delete marker.

    Raises:
        ConfigurationError: no such bucket, no right to list it, or no credentials.
        ExternalServiceUnavailable: S3 does not answer, or not with a whole listing.
    """
    wanted = "a bucket that this role may list; check SHELFGATE_S3_BUCKET."
    with as_our_errors(bucket, f"listing {bucket}/{prefix}", wanted):
        found = list(_versions(client or s3_client(), bucket, prefix))
    # S3 tells time in whole seconds and lists the newest version of a key first: of one second, the last listed is the
    # oldest.
    found.reverse()
    return sorted(found, key=lambda one: (one.object_key, one.last_modified))


def _versions(client: Any, bucket: str, prefix: str) -> Iterator[DroppedObject]:
    found: list[Any] = []
    deleted: set[str] = set()
    entries = {"Versions": VERSION, "DeleteMarkers": DELETE_MARKER}
    for page in whole_listing(client, "list_object_versions", bucket, prefix, entries):
        found += page.get("Versions", [])
        deleted |= {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]}
    for version in found:
        if version["Key"] not in deleted:
            yield DroppedObject(
                version["Key"],
                version["VersionId"],
                # A GET, from which the ledger has it, tells whole seconds only.
                version["LastModified"].astimezone(UTC).replace(tzinfo=None, microsecond=0),
                version["Size"],
                version["ETag"].strip('"'),
            )
