"""The loader in AWS's own runtime client, as a function of 512 MB: what its caller sees."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.aws_lambda.invoke_server import lambda_app
from sandbox.aws_lambda.runtime import LambdaConfig
from sandbox.aws_signature import AwsKeys
from shelfgate.clients import lambda_api
from shelfgate.errors import ConfigurationError, DumpVanished, LoadFailed, LoadInterrupted
from tests.contract.inventory.inventory_landing import FIRST, PREFIX, SECOND, House, dump, furnished, s3_served
from tests.contract.serving import served

FUNCTION = "inventory-loader"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, dict[str, str]]]:
    """A house and where its function is called: one for both tests, for the function's start takes seconds."""
    folder = tmp_path_factory.mktemp("function")
    with s3_served() as endpoint, pytest.MonkeyPatch.context() as patch:
        house = furnished(endpoint, folder, patch)
        environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "SHELFGATE_"))}
        config = LambdaConfig(FUNCTION, "inventory_loader.handler.handler", environment, folder, memory_mb=512)
        keys = AwsKeys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        with served(lambda_app(config, keys)) as address:
            yield house, environment | {"AWS_ENDPOINT_URL_LAMBDA": address}


@pytest.fixture
def house(running: tuple[House, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> House:
    house, environment = running
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return house


def test_a_real_week_comes_back_as_a_receipt_and_a_fault_as_its_class(house: House) -> None:
    week = {(item, place): item % 1_001 for item in range(1, 9_001) for place in range(1, 6)}
    version = house.put("1998-01-02.csv", dump({FIRST: week}))
    event = {"object_key": PREFIX + "1998-01-02.csv", "version_id": version, "run_id": "run-1"}

    receipt = lambda_api.invoke(FUNCTION, event)
    with pytest.raises(DumpVanished, match=r"ObjectVanished: bucket landing-\d+: S3 answers 404 NoSuchKey"):
        lambda_api.invoke(FUNCTION, event | {"object_key": PREFIX + "1998-01-03.csv", "version_id": None})

    assert (receipt["status"], receipt["rows"], receipt["version_id"]) == ("loaded", 45_000, version)
    assert house.served(FIRST) == week
    assert lambda_api.invoke(FUNCTION, event) == receipt
    log = (house.warehouse.parent / f"{FUNCTION}.log").read_text()
    assert log.count(f'"version_id":"{version}"') == 2


def test_the_class_of_a_fault_says_whether_to_call_again_or_to_mend_something(house: House) -> None:
    house.put("1998-01-09.csv", dump({SECOND: {(1, 1): 1}}))
    event = {"object_key": PREFIX + "1998-01-09.csv", "version_id": None, "run_id": "run-1"}

    with pytest.raises(LoadFailed, match="EventNotUnderstood: event: seen object_key; wanted") as refused:
        lambda_api.invoke(FUNCTION, {"object_key": ""})
    whole = house.warehouse.read_bytes()
    house.warehouse.write_bytes(b"no database" * 1_000)
    with pytest.raises(LoadInterrupted, match="WarehouseFailed: warehouse") as interrupted:
        lambda_api.invoke(FUNCTION, event)
    house.warehouse.unlink()
    with pytest.raises(ConfigurationError, match="WarehouseNotInstalled: no file") as not_installed:
        lambda_api.invoke(FUNCTION, event)

    assert [e.value.retryable for e in (refused, interrupted, not_installed)] == [False, True, False]
    house.warehouse.write_bytes(whole)
    assert lambda_api.invoke(FUNCTION, event)["status"] == "loaded"
