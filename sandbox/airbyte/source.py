"""What the Postgres source offers to a sync: streams, columns, keys; refuses a source that lost something it had."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shelfgate.errors import SyncFailed

SCHEMA = "public"


@dataclass(frozen=True)
class Stream:
    """A source table. With a key it is synced incrementally and deduplicated, without one it is overwritten."""

    name: str
    key: tuple[str, ...] = ()


STREAMS = (
    Stream("catalog_sales", ("cs_item_sk", "cs_order_number")),
    Stream("web_sales", ("ws_item_sk", "ws_order_number")),
    Stream("catalog_returns", ("cr_item_sk", "cr_order_number")),
    Stream("web_returns", ("wr_item_sk", "wr_order_number")),
    Stream("customer"),
    Stream("customer_address"),
    Stream("customer_demographics"),
    Stream("household_demographics"),
    Stream("income_band"),
    Stream("item"),
    Stream("warehouse"),
    Stream("date_dim"),
    Stream("promotion"),
    Stream("ship_mode"),
)

# Airbyte's Snowflake destination: numbers with decimals land as FLOAT, numeric(p,0) as an integer.
_LANDED_TYPES = {
    "smallint": "bigint",
    "integer": "bigint",
    "bigint": "bigint",
    "numeric": "double",
    "real": "double",
    "double precision": "double",
    "character": "varchar",
    "character varying": "varchar",
    "text": "varchar",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamp with time zone",
}


@dataclass(frozen=True)
class Column:
    """A source column; `type` is what Postgres calls it, such as `numeric(7,2)`."""

    name: str
    type: str

    @property
    def landed_type(self) -> str | None:
        """The type it lands as, or None for one that no stream of this source has."""
        base = re.sub(r"\(.*\)", "", self.type)
        whole_number = base == "numeric" and self.type.endswith(",0)")
        return "bigint" if whole_number else _LANDED_TYPES.get(base)

    @property
    def padded_length(self) -> int | None:
        """Of a `character(n)`: Postgres hands it out padded with blanks, and so does Airbyte."""
        padded = re.fullmatch(r"character\((\d+)\)", self.type)
        return int(padded.group(1)) if padded else None

    @property
    def may_be_nan(self) -> bool:
        return self.type.startswith("numeric")


@dataclass(frozen=True)
class Source:
    """One stream as it is now.

    `identity` changes when the table's file is replaced (created again, TRUNCATE, VACUUM FULL, another cluster): what
    its rows' xmin then tells is unrelated to an earlier watermark. `key_is_declared`: Postgres keeps the key unique.
    """

    stream: Stream
    columns: tuple[Column, ...]
    identity: str
    key_is_declared: bool

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


_COLUMNS = """
    select
        table_.relname,
        concat_ws(
            '.', (select system_identifier from pg_control_system()),
            (select oid from pg_database where datname = current_database()),
            table_.oid, pg_relation_filenode(table_.oid)
        ),
        column_.attname,
        format_type(column_.atttypid, column_.atttypmod),
        coalesce(column_.attnum = any(key.indkey), false)
    from pg_class as table_
    inner join pg_attribute as column_
        on column_.attrelid = table_.oid and column_.attnum > 0 and not column_.attisdropped
    left join pg_index as key on key.indrelid = table_.oid and key.indisprimary
    where table_.relnamespace = %s::regnamespace and table_.relkind = 'r' and table_.relname = any(%s)
    order by table_.relname, column_.attnum
"""


def discover(dsn: str, streams: Sequence[Stream] = STREAMS) -> list[Source]:
    """Look at every stream's table, in the order of `streams`.

    Raises:
        SyncFailed: the source does not answer, or a table, a key column or a known type is missing.
    """
    import psycopg

    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            found = connection.execute(_COLUMNS, (SCHEMA, [stream.name for stream in streams])).fetchall()
    except psycopg.Error as error:
        raise SyncFailed(f"source database: {without_password(str(error), dsn)}. Nothing was landed.") from None
    rows: dict[str, list[tuple[str, str, str, bool]]] = {}
    for table, *row in found:
        rows.setdefault(table, []).append((row[0], row[1], row[2], row[3]))
    return [_as_source(stream, rows.get(stream.name, [])) for stream in streams]


def _as_source(stream: Stream, rows: list[tuple[str, str, str, bool]]) -> Source:
    if not rows:
        raise SyncFailed(f"stream {stream.name}: the source has no table {SCHEMA}.{stream.name}. Nothing was landed.")
    columns = tuple(Column(name, type_) for _, name, type_, _ in rows)
    for column in columns:
        if column.landed_type is None:
            raise SyncFailed(
                f"stream {stream.name}: column {column.name} is a {column.type}, which this sync cannot land. "
                f"Known: {', '.join(_LANDED_TYPES)}."
            )
    source = Source(stream, columns, rows[0][0], {name for _, name, _, keyed in rows if keyed} == set(stream.key))
    refuse_lost_columns(source, stream.key)
    return source


def refuse_lost_columns(source: Source, wanted: Sequence[str]) -> None:
    """
    Raises:
        SyncFailed: the table no longer has a column that the connection was discovered with.
    """
    lost = [name for name in wanted if name not in source.column_names]
    if lost:
        raise SyncFailed(
            f"stream {source.stream.name}: the source table lost {', '.join(lost)}. Nothing was landed; "
            "bring the column back, or delete the connection's state file to discover the source again."
        )


def without_password(message: str, dsn: str) -> str:
    """The message on one line. DuckDB quotes the whole connection string, password included, when it cannot connect."""
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        password = conninfo_to_dict(dsn).get("password")
    except Error:
        password = None
    message = " ".join(message.replace(dsn, "<source>").split())
    return message.replace(str(password), "<password>") if password else message
