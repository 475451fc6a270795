"""No statement of ours may be one that only DuckDB runs: compiled models, our SQL, the suites, the deployment scripts.

The emulator runs on DuckDB and would let some of it through; Snowflake's grammar and lists of names do not.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.snowflake.emulator.sql.dialect import objections
from shelfgate.warehouse.engines.snowflake.sql_text import statements_of
from tests.support.small_warehouse import PROJECT, SNOWFLAKE_NAMES

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("select a // 2 from t", "divides in DuckDB"),
        ("select string_agg(a, ',') from t", "Unknown function STRING_AGG"),
        ("select list(a) from t", "Unknown function LIST"),
        ("select epoch_ms(a) from t", "Unknown function EPOCH_MS"),
        ("select count(*) filter (where a) from t", "FILTER"),
        ("select distinct on (a) a, b from t", "DISTINCT ON"),
        ("select cast(a as hugeint) from t", "data type"),
        ("select a::struct(x integer) from t", "data type"),
        ("select rows from ops.manifest", "reserved"),
        ("create table t (row bigint)", "reserved"),
        ("select a from t union all by name select a from u", "BY NAME"),
        ("from t", "FROM without SELECT"),
        ("select * from t semi join u using (a)", "join"),
        ("insert or replace into t values (1)", "INSERT OR"),
        ("insert into t default values", "DEFAULT VALUES"),
        ("select a == 1 from t", "=="),
        ("delete from t returning a", "RETURNING"),
        ("select columns('a.*') from t", "only DuckDB"),
        ("select from where", "grammar"),
    ],
)
def test_the_guard_bites(statement: str, reason: str) -> None:
    assert any(reason in one for one in objections(statement)), objections(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select 'string_agg(x) // y', a /* list(x) // y */ from t -- == filter (where",
        "with x (a, b) as (select 1, 2), y (c) as (select 3) select * exclude (a) from x, y",
        "select sum(a) over (partition by b order by c rows between unbounded preceding and current row) from t",
        "insert into ops.manifest (a, b) values (?, ?), (?, ?)",
        "merge into t using u on t.a = u.a when matched then update set b = u.b "
        "when not matched then insert (a, b) values (u.a, u.b)",
    ],
)
def test_the_guard_lets_pass_what_snowflake_runs(statement: str) -> None:
    assert objections(statement) == []


def complaints(named: Iterator[tuple[str, str]]) -> tuple[int, list[str]]:
    """How many statements there were, and what Snowflake would object to in them."""
    seen, found = 0, []
    for name, statement in named:
        seen += 1
        found += [f"{name}: {one}" for one in objections(statement)]
    return seen, found


def test_our_named_statements_are_snowflakes() -> None:
    warehouse = ROOT / "shelfgate" / "warehouse"
    files = [path for folder in ("migrations", "sql") for path in sorted((warehouse / folder).glob("*.sql"))]
    seen, found = complaints((file.name, one) for file in files for one in statements_of(file.read_text()))

    assert (found, seen > 30) == ([], True)


# A module that only one engine's adapter uses speaks that engine's SQL.
OTHER_ENGINES = {"backup.py", "source_postgres.py"}
_STATEMENT = re.compile(
    r"\s*(select|insert into|update|delete from|with|merge into)\b.*\b(from|set|values|select)\b", re.I | re.S
)


def sql_in(module: Path) -> Iterator[tuple[str, str, str]]:
    """The statements written in a module: whole, each `{..}` filled in with a name; and only those after a dot."""
    tree = ast.parse(module.read_text())
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            texts = (node.value, node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
            named = ["place" if (before or "").endswith(".") else "" for before in ["", *parts]]
            few = "".join(part or name for part, name in zip(parts, named[: len(parts)], strict=True))
            texts = ("".join(part or "place" for part in parts), few)
        else:
            continue
        if _STATEMENT.match(texts[0]):
            yield f"{module.name}:{node.lineno}", *texts


def test_statements_in_the_core_are_snowflakes() -> None:
    modules = [one for one in sorted((ROOT / "shelfgate").rglob("*.py")) if one.name not in OTHER_ENGINES]
    written = [one for module in modules for one in sql_in(module)]
    # What is left open may be a name or a clause: one of the two has to be a statement.
    found = [(name, objections(named)) for name, named, bare in written if objections(named) and objections(bare)]

    assert found == []
    assert len(written) > 20


def test_queries_of_the_suites_are_snowflakes() -> None:
    def queries() -> Iterator[tuple[str, str]]:
        for file in sorted((ROOT / "expectations" / "suites").glob("*/*.json")):
            for one in json.loads(file.read_text())["expectations"]:
                if query := one["kwargs"].get("query"):
                    yield f"{file.stem}.{one['meta'].get('check', one['type'])}", re.sub(r"\{\w+\}", "place", query)

    seen, found = complaints(queries())

    assert (found, seen > 50) == ([], True)


def test_compiled_models_are_snowflakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.cli.main import dbtRunner

    monkeypatch.setenv("SHELFGATE_TARGET", "snowflake")
    monkeypatch.setenv("SHELFGATE_DUCKDB_PATH", "nowhere")
    for name in SNOWFLAKE_NAMES:
        monkeypatch.setenv(name, "nowhere")
    monkeypatch.setenv("SNOWFLAKE_PORT", "443")
    folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", tmp_path, "--log-path", tmp_path]
    asked = ["compile", "--no-introspect", "--no-populate-cache", "--vars", "{business_date: 2003-01-08, run_id: r}"]
    ran = dbtRunner().invoke(["--quiet", *asked, *map(str, folders)])
    assert ran.success, ran.exception

    compiled = sorted((tmp_path / "compiled").rglob("*.sql"))
    seen, found = complaints((file.name, file.read_text()) for file in compiled)

    assert found == []
    assert seen > 40
