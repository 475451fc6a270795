"""What fakesnow 0.11.22 gets wrong silently, replaced in it by name; refuses to start over another version of it."""

from __future__ import annotations

from importlib.metadata import version

import fakesnow.arrow
import fakesnow.cursor
import fakesnow.info_schema
import fakesnow.transforms
import pyarrow as pa
from sqlglot import exp

WANTED = "0.11.22"


def apply() -> None:
    if version("fakesnow") != WANTED:
        raise SystemExit(f"fakesnow {version('fakesnow')} is installed, {WANTED} is wanted: uv sync --frozen")
    # SUM and AVG through DOUBLE lose exact decimals.
    fakesnow.transforms.numeric_agg_implicit_cast = lambda expression: expression
    # DuckDB has a MERGE of its own; fakesnow's takes the last of several source rows without a word.
    fakesnow.transforms.merge = lambda expression: [expression]
    # TRUNCATE, then INSERT: a table overwritten from itself comes out empty.
    fakesnow.transforms.insert_overwrite = lambda expression: [expression]
    fakesnow.transforms.integer_precision = _days(fakesnow.transforms.integer_precision)
    fakesnow.arrow.timestamp_to_sf_struct = _timestamps(fakesnow.arrow.timestamp_to_sf_struct)
    fakesnow.info_schema.insert_table_comment_sql = _comments(fakesnow.info_schema.insert_table_comment_sql)
    cursor = fakesnow.cursor.FakeSnowflakeCursor
    cursor._transform = _in_one_copy(cursor._transform)


class _InPlace:
    """An expression whose `transform` copies nothing."""

    def __init__(self, expression):
        self.expression = expression

    def transform(self, change, *given, **named):
        return _InPlace(self.expression.transform(change, *given, copy=False, **named))


def _in_one_copy(original):
    """Some seventy rewrites, each of which copies the statement: 2.1 s of a gate's 24 kB, and 0.3 s in one copy."""

    def convert(self, expression, params):
        return original(self, _InPlace(expression.copy()), params).expression

    return convert


def _days(original):
    """A date plus a number cast to INTEGER: DuckDB adds no BIGINT, which is what fakesnow makes of it, to a date."""

    def convert(node):
        cast = node.parent if isinstance(node, exp.DataType) else None
        if (
            isinstance(cast, exp.Cast)
            and isinstance(cast.parent, exp.Add | exp.Sub)
            and node.this == exp.DataType.Type.INT
        ):
            return node
        return original(node)

    return convert


def _timestamps(original):
    """A NULL timestamp arrives as NULL, not as 1970-01-01."""

    def convert(column):
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        made = original(column)
        if not column.null_count:
            return made
        fields = [made.field(index).fill_null(0) for index in range(made.type.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(made.type), mask=column.is_null())

    return convert


def _comments(original):
    """A comment may hold an apostrophe."""
    return lambda catalog, schema, table, comment: original(catalog, schema, table, (comment or "").replace("'", "''"))


SESSION_FUNCTIONS = {
    "CURRENT_ACCOUNT": "account",
    "CURRENT_ACCOUNT_NAME": "account",
    "CURRENT_ORGANIZATION_NAME": "account",
    "CURRENT_REGION": "region",
    "CURRENT_ROLE": "role",
    "CURRENT_USER": "user",
    "CURRENT_WAREHOUSE": "warehouse",
    "CURRENT_SESSION": "label",
    "LAST_QUERY_ID": "last_query_id",
}


def as_snowflake_means(expression: exp.Expression, session: object) -> exp.Expression:
    """Rewrite what DuckDB would compute differently, so that it computes what Snowflake does, or fails."""

    def rewrite(node: exp.Expression) -> exp.Expression:
        name = node.name.upper() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.Func) and not name:
            name = node.sql_names()[0]
        if name in SESSION_FUNCTIONS:
            value = getattr(session, SESSION_FUNCTIONS[name])
            return exp.Literal.string(value) if value else exp.Null()
        if isinstance(node, exp.Div):
            return exp.Anonymous(this="_emu_divide", expressions=[node.this.copy(), node.expression.copy()])
        if isinstance(node, exp.Mod):
            return exp.Anonymous(this="_emu_mod", expressions=[node.this.copy(), node.expression.copy()])
        if name in {"HASH", "FARM_FINGERPRINT"}:
            return exp.Anonymous(
                this="_emu_hash", expressions=[exp.Anonymous(this="hash", expressions=_arguments(node))]
            )
        if name == "SYSDATE":
            return exp.Anonymous(this="_emu_sysdate")
        if name == "HASH_AGG":
            return exp.Anonymous(
                this="_emu_hash_agg", expressions=[exp.Anonymous(this="hash", expressions=_arguments(node))]
            )
        if isinstance(node, exp.Greatest | exp.Least) and not node.args.get("ignore_nulls"):
            parts = [node.this, *node.expressions]
            unknown = exp.or_(*(exp.Is(this=part.copy(), expression=exp.Null()) for part in parts))
            return exp.Case(ifs=[exp.If(this=unknown, true=exp.Null())], default=node.copy())
        return node

    root = _named(expression).copy()
    # From the leaves up: `transform` would not look inside what it has replaced.
    for node in reversed(list(root.walk(bfs=False))):
        if (made := rewrite(node)) is not node:
            if node is root:
                root = made
            else:
                node.replace(made)
    return root


def _named(expression: exp.Expression) -> exp.Expression:
    """A column of the answer that has no name of its own bears its expression, in upper case."""
    if not isinstance(expression, exp.Select):
        return expression
    named = expression.copy()
    for projection in list(named.expressions):
        plain = exp.Alias | exp.Column | exp.Star | exp.Subquery | exp.Aliases | exp.Dot
        if not isinstance(projection, plain) and not projection.is_star:
            text = projection.sql(dialect="snowflake", comments=False).upper()
            projection.replace(exp.alias_(projection.copy(), exp.to_identifier(text, quoted=True)))
    return named


def _arguments(node: exp.Expression) -> list[exp.Expression]:
    given = [node.this] if isinstance(node.this, exp.Expression) else []
    return [one.copy() for one in (*given, *node.expressions)]


MACROS = (
    # Snowflake: division by zero is an error; whole numbers divide to six decimals, decimals to at most twelve.
    """create or replace macro {database}.main._emu_divide(a, b) as
    case when b = 0 then error('Division by zero')
         when typeof(a) in ('DOUBLE', 'FLOAT') or typeof(b) in ('DOUBLE', 'FLOAT') then a / b
         else round(a / b, greatest(
             coalesce(try_cast(regexp_extract(typeof(a), ',(\\d+)\\)', 1) as integer), 0),
             least(coalesce(try_cast(regexp_extract(typeof(a), ',(\\d+)\\)', 1) as integer), 0) + 6, 12)))
    end""",
    """create or replace macro {database}.main._emu_mod(a, b) as
    case when b = 0 then error('Division by zero') else a % b end""",
    "create or replace macro {database}.main._emu_sysdate() as make_timestamp(epoch_us(now()))",
    # Signed 64 bits, as NUMBER(19, 0); another function than Snowflake's.
    "create or replace macro {database}.main._emu_hash(h) as (h::hugeint - 9223372036854775808)",
    """create or replace macro {database}.main._emu_hash_agg(h) as
    (coalesce(sum(h), 0) % 9223372036854775807)::bigint""",
)
