"""The inventory loader against DuckDB's own `read_csv` into a table; refuses to count what is not the function's.

The function runs as it does in the sandbox: a process of its own behind the Lambda API, which fetches the dump from an
S3 API. Both of these live in this process, so wall time includes their share and CPU time does not.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import psutil
import pytest

from sandbox.aws_lambda.invoke_server import lambda_app
from sandbox.aws_lambda.runtime import LambdaConfig
from sandbox.aws_signature import AwsKeys
from shelfgate.clients import lambda_api
from tests.contract.inventory.inventory_landing import PREFIX, House, furnished, s3_served
from tests.contract.serving import served

FUNCTION = "inventory-loader"
MEMORY_MB = 512
ROUNDS = 3


@dataclass(frozen=True)
class Loading:
    """One dump, the better of its rounds on either side; `speed` is bare over ours: a third is wanted."""

    what: str
    rows: int
    ours_seconds: float
    ours_cpu_seconds: float
    bare_seconds: float
    bare_cpu_seconds: float
    peak_mib: int

    @property
    def speed(self) -> float:
        return self.bare_seconds / self.ours_seconds

    @property
    def cpu_speed(self) -> float:
        return self.bare_cpu_seconds / self.ours_cpu_seconds

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "speed": round(self.speed, 3), "cpu_speed": round(self.cpu_speed, 3)}


def loadings(weeks: int = 261, rounds: int = ROUNDS) -> Iterator[Loading]:
    """Measure one week of 45,000 rows, and a history of `weeks` of them, warm."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, s3_served() as endpoint:
        for count, what in ((1, "one week"), (weeks, f"{weeks} weeks in one dump")):
            dump = Path(folder) / f"{count}.csv"
            write_dump(dump, count)
            ours, bare, peak = [], [], 0
            for number in range(rounds):
                own = Path(folder) / f"{count}-{number}"
                own.mkdir()
                ours.append(_ours(dump, own, endpoint, patch))
                bare.append(_bare(dump, own))
                peak = max(peak, _peak_mib(own))
            (seconds, cpu_seconds), (bare_seconds, bare_cpu_seconds) = _best(ours), _best(bare)
            yield Loading(what, 45_000 * count, seconds, cpu_seconds, bare_seconds, bare_cpu_seconds, peak)


def _best(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    return min(seconds for seconds, _ in rounds), min(cpu for _, cpu in rounds)


def _ours(dump: Path, folder: Path, endpoint: str, patch: pytest.MonkeyPatch) -> tuple[float, float]:
    house = furnished(endpoint, folder, patch)
    with _function(folder, patch) as cpu_seconds:
        house.put("1998-01-02.csv", b"warm")  # quarantined; starts the process
        _invoke(house, "1998-01-02.csv")
        with dump.open("rb") as body:
            house.s3.put_object(Bucket=house.bucket, Key=PREFIX + "2003-01-02.csv", Body=body)
        began, cpu_began = time.monotonic(), cpu_seconds()
        receipt = _invoke(house, "2003-01-02.csv")
        seconds = time.monotonic() - began
        if receipt["status"] != "loaded":
            raise SystemExit(f"bench: the dump ended as {receipt['status']}: {receipt['reason']}")
        return seconds, cpu_seconds() - cpu_began


def _invoke(house: House, name: str) -> dict[str, object]:
    return lambda_api.invoke(FUNCTION, {"object_key": PREFIX + name, "version_id": None, "run_id": "bench"})


def _bare(dump: Path, folder: Path) -> tuple[float, float]:
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.execute("create table inventory (a bigint, b bigint, c bigint, d bigint)")
        began, cpu_began = time.monotonic(), time.process_time()
        connection.execute(f"insert into inventory from read_csv('{dump}', header = true)")
        return time.monotonic() - began, time.process_time() - cpu_began


@contextmanager
def _function(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Callable[[], float]]:
    """The loader behind the Lambda API; gives what tells the CPU seconds of its process."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "SHELFGATE_"))}
    config = LambdaConfig(FUNCTION, "inventory_loader.handler.handler", environment, folder, memory_mb=MEMORY_MB)
    keys = AwsKeys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    with served(lambda_app(config, keys)) as address:
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)

        def cpu_seconds() -> float:
            return sum(sum(child.cpu_times()[:2]) for child in psutil.Process().children(recursive=True))

        yield cpu_seconds


def _peak_mib(folder: Path) -> int:
    log = (folder / f"{FUNCTION}.log").read_text()
    return max(int(seen) for seen in re.findall(r"Max Memory Used: (\d+) MB", log))


def write_dump(path: Path, weeks: int) -> None:
    """Weeks of 9,000 items x 5 warehouses from 1998-01-01, 5 % unknown, as the sender writes them."""
    with duckdb.connect() as connection:
        connection.execute("select setseed(0.42)")
        connection.execute(
            f"copy (select 2450815 + 7 * week as inv_date_sk, item as inv_item_sk, place as inv_warehouse_sk, "
            "case when random() >= 0.05 then cast(floor(random() * 1000) as integer) end as inv_quantity_on_hand "
            f"from range({weeks}) as w (week), range(1, 6) as p (place), range(1, 9001) as i (item)) "
            f"to '{path}' (header, delimiter ',')"
        )


if __name__ == "__main__":
    for found in loadings():
        print(json.dumps(found.as_json()))
