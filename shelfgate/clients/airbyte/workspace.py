"""Brings an Airbyte workspace to what is declared; refuses to touch what is not, and to guess between two of one name.

Airbyte gives no secret back, so a secret that changed outside cannot be seen: `resend_secrets` sends them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shelfgate.clients.airbyte.declarations import Declared, Secret, revealed
from shelfgate.clients.airbyte.http_session import AirbyteSession, Unanswered
from shelfgate.clients.airbyte.responses import is_text
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

ATTEMPTS = 4
PAGE = 100
PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Difference:
    """One declared value that Airbyte does not have. `seen` is None for one that it lacks."""

    path: str
    seen: Any
    wanted: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.seen!r} -> {self.wanted!r}"


@dataclass(frozen=True)
class Change:
    """What has to happen to one resource. `action`: create, update or unchanged."""

    declared: Declared
    action: str
    found_id: str | None
    differences: tuple[Difference, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told = [{"path": d.path, "seen": d.seen, "wanted": d.wanted} for d in self.differences]
        one = self.declared
        return {"kind": one.kind, "name": one.name, "action": self.action, "id": self.found_id, "differences": told}


class Workspace:
    """One workspace of an Airbyte, by its public API."""

    def __init__(
        self, session: AirbyteSession, workspace_id: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._session = session
        self._id = workspace_id
        self._sleep = sleep

    def plan(self, declared: Sequence[Declared], *, resend_secrets: bool = False) -> list[Change]:
        """What `apply` would do; changes nothing.

        Raises:
            ConfigurationError: two resources have one declared name, or a connection has other ends.
        """
        ids: dict[tuple[str, str], str] = {}
        changes = []
        for one in declared:
            found = self._found(one.kind, one.name)
            if found is None:
                changes.append(Change(one, "create", None))
                continue
            found_id = ids[one.kind, one.name] = found[f"{one.kind}Id"]
            self._need_same_ends(one, found, ids)
            differences = tuple(_differences(one.body, found, ""))
            stale = resend_secrets and one.kind != "connection"
            changes.append(Change(one, "update" if differences or stale else "unchanged", found_id, differences))
        return changes

    def apply(self, declared: Sequence[Declared], *, resend_secrets: bool = False) -> list[Change]:
        """Create and update what the plan says; answers with what was done, ids included. Safe to repeat.

        Raises:
            PermanentFailure: Airbyte took a change and tells something else afterwards.
        """
        done = []
        ids: dict[tuple[str, str], str] = {}
        for change in self.plan(declared, resend_secrets=resend_secrets):
            one, found_id = change.declared, change.found_id
            if change.action == "create":
                found_id = self._create(one, self._creation(one, ids))
            elif change.action == "update":
                what = f"{one.kind} {one.name}"
                self._send("PATCH", f"{one.kind}s/{found_id}", what, json=revealed(one.body))
            assert found_id is not None, "created, or found"
            ids[one.kind, one.name] = found_id
            done.append(Change(one, change.action, found_id, change.differences))
        left = [change for change in self.plan(declared) if change.action != "unchanged"]
        if left:
            seen = "; ".join(f"{change.declared.kind} {change.declared.name}: {_first(change)}" for change in left)
            raise PermanentFailure(
                f"{self._session.name} took the changes and tells something else: {seen}. Look at it in Airbyte."
            )
        return done

    def _creation(self, one: Declared, ids: dict[tuple[str, str], str]) -> dict[str, Any]:
        if one.kind != "connection":
            return {**revealed(one.body), "workspaceId": self._id}
        ends = {"sourceId": ids["source", one.source], "destinationId": ids["destination", one.destination]}
        return {**revealed(one.body), **ends}

    def _create(self, one: Declared, body: dict[str, Any]) -> str:
        """Names are not unique in Airbyte: before a lost request is sent again, its effect is looked for."""
        seen = ""
        for attempt in range(ATTEMPTS):
            try:
                created = self._session.send("POST", f"{one.kind}s", f"{one.kind} {one.name}", json=body)
                if isinstance(created, dict) and is_text(created.get(f"{one.kind}Id")):
                    return str(created[f"{one.kind}Id"])
                seen = "an answer without its id"
            except Unanswered as unanswered:
                seen = str(unanswered)
            self._sleep(PAUSE_SECONDS * (attempt + 1))
            found = self._found(one.kind, one.name)
            if found is not None:
                return str(found[f"{one.kind}Id"])
        raise ExternalServiceUnavailable(
            f"{self._session.name}, {one.kind} {one.name}: not created in {ATTEMPTS} attempts ({seen}). Run again."
        )

    def _found(self, kind: str, name: str) -> dict[str, Any] | None:
        same = [one for one in self._all(kind) if one.get("name") == name]
        if len(same) > 1:
            ids = ", ".join(str(one.get(f"{kind}Id")) for one in same)
            raise ConfigurationError(
                f"{self._session.name} has {len(same)} {kind}s named {name} ({ids}); wanted one. Nothing was changed: "
                "rename or delete all but one in Airbyte."
            )
        return same[0] if same else None

    def _all(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every resource of the kind, as many pages as there are.

        Raises:
            ExternalServiceUnavailable: a page is no list of this workspace's resources, or one that was told before.
        """
        offset = 0
        listed: set[str] = set()
        while True:
            query = {"workspaceIds": self._id, "limit": PAGE, "offset": offset}
            page = self._send("GET", f"{kind}s", f"{kind}s of workspace {self._id}", params=query).get("data")
            checked = self._checked(kind, page)
            # Airbyte names a next page after the last one, too: an empty one ends the list.
            if not checked:
                return
            for one in checked:
                if one[f"{kind}Id"] in listed:
                    raise self._unusable(kind, "a page that was told before: the list would have no end")
                listed.add(one[f"{kind}Id"])
                yield one
            offset += len(checked)

    def _checked(self, kind: str, page: Any) -> list[dict[str, Any]]:
        if not isinstance(page, list):
            raise self._unusable(kind, "no list")
        for one in page:
            if not isinstance(one, dict) or not is_text(one.get(f"{kind}Id")) or not is_text(one.get("name")):
                raise self._unusable(kind, f"a {kind} without id or name")
            if one.get("workspaceId") != self._id:
                raise self._unusable(kind, f"a {kind} of another workspace")
        return page

    def _unusable(self, kind: str, seen: str) -> ExternalServiceUnavailable:
        return ExternalServiceUnavailable(
            f"{self._session.name}, {kind}s of workspace {self._id}: observed {seen}; expected a page of its {kind}s. "
            "Nothing further was changed; look for a proxy before Airbyte, then run again."
        )

    def _need_same_ends(self, one: Declared, found: dict[str, Any], ids: dict[tuple[str, str], str]) -> None:
        if one.kind != "connection":
            return
        for kind, name in (("source", one.source), ("destination", one.destination)):
            if found.get(f"{kind}Id") != ids.get((kind, name)):
                raise ConfigurationError(
                    f"connection {one.name} has another {kind} than {name}, and Airbyte cannot change that. Nothing "
                    "was changed: rename or delete the connection in Airbyte, then apply again."
                )

    def _send(self, method: str, path: str, what: str, **request: Any) -> dict[str, Any]:
        """For requests that may be repeated."""
        seen = ""
        for attempt in range(ATTEMPTS):
            try:
                answer = self._session.send(method, path, what, **request)
            except Unanswered as unanswered:
                seen = str(unanswered)
                self._sleep(max(PAUSE_SECONDS * (attempt + 1), min(unanswered.pause_seconds, 60.0)))
                continue
            if isinstance(answer, dict):
                return answer
            seen = "an answer that is no object"
        raise ExternalServiceUnavailable(
            f"{self._session.name}, {what}: no usable answer in {ATTEMPTS} attempts ({seen})."
        )


def _differences(wanted: Any, seen: Any, path: str) -> Iterator[Difference]:
    """What Airbyte has beyond the declaration is its defaults, and no difference; a stream more is one."""
    if path == "configurations.streams":
        yield from _stream_differences(wanted, seen if isinstance(seen, list) else [], path)
    elif isinstance(wanted, dict):
        there = seen if isinstance(seen, dict) else {}
        for key, value in wanted.items():
            yield from _differences(value, there.get(key), f"{path}.{key}" if path else key)
    elif not isinstance(wanted, Secret) and wanted != seen:
        yield Difference(path, seen, wanted)


def _stream_differences(wanted: list[Any], seen: list[Any], path: str) -> Iterator[Difference]:
    there = {(stream.get("namespace"), stream.get("name")): stream for stream in seen if isinstance(stream, dict)}
    for stream in wanted:
        found = there.pop((stream.get("namespace"), stream.get("name")), None)
        if found is None:
            yield Difference(f"{path}.{stream['name']}", None, "a stream")
        else:
            yield from _differences(stream, found, f"{path}.{stream['name']}")
    for _, name in there:
        yield Difference(f"{path}.{name}", "a stream", None)


def _first(change: Change) -> str:
    return str(change.differences[0]) if change.differences else change.action
