"""The loader's zip carries the loader; AWS, Powertools at its edge and one engine are all that it may find there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import inventory_loader

PACKAGE = Path(inventory_loader.__file__).parent


MAY_IMPORT = {"boto3", "botocore", "inventory_loader"}
MORE = {
    "handler": {"aws_lambda_powertools"},
    "events": {"aws_lambda_powertools"},
    "replies": {"aws_lambda_powertools"},
    "engines/duckdb": {"duckdb"},
    "engines/duckdb_staging": {"duckdb"},
    "engines/snowflake": {"snowflake"},
    "engines/snowflake_login": {"snowflake", "cryptography"},
}


def test_the_loader_imports_nothing_but_aws_its_engines_and_the_standard_library() -> None:
    for module in PACKAGE.rglob("*.py"):
        allowed = MAY_IMPORT | MORE.get(str(module.relative_to(PACKAGE).with_suffix("")), set())
        roots = set()
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                roots |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add((node.module or "").partition(".")[0])
        assert roots - set(sys.stdlib_module_names) <= allowed, module.name


def test_a_function_with_one_target_need_not_carry_the_other_engine() -> None:
    program = (
        "import sys, inventory_loader.handler; sys.exit(bool({'duckdb', 'snowflake.connector'} & set(sys.modules)))"
    )

    assert (
        subprocess.run([sys.executable, "-B", "-c", program], env={"PYTHONPATH": str(PACKAGE.parent)}).returncode == 0
    )
