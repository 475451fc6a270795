"""The bucket of Data Docs: what changed goes up, runs that are no longer the newest go, an outage fails nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfgate.clients.docs_bucket import Synced, sync_pages
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings
from tasks.data_docs import sync_docs


def _page(folder: Path, run: str, day: int, text: str = "page") -> Path:
    path = folder / f"validations/landing/inventory/{run}/2002120{day}T060000.000000Z/warehouse-landing.inventory.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (folder / "index.html").write_text(f"index over {run}")
    return path


def _keys(docs_bucket: Any) -> set[str]:
    return {found["Key"] for found in docs_bucket.list_objects_v2(Bucket="docs").get("Contents", [])}


def test_only_what_changed_is_uploaded_with_its_type(docs_bucket: Any, tmp_path: Path) -> None:
    _page(tmp_path, "first", 1)
    (tmp_path / ".evidence").mkdir()
    (tmp_path / ".evidence" / "kept.json").write_text("{}")

    assert sync_pages(tmp_path, "docs", "data-docs", 30, docs_bucket) == Synced(2, 0, 0)
    assert sync_pages(tmp_path, "docs", "data-docs/", 30, docs_bucket) == Synced(0, 0, 2)
    _page(tmp_path, "first", 1, "changed")
    assert sync_pages(tmp_path, "docs", "data-docs/", 30, docs_bucket) == Synced(1, 0, 1)

    index = docs_bucket.get_object(Bucket="docs", Key="data-docs/index.html")
    assert index["ContentType"] == "text/html; charset=utf-8"
    assert not any("evidence" in key for key in _keys(docs_bucket))


def test_runs_that_are_no_longer_the_newest_leave_the_bucket_and_nothing_else_does(
    docs_bucket: Any, tmp_path: Path
) -> None:
    docs_bucket.put_object(Bucket="docs", Key="data-docs/robots.txt", Body=b"of somebody else")
    docs_bucket.put_object(Bucket="docs", Key="other/validations/a/b/c/d/e.html", Body=b"of somebody else")
    for day, run in enumerate(("first", "second", "third"), start=1):
        _page(tmp_path, run, day)
    sync_pages(tmp_path, "docs", "data-docs/", 30, docs_bucket)
    before = _keys(docs_bucket)
    (tmp_path / "validations/landing/inventory/first").rename(tmp_path / ".pruned")

    assert sync_pages(tmp_path, "docs", "data-docs/", 2, docs_bucket).deleted == 1

    assert before - _keys(docs_bucket) == {key for key in before if "/first/" in key}


def test_a_machine_with_an_empty_disk_deletes_no_run_that_is_still_new(docs_bucket: Any, tmp_path: Path) -> None:
    for day, run in enumerate(("first", "second"), start=1):
        _page(tmp_path / "one", run, day)
    sync_pages(tmp_path / "one", "docs", "data-docs/", 30, docs_bucket)
    _page(tmp_path / "other", "third", 3)

    assert sync_pages(tmp_path / "other", "docs", "data-docs/", 30, docs_bucket).deleted == 0


def test_a_bucket_that_is_not_there_is_an_error_that_names_the_setting(docs_bucket: Any, tmp_path: Path) -> None:
    _page(tmp_path, "first", 1)

    with pytest.raises(ConfigurationError, match="SHELFGATE_DOCS_BUCKET"):
        sync_pages(tmp_path, "nowhere", "data-docs/", 30, docs_bucket)


def test_a_sync_that_fails_is_a_warning_and_no_bucket_is_nothing(
    docs_bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    monkeypatch.setattr("tasks.data_docs.get_run_logger", lambda: logging.getLogger("run"))
    _page(tmp_path / "data-docs", "first", 1)

    assert sync_docs.fn(Settings(home=tmp_path)) is None
    assert not caplog.records
    assert sync_docs.fn(Settings(home=tmp_path, docs_bucket="nowhere")) is None
    assert "NoSuchBucket" in caplog.text
    assert sync_docs.fn(Settings(home=tmp_path, docs_bucket="docs")) == Synced(2, 0, 0)
