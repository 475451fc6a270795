"""Puts a folder of pages into a bucket; refuses to delete anything but pages of runs that are no longer the newest."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfgate.clients.landing_bucket import s3_client
from shelfgate.clients.s3_errors import as_our_errors
from shelfgate.clients.s3_responses import OBJECT, delete, put, whole_listing
from shelfgate.failpoints import outside_call

PAGES = "validations/"


@dataclass(frozen=True)
class Synced:
    """What one pass did, by count."""

    uploaded: int
    deleted: int
    unchanged: int


@outside_call("docs")
def sync_pages(folder: Path, bucket: str, prefix: str, keep_runs: int, client: Any | None = None) -> Synced:
    """Upload what differs by size or digest, the index last; then delete the pages of all but the newest runs.

    The newest runs are counted over the bucket and the folder together: a machine that starts with an empty disk
    deletes nothing that another one has put there.

    Raises:
        ConfigurationError: no such bucket, no right to it, or no credentials.
        ExternalServiceUnavailable: S3 does not answer, or not in a way that accounts for every page.
    """
    wanted = (
        "one that this role may list, write and delete in; check SHELFGATE_DOCS_BUCKET. The pages on disk are whole."
    )
    with as_our_errors(bucket, f"syncing pages to {bucket}/{prefix}", wanted):
        return _sync(client or s3_client(), folder, bucket, _as_folder(prefix), keep_runs)


def _sync(client: Any, folder: Path, bucket: str, prefix: str, keep_runs: int) -> Synced:
    there = dict(_objects(client, bucket, prefix))
    pages = {path.relative_to(folder).as_posix(): path for path in _pages(folder)}
    uploaded = 0
    # The index comes last: no reader of it follows a link to a page that is not there yet.
    for name in sorted(pages, key=lambda one: (one == "index.html", one)):
        body = pages[name].read_bytes()
        # The ETag of a single PUT is its MD5, but for a bucket encrypted with KMS: there every page is put again.
        if there.get(name) == hashlib.md5(body, usedforsecurity=False).hexdigest():
            continue
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        put(
            client,
            Bucket=bucket,
            Key=prefix + name,
            Body=body,
            ContentType=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
            CacheControl="no-cache" if name == "index.html" else "max-age=3600",
        )
        uploaded += 1
    newest = _newest_runs({*there, *pages}, keep_runs)
    gone = [name for name in there if name not in pages and _moment_and_run(name) and _run(name) not in newest]
    for first in range(0, len(gone), 1000):
        delete(client, bucket, [prefix + name for name in gone[first : first + 1000]])
    return Synced(uploaded, len(gone), len(pages) - uploaded)


def _pages(folder: Path) -> Iterable[Path]:
    """Every file that readers follow links to; what stands in hidden folders is for this machine only."""
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _objects(client: Any, bucket: str, prefix: str) -> Iterable[tuple[str, str]]:
    for page in whole_listing(client, "list_objects_v2", bucket, prefix, {"Contents": OBJECT}):
        for found in page.get("Contents", []):
            yield found["Key"].removeprefix(prefix), found["ETag"].strip('"')


def _newest_runs(names: Iterable[str], keep: int) -> set[str]:
    last: dict[str, str] = {}
    for name in names:
        if found := _moment_and_run(name):
            moment, run = found
            last[run] = max(moment, last.get(run, ""))
    return set(sorted(last, key=lambda run: last[run], reverse=True)[:keep])


def _moment_and_run(name: str) -> tuple[str, str] | None:
    """A page lies at `validations/<gate>/<dataset>/<run>/<moment>/<batch>.html`."""
    parts = name.split("/")
    return (parts[-2], parts[-3]) if name.startswith(PAGES) and len(parts) == 6 else None


def _run(name: str) -> str:
    found = _moment_and_run(name)
    return found[1] if found else ""


def _as_folder(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""
