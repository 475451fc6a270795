"""A build that fails, or builds nothing, is a failed build: dbt itself answers 0 to a selector that matches nothing."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from shelfgate.errors import BuildFailed
from shelfgate.ops.runs import Run
from shelfgate.progress import Step, listening
from shelfgate.settings import Settings
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tasks import dbt_build
from tests.support.small_warehouse import make_warehouse

RUN = Run("run-1", date(2002, 12, 28), None)


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DuckDBWarehouse:
    """Installed, and without a single raw table of sales."""
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_TARGET", "duckdb")
    # Neither the artifact nor Prefect's blocks in the profile, of which there are none, are what is asked about here.
    monkeypatch.setattr(dbt_build, "create_table_artifact", lambda **_: None)
    monkeypatch.setattr(dbt_build, "_profile", lambda: nullcontext(str(dbt_build.PROJECT)))
    one = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    with one.turn() as session:
        install(session)
    return one


def build(selector: str, warehouse: DuckDBWarehouse) -> None:
    with disable_run_logger():
        dbt_build.build_models.fn(selector, Settings.load(), warehouse, RUN)


def test_a_model_that_cannot_be_built_fails_the_build_and_is_named(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(BuildFailed, match=r"(?s)build staging: \d+ nodes did not succeed:.*stg_sales__.* error: "):
        build("staging", warehouse)

    with warehouse.turn() as session:
        assert session.rows("select publication_id from ops.pointer") == [{"publication_id": None}]


def test_a_build_reports_each_node_as_dbt_begins_and_ends_it(warehouse: DuckDBWarehouse) -> None:
    heard: list[Step] = []

    with listening(heard.append), pytest.raises(BuildFailed):
        build("staging", warehouse)

    total = heard[0].total
    assert {step.total for step in heard} == {total}
    assert heard[0].done == 0
    assert heard[-1].done == total > 5
    assert any(step.now.startswith("stg_") for step in heard)
    assert heard[-1].now == ""


def test_a_selector_that_does_not_exist_fails_the_build(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(BuildFailed, match="stagging"):
        build("stagging", warehouse)


def test_a_build_that_built_nothing_fails(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_build, "_invoke", lambda *_: [])

    with pytest.raises(BuildFailed, match="dbt built nothing, at least one model was wanted"):
        build("staging", warehouse)


def test_a_value_that_breaks_a_build_is_in_no_message(
    warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(dbt_build, "create_table_artifact", lambda **artifact: shown.append(artifact))
    make_warehouse(warehouse.path)
    with warehouse.turn() as session:
        session.run("alter table raw_sales.customer_address alter column ca_gmt_offset type decimal(18, 2)")
        session.run("update raw_sales.customer_address set ca_gmt_offset = 7654321")

    build("staging", warehouse)

    with pytest.raises(BuildFailed) as failed:
        build("marts", warehouse)

    assert "Conversion Error (its text is withheld" in str(failed.value)
    assert "7654321" not in f"{failed.value} {failed.value.__cause__} {shown} {caplog.text}"


@pytest.mark.parametrize(
    "value",
    ["Zoe Kanarienvogel", "zoe@kanarienvogel.example", "call\nkanarienvogel", "Binder Error: 'kanarienvogel' \"x"],
    ids=["a name", "an address", "lines", "an error of its own"],
)
def test_a_text_that_breaks_a_build_is_in_no_message_and_no_file(
    warehouse: DuckDBWarehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    value: str,
) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(dbt_build, "create_table_artifact", lambda **artifact: shown.append(artifact))
    make_warehouse(warehouse.path)
    with warehouse.turn() as session:
        session.run("alter table raw_sales.customer_address alter column ca_gmt_offset type varchar")
        session.run("update raw_sales.customer_address set ca_gmt_offset = ?", [value])

    build("staging", warehouse)
    with pytest.raises(BuildFailed) as failed:
        build("marts", warehouse)

    out, err = capfd.readouterr()
    home = Settings.load().home
    files = {str(one): one.read_bytes() for one in home.rglob("*") if one.is_file() and one != warehouse.path}
    assert "its text is withheld" in str(failed.value)
    told = f"{failed.value} {failed.value.__cause__} {shown} {caplog.text} {out} {err}".lower()
    assert "kanarienvogel" not in told
    assert [name for name, content in files.items() if b"kanarienvogel" in content.lower()] == []
