"""The dbt project on Snowflake's wire: the same models, the same numbers as on DuckDB."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from tests.snowflake.conftest import Installed
from tests.snowflake.raw_landing import generate, land
from tests.support.small_warehouse import MARTS, PROJECT, Dbt, make_warehouse

SELECTED = ("build", "--exclude-resource-type", "unit_test")


def build(installed: Installed, scratch: Path) -> dict[str, str]:
    """One `dbt build` as TRANSFORMER; the status by node."""
    arguments = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", scratch / "target"]
    quiet = ["--quiet", "--log-path", scratch / "logs", "--no-use-colors"]
    variables = ["--vars", "{business_date: 2003-01-08, run_id: run-1}"]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHELFGATE_DUCKDB_PATH", "nowhere")
        for name, value in installed.warehouse("transformer").dbt_environment.items():
            environment.setenv(name, value)
        ran = dbtRunner().invoke([str(one) for one in (*quiet, *SELECTED, *arguments, *variables)])
    if ran.exception is not None:
        raise ran.exception
    return {one.node.name: f"{one.status}: {one.message}" for one in ran.result.results}  # pyright: ignore


def on_duckdb(folder: Path) -> Dbt:
    """The same sources, built by the same project on DuckDB."""
    make_warehouse(folder / "warehouse.duckdb")
    dbt = Dbt(folder / "warehouse.duckdb", folder / "duckdb")
    ran = dbt(*SELECTED, business_date="2003-01-08", run_id="run-1")
    assert ran.success, ran.complaints
    return dbt


def as_text(value: Any) -> str:
    """Numbers by value: one engine's 5 and 5.00 are the other's 5.00 and 5."""
    return str(Decimal(value).normalize()) if isinstance(value, int | Decimal) and value is not True else str(value)


@pytest.mark.proofs
def test_the_project_builds_as_transformer_and_gives_what_it_gives_on_duckdb(fresh: Installed, tmp_path: Path) -> None:
    land(fresh, generate(tmp_path / "tpcds.duckdb", 0.01), tmp_path)

    statuses = build(fresh, tmp_path)

    bad = {name: said for name, said in statuses.items() if said.split(":")[0] not in {"success", "pass", "no-op"}}
    assert not bad, "\n".join(f"{name} {said}" for name, said in bad.items())
    assert len(statuses) > 40
    assert_tables_keep_their_grants_and_only_the_evidence_has_a_fail_safe(fresh)
    duckdb = on_duckdb(tmp_path)
    with fresh.warehouse("publisher").turn() as session:
        for table in MARTS:
            found = session.rows(f"select * from candidate.{table}")
            names = ", ".join(found[0])
            wanted = duckdb.read(f"select {names} from candidate.{table}")
            digests = [
                Counter(tuple(map(as_text, row)) for row in rows) for rows in (wanted, map(tuple, values(found)))
            ]
            assert digests[0] == digests[1], table
            assert sum(digests[0].values()) > 0


def assert_tables_keep_their_grants_and_only_the_evidence_has_a_fail_safe(installed: Installed) -> None:
    said = [" ".join(one["query_text"].lower().split()) for one in installed.estate.hook("history")["queries"]]
    made = {}
    for one in said:
        if found := re.search(rf"create or replace (transient )?table {installed.database}\.(\w+)\.(\w+)", one, re.I):
            made[found[3]] = (found[2], found[1] is not None, "copy grants" in one)

    assert set(MARTS) <= set(made)
    for name, (schema, transient, copied) in made.items():
        assert copied, name
        assert transient == (schema != "quarantine"), name


def values(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows]
