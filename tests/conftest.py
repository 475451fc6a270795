"""What several folders of tests share: a Prefect server, generated TPC-DS, estates, a clean environment."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.house import House

# A shell's background job ignores Ctrl-C, and so would all that a test starts in it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# First: a worker of xdist writes the groups into the names of its tests in a hook of its own, registered after this one
# and called before it. A group that is marked later holds nothing together.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file go to one worker, where they share its fixtures; a long one marked `alone` goes to any."""
    for item in items:
        group = item.nodeid if item.get_closest_marker("alone") else item.location[0]
        item.add_marker(pytest.mark.xdist_group(group))
    # The longest first, or one worker ends the day alone.
    items.sort(key=lambda item: item.get_closest_marker("alone") is None)


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
def migrated_prefect(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives a home to the Prefect server that will be started there its database, as its first start would make it."""
    from tests.support.prefect_database import make_once

    # The workers of a run have folders of their own side by side.
    own = tmp_path_factory.getbasetemp()
    database = make_once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)

    def give(home: Path) -> Path:
        (home / "prefect").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, home / "prefect" / "prefect.db")
        return home

    return give


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory, migrated_prefect: Callable[[Path], Path]) -> Iterator[str]:
    """One server for all tests that run a flow. What they start knows its key."""
    from prefect.settings import PREFECT_API_AUTH_STRING

    from cli.prefect_api import server

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        with server(migrated_prefect(tmp_path_factory.mktemp("prefect")), lambda _: None) as url:
            patch.setenv("PREFECT_API_AUTH_STRING", PREFECT_API_AUTH_STRING.value() or "")
            yield url


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where sandboxes keep the TPC-DS that they generate."""
    folder = Path(os.environ.setdefault("SHELFGATE_SANDBOX_CACHE", str(tmp_path_factory.mktemp("tpcds"))))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def estate_at(home: Path, warehouse: str | None = None) -> Iterator[House]:
    """An empty estate; it ends with the block, or with this process."""
    from sandbox import stack
    from tests.support.house import House

    stack.up(home, warehouse=warehouse, with_parent=os.getpid(), on_progress=lambda _: None)
    try:
        yield House(home)
    finally:
        stack.down(home)


@pytest.fixture(scope="module")
def lasting_house(tmp_path_factory: pytest.TempPathFactory, prefect_server: str, generated: Path) -> Iterator[House]:
    """One estate for the tests of a module, which leave it healthy. Ask for `house_of_the_module`."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHELFGATE_SANDBOX_CACHE", str(generated))
        patch.setenv("PREFECT_API_URL", prefect_server)
        with estate_at(home) as one:
            yield one


@pytest.fixture
def docs_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 in this process, which has an empty bucket `docs`."""
    import boto3
    from moto import mock_aws

    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="docs")
        yield client


@pytest.fixture
def house_of_the_module(
    lasting_house: House,
    prefect_server: str,
    generated: Path,
    _clean_environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """The module's estate, and an environment in which commands and flows find it."""
    at_home(lasting_house.home, prefect_server, generated, monkeypatch)
    return lasting_house


@pytest.fixture
def house(
    tmp_path: Path, prefect_server: str, generated: Path, _clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """An empty estate, and an environment in which commands and flows find it."""
    at_home(tmp_path, prefect_server, generated, monkeypatch)
    with estate_at(tmp_path) as one:
        yield one


def at_home(home: Path, prefect_server: str, generated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(home))
    monkeypatch.setenv("SHELFGATE_SANDBOX_CACHE", str(generated))
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
