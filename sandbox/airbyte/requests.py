"""Reads what clients of the Airbyte stand-in send: bodies and pages; refuses what has another form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.airbyte.response_shapes import Problem, page_answer


def page(request: Request, found: list[dict[str, Any]]) -> Response:
    query = request.query_params
    limit, offset = _number(query, "limit", 20), _number(query, "offset", 0)
    if not 1 <= limit <= 100 or offset < 0:
        raise Problem("bad-request", "limit: wanted 1 to 100; offset: wanted 0 or more.")
    page = found[offset : offset + limit]
    return JSONResponse(page_answer(str(request.url.replace(query="")), query, limit, offset, page))


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise Problem("bad-request", f"{name}: wanted a whole number.") from None


async def form_or_json(request: Request) -> dict[str, Any]:
    """The token endpoint takes both: the vendor's SDK sends a form, everybody else JSON."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl((await request.body()).decode(errors="replace")))
    return await json_object(request)


async def json_object(request: Request) -> dict[str, Any]:
    try:
        found = await request.json()
    except ValueError:
        raise Problem("bad-request", "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Problem("bad-request", "The body is not a JSON object.")
    return found
