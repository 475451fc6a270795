"""Reads what `deployments/airbyte` declares; refuses a name that is missing from the environment, and to show a secret.

A declaration is Airbyte's own request body, with `{env: NAME}` for a value and `{secret: NAME}` for a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shelfgate.errors import ConfigurationError

KINDS = ("source", "destination", "connection")
_KEYS = {
    "source": {"kind", "name", "configuration"},
    "destination": {"kind", "name", "configuration"},
    "connection": {"kind", "name", "source", "destination", "settings", "streams"},
}


@dataclass(frozen=True, repr=False)
class Secret:
    """A value that Airbyte takes and never gives back; its text does not show it."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"<secret {self.name}>"


@dataclass(frozen=True)
class Declared:
    """One resource. `body`: what its creation needs; of a connection without the ids of its two ends, named beside."""

    kind: str
    name: str
    body: dict[str, Any]
    source: str = ""
    destination: str = ""


def read_declarations(folder: Path, environment: Mapping[str, str]) -> list[Declared]:
    """Every declaration of the folder, a connection after its ends.

    Raises:
        ConfigurationError: a file has another form, two have one name, or the environment lacks names: all are told.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigurationError(f"{folder}: no declaration there. Wanted *.yaml files; see docs/airbyte.md.")
    documents = [(file.name, _document(file)) for file in files]
    names = sorted({name for _, document in documents for name in _names(document)})
    if missing := [name for name in names if not environment.get(name)]:
        raise ConfigurationError(
            f"{folder} refers to {', '.join(missing)}: not set. Nothing was sent to Airbyte; see docs/airbyte.md."
        )
    found = [_declared(file, document, environment) for file, document in documents]
    for kind in KINDS:
        of_kind = [one.name for one in found if one.kind == kind]
        if len(of_kind) != len(set(of_kind)):
            raise ConfigurationError(f"{folder}: two declarations of one {kind}. Nothing was sent to Airbyte.")
    _need_ends(folder, found)
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.name))


def revealed(value: Any) -> Any:
    """The body as it is sent: with its secrets."""
    if isinstance(value, Secret):
        return value.value
    if isinstance(value, dict):
        return {key: revealed(part) for key, part in value.items()}
    return [revealed(part) for part in value] if isinstance(value, list) else value


def _document(file: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file}: no YAML ({type(error).__name__}). Nothing was sent to Airbyte.") from None
    kind = found.get("kind") if isinstance(found, dict) else None
    if kind not in KINDS:
        raise ConfigurationError(f"{file}: kind {kind!r}; wanted one of {', '.join(KINDS)}.")
    if set(found) != _KEYS[kind]:
        raise ConfigurationError(f"{file}: has {sorted(found)}; a {kind} has {sorted(_KEYS[kind])}.")
    return found


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if name := _referred(value):
            yield name
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)


def _referred(value: dict[str, Any]) -> str | None:
    keys = set(value)
    if keys in ({"env"}, {"env", "type"}):
        return str(value["env"])
    return str(value["secret"]) if keys == {"secret"} else None


def _declared(file: str, document: dict[str, Any], environment: Mapping[str, str]) -> Declared:
    kind, name = document["kind"], str(document["name"])
    if kind != "connection":
        body = {"name": name, "configuration": _resolved(file, document["configuration"], environment)}
        return Declared(kind, name, body)
    streams = document["streams"]
    named = [(stream.get("namespace"), stream.get("name")) for stream in streams]
    if len(named) != len(set(named)):
        raise ConfigurationError(f"{file}: a stream is declared twice. Nothing was sent to Airbyte.")
    settings = _resolved(file, document["settings"], environment)
    body = {"name": name, **settings, "configurations": {"streams": streams}}
    return Declared(kind, name, body, document["source"], document["destination"])


def _resolved(file: str, value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(file, part, environment) for part in value]
    if not isinstance(value, dict):
        return value
    name = _referred(value)
    if name is None:
        return {key: _resolved(file, part, environment) for key, part in value.items()}
    if "secret" in value:
        return Secret(name, environment[name])
    if value.get("type", "text") == "text":
        return environment[name]
    try:
        return int(environment[name])
    except ValueError:
        raise ConfigurationError(f"{file}: {name} is no whole number. Nothing was sent to Airbyte.") from None


def _need_ends(folder: Path, found: list[Declared]) -> None:
    there = {(one.kind, one.name) for one in found}
    for one in found:
        for kind, name in (("source", one.source), ("destination", one.destination)):
            if one.kind == "connection" and (kind, name) not in there:
                raise ConfigurationError(f"{folder}: connection {one.name} names {kind} {name}, which is not declared.")
