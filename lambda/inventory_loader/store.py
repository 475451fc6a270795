"""Opens one pinned object version in S3; refuses to read it twice or to guess what an error of S3 means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from inventory_loader.dropped import NO_VERSION, Dropped, Request
from inventory_loader.errors import LoaderError, ObjectVanished, StoreRefused, StoreUnavailable

CHUNK_BYTES = 1 << 20


class S3Store:
    """One bucket, read through a boto3 client; retries and endpoints are boto3's own settings."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @contextmanager
    def opened(self, request: Request) -> Iterator[tuple[Dropped, Iterator[bytes]]]:
        """Give the object as S3 describes it, and its bytes in chunks.

        Description and bytes come from one GET: an upload in between cannot tear them apart.

        Raises:
            ObjectVanished, StoreRefused, StoreUnavailable: also while the bytes are being read.
        """
        version = {} if request.version_id is None else {"VersionId": request.version_id}
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=request.object_key, **version)
        except (ClientError, BotoCoreError) as error:
            raise self._translated(error) from error
        dropped = Dropped(
            object_key=request.object_key,
            version_id=response.get("VersionId") or request.version_id or NO_VERSION,
            etag=response["ETag"].strip('"'),
            bytes=response["ContentLength"],
            last_modified=response["LastModified"].astimezone(UTC).replace(tzinfo=None, microsecond=0),
        )
        with closing(response["Body"]) as body:
            yield dropped, self._chunks(body, dropped.bytes)

    def _chunks(self, body: Any, wanted: int) -> Iterator[bytes]:
        seen = 0
        try:
            while chunk := body.read(CHUNK_BYTES):
                seen += len(chunk)
                yield chunk
        except BotoCoreError as error:
            raise self._translated(error) from error
        if seen != wanted:
            raise StoreUnavailable(f"{seen:,} bytes of the object came, S3 announced {wanted:,}. Nothing was loaded.")

    def _translated(self, error: ClientError | BotoCoreError) -> LoaderError:
        if not isinstance(error, ClientError):
            return StoreUnavailable(f"bucket {self._bucket}: {type(error).__name__}: {error}. Nothing was loaded.")
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
            f"{seen}; wanted s3:GetObject, s3:GetObjectVersion and s3:ListBucket there. Nothing was loaded."
        )
