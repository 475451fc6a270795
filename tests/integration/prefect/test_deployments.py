"""`prefect.yaml` as an operator uses it: deployed to a real server, picked up by a real worker."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.house import House

ROOT = Path(__file__).parents[3]
POOL = "tests-of-shelfgate"


def declared() -> list[dict[str, Any]]:
    return yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]


def test_every_entrypoint_is_a_flow_that_bears_its_deployments_name() -> None:
    for deployment in declared():
        module, _, name = deployment["entrypoint"].rpartition(".")
        flow = getattr(import_module(module), name)

        assert flow.name == deployment["name"] == name
        assert flow.__doc__, "the docstring is what an operator reads in the interface"


def test_the_daily_run_is_scheduled_outside_the_hours_that_a_clock_change_repeats() -> None:
    (daily,) = [d for d in declared() if d["name"] == "refresh"]
    (schedule,) = daily["schedules"]
    hour = int(schedule["cron"].split()[1])

    assert schedule["active"]
    assert not 1 <= hour <= 3
    assert daily["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


@pytest.mark.slow
def test_a_worker_runs_the_deployed_refresh(house: House, prefect_server: str) -> None:
    house.seed(0.01, date(1999, 3, 6))
    prefect("work-pool", "create", POOL, "--type", "process", "--overwrite")
    prefect("deploy", "--all")
    queued = prefect("deployment", "run", "refresh/refresh", "--param", 'business_date="1999-03-06"')
    assert "Scheduled start time" in queued

    prefect("worker", "start", "--pool", POOL, "--run-once")

    published = house.status()["publication"]
    assert published is not None
    assert published["business_date"] == "1999-03-06"
    assert house.differences() == []


def prefect(*arguments: str) -> str:
    """Run Prefect's command line as an operator would, in the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
        cwd=ROOT,
        env={**os.environ, "SHELFGATE_WORK_POOL": POOL},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"prefect {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
    return done.stdout
