"""The sources, destinations and connections that the stand-in knows; refuses what no job could do.

Kept in memory. The sandbox's own three are what deployments/airbyte declares, read by the code that applies it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.airbyte.response_shapes import Problem
from sandbox.airbyte.source import SCHEMA, STREAMS, Stream
from shelfgate.clients.airbyte.declarations import read_declarations, revealed

DECLARATIONS = Path(__file__).parents[2] / "deployments" / "airbyte"
MASK = "**********"
LANDING_NAMESPACE = "RAW_SALES"
_SECRETS = frozenset({"password", "private_key", "private_key_password"})
_TYPES: dict[str, tuple[str, set[str], set[str]]] = {
    "source": (
        "postgres",
        {"host", "database", "username"},
        {"port", "password", "schemas", "ssl_mode", "replication_method", "tunnel_method", "jdbc_url_params"}
        | {"entra_service_principal_auth", "entra_client_id", "entra_tenant_id"},
    ),
    "destination": (
        "snowflake",
        {"host", "role", "warehouse", "database", "schema", "username"},
        {"credentials", "cdc_deletion_mode", "disable_type_dedupe", "raw_data_schema", "retention_period_days"}
        | {"jdbc_url_params"},
    ),
}
_CONNECTION = {
    "name": "Connection",
    "status": "active",
    "schedule": {"scheduleType": "manual"},
    "namespaceDefinition": "destination",
    "namespaceFormat": None,
    "nonBreakingSchemaUpdatesBehavior": "ignore",
    "prefix": "",
    "configurations": None,
    "tags": [],
}
_CHOICES = {
    "status": {"active", "inactive", "deprecated"},
    "namespaceDefinition": {"source", "destination", "custom_format"},
    "nonBreakingSchemaUpdatesBehavior": {"ignore", "disable_connection", "propagate_columns", "propagate_fully"},
}
_STREAM_KEYS = {"name", "namespace", "syncMode", "cursorField", "primaryKey", "selectedFields", "mappers"}
Record = dict[str, Any]


class Registry:
    """One workspace. Records are kept with their secrets; `shown` answers without."""

    def __init__(self, workspace_id: str, unknown_id_title: str, now: Callable[[], datetime]) -> None:
        self._workspace_id = workspace_id
        self._unknown_id_title = unknown_id_title
        self._now = now
        self._records: dict[str, dict[str, Record]] = {"source": {}, "destination": {}, "connection": {}}

    def seed(self, environment: Mapping[str, str], connection_id: str) -> None:
        """Have what is declared, under ids that a restart does not change."""
        ids: dict[str, str] = {"connection": connection_id}
        for one in read_declarations(DECLARATIONS, environment):
            body = revealed(one.body)
            if one.kind == "connection":
                body |= {"sourceId": ids["source"], "destinationId": ids["destination"]}
            else:
                body |= {"workspaceId": self._workspace_id}
                ids[one.kind] = str(uuid.uuid5(uuid.UUID(connection_id), one.kind))
            self.create(one.kind, body, ids[one.kind])

    def all(self, kind: str) -> list[Record]:
        return list(self._records[kind].values())

    def get(self, kind: str, found_id: Any) -> Record:
        """
        Raises:
            Problem: there is none.
        """
        record = self._records[kind].get(str(found_id))
        if record is None:
            raise Problem(self._unknown_id_title, f"Could not find a {kind} with id {found_id}.")
        return record

    def create(self, kind: str, body: Record, new_id: str | None = None) -> Record:
        new_id = new_id or str(uuid.uuid4())
        record = self._new_connection(body) if kind == "connection" else self._new_end(kind, body)
        made = {f"{kind}Id": new_id, "workspaceId": self._workspace_id, "createdAt": int(self._now().timestamp())}
        self._records[kind][new_id] = {**record, **made}
        return self._records[kind][new_id]

    def patch(self, kind: str, found_id: str, body: Record) -> Record:
        record = self.get(kind, found_id)
        if kind == "connection":
            _only(body, set(_CONNECTION))
            changed = self._checked({**record, **body})
        else:
            _only(body, {"name", "configuration"})
            configuration = _merged(record["configuration"], body.get("configuration", {}))
            _check_configuration(kind, configuration)
            changed = {**record, **body, "configuration": configuration}
        self._records[kind][found_id] = changed
        return changed

    def streams(self, connection: Record) -> tuple[Stream, ...]:
        """What a job of this connection moves, and how."""
        return tuple(
            Stream(one["name"], tuple(part for (part,) in one["primaryKey"]) if _is_merged(one) else ())
            for one in connection["configurations"]["streams"]
        )

    def dsn(self, connection: Record) -> str:
        """Where a job of this connection reads."""
        from psycopg.conninfo import make_conninfo

        source = self.get("source", connection["sourceId"])["configuration"]
        names = {"host": "host", "port": "port", "dbname": "database", "user": "username", "password": "password"}
        return make_conninfo("", **{name: source[key] for name, key in names.items() if source.get(key)})

    def _new_end(self, kind: str, body: Record) -> Record:
        _only(body, {"name", "workspaceId", "configuration", "definitionId"}, {"name", "workspaceId", "configuration"})
        if body["workspaceId"] != self._workspace_id:
            raise Problem("forbidden", "You may not write to this workspace.")
        _check_configuration(kind, body["configuration"])
        type_ = _TYPES[kind][0]
        definition = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.{type_}"))
        known = {key: body[key] for key in ("name", "configuration")}
        return {**known, f"{kind}Type": type_, "definitionId": definition}

    def _new_connection(self, body: Record) -> Record:
        _only(body, {*_CONNECTION, "sourceId", "destinationId"}, {"sourceId", "destinationId"})
        self.get("source", body["sourceId"])
        self.get("destination", body["destinationId"])
        return self._checked({**_CONNECTION, **body})

    def _checked(self, record: Record) -> Record:
        for key, choices in _CHOICES.items():
            if record[key] not in choices:
                raise Problem("bad-request", f"{key}: wanted one of {sorted(choices)}.")
        if (record["schedule"] or {}).get("scheduleType") != "manual":
            raise Problem("unprocessable-entity", "This stand-in runs no schedule: manual only.")
        if (record["namespaceDefinition"], record["namespaceFormat"]) != ("custom_format", LANDING_NAMESPACE):
            raise Problem("unprocessable-entity", f"This stand-in lands in {LANDING_NAMESPACE} only (custom_format).")
        given = record["configurations"]
        # As Airbyte does: without a configuration every stream is overwritten.
        streams = (given or {}).get("streams") or [{"name": stream.name} for stream in STREAMS]
        method = self.get("source", record["sourceId"])["configuration"].get("replication_method", {}).get("method")
        return {**record, "configurations": {"streams": [_checked_stream(one, method) for one in streams]}}


def shown(record: Record) -> Record:
    """The record as Airbyte answers it: without what it does not have, secrets masked."""
    return {key: _masked(value) for key, value in record.items() if value is not None}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: MASK if key in _SECRETS and part else _masked(part) for key, part in value.items()}
    return value


def _merged(old: Record, new: Record) -> Record:
    """A mask that comes back means: as it was."""
    merged = dict(old)
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            merged[key] = _merged(old[key], value)
        elif value != MASK:
            merged[key] = value
    return merged


def _only(body: Record, known: set[str], needed: set[str] | None = None) -> None:
    if unknown := set(body) - known:
        raise Problem("bad-request", f"unknown: {', '.join(sorted(unknown))}.")
    if missing := (needed or set()) - set(body):
        raise Problem("bad-request", f"missing: {', '.join(sorted(missing))}.")


def _check_configuration(kind: str, configuration: Any) -> None:
    type_, needed, optional = _TYPES[kind]
    if not isinstance(configuration, dict) or configuration.get(f"{kind}Type") != type_:
        raise Problem("unprocessable-entity", f"This stand-in has {kind}s of the type {type_} only.")
    _only(configuration, needed | optional | {f"{kind}Type"}, needed)


def _is_merged(stream: Record) -> bool:
    return stream["syncMode"] == "incremental_deduped_history"


def _checked_stream(given: Record, method: str | None) -> Record:
    """The rules of Airbyte's catalogue, as far as a job here can follow them."""
    _only(given, _STREAM_KEYS, {"name"})
    name = given["name"]
    known = next((stream for stream in STREAMS if stream.name == name), None)
    if known is None or given.get("namespace", SCHEMA) != SCHEMA:
        raise Problem("bad-request", f"Invalid stream found: {name}.")
    defaults = {"namespace": SCHEMA, "syncMode": "full_refresh_overwrite", "cursorField": [], "primaryKey": []}
    stream = {**defaults, "selectedFields": [], "mappers": [], **given}
    if stream["syncMode"] not in ("full_refresh_overwrite", "incremental_deduped_history"):
        raise Problem("unprocessable-entity", f"This stand-in has no sync mode {stream['syncMode']}.")
    if stream["selectedFields"] or stream["mappers"]:
        raise Problem("unprocessable-entity", "This stand-in moves whole rows.")
    if _is_merged(stream):
        if method != "Xmin":
            raise Problem("unprocessable-entity", "This stand-in reads incrementally by Xmin only.")
        if stream["cursorField"]:
            raise Problem("bad-request", f"Cursor Field is already defined by the source for stream {name}: remove it.")
        key = [[part] for part in known.key]
        if stream["primaryKey"] and stream["primaryKey"] != key:
            raise Problem("bad-request", f"Primary key is already pre-defined for stream {name}: remove it.")
        if not key:
            raise Problem("bad-request", f"No default primary key, and none configured, for stream {name}.")
        stream["primaryKey"] = key
    return stream
