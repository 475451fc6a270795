"""The landing bucket: moto's S3, kept in a folder; refuses to forget an object between `down` and `up`.

Moto holds its objects in memory. The daemon copies each new one to `<folder>/<key>` within a second, and `put_dump`
does not return before it has done so itself; a start refills the bucket from there. An object keeps its version id and
its time over `down` and `up`. After a SIGKILL one that was put in the last second has a new version id, as has a file
changed by hand: the loader knows it by its content. Only the current version of each object is kept, without metadata.
"""

from __future__ import annotations

import hashlib
import json
import logging
import socket
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.aws_signature import AwsKeys
from sandbox.home import UNFINISHED, write_whole
from sandbox.processes import listening, port_of
from sandbox.sources.s3_server import S3Server
from shelfgate.errors import ExternalServiceUnavailable

if TYPE_CHECKING:
    from moto.s3.models import FakeKey

BUCKET = "shelfgate-landing"
PREFIX = "inbound/inventory/"
REGION = "us-east-1"

MOTO_ACCOUNT = "123456789012"
MOTO_PARTITION = "aws"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """Who an object was when the folder took it over; the digest tells whether the file is still that copy."""

    version_id: str
    last_modified: str
    sha256: str


class LandingBucket:
    """The server and its folder; one a process, for moto keeps its objects by process."""

    def __init__(self, folder: Path, keys: AwsKeys) -> None:
        self._folder = folder
        self._keys = keys
        self._index = folder.with_name(f"{folder.name}-kept.json")
        self._kept: dict[str, Kept] = {}
        self._server: S3Server | None = None

    def start(self, at: socket.socket | None = None) -> str:
        """Refill the bucket, then open it to callers at a socket that listens already; answers with the endpoint."""
        _list_without_contents()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._refill()
        at = at or listening()
        endpoint = f"http://127.0.0.1:{port_of(at)}"
        self._server = S3Server(at, self._keys)
        return endpoint

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None
            self.keep()
            _backend().reset()

    def keep(self) -> None:
        """Bring the folder up to the bucket: new objects in, deleted ones out."""
        from moto.s3.models import FakeKey

        bucket = _backend().buckets.get(BUCKET)
        if bucket is None:
            # Somebody deleted it; the next start brings it back with what the folder holds.
            return
        objects = {key.name: key for key in bucket.keys.values() if isinstance(key, FakeKey)}
        new = [key for name, key in objects.items() if self._version(name) != key.version_id]
        gone = self._kept.keys() - objects.keys()
        for key in new:
            self._keep_one(key)
        for name in gone:
            del self._kept[name]
            if is_keepable(name):
                (self._folder / name).unlink(missing_ok=True)
        if new or gone:
            self._write_index()

    def _version(self, name: str) -> str | None:
        known = self._kept.get(name)
        return known.version_id if known is not None else None

    def _keep_one(self, key: FakeKey) -> None:
        content = key.value
        self._kept[key.name] = _kept(key, content)
        if not is_keepable(key.name):
            log.warning("object %r will not survive `down`: its key is no path below the folder", key.name)
            return
        try:
            write_whole(self._folder / key.name, content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as clash:
            # S3 allows `a` beside `a/b`, a file system does not.
            log.warning("object %r will not survive `down`: %s", key.name, clash)

    def _refill(self) -> None:
        backend = _backend()
        backend.create_bucket(BUCKET, REGION)
        backend.put_bucket_versioning(BUCKET, "Enabled")
        earlier = self._read_index()
        paths = [path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith(UNFINISHED)]
        for path in sorted(paths, key=lambda found: found.stat().st_mtime_ns):
            name, content = path.relative_to(self._folder).as_posix(), path.read_bytes()
            key = backend.put_object(BUCKET, name, content)
            now, then = _kept(key, content), earlier.get(name)
            if then is not None and then.sha256 == now.sha256:
                # Moto takes no version id from a caller: these two attributes are all that is touched inside it.
                key._version_id, key.last_modified = then.version_id, datetime.fromisoformat(then.last_modified)
            self._kept[name] = _kept(key, content)
        self._write_index()

    def _read_index(self) -> dict[str, Kept]:
        if not self._index.exists():
            return {}
        return {name: Kept(**fields) for name, fields in json.loads(self._index.read_text()).items()}

    def _write_index(self) -> None:
        text = json.dumps({name: vars(kept) for name, kept in self._kept.items()}, indent=1)
        write_whole(self._index, text.encode())


def put_dump(client: Any, folder: Path, key: str, body: Path) -> None:
    """Put a file into the bucket, and into the folder from which the bucket is refilled.

    `client` is a boto3 S3 client; `folder` the one given to `LandingBucket`.

    Raises:
        ExternalServiceUnavailable: the server did not take it.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with body.open("rb") as content:
            client.put_object(Bucket=BUCKET, Key=key, Body=content)
    except (BotoCoreError, ClientError) as refused:
        raise ExternalServiceUnavailable(
            f"the sandbox's S3 did not take {key}: {refused}. Run the same again to finish what was begun."
        ) from refused
    write_whole(folder / key, body.read_bytes())


def is_keepable(key: str) -> bool:
    """Whether the key names a file below the folder: no leading or trailing slash, no `.`, `..` or empty part."""
    parts = key.split("/")
    if "\0" in key or parts[-1].startswith(UNFINISHED):
        return False
    return all(part not in {"", ".", ".."} for part in parts)


def _kept(key: FakeKey, content: bytes) -> Kept:
    return Kept(key.version_id, key.last_modified.isoformat(), hashlib.sha256(content).hexdigest())


def _list_without_contents() -> None:
    """Let a listing copy names, times and ids only.

    Moto 5.2.5 copies every version with its content for each page of a listing, and its models keep every object ever
    made: after 27 weeks of dumps at scale 1 the daemon held 19 GB.
    """
    from moto.s3.models import FakeKey

    def listed(key: FakeKey, memo: dict[int, Any]) -> FakeKey:
        with key.lock:
            _ = key.etag  # worked out from the content when it is first asked for
        twin = object.__new__(FakeKey)
        # A buffer of its own: it is closed when the twin goes.
        vars(twin).update(vars(key) | {"_value_buffer": BytesIO(), "multipart": None, "disposed": True})
        return twin

    FakeKey.__deepcopy__ = listed  # pyright: ignore[reportAttributeAccessIssue]


def _backend() -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[MOTO_ACCOUNT][MOTO_PARTITION]
