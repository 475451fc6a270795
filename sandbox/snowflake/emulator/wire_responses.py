"""What goes over the wire: requests read, answers shaped as the connectors expect them."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from decimal import Decimal
from typing import Any

from fakesnow.arrow import to_ipc, to_sf
from fakesnow.converter import from_binding
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.statement_type import DML_TYPE_IDS, statement_type_id
from snowflake.connector.errors import Error
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.tokens import TokenType
from starlette.requests import Request
from starlette.responses import JSONResponse

from .errors import error
from .session import EmulatedSession, StatementResult


def shaped(
    session: EmulatedSession, answer: StatementResult, query_id: str, written: int, statements: int
) -> dict[str, Any]:
    """An answer as the connectors read it."""
    cursor = answer.cursor
    kind = statement_type_id(answer.kind) if answer.kind is not None else 0
    rowtype = describe_as_rowtype(cursor._describe_last_sql())
    arrow = cursor._arrow_table
    if kind in DML_TYPE_IDS and arrow is not None:
        columns = [column.to_pylist() for column in arrow.columns]
        rowset = [[None if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
        held: dict[str, Any] = {"queryResultFormat": "json", "rowset": [[str(written)]] if statements > 1 else rowset}
    elif arrow is not None:
        table = to_sf(arrow.combine_chunks(), rowtype)
        one = to_ipc(table.combine_chunks()) if table.num_rows else b""
        held = {"queryResultFormat": "arrow", "rowsetBase64": b64encode(one).decode()}
    else:
        held = {"queryResultFormat": "json", "rowset": []}
    return {
        "parameters": [
            {"name": "TIMEZONE", "value": "UTC"},
            {"name": "QUERY_TAG", "value": session.parameters["QUERY_TAG"]},
        ],
        "rowtype": rowtype,
        "total": arrow.num_rows if arrow is not None else 0,
        "returned": arrow.num_rows if arrow is not None else 0,
        "queryId": query_id,
        "statementTypeId": kind,
        "finalDatabaseName": session.connection.database,
        "finalSchemaName": session.connection.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        **held,
    }


def bound_rows(bindings: dict[str, Any] | None) -> list[Any]:
    """One set of values a statement, or a list of them for an array binding."""
    if not bindings:
        return [None]
    if not all(name.isdigit() for name in bindings):
        return [{name: bound(one) for name, one in bindings.items()}]
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(one["value"], list) for one in ordered):
        columns = [[bound({**one, "value": value}) for value in one["value"]] for one in ordered]
        return list(zip(*columns, strict=True))
    return [tuple(bound(one) for one in ordered)]


def bound(binding: dict[str, Any]) -> Any:
    if binding["value"] is None:
        return None
    if binding["type"] == "REAL":
        return float(binding["value"])
    if binding["type"] == "FIXED" and "." in binding["value"]:
        return Decimal(binding["value"])
    return from_binding(binding)


def split(sql: str) -> list[str]:
    """The statements of a text, at the semicolons that are not in a string."""
    parts, start = [], 0
    for token in Snowflake.Tokenizer().tokenize(sql):
        if token.token_type == TokenType.SEMICOLON:
            parts.append(sql[start : token.start])
            start = token.end + 1
    parts.append(sql[start:])
    return [part for part in parts if Snowflake.Tokenizer().tokenize(part)]


def statement_count(found: int, wanted: int) -> Error:
    return error(8, "0A000", f"Actual statement count {found} did not match the desired statement count {wanted}.")


async def body_of(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    return json.loads(raw or b"{}")


def bearer(request: Request) -> str:
    """`Snowflake Token="..."`."""
    return request.headers.get("authorization", "")[17:-1]


def success(data: Any) -> dict[str, Any]:
    return {"data": data, "code": None, "message": None, "success": True}


def failed(code: str, message: str, state: str = "08001") -> dict[str, Any]:
    return {"data": {"errorCode": code, "sqlState": state}, "code": code, "message": message, "success": False}


def failure(code: str, message: str, state: str = "08001") -> JSONResponse:
    return JSONResponse(failed(code, message, state))
