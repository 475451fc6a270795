"""No customer's value leaves a wrong file: not by a receipt, the ledger, a log, a verdict or a page of Data Docs."""

from __future__ import annotations

import gzip
import io
import json
import logging
import zipfile
from datetime import date, datetime

import pytest
from inventory_loader.errors import EventNotUnderstood
from inventory_loader.handler import handler

from expectations.data_docs.site import build
from expectations.validation.gate import Judge, Window
from shelfgate.model import Gate
from shelfgate.ops.ledger import record_verdict
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.contract.inventory.inventory_landing import HEADER, PREFIX, Context, House

CANARY, NUMBER = "kanarienvogel", "394857261"
ID, FIRST_NAME, MAIL = f"AAAA{CANARY}", CANARY.capitalize(), f"zoe@{CANARY}.example"
NOTE = f"Please call {CANARY} at {NUMBER}, before noon"
CUSTOMER = (ID, "Mr", FIRST_NAME, MAIL, NUMBER, "1965")
ROW = "2450815,1,1,"


def rows(delimiter: str, quote: str = "") -> str:
    return (delimiter.join(f"{quote}{field}{quote}" for field in CUSTOMER) + "\n") * 3


def workbook() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<si><t>{FIRST_NAME}</t></si>\n{MAIL}\n")
    return file.getvalue()


TEXTS = {
    "without a header": rows(","),
    "four fields without a header": f"{ID},{FIRST_NAME},{MAIL},{NUMBER}\n",
    "one name a line": f"{FIRST_NAME}\n",
    "numbers without a header": f"{NUMBER},{NUMBER},1,{NUMBER}\n",
    "semicolons": rows(";"),
    "tabs": rows("\t"),
    "pipes": rows("|"),
    "quoted": rows(",", '"'),
    "in single quotes": rows(",", "'"),
    "a quote left open": f'"{FIRST_NAME},{MAIL}\n{NOTE}\n',
    "a separator line": f"sep=;\n{rows(';')}",
    "a separator line that holds a name": f"sep={FIRST_NAME}\n",
    "a title": f"{NOTE.replace(',', '')}\n{HEADER}{ROW}5\n",
    "HTML": f"<html><body>{FIRST_NAME} {MAIL}</body></html>\n",
    "XML in one line": f"<customers>{NOTE}{'x' * 2_000}",
    "JSON": json.dumps({"name": FIRST_NAME, "mail": MAIL, "note": NOTE}) + "\n",
    "a customer among our columns": f"inv_date_sk,{FIRST_NAME},{MAIL},inv_quantity_on_hand\n",
    "a customer behind our columns": f"{HEADER.strip()},{FIRST_NAME}\n{ROW}5,{MAIL}\n",
    "carriage returns": rows(",").replace("\n", "\r"),
    "one endless line": NOTE * 100,
    "more fields in a row": f"{HEADER}{ROW}5\n{ROW}5,{FIRST_NAME}\n",
    "fewer fields in a row": f"{HEADER}{FIRST_NAME},{MAIL}\n",
    "semicolons in a row": f"{HEADER}{FIRST_NAME};{MAIL};1;1\n",
    "a long field": f"{HEADER}{ROW}{NOTE * 5}\n",
    "a NUL": f"{HEADER}{ROW}{FIRST_NAME}\0\n",
    "a number out of range": f"{HEADER}2450815,{NUMBER}{NUMBER},1,5\n",
    **{
        f"{name} as {kind}": HEADER + ",".join([*fields[:place], value, *fields[place + 1 :]]) + "\n"
        for fields in (["2450815", "1", "1", "5"],)
        for place, name in enumerate(("a date", "an item", "a warehouse", "a quantity"))
        if place in (1, 3)
        for kind, value in {
            "a name": FIRST_NAME,
            "an address": MAIL,
            "words": f"{FIRST_NAME} {MAIL}",
            "a quoted name": f'"{FIRST_NAME}"',
            "a formula": f"={FIRST_NAME}",
            "a number with a minus": f"{NUMBER}-",
            "a decimal": f"{NUMBER}.5",
            "blanks": f" {FIRST_NAME} ",
            "a carriage return": f"{FIRST_NAME}\r",
        }.items()
    },
}
WRONG: dict[str, bytes] = {
    **{name: text.encode() for name, text in TEXTS.items()},
    "UTF-16": rows(",").encode("utf-16"),
    "UTF-16 under our header": (HEADER + ROW + FIRST_NAME + "\n").encode("utf-16-le"),
    "latin-1": f"Stra\xdfe {FIRST_NAME},{MAIL}\n".encode("latin-1"),
    "latin-1 in a row": (HEADER + ROW).encode() + f"{FIRST_NAME}\xe9\n".encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf" + rows(",").encode(),
    "a workbook": workbook(),
    "gzip that is none": rows(",").encode(),
    "gzip": gzip.compress(rows(",").encode()),
    "gzip under .csv": gzip.compress(rows(",").encode()),
}


def test_no_wrong_file_shows_a_customers_value(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for number, (name, content) in enumerate(WRONG.items()):
        packed = name in ("gzip", "gzip that is none")
        house.put(f"1998-01-02-{number}.csv{'.gz' if packed else ''}", content)
    caplog.clear()

    replies = [handler({"sweep": True}, Context(600_000))]
    replies += [house.load(f"1998-01-02-{number}.csv") for number in range(5)]
    with pytest.raises(EventNotUnderstood) as refused:
        handler({"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": NOTE}}}]}, Context())

    ledger = house.query("select * from ops.load_ledger")
    assert len(ledger) == len(WRONG) == replies[0]["quarantined"]
    log = "\n".join(str(vars(record)) for record in caplog.records)
    verdict, pages = judged(house)
    texts = {"ledger": str(ledger), "replies": str(replies), "raised": str(refused.value), "log": log, **pages}
    assert "header: seen" in verdict
    assert "header: seen" in texts["ledger"]
    assert [name for name, text in texts.items() if CANARY in text.lower() or NUMBER in text] == []


def judged(house: House) -> tuple[str, dict[str, str]]:
    """What the file gate says of the ledger, and all that it leaves."""
    warehouse, docs = DuckDBWarehouse(house.warehouse), house.warehouse.parent / "docs"
    at = datetime(2026, 12, 1)
    with warehouse.turn() as session:
        install(session)
        verdict = Judge(warehouse, docs).verdict(Gate.FILE, Window("run-1", date(1998, 1, 20), at))
        record_verdict(session, verdict, at)
        recorded = str(session.rows("select * from ops.gate_result"))
    build(docs, "run-1")
    files = {str(p.relative_to(docs)): p.read_text() for p in docs.rglob("*") if p.suffix in {".json", ".html"}}
    assert any(PREFIX in text for name, text in files.items() if name.endswith(".html"))
    return repr(verdict), {"verdict": repr(verdict), "record": recorded, **files}
