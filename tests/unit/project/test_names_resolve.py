"""Every name that is only text to the interpreter leads somewhere: modules, attributes, entrypoints, files, globs.

A module that moves breaks its importers loudly and these silently: a class named in a configuration, a string given to
a monkeypatch, a rule for a file that is gone.
"""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = [ROOT / name for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["importlinter"]["root_packages"]
# Names of another kind that look like a module's.
NO_MODULES = {"sandbox.invalid", "sandbox.log", "sandbox.progress"}
# Files of a home, and of a home that a test makes.
OF_A_HOME = {"sandbox/identity.json", "sandbox/source.py"}
# The emulator's code runs in an environment of its own.
ELSEWHERE = ROOT / "sandbox" / "snowflake" / "emulator"
_DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)}|tests)(?:\.\w+)+")
_FILE = re.compile(r"(?<![\w./<{*-])((?:[\w.-]+/)+[\w.-]+\.(?:py|sql|md|yml|yaml|toml|csv|json|txt|golden))(?![\w*])")


def python_files() -> Iterator[Path]:
    yield from (path for path in FILES if path.suffix == ".py" and path.exists() and ELSEWHERE not in path.parents)


def dotted_texts() -> Iterator[tuple[str, str]]:
    """Where, and a text in the code that is nothing but a dotted name below one of our packages."""
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def resolves(name: str) -> bool:
    """True for a module, and for an attribute of one, however deep."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def test_every_dotted_name_in_a_text_resolves() -> None:
    names = [(where, name) for where, name in dotted_texts() if name not in NO_MODULES]

    assert len(names) > 30
    assert [one for one in names if not resolves(one[1])] == []


_IMPORT = re.compile(rf"\bfrom ((?:{'|'.join(PACKAGES)}|tests)(?:\.\w+)*) import ([\w, ]+)")


def test_every_import_in_a_programs_text_resolves() -> None:
    """Tests start programs that are texts: one that cannot import fails for another reason than the one in the test."""
    found = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", f"{module}.{name.split(' as ')[0].strip()}")
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for module, names in _IMPORT.findall(node.value)
        for name in names.split(",")
    ]

    assert len(found) > 15
    assert [one for one in found if not resolves(one[1])] == []


def test_entrypoints_resolve() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    names = [one["entrypoint"] for one in deployments]
    names += [one.replace(":", ".") for one in PROJECT["project"]["scripts"].values()]

    assert len(names) >= 5
    assert [name for name in names if not resolves(name)] == []


def test_modules_and_files_of_the_configuration_are_there() -> None:
    tool = PROJECT["tool"]
    modules = set(PACKAGES)
    for contract in tool["importlinter"]["contracts"]:
        for key in ("source_modules", "forbidden_modules", "layers", "modules"):
            for entry in contract.get(key, ()):
                modules |= {one.strip(" ()") for one in re.split("[|:]", entry)}
    ours = {name for name in modules if name.split(".")[0] in PACKAGES}
    folders = [*tool["hatch"]["build"]["targets"]["wheel"]["packages"], *tool["pyright"]["include"]]
    folders += tool["pyright"]["exclude"]
    macros = configparser.ConfigParser()
    macros.read(ROOT / ".sqlfluff")
    folders += [macros["sqlfluff:templater:jinja"][f"{key}_macros_from_path"] for key in ("load", "exclude")]

    assert sorted(name for name in ours if not resolves(name)) == []
    assert [name for name in folders if not (ROOT / name).is_dir()] == []
    assert [glob for glob in tool["ruff"]["lint"]["per-file-ignores"] if not any(ROOT.glob(glob))] == []


@pytest.mark.parametrize("suffix", [".md", ".py", ".sql", ".yaml", ".yml", ".toml"])
def test_every_file_that_a_text_names_is_there(suffix: str) -> None:
    """A path is written from the root or from a folder above the file. The changelog speaks of what was."""
    tops = {path.relative_to(ROOT).parts[0] for path in FILES}
    lost = [
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        if path.suffix == suffix and path.name not in {"CHANGELOG.md", Path(__file__).name} and path.exists()
        for name in _FILE.findall(path.read_text(encoding="utf-8"))
        if name.split("/")[0] in tops and not (ROOT / name).exists()
        if name not in OF_A_HOME and not any((folder / name).exists() for folder in path.parents)
    ]

    assert lost == []
