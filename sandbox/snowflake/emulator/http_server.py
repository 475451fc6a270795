"""Snowflake's HTTP protocol as its connectors speak it; never answers 5xx, which they would repeat for ever."""

from __future__ import annotations

import hmac
import threading
import uuid
from typing import Any

from fakesnow.rowtype import describe_as_rowtype
from fakesnow.server import bucket_upload, gcs_stage_info
from snowflake.connector.errors import Error
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from . import login
from .account_state import unquoted
from .errors import not_imitated
from .server_state import ServerState
from .session import EmulatedSession
from .sql import table_statements
from .wire_responses import bearer, body_of, bound_rows, failed, failure, shaped, split, statement_count, success

VALIDITY_SECONDS = 3600
MULTI_STATEMENT = 0xA000


HOSTS = ["127.0.0.1", "localhost", "*.snowflakecomputing.com"]
"""What a request may ask for. A web page cannot have its own name lead here; an account's name is Snowflake's alone."""


class Gone(Exception):
    """The session does not exist (any more)."""


class Wire:
    """The routes of one emulated account."""

    def __init__(self, estate: ServerState, issuers: dict[str, str], token: str) -> None:
        """`token`: what `/_emulator/...` asks for; `health` is for everybody."""
        self.estate = estate
        self.issuers = issuers
        self._token = token
        self.requests: dict[str, EmulatedSession] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    def app(self) -> Starlette:
        def route(path: str, handler: Any, method: str = "POST") -> Route:
            return Route(path, self._guarded(handler), methods=[method])

        return Starlette(
            routes=[
                route("/session/v1/login-request", self.log_in),
                route("/session/token-request", self.renew),
                route("/session/heartbeat", self.heartbeat),
                route("/session", self.close),
                route("/queries/v1/query-request", self.query),
                route("/queries/v1/abort-request", self.abort),
                route("/queries/{id}/abort-request", self.abort),
                route("/queries/{id}/result", self.result, "GET"),
                route("/monitoring/queries/{id}", self.monitor, "GET"),
                route("/telemetry/send", self.swallow),
                route("/telemetry/send/sessionless", self.swallow),
                Route("/fs_bucket/{path:path}", bucket_upload, methods=["PUT"]),
                route("/_emulator/health", self.swallow, "GET"),
                route("/_emulator/history", self._privileged(self.history), "GET"),
                route("/_emulator/account", self._privileged(self.account), "GET"),
                route("/_emulator/expire", self._privileged(self.expire)),
                route("/_emulator/vanish", self._privileged(self.vanish)),
            ],
            # A page of some name that now leads to 127.0.0.1 sends that name.
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
        )

    def _privileged(self, handler: Any) -> Any:
        async def privileged(request: Request) -> dict[str, Any]:
            if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
                return {"success": False, "message": "[emulator] the administrator's passphrase is asked for"}
            return await handler(request)

        return privileged

    @staticmethod
    def _guarded(handler: Any) -> Any:
        async def guarded(request: Request) -> JSONResponse:
            try:
                return JSONResponse(await handler(request))
            except Gone:
                return failure("390104", "Session no longer exists. New login required to access the service.")
            except login.LoginRefused as refused:
                return failure(refused.code, refused.message)
            except Error as reason:
                return failure(f"{reason.errno:06d}", str(reason.raw_msg or reason.msg), str(reason.sqlstate))
            except Exception as reason:  # noqa: BLE001 the protocol's last resort: 5xx would be repeated for ever
                return failure("009998", f"[emulator] {type(reason).__name__}: {reason}", "XX000")

        return guarded

    # --- sessions

    async def log_in(self, request: Request) -> dict[str, Any]:
        data = (await body_of(request))["data"]
        user = login.check(self.estate.account, data, self.issuers)
        named = dict(request.query_params)
        if named.get("roleName"):
            self.estate.must_be_granted(user, named["roleName"].upper())
        default = self.estate.account.objects["USER", user].get("DEFAULT_ROLE")
        named.setdefault("roleName", unquoted(str(default or "PUBLIC")))
        session = await run_in_threadpool(
            EmulatedSession, self.estate, user, named, dict(data.get("SESSION_PARAMETERS") or {})
        )
        token, master = self.estate.log_in(session)
        shown = {"AUTOCOMMIT": True, "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "TIMEZONE": "UTC"}
        shown |= {"CLIENT_TELEMETRY_ENABLED": False, "QUERY_TAG": session.parameters["QUERY_TAG"]}
        return success(
            {
                "token": token,
                "masterToken": master,
                "validityInSeconds": VALIDITY_SECONDS,
                "masterValidityInSeconds": 4 * VALIDITY_SECONDS,
                "sessionId": int(session.label),
                "serverVersion": "9.99.0",
                "parameters": [{"name": name, "value": value} for name, value in shown.items()],
                "sessionInfo": {
                    "databaseName": session.connection.database,
                    "schemaName": session.connection.schema,
                    "warehouseName": session.warehouse,
                    "roleName": session.role,
                },
            }
        )

    async def renew(self, request: Request) -> dict[str, Any]:
        token = self.estate.renew(bearer(request))
        if token is None:
            raise login.LoginRefused("390114", "Authentication token has expired. The user must authenticate again.")
        return success({"sessionToken": token, "validityInSecondsST": VALIDITY_SECONDS, "validityInSecondsMT": 14400})

    async def heartbeat(self, request: Request) -> dict[str, Any]:
        self._session(request)
        return success(None)

    async def close(self, request: Request) -> dict[str, Any]:
        if request.query_params.get("delete"):
            session = self._session(request)
            await run_in_threadpool(session.close)
            self.estate.sessions.pop(bearer(request), None)
        return success(None)

    def _session(self, request: Request) -> EmulatedSession:
        session = self.estate.sessions.get(bearer(request))
        if session is None:
            if bearer(request) in self.estate.masters.values():
                raise login.LoginRefused("390112", "Session token has expired. Renew it.")
            raise Gone
        return session

    # --- queries

    async def query(self, request: Request) -> dict[str, Any]:
        session = self._session(request)
        body = await body_of(request)
        sql = body["sqlText"]
        query_id = str(uuid.uuid4())
        self.requests[request.query_params.get("requestId", query_id)] = session
        count = int((body.get("parameters") or {}).get("MULTI_STATEMENT_COUNT", 1))
        parts = split(sql)
        if count != 1 and len(parts) != 1:
            return await run_in_threadpool(self._several, session, parts, count)
        if len(parts) > 1:
            raise statement_count(len(parts), 1)
        if body.get("asyncExec"):
            threading.Thread(target=self._quietly, args=(session, sql, body, query_id, request), daemon=True).start()
            data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result"}
            return {"data": data, "code": "333334", "message": None, "success": True}
        return await run_in_threadpool(self._one, session, sql, body, query_id, request)

    def _quietly(
        self, session: EmulatedSession, sql: str, body: dict[str, Any], query_id: str, request: Request
    ) -> None:
        try:
            self._keep(query_id, self._one(session, sql, body, query_id, request))
        except Error as reason:
            self._keep(query_id, failed(f"{reason.errno:06d}", str(reason.raw_msg or reason.msg), str(reason.sqlstate)))

    def _several(self, session: EmulatedSession, parts: list[str], count: int) -> dict[str, Any]:
        if count not in {0, len(parts)}:
            raise statement_count(len(parts), count)
        ids, kinds = [], []
        for part in parts:
            query_id = str(uuid.uuid4())
            answer = self._one(session, part, {}, query_id, None)
            self._keep(query_id, answer)
            ids.append(query_id)
            kinds.append(str(answer["data"]["statementTypeId"]))
        data = {"resultIds": ",".join(ids), "resultTypes": ",".join(kinds), "queryId": str(uuid.uuid4())}
        return success({**data, "statementTypeId": MULTI_STATEMENT, "parameters": [], "rowtype": [], "rowset": []})

    def _keep(self, query_id: str, answer: dict[str, Any]) -> None:
        self.answers[query_id] = answer
        while len(self.answers) > 200:
            self.answers.pop(next(iter(self.answers)))

    def _one(
        self, session: EmulatedSession, sql: str, body: dict[str, Any], query_id: str, request: Request | None
    ) -> dict[str, Any]:
        rows = bound_rows(body.get("bindings"))
        # The answer's types are read on the session's own connection: nobody else's statement may come between.
        with session.at_work:
            if body.get("describeOnly"):
                return self._described(session, sql, query_id)
            # One INSERT of many bound rows is one statement, all of it or nothing; others are run row by row.
            many = len(rows) > 1 and table_statements.takes_rows(sql)
            answers = [session.execute(sql, row, query_id) for row in ([table_statements.Rows(rows)] if many else rows)]
            last = answers[-1].cursor._last_transformed
            if request is not None and last is not None and (put := last.args.get("put_stage_data")):
                put["stageInfo"] = gcs_stage_info(request, last, put)
                return success(put)
            written = sum(one.cursor.rowcount or 0 for one in answers)
            return success(shaped(session, answers[-1], query_id, written, len(answers)))

    def _described(self, session: EmulatedSession, sql: str, query_id: str) -> dict[str, Any]:
        described = session.connection.cursor()._describe_only(sql)
        if described is None:
            raise not_imitated("describing this statement without running it")
        data = {"rowtype": describe_as_rowtype(described or []), "total": 0, "returned": 0, "queryId": query_id}
        return success({**data, "statementTypeId": 0x1000, "queryResultFormat": "json", "rowset": []})

    async def abort(self, request: Request) -> dict[str, Any]:
        asked = (await body_of(request)).get("requestId") if "id" not in request.path_params else None
        running = request.path_params.get("id")
        for session in list(self.estate.sessions.values()):
            if session is self.requests.get(str(asked)) or (running and session.running == running):
                session.cancel()
        return success(None)

    async def result(self, request: Request) -> dict[str, Any]:
        query_id = request.path_params["id"]
        self._session(request)
        if query_id in self.answers:
            return self.answers[query_id]
        data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result"}
        return {"data": data, "code": "333333", "message": None, "success": True}

    async def monitor(self, request: Request) -> dict[str, Any]:
        query_id = request.path_params["id"]
        found = [one for one in self.estate.history.records if one.query_id == query_id]
        queries = [
            {"id": one.query_id, "status": one.execution_status, "errorMessage": one.error_message} for one in found
        ]
        return success({"queries": queries})

    # --- for tests and people; no part of Snowflake's protocol

    async def swallow(self, request: Request) -> dict[str, Any]:
        return success(None)

    async def history(self, request: Request) -> dict[str, Any]:
        kept = ("query_id", "session_id", "user_name", "role_name", "warehouse_name", "query_tag", "query_text")
        more = ("execution_status", "error_message", "total_elapsed_time")
        return {"queries": [{key: getattr(one, key) for key in (*kept, *more)} for one in self.estate.history.records]}

    async def account(self, request: Request) -> dict[str, Any]:
        held = self.estate.account
        return {
            "objects": [{"kind": kind, "name": name, **said} for (kind, name), said in sorted(held.objects.items())],
            "grants": sorted(held.grants),
        }

    async def expire(self, request: Request) -> dict[str, Any]:
        """Every session token is out of date from now on, as after an hour; master tokens are not."""
        for master, token in list(self.estate.masters.items()):
            if (session := self.estate.sessions.pop(token, None)) is not None:
                hidden = uuid.uuid4().hex
                self.estate.sessions[hidden], self.estate.masters[master] = session, hidden
                self.estate.masters[uuid.uuid4().hex] = token
        return success(None)

    async def vanish(self, request: Request) -> dict[str, Any]:
        """The session is killed on the server's side, as SYSTEM$ABORT_SESSION does: its transaction rolls back."""
        wanted = (await body_of(request))["session"]
        for token, session in list(self.estate.sessions.items()):
            if session.label == str(wanted):
                await run_in_threadpool(session.close)
                del self.estate.sessions[token]
        return success(None)
