"""The committed suites on both engines: each check of each comes out alike, and no key leaves the connector."""

from __future__ import annotations

import base64
import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.data_docs.site import build as build_docs
from expectations.validation.gate import Judge, Window, suites_of
from sandbox.processes import free_port
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from shelfgate.model import CheckResult, Gate, Verdict
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from tests.integration.gates.conftest import ROWS_SEEN, no_row, write_index
from tests.snowflake.conftest import PASSPHRASE, Estate, Installed, install_database
from tests.snowflake.raw_landing import generate, land
from tests.snowflake.test_dbt_build import build, on_duckdb

# The project is built twice and every gate held on both engines: 45 s of processor time.
pytestmark = pytest.mark.proofs

WINDOW = Window("run-1", date(2003, 1, 8), datetime(2003, 1, 9, 6, 0))
GATES = (Gate.FILE, Gate.LANDING, Gate.STAGING, Gate.MARTS)


@dataclass(frozen=True)
class Both:
    """The same landed data, built by the same project, on either engine."""

    duckdb: DuckDBWarehouse
    snowflake: SnowflakeWarehouse


@pytest.fixture(scope="module")
def both(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("suites")
    installed: Installed = install_database(estate, "SUITES")
    land(installed, generate(folder / "tpcds.duckdb", 0.01), folder)
    build(installed, folder)
    return Both(DuckDBWarehouse(on_duckdb(folder).warehouse), installed.warehouse("publisher"))


def checks(verdict: Verdict) -> dict[str, CheckResult]:
    return {f"{suite.dataset}.{check.check_id}": check for suite in verdict.suites for check in suite.checks}


@pytest.mark.parametrize("gate", GATES)
def test_every_check_of_every_suite_comes_out_as_on_duckdb(both: Both, tmp_path: Path, gate: Gate) -> None:
    theirs, ours = (
        Judge(one, tmp_path / name).verdict(gate, WINDOW)
        for name, one in (("duckdb", both.duckdb), ("snowflake", both.snowflake))
    )
    wanted, found = checks(theirs), checks(ours)

    expected = Counter(suite["meta"]["dataset"] for suite in suites_of(gate) for _ in suite["expectations"])
    assert Counter(name.split(".")[0] for name in found) == expected
    assert {name: check.seen for name, check in found.items() if check.raised} == {}
    outcome = {name: (check.passed, check.observed) for name, check in found.items()}
    assert outcome == {name: (check.passed, check.observed) for name, check in wanted.items()}
    assert [suite.rows_seen for suite in ours.suites] == [suite.rows_seen for suite in theirs.suites]


def test_a_gate_is_one_session_and_asks_for_each_suite_in_one_statement(
    both: Both, estate: Estate, tmp_path: Path
) -> None:
    before = len(estate.hook("history")["queries"])
    verdict = Judge(both.snowflake, tmp_path).verdict(Gate.LANDING, WINDOW)
    sent: list[dict[str, Any]] = estate.hook("history")["queries"][before:]

    assert len({one["session_id"] for one in sent}) == 1
    tag = {"application": "shelfgate", "run": "run-1", "stage": "landing gate"}
    assert [json.loads(one["query_tag"]) for one in sent] == [tag] * len(sent)
    texts = [one["query_text"] for one in sent]
    queries = {
        e["meta"]["check_id"] for s in suites_of(Gate.LANDING) for e in s["expectations"] if "query" in e["kwargs"]
    }
    fired = [name for name, check in checks(verdict).items() if not check.passed and name.split(".")[1] in queries]
    assert sum("as place, " in text for text in texts) == len(verdict.suites)
    assert sum("as observed_sum from (" in text for text in texts) == len(fired)
    # Opening, closing; one for each suite, and one more for each of its checks that shows what it found.
    assert len(texts) <= 8 + len(verdict.suites) + len(fired)


def test_no_key_no_passphrase_and_no_login_stands_in_what_a_gate_leaves(
    both: Both, estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from expectations.data_docs import site

    contexts: list[Any] = []
    made = site.context_for
    monkeypatch.setattr(site, "context_for", lambda folder: contexts.append(made(folder)) or contexts[-1])
    with caplog.at_level(logging.DEBUG):
        verdict = Judge(both.snowflake, tmp_path).verdict(Gate.FILE, WINDOW)
    build_docs(tmp_path, "run-1")

    files = [path.read_text(encoding="utf-8", errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    sources = [repr(source) + str(source.dict()) for one in contexts for source in one.data_sources.all().values()]
    assert sources
    told = "\n".join([repr(verdict), caplog.text, *files, *sources, *(str(one.config) for one in contexts)])
    key = both.snowflake.identity.key()
    for secret in (PASSPHRASE, base64.b64encode(key).decode()[40:120], repr(key)[40:120], "PRIVATE KEY"):
        assert secret not in told
    assert "publisher@" not in told.lower()


def test_an_account_that_does_not_answer_is_a_closed_gate_and_an_error_that_may_be_tried_again(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfgate.warehouse.engines.snowflake.warehouse.LOGIN_SECONDS", 1)
    one = both.snowflake
    gone = SnowflakeWarehouse(replace(one.account, port=free_port()), one.identity, one.builder)

    verdict = Judge(gone, tmp_path).verdict(Gate.LANDING, WINDOW)

    assert not verdict.open
    assert {check.check_id for check in checks(verdict).values()} == {"window_is_readable"}
    assert all("ExternalServiceUnavailable: Snowflake: login" in check.seen for check in checks(verdict).values())
    with pytest.raises(ExternalServiceUnavailable, match="does not answer"), gone.turn():
        pytest.fail("nobody is there")


def test_a_key_that_the_account_does_not_know_is_a_closed_gate_and_no_reason_to_try_again(
    both: Both, estate: Estate, tmp_path: Path
) -> None:
    stranger = both.snowflake.acting_as(
        replace(estate.identity("publisher"), private_key=estate.keys["loader"].private_file)
    )

    verdict = Judge(stranger, tmp_path).verdict(Gate.FILE, WINDOW)

    (seen,) = (check.seen for check in checks(verdict).values())
    assert seen.startswith("ConfigurationError: Snowflake: login: refused")
    with pytest.raises(ConfigurationError, match="refused"), stranger.turn():
        pytest.fail("nobody let in")


def test_an_engine_that_quotes_the_value_it_stumbled_over_is_not_quoted(both: Both, tmp_path: Path) -> None:
    suite = {
        "name": "file.customers",
        "meta": {"gate": "file", "dataset": "customers", "window": "select * from raw_sales.customer"},
        "expectations": [
            ROWS_SEEN,
            no_row("mail_is_a_number", "select cast(c_email_address as integer) as n from raw_sales.customer"),
            no_row("no_such_column", "select c_shoe_size from raw_sales.customer"),
        ],
    }
    (tmp_path / "suites" / "file").mkdir(parents=True)
    (tmp_path / "suites" / "file" / "customers.json").write_text(json.dumps(suite))
    write_index(tmp_path / "suites")
    with both.snowflake.turn() as session:
        mails = {
            row["mail"] for row in session.rows("select c_email_address as mail from raw_sales.customer") if row["mail"]
        }

    verdict = Judge(both.snowflake, tmp_path / "docs", tmp_path / "suites").verdict(Gate.FILE, WINDOW)
    build_docs(tmp_path / "docs", "run-1")

    found = checks(verdict)
    assert found["customers.mail_is_a_number"].raised
    assert "its text is withheld" in found["customers.mail_is_a_number"].seen
    assert "c_shoe_size" in found["customers.no_such_column"].seen.lower()
    told = repr(verdict) + "".join(p.read_text() for p in (tmp_path / "docs").rglob("*.*") if p.is_file())
    assert not [mail for mail in mails if mail in told]
