"""Opens one pinned object version in S3; refuses to read it twice or to guess what an error of S3 means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore import exceptions
from botocore.parsers import ResponseParserError

from inventory_loader.errors import LoaderError, ObjectVanished, StoreRefused, StoreUnavailable
from inventory_loader.objects import NO_VERSION, Dropped, LoadRequest

CHUNK_BYTES = 1 << 20

_TRANSIENT = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.FlexibleChecksumError,
)
"""No answer, or a broken one. What else botocore raises by itself is a matter of credentials or names."""

_ERRORS = (exceptions.ClientError, exceptions.BotoCoreError, ResponseParserError)
"""ResponseParserError is none of botocore's own: a body that is no XML, as of a proxy that answers in S3's place."""


class S3Store:
    """One bucket, read through a boto3 client; retries and endpoints are boto3's own settings."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def check_current(self, object_key: str) -> None:
        """Ask whether the key still has an object: one that was deleted before it was loaded is not to be loaded.

        Raises:
            ObjectVanished: it has none, or a delete marker lies on it.
            StoreRefused, StoreUnavailable: S3 did not tell.
        """
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=object_key)
        except exceptions.ClientError as error:
            # A HEAD has no body, so S3 names no error: 404 is all there is.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise ObjectVanished(
                    f"bucket {self._bucket}: S3 answers 404 to a HEAD; wanted the object that the event names. "
                    "Nothing was loaded."
                ) from error
            raise self._translated(error) from error
        except _ERRORS as error:
            raise self._translated(error) from error
        self._described(answer, object_key, NO_VERSION, answer.get("ContentLength"))

    def listed(self, prefix: str) -> list[Dropped]:
        """Describe every version of every key under `prefix`, but of keys that are deleted.

        Overwritten versions count: a dump may hold weeks that its successor has not.

        Raises:
            StoreRefused, StoreUnavailable: S3 did not tell.
        """
        found: list[Dropped] = []
        deleted: set[str] = set()
        for page in self._pages(prefix):
            found += self._versions(page)
            deleted |= self._deleted(page)
        return [one for one in found if one.object_key not in deleted]

    def uploaded_at(self, dropped: Dropped) -> datetime:
        """Tell versions of one key and second apart: `last_modified`, and a microsecond for each older one of them.

        S3 tells whole seconds, but lists the versions of a key newest first.

        Raises:
            ObjectVanished: the version is gone.
            StoreRefused, StoreUnavailable: S3 did not tell.
        """
        if dropped.version_id == NO_VERSION:
            return dropped.last_modified
        older, seen = 0, False
        versions = (one for page in self._pages(dropped.object_key) for one in self._versions(page))
        for one in versions:
            if one.object_key != dropped.object_key:
                continue
            if seen and one.last_modified < dropped.last_modified:
                break
            older += seen
            seen = seen or one.version_id == dropped.version_id
        if not seen:
            raise ObjectVanished(
                f"bucket {self._bucket}: a version is not listed any more; wanted the one that was read. Nothing was "
                "loaded."
            )
        return dropped.last_modified + timedelta(microseconds=older)

    def _pages(self, prefix: str) -> Iterator[Mapping[str, Any]]:
        """List versions and delete markers of all keys that begin so, those of one key newest first."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            for page in pages:
                # A page without a version is an answer only if it says so itself: a proxy's HTML, answered with 200,
                # has none of this.
                said = isinstance(page.get("IsTruncated"), bool) and page.get("Prefix") == prefix
                if not said or not isinstance(page.get("Name"), str):
                    raise self._not_of_s3("a listing without the bucket's name, this prefix and whether it is cut off")
                yield page
        except _ERRORS as error:
            raise self._translated(error) from error

    def _versions(self, page: Mapping[str, Any]) -> list[Dropped]:
        entries = page.get("Versions", [])
        return [self._described(one, one.get("Key"), one.get("VersionId"), one.get("Size")) for one in entries]

    def _deleted(self, page: Mapping[str, Any]) -> set[str]:
        markers = page.get("DeleteMarkers", [])
        if not all(isinstance(one.get("Key"), str) and isinstance(one.get("IsLatest"), bool) for one in markers):
            raise self._not_of_s3("a delete marker without a key, or without whether it is the latest")
        return {one["Key"] for one in markers if one["IsLatest"]}

    def _described(self, told: Mapping[str, Any], object_key: object, version_id: object, size: object) -> Dropped:
        modified, etag = told.get("LastModified"), told.get("ETag")
        absent = "an object without key, version, size, ETag or time"
        if not (isinstance(object_key, str) and isinstance(version_id, str) and isinstance(size, int)):
            raise self._not_of_s3(absent)
        if not (isinstance(etag, str) and isinstance(modified, datetime)):
            raise self._not_of_s3(absent)
        at = modified.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        return Dropped(object_key, version_id, etag.strip('"'), size, at)

    def _not_of_s3(self, seen: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"bucket {self._bucket}: observed {seen}; expected an answer of S3. Something else may answer "
            "in its place: a proxy, or another service at AWS_ENDPOINT_URL_S3. Nothing was loaded; invoke again."
        )

    @contextmanager
    def opened(self, request: LoadRequest) -> Iterator[tuple[Dropped, Iterator[bytes]]]:
        """Give the object as S3 describes it, and its bytes in chunks.

        Description and bytes come from one GET: an upload in between cannot tear them apart.

        Raises:
            ObjectVanished, StoreRefused, StoreUnavailable: also while the bytes are being read.
        """
        version = {} if request.version_id is None else {"VersionId": request.version_id}
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=request.object_key, **version)
        except _ERRORS as error:
            raise self._translated(error) from error
        version_id = response.get("VersionId") or request.version_id or NO_VERSION
        if request.version_id not in (None, version_id):
            raise self._not_of_s3("another version than the one asked for")
        dropped = self._described(response, request.object_key, version_id, response.get("ContentLength"))
        with closing(response["Body"]) as body:
            yield dropped, self._chunks(body)

    def _chunks(self, body: Any) -> Iterator[bytes]:
        # botocore counts, and raises if fewer bytes come than S3 announced.
        try:
            while chunk := body.read(CHUNK_BYTES):
                yield chunk
        except exceptions.BotoCoreError as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> LoaderError:
        if isinstance(error, ResponseParserError):
            # Without its text, which repeats the body.
            return self._not_of_s3("a body that cannot be read as an answer")
        if isinstance(error, _TRANSIENT):
            return StoreUnavailable(f"bucket {self._bucket}: {error}. Nothing was loaded; invoke again.")
        if not isinstance(error, exceptions.ClientError):
            return StoreRefused(f"bucket {self._bucket}: {error}. Nothing was loaded.")
        code = error.response["Error"]["Code"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        seen = f"bucket {self._bucket}: S3 answers {status} {code}"
        # 405 is how S3 answers a GET of a version that is a delete marker.
        if code in {"NoSuchKey", "NoSuchVersion"} or status == 405:
            return ObjectVanished(f"{seen}; wanted the object that the event names. Nothing was loaded.")
        if status >= 500 or status == 429 or code in {"SlowDown", "RequestTimeout"}:
            return StoreUnavailable(f"{seen}, retries included. Nothing was loaded; invoke again.")
        # Without s3:ListBucket a missing object is answered with 403, too.
        return StoreRefused(
            f"{seen}; wanted s3:GetObject, s3:GetObjectVersion, s3:ListBucket and s3:ListBucketVersions there. "
            "Nothing was loaded."
        )
