"""dbt, in this process, inside one turn at the warehouse; refuses to call a build done that built nothing."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from shelfgate import interruption
from shelfgate.errors import BuildFailed
from shelfgate.failpoints import outside_call
from shelfgate.ops.runs import Run
from shelfgate.progress import Step, reporter
from shelfgate.redaction import withhold_values
from shelfgate.settings import Settings
from shelfgate.untrusted_text import printable
from shelfgate.warehouse import Warehouse
from tasks.retries import ONCE

PROJECT = Path(__file__).parents[1] / "dbt"

# dbt keeps its adapters in module state and cannot be entered twice in one process (prefect issue 19927).
_ONE_BUILD_AT_A_TIME = threading.Lock()

GOOD = frozenset({"success", "pass", "warn"})

# Parsing takes 1.5 s, as long as building a small day. The project does not change while a process runs, and variables
# are read when a model is rendered, so one parse serves every build of a process in one database.
_parsed: dict[tuple[str, ...], Any] = {}


@task(name="build", task_run_name="build {selector}", **ONCE)
def build_models(selector: str, settings: Settings, warehouse: Warehouse, run: Run) -> int:
    """Build one selector of `dbt/selectors.yml`, its data tests included; returns the number of nodes.

    Raises:
        BuildFailed: dbt did not finish, a node or a test failed or was skipped, or the selector matched nothing.
    """
    variables = {
        "business_date": str(run.business_date),
        "run_id": run.run_id,
        "week_start_day": settings.week_start_day,
        "code_digest": _code_digest(settings.week_start_day),
        "full_rebuild": settings.full_rebuild,
    }
    with _ONE_BUILD_AT_A_TIME, warehouse.turn(), _environment(warehouse.dbt_environment), _profile() as profiles:
        results = _invoke(selector, profiles, settings, variables, warehouse)
    logger = get_run_logger()
    for line in (one for one in results if one["status"] not in {"success", "pass"}):
        logger.warning("%s %s: %s", line["node"], line["status"], line["message"])
    create_table_artifact(
        key=f"build-{selector}", table=results, description=f"dbt build {selector}, {run.business_date}"
    )
    bad = [one for one in results if one["status"] not in GOOD]
    if bad or not results:
        raise BuildFailed(_failure(selector, bad))
    logger.info(
        "built %s: %d nodes in %.1f s of node time", selector, len(results), sum(one["seconds"] for one in results)
    )
    return len(results)


def _code_digest(week_start_day: int) -> str:
    """SHA-256 over every model and macro: another code builds every week anew."""
    found = hashlib.sha256(str(week_start_day).encode())
    for path in sorted(one for folder in ("models", "macros") for one in (PROJECT / folder).rglob("*.sql")):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


@outside_call("dbt")
def _invoke(
    selector: str, profiles: str, settings: Settings, variables: dict[str, Any], warehouse: Warehouse
) -> list[dict[str, Any]]:
    """Run dbt and give one line a node: node, status, seconds, message."""
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    work, database = settings.home.absolute() / "dbt", _database(warehouse)
    common = [
        *["--project-dir", str(PROJECT), "--profiles-dir", profiles],
        *["--target-path", str(work / "target"), "--log-path", str(work / "logs")],
        *["--vars", json.dumps(variables), "--log-level", "none", "--no-use-colors", "--no-use-colors-file"],
        *["--no-version-check", "--no-write-json"],
    ]
    try:
        if database not in _parsed:
            parsed = dbtRunner().invoke(["parse", *common])
            _raise_if_stopped("parse", parsed)
            _parsed[database] = parsed.result
        answer = dbtRunner(manifest=_parsed[database], callbacks=[_reporting_nodes()]).invoke(
            ["build", "--selector", selector, "--exclude-resource-type", "unit_test", *common]
        )
    finally:
        _let_go_of_the_file()
        reset_adapters()
    found: Any = answer.result
    _raise_if_the_warehouse_failed(warehouse, answer)
    _raise_if_stopped(f"build {selector}", answer)
    return [
        {
            "node": f"{result.node.resource_type} {result.node.name}",
            "status": str(result.status),
            "seconds": round(result.execution_time, 2),
            "message": _safe(str(result.message or "")),
        }
        for result in found.results
    ]


def _reporting_nodes() -> Callable[[Any], None]:
    """A listener to dbt's events that reports each node as dbt begins and ends it, from dbt's own threads."""
    tell, lock = reporter(), threading.Lock()
    total, under_way, done = 0, dict[str, None](), 0

    def hear(event: Any) -> None:
        nonlocal total, done
        if event.info.name not in {"LogStartLine", "NodeFinished"}:
            return
        name = event.data.node_info.node_name
        with lock:
            if event.info.name == "LogStartLine":
                total = event.data.total
                under_way[name] = None
            else:
                under_way.pop(name, None)
                done += 1
            tell(Step("models and tests", done, total, ", ".join(under_way)))

    return hear


def _database(warehouse: Warehouse) -> tuple[str, ...]:
    """What a parsed project depends on: which engine's macros it calls, and the database that its relations name."""
    given = warehouse.dbt_environment
    return tuple(given.get(name, "") for name in ("SHELFGATE_TARGET", "SNOWFLAKE_DATABASE"))


def _raise_if_stopped(step: str, answer: Any) -> None:
    # dbt turns Ctrl-C and SIGTERM into a result like any other.
    interruption.raise_if_requested()
    if answer.exception is not None:
        said = _safe(str(answer.exception)) or type(answer.exception).__name__
        # Not `from` it: a traceback would print the text that was withheld.
        raise BuildFailed(
            f"{step}: dbt stopped: {said}. Nothing was published; readers keep the last publication."
        ) from None


def _raise_if_the_warehouse_failed(warehouse: Warehouse, answer: Any) -> None:
    """dbt takes it for the failure of one node, and skips the others."""
    said = [str(result.message or "") for result in getattr(answer.result, "results", ())]
    for text in [*said, str(answer.exception or "")]:
        if (failure := warehouse.failure_in(text)) is not None:
            raise failure


def _safe(message: str) -> str:
    """What dbt says of a node, in one line: the engine's words below its own may quote a customer."""
    return printable(withhold_values(" ".join(message.split()))) if message.strip() else ""


def _let_go_of_the_file() -> None:
    """dbtRunner returns with the DuckDB file still open, which would make our turn last for ever.

    `close_all_connections` only forgets its environment, which the traceback of an error may keep alive.
    """
    try:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    except ImportError:  # a Snowflake image has no DuckDB
        return
    environment = DuckDBConnectionManager._ENV
    DuckDBConnectionManager.close_all_connections()
    if environment is not None:
        environment.close()


def _failure(selector: str, bad: list[dict[str, Any]]) -> str:
    if not bad:
        return f"build {selector}: dbt built nothing, at least one model was wanted. Look at dbt/selectors.yml."
    shown = "\n  - ".join(f"{one['node']} {one['status']}: {one['message']}" for one in bad[:10])
    return (
        f"build {selector}: {len(bad)} nodes did not succeed:\n  - {shown}\n"
        "Nothing was published; readers keep the last publication."
    )


@contextmanager
def _profile() -> Iterator[str]:
    """A folder with the dbt profile, Prefect's blocks and variables in it resolved."""
    from dbt_common.events.base_types import EventLevel
    from prefect_dbt import PrefectDbtSettings

    # The default log level is Prefect's, and dbt does not know the name `warning`.
    settings = PrefectDbtSettings(project_dir=PROJECT, profiles_dir=PROJECT, log_level=EventLevel.INFO)
    with settings.resolve_profiles_yml() as folder:
        yield folder


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
