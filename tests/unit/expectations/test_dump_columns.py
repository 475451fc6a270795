"""A retailer's own column names: named in the contract, compiled for the loader, read by it alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import inventory_loader
import jsonschema
import pytest
import yaml

from expectations.compiler.contract_files import CONTRACTS
from expectations.compiler.dump_columns import CONTRACT, aliases_text, stale_aliases
from shelfgate.errors import ConfigurationError

PACKAGE = Path(inventory_loader.__file__).parent
ALIASES: dict[str, Any] = {
    "inv_date_sk": ["Stichtag"],
    "inv_item_sk": ["SKU", "Artikel-Nr."],
    "inv_warehouse_sk": ["Lager Straße"],
    "inv_quantity_on_hand": ["Bestand", "on_hand"],
}
READ = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from inventory_loader.dump.reader import read_dump
for content in sys.argv[3:]:
    reading = read_dump([content.encode()], gzipped=False, into=Path(sys.argv[2]))
    print(reading.refusal or ",".join(reading.checked().columns))
"""


def contract_with(folder: Path, aliases: dict[str, Any]) -> Path:
    """A folder with the contract of inventory, its columns with these aliases."""
    contract = yaml.safe_load((CONTRACTS / CONTRACT).read_text(encoding="utf-8"))
    for column in contract["schema"][0]["properties"]:
        if column["name"] in aliases:
            column["customProperties"] = [{"property": "aliases", "value": aliases[column["name"]]}]
    (folder / CONTRACT).write_text(yaml.safe_dump(contract, allow_unicode=True), encoding="utf-8")
    return folder


def test_the_loader_knows_the_names_of_the_contract() -> None:
    assert stale_aliases() == []


def test_a_contract_with_aliases_is_valid_and_makes_the_loaders_file_stale(tmp_path: Path) -> None:
    contracts = contract_with(tmp_path, ALIASES)

    schema = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
    text = (contracts / CONTRACT).read_text(encoding="utf-8")
    assert list(jsonschema.Draft201909Validator(schema).iter_errors(yaml.safe_load(text))) == []
    assert json.loads(aliases_text(contracts)) == ALIASES
    assert stale_aliases(contracts) == ["lambda/inventory_loader/column_aliases.json"]


@pytest.mark.parametrize(
    ("aliases", "why"),
    [
        ({"inv_item_sk": ["sku"], "inv_date_sk": ["SKU"]}, "stands for inv_date_sk, too"),
        ({"inv_item_sk": ["INV_DATE_SK"]}, "stands for inv_date_sk, too"),
        ({"inv_item_sk": ["a,b"]}, "expected a name"),
        ({"inv_item_sk": ['"sku"']}, "expected a name"),
        ({"inv_item_sk": [" sku"]}, "expected a name"),
        ({"inv_item_sk": ["sku\n"]}, "expected a name"),
        ({"inv_item_sk": ["2450815"]}, "expected a name"),
        ({"inv_item_sk": [""]}, "expected a name"),
        ({"inv_item_sk": [7]}, "expected a name"),
        ({"inv_item_sk": "x" * 61}, "expected a name"),
    ],
)
def test_an_alias_that_is_no_name_or_ambiguous_is_refused(tmp_path: Path, aliases: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        aliases_text(contract_with(tmp_path, aliases))


def test_the_loader_alone_reads_a_header_of_aliases(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "inventory_loader", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "inventory_loader" / "column_aliases.json").write_text(
        aliases_text(contract_with(tmp_path, ALIASES)), encoding="utf-8"
    )
    contents = [
        f"{header}\n2450815,1,1,5\n"
        for header in (
            "Stichtag,Artikel-Nr.,Lager Straße,Bestand",
            'BESTAND,"sku",inv_warehouse_sk,STICHTAG',
            "Stichtag,SKU,Artikel-Nr.,Bestand",
            "Stichtag,SKU,LAGER STRASSE,Bestand",
        )
    ]
    command = [sys.executable, "-I", "-c", READ, str(tmp_path), str(tmp_path / "lines.csv"), *contents]
    answers = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert answers[:2] == [
        "inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand",
        "inv_quantity_on_hand,inv_item_sk,inv_warehouse_sk,inv_date_sk",
    ]
    assert answers[2].startswith("header: seen inv_date_sk, inv_item_sk (2 times), inv_quantity_on_hand; wanted")
    assert answers[3].startswith("header: seen inv_date_sk, inv_item_sk, another name, inv_quantity_on_hand; wanted")


def test_the_zip_carries_the_aliases() -> None:
    spec = spec_from_file_location("build_zip_of_aliases", PACKAGE.parent / "build_zip.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)

    assert "inventory_loader/column_aliases.json" in dict(module._own_files())
