"""The loader's zip carries the loader; AWS, Powertools at its edge and one engine are all that it may find there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import inventory_loader

PACKAGE = Path(inventory_loader.__file__).parent


EDGE = {"handler", "announced"}
"""The modules that translate between AWS and the loader."""

MAY_IMPORT = {"boto3", "botocore", "duckdb", "inventory_loader"}
EDGE_MAY_IMPORT = MAY_IMPORT | {"aws_lambda_powertools"}


def test_the_loader_imports_nothing_but_aws_its_engines_and_the_standard_library() -> None:
    for module in PACKAGE.glob("*.py"):
        allowed = EDGE_MAY_IMPORT if module.stem in EDGE else MAY_IMPORT
        roots = set()
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                roots |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots.add((node.module or "").partition(".")[0])
        assert roots - set(sys.stdlib_module_names) <= allowed, module.name


def test_a_function_with_another_target_need_not_carry_duckdb() -> None:
    program = "import sys, inventory_loader.handler; sys.exit('duckdb' in sys.modules)"

    assert (
        subprocess.run([sys.executable, "-B", "-c", program], env={"PYTHONPATH": str(PACKAGE.parent)}).returncode == 0
    )
