"""Types of columns as contracts name them, read on either engine; refuses a type that both do not tell from others."""

from __future__ import annotations

import re
from typing import Any

from shelfgate.errors import ConfigurationError
from shelfgate.warehouse.published_tables import NAMED_AS_IN_CONTRACTS

PORTABLE = re.compile(r"bigint|boolean|date|varchar|decimal\(\d+,\d+\)")


def differing_columns(physical_name: str, columns: list[dict[str, Any]]) -> str:
    """A query for columns that are missing, besides, in another place or of another type than the contract's.

    Raises:
        ConfigurationError: the contract names a type that is not compared alike on both engines.
    """
    for column in columns:
        if not PORTABLE.fullmatch(column["physicalType"]):
            raise ConfigurationError(
                f"contract, {physical_name}.{column['name']}: type {column['physicalType']!r}; wanted bigint, boolean, "
                "date, varchar or decimal(<digits>,<scale>), which DuckDB and Snowflake both keep apart."
            )
    schema, table = physical_name.split(".")
    values = ", ".join(f"({n}, '{c['name']}', '{c['physicalType']}')" for n, c in enumerate(columns, start=1))
    return (
        "select coalesce(found.column_name, wanted.column_name) as column_name, found.data_type as found_type, "
        "wanted.data_type as wanted_type from (select ordinal_position, lower(column_name) as column_name, "
        f"{NAMED_AS_IN_CONTRACTS} as data_type from information_schema.columns "
        f"where lower(table_schema) = '{schema}' and lower(table_name) = '{table}') as found "
        f"full outer join (select * from (values {values}) as t (ordinal_position, column_name, data_type)) as wanted "
        "on wanted.column_name = found.column_name and wanted.ordinal_position = found.ordinal_position "
        "where found.column_name is null or wanted.column_name is null or found.data_type <> wanted.data_type"
    )
