"""No customer's value leaves the warehouse by way of a gate: not in a verdict, a log, the evidence or a page."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from expectations.compiler.suites import SUITES
from expectations.data_docs.site import build
from expectations.validation.gate import Judge, Window
from shelfgate.errors import GateClosed
from shelfgate.model import Candidate, Gate, Partition, Verdict
from shelfgate.ops.ledger import record_verdict
from shelfgate.publication.readback import published_verdict
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.integration.gates.conftest import DAY, JUDGED_AT, ROWS_SEEN, Bench, check, no_row

CANARY = "kanarienvogel"
ID, NAME, MAIL = f"AAAA{CANARY}", f"Zoe {CANARY}", f"zoe@{CANARY}.example"

RAW_COLUMNS = (
    "c_customer_id varchar, c_current_addr_sk bigint, c_current_cdemo_sk bigint, c_current_hdemo_sk bigint, "
    "c_first_name varchar, c_last_name varchar, c_email_address varchar, c_preferred_cust_flag varchar, "
    "c_birth_day varchar, c_birth_month varchar, c_birth_year varchar, c_birth_country varchar, c_login varchar, "
    "_airbyte_extracted_at timestamp, _airbyte_meta varchar"
)
# Every fault at once: a doubled key, a doubled id, an unknown key and id, unknown references, names where others belong
FAULTS = (
    f"(1, '{ID}', 7, 7, 7, '{NAME}', '{NAME}', '{MAIL}', '{NAME}', '{MAIL}', '{MAIL}', '{MAIL}', '{NAME}', '{MAIL}')",
    f"(1, '{ID}', 8, 8, 8, '{MAIL}', '{MAIL}', '{NAME}', '{MAIL}', '{NAME}', '{NAME}', '{NAME}', '{MAIL}', '{NAME}')",
    f"(null, null, null, null, null, '{NAME}', null, '{NAME}', null, '{NAME}', null, null, '{NAME}', '{MAIL}')",
)


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    found = DuckDBWarehouse(tmp_path / "w.duckdb")
    with found.turn() as session:
        install(session)
        session.run(f"create table raw_sales.customer (c_customer_sk bigint, {RAW_COLUMNS})")
        for row in FAULTS:
            session.run(
                "insert into raw_sales.customer select *, timestamp '2002-12-28 03:00:00', "
                f'\'{{"changes":[{{"field":"{MAIL}"}}]}}\' from (values {row})'
            )
        for name in ("customer_address", "customer_demographics", "household_demographics", "income_band", "item"):
            session.run(f"create table raw_sales.{name} (sk bigint, ca_address_sk bigint, note varchar)")
            session.run(f"insert into raw_sales.{name} values (99, 99, '{MAIL}')")
        for name in ("warehouse", "date_dim", "promotion", "ship_mode"):
            session.run(f"create table raw_sales.{name} (sk bigint)")
        session.run(
            "create table staging.stg_customers__customers as "
            "select c_customer_sk as customer_sk, * rename (c_customer_id as customer_id) from raw_sales.customer"
        )
        session.run("create table candidate.dim_customer as select * exclude (build_id) from store.dim_customer")
        for day in ("date '2002-01-01'", "date '2002-01-02'"):
            session.run(
                "insert into candidate.dim_customer (customer_sk, customer_id, first_name, email_address, valid_from, "
                f"valid_to, is_current) values (1, '{ID}', '{NAME}', '{MAIL}', {day}, null, true)"
            )
        session.run("insert into store.dim_customer select 'pub-000001', * from candidate.dim_customer")
        session.run(
            "insert into ops.manifest (publication_id, table_name, build_id, row_count, digest) "
            "values ('pub-000001', 'dim_customer', 'pub-000001', 2, 'd')"
        )
        session.run("update ops.pointer set publication_id = 'pub-000001' where name = 'current'")
    return found


def judged(warehouse: DuckDBWarehouse, docs: Path, gate: Gate, suites: Path = SUITES) -> Verdict:
    with warehouse.turn() as session:
        verdict = Judge(warehouse, docs, suites).verdict(gate, Window("run-1", DAY, JUDGED_AT))
        record_verdict(session, verdict, JUDGED_AT)
    return verdict


def read_back(warehouse: DuckDBWarehouse) -> Verdict:
    """The published gate, on readers who see other customers than were judged."""
    promised = Partition("dim_customer", None, 1, "another digest", "")
    with warehouse.turn() as session:
        verdict = published_verdict(session, Candidate("run-1", DAY, None, (promised,)), "pub-000001")
        record_verdict(session, verdict, JUDGED_AT)
    return verdict


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in {".json", ".html"}
    }


def assert_no_canary(docs: Path, warehouse: DuckDBWarehouse, verdicts: list[Verdict], log: str) -> None:
    build(docs, "run-1")
    with warehouse.turn() as session:
        recorded = json.dumps(session.rows("select * from ops.gate_result"), default=str)
    told: list[str] = []
    for verdict in verdicts:
        with pytest.raises(GateClosed) as closed:
            verdict.approve()
        told.append(str(closed.value))
    texts = {"verdict": repr(verdicts), "message": "\n".join(told), "record": recorded, "log": log, **written(docs)}
    assert any(name.endswith(".html") and "validations" in name for name in texts)
    assert any(name.startswith(".evidence") for name in texts)
    assert [name for name, text in texts.items() if CANARY in text] == []


def test_faulty_customers_leave_no_value_of_theirs_anywhere(
    warehouse: DuckDBWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    docs = tmp_path / "docs"

    verdicts = [judged(warehouse, docs, gate) for gate in (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS)]
    verdicts.append(read_back(warehouse))
    assert {verdict.gate for verdict in verdicts} == set(Gate)

    failed = {f"{s.dataset}.{c.check_id}" for v in verdicts for s in v.suites for c in s.checks if not c.passed}
    assert failed >= {
        "customer.c_customer_sk_is_known",
        "customer.c_customer_id_is_known",
        "customer.key_is_unique",
        "customer.customer_id_is_unique",
        "customer.counts_equal_the_source",
        "customer.address_is_known",
        "customers.key_is_unique",
        "customers.customer_id_is_known",
        "dim_customer.row_digest_is_known",
        "dim_customer.current_customers_equal_raw",
        "dim_customer.intervals_do_not_overlap",
        "marts.readers_see_the_candidate",
    }
    assert_no_canary(docs, warehouse, verdicts, caplog.text)


def test_an_engine_that_quotes_the_value_it_stumbled_over_is_not_quoted(
    warehouse: DuckDBWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    docs = tmp_path / "docs"
    own = Bench(tmp_path)
    own.suite(
        ROWS_SEEN,
        no_row("grown_up", "select c_customer_sk from raw_sales.customer where cast(c_birth_year as integer) > 1990"),
        check("day_in_range", "expect_column_values_to_be_between", column="c_birth_day", min_value=1, max_value=31),
        no_row(
            "long_ago", "select c_customer_sk from raw_sales.customer where cast(c_login as date) > ${business_date}"
        ),
        window="select * from raw_sales.customer",
    )
    own.suite(
        ROWS_SEEN, window="select * from raw_sales.customer where cast(c_login as bigint) > 0", dataset="unreadable"
    )

    verdict = judged(warehouse, docs, Gate.LANDING, own.home / "suites")

    checks = {f"{s.dataset}.{c.check_id}": c for s in verdict.suites for c in s.checks}
    assert {name for name, one in checks.items() if one.raised} >= {
        "things.grown_up",
        "things.day_in_range",
        "things.long_ago",
        "unreadable.rows_seen",
    }
    withheld = "the check itself failed: Conversion Error (its text is withheld: it may quote a row)"
    assert checks["things.grown_up"].seen == withheld
    assert_no_canary(docs, warehouse, [verdict], caplog.text)
