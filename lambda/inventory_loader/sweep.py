"""Finds what lies in the bucket and is not in the ledger: what no event announced, or what was left to a later time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inventory_loader.load import Mark
from inventory_loader.objects import NO_VERSION, Dropped, LoadRequest


def not_in_ledger(listed: Iterable[Dropped], judged: Mapping[tuple[str, str], Mark], run_id: str) -> list[LoadRequest]:
    """Request what the ledger has no verdict on, oldest dump first: by key, then by time of upload.

    In a bucket that keeps no versions, ETag and time tell a new upload from the one that was judged.
    """

    def is_judged(version: Dropped) -> bool:
        mark = judged.get((version.object_key, version.version_id))
        return mark is not None and (version.version_id != NO_VERSION or mark == (version.etag, version.last_modified))

    fresh = [version for version in listed if not is_judged(version)]
    # S3 tells time in whole seconds and lists the newest version of a key first: of one second, the last is the oldest.
    fresh.reverse()
    fresh.sort(key=lambda version: (version.object_key, version.last_modified))
    return [LoadRequest(version.object_key, version.version_id, run_id) for version in fresh]
