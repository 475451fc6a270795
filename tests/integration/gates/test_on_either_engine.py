"""What gates say alike on either engine: types by their names in contracts, errors without a value of a row."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from expectations.compiler.column_types import NAMED_AS_IN_CONTRACTS, differing_columns
from expectations.validation.gate import Judge, Window
from shelfgate.errors import ConfigurationError
from shelfgate.model import Gate
from shelfgate.redaction import withhold_values

SNOWFLAKE_SAYS = (
    ("TEXT", None, None, "varchar"),
    ("NUMBER", 38, 0, "bigint"),
    ("NUMBER", 15, 2, "decimal(15,2)"),
    ("NUMBER", 18, 6, "decimal(18,6)"),
    ("BOOLEAN", None, None, "boolean"),
    ("DATE", None, None, "date"),
    ("NUMBER", 10, 0, "decimal(10,0)"),
    ("FLOAT", None, None, "float"),
    ("TIMESTAMP_NTZ", None, None, "timestamp_ntz"),
)


@pytest.mark.parametrize(("data_type", "precision", "scale", "named"), SNOWFLAKE_SAYS)
def test_types_as_snowflake_describes_them_have_the_names_of_contracts(
    data_type: str, precision: int | None, scale: int | None, named: str
) -> None:
    (found,) = duckdb.execute(
        f"select {NAMED_AS_IN_CONTRACTS} from (values (?, cast(? as integer), cast(? as integer))) "
        "as t (data_type, numeric_precision, numeric_scale)",
        [data_type, precision, scale],
    ).fetchone() or ("",)

    assert found == named


@pytest.mark.parametrize("kind", ["bigint", "boolean", "date", "varchar", "decimal(15,2)"])
def test_each_portable_type_has_its_own_name_on_duckdb(kind: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create schema candidate; create table candidate.one (a {kind}, b varchar)")
        wanted = [{"name": "a", "physicalType": kind}, {"name": "b", "physicalType": "varchar"}]
        assert connection.execute(differing_columns("candidate.one", wanted)).fetchall() == []
        other = "date" if kind != "date" else "bigint"
        wanted[0]["physicalType"] = other
        assert connection.execute(differing_columns("candidate.one", wanted)).fetchall() == [("a", kind, other)]


@pytest.mark.parametrize("kind", ["integer", "double", "decimal(15, 2)", "timestamp"])
def test_a_type_that_only_one_engine_tells_from_others_is_refused_when_compiled(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="both keep apart"):
        differing_columns("candidate.one", [{"name": "a", "physicalType": kind}])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "(snowflake.connector.errors.ProgrammingError) 100038 (22018): 01bc-7: Numeric value 'Zoë O'Neil' is not "
            "recognized\n[SQL: select 1]",
            "Snowflake error 100038 (22018; its text is withheld: it may quote a row)",
        ),
        (
            "(snowflake.connector.errors.ProgrammingError) 000904 (42000): 0a1b2c3d-0000-4f5e-8a9b-0123456789ab: SQL "
            "compilation error: error line 1 at position 7\ninvalid identifier 'SHOE_SIZE'\n[SQL: select shoe_size]",
            "Snowflake error 000904: SQL compilation error: error line 1 at position 7 invalid identifier 'SHOE_SIZE'",
        ),
    ],
)
def test_of_snowflakes_errors_those_about_names_are_kept(said: str, kept: str) -> None:
    assert withhold_values(said) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Conversion Error: Could not convert string 'Parser Error: zoe@x' to INT32", "Conversion Error (its text"),
        ("(_duckdb.BinderException) Binder Error: no column 'shoe_size'", "Binder Error: no column 'shoe_size'"),
        ("Out of Memory Error: zoe", "Out of Memory Error (its text is withheld"),
        ("the value 'Zoë O'Neil' is not one of 'a', 'b'", "the value '...'"),
    ],
)
def test_of_other_errors_nothing_is_kept_that_a_row_may_have_brought(said: str, kept: str) -> None:
    found = withhold_values(said)

    assert found.startswith(kept)
    assert "zo" not in found.lower()


def test_a_warehouse_of_an_engine_that_nobody_knows_closes_the_gate(tmp_path: Path) -> None:
    verdict = Judge(cast(Any, SimpleNamespace(engine="oracle")), tmp_path).verdict(
        Gate.FILE, Window("run-1", date(2002, 12, 28), datetime(2002, 12, 29))
    )

    assert not verdict.open
    assert "no way to read a warehouse on oracle; known: duckdb, snowflake" in verdict.suites[0].checks[0].seen
