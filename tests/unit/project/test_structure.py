"""The structure that a stranger relies on: no cycle between modules, few modules in a row, one meaning for one name."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "cli": ROOT,
    "flows": ROOT,
    "tasks": ROOT,
    "expectations": ROOT,
    "shelfgate": ROOT,
    "sandbox": ROOT,
    "inventory_loader": ROOT / "lambda",
}
"""Name of each package, and the folder that it lies in."""

MODULES = {
    ".".join(path.relative_to(above).with_suffix("").parts).removesuffix(".__init__"): path
    for package, above in PACKAGES.items()
    for path in sorted((above / package).rglob("*.py"))
}
MOST_IN_A_ROW = 13

ONE_MEANING_EACH = {
    "duckdb": "the engine DuckDB, in each engines/ folder",
    "snowflake": "the engine Snowflake, in each engines/ folder, and its commands",
    "warehouse": "a warehouse: of each engine, and its commands",
    "gates": "the five gates: as tasks, and as commands",
    "target": "what SHELFGATE_TARGET names, of each engine",
    "registry": "the engines by name: of the warehouse, and of the gates",
    "errors": "the exceptions of a package that stands alone",
    "session": "a session at a Snowflake account: of the client, and of the emulator",
    "rollback": "the flow, and what it calls",
    "vacuum": "the flow, and what it calls",
    "backup": "the command, and what it calls",
    "publish": "the flow's last part, and what it calls",
    "events": "events of Lambda: as the loader reads them, and as the stand-in sends them",
}
"""File names that stand more than once, and why that is one meaning."""


STANDS_ALONE = {"ConfigurationError", "WarehouseBusy"}
"""Exceptions that the loader has as well: it may import nothing of ours, and means the same."""


def imported_by(module: str) -> Iterator[str]:
    """The modules of ours that a module imports, those for types alone and those inside functions as well."""
    path = MODULES[module]
    here = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(here.split(".")[: len(here.split(".")) - node.level + 1]) if node.level else ""
            base = ".".join(part for part in (above, node.module or "") if part)
            for name in node.names:
                found = f"{base}.{name.name}" if f"{base}.{name.name}" in MODULES else base
                if found in MODULES and found != module:
                    yield found


def test_no_module_imports_itself_through_others() -> None:
    imports = {module: set(imported_by(module)) for module in MODULES}
    assert len(imports["flows.refresh"]) > 3

    # What imports nothing that is left is no part of a cycle.
    left = dict(imports)
    while free := [module for module, found in left.items() if not found & left.keys()]:
        for module in free:
            del left[module]

    assert {module: sorted(found & left.keys()) for module, found in left.items()} == {}


def test_no_folder_has_a_long_row_of_modules() -> None:
    files = [*MODULES.values(), *(ROOT / "tests").rglob("*.py")]
    apart = {"__init__.py", "conftest.py"}
    folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in files if path.name not in apart)

    assert {folder: count for folder, count in folders.items() if count > MOST_IN_A_ROW} == {}


def test_one_file_name_has_one_meaning() -> None:
    places = defaultdict(list)
    for module, path in MODULES.items():
        if path.stem not in {"__init__", "__main__"}:
            places[path.stem].append(module)

    assert {name: found for name, found in places.items() if len(found) > 1 and name not in ONE_MEANING_EACH} == {}


def test_one_class_name_has_one_meaning() -> None:
    places = defaultdict(list)
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module)

    assert {name: found for name, found in places.items() if len(found) > 1 and name not in STANDS_ALONE} == {}


# One statement of SQL, one call over HTTP, one look at the environment.
SQL = re.compile(r"^\s*(select|insert into|update|delete from|merge into|create|drop|with)\s", re.I)
HTTP = {"httpx", "requests", "urllib", "http", "boto3", "botocore", "socket"}


@pytest.mark.parametrize("path", sorted((ROOT / "flows").rglob("*.py")), ids=lambda path: path.stem)
def test_flows_hold_no_sql_no_http_and_no_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    imports = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert [text for text in texts if SQL.match(text)] == []
    assert imports & (HTTP | {"os", "subprocess", "duckdb", "psycopg", "snowflake"}) == set()
