"""What several folders of tests share: one Prefect server, one generated TPC-DS a scale, a clean environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the caller reaches a test, and none that a test sets reaches the next."""
    for name in list(os.environ):
        if name.startswith(("SHELFGATE_", "AWS_", "DBT_")) and name not in {"SHELFGATE_SANDBOX_CACHE", "AWS_CA_BUNDLE"}:
            monkeypatch.delenv(name)
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all tests that run a flow: a fresh one costs 10..37 s."""
    from flows.orchestrator import server

    before = os.environ.pop("PREFECT_API_URL", None)
    with server(tmp_path_factory.mktemp("prefect"), lambda _: None) as url:
        yield url
    if before is not None:
        os.environ["PREFECT_API_URL"] = before


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sandboxes keep the TPC-DS that they generate."""
    folder = Path(os.environ.setdefault("SHELFGATE_SANDBOX_CACHE", str(tmp_path_factory.mktemp("tpcds"))))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
