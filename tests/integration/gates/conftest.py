"""A small warehouse and suites of one's own: what a gate needs to be tried out by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.compiler.suites import INDEX, index_of
from expectations.validation.gate import Judge, Window
from shelfgate.model import Gate, Verdict
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

DAY = date(2002, 12, 28)
JUDGED_AT = datetime(2002, 12, 29, 4, 0)


@dataclass
class Bench:
    """One DuckDB file and one folder of suites, judged by the real Judge."""

    home: Path

    @property
    def warehouse(self) -> DuckDBWarehouse:
        return DuckDBWarehouse(self.home / "w.duckdb")

    @property
    def docs(self) -> Path:
        return self.home / "docs"

    def run(self, *statements: str) -> None:
        with self.warehouse.turn() as session:
            for statement in statements:
                session.run(statement)

    def suite(self, *checks: dict[str, Any], window: str = "select * from things", dataset: str = "things") -> None:
        meta = {"gate": "landing", "dataset": dataset, "window": window}
        self.write(dataset, json.dumps({"name": f"landing.{dataset}", "meta": meta, "expectations": list(checks)}))
        write_index(self.home / "suites")

    def write(self, dataset: str, text: str) -> None:
        """A suite in the folder; the index does not know it yet."""
        path = self.home / "suites" / "landing" / f"{dataset}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def waive(self, text: str) -> None:
        (self.home / "waivers.yml").write_text(text)

    def judge(self, suites: Path | None = None) -> Verdict:
        waivers = self.home / "waivers.yml"
        if not waivers.exists():
            waivers.write_text("waivers: []\n")
        judge = Judge(self.warehouse, self.docs, suites or self.home / "suites", waivers)
        with self.warehouse.turn():
            return judge.verdict(Gate.LANDING, Window("run-1", DAY, JUDGED_AT))


def check(check_id: str, kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    meta = {"check_id": check_id, "wanted": "what is right"}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "description": check_id, "meta": meta}


def no_row(check_id: str, query: str, severity: str = "critical") -> dict[str, Any]:
    return check(check_id, "expect_no_offending_rows", severity, query=query, observed="1")


ROWS_SEEN = check("rows_seen", "expect_table_row_count_to_be_between", min_value=1)


def write_index(folder: Path) -> None:
    """The index of the suites that lie in a folder."""
    suites = [json.loads(path.read_text()) for path in folder.glob("*/*.json")]
    (folder / INDEX).write_text(json.dumps(index_of(suites)))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Three things, numbered 1 to 3."""
    found = Bench(tmp_path)
    found.run("create table things as select * from (values (1, 10.0), (2, 20.0), (3, 30.0)) as t (thing, price)")
    return found
