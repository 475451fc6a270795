"""Users, roles, grants, warehouses and their like: recorded as said and shown again; refuses none for want of rights.

Rights are not enforced here. What is granted can be compared with what was meant; that it suffices, and that nothing
else does, only a real account can say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import exists, missing, not_imitated, syntax

Properties = dict[str, Any]
Table = tuple[list[str], list[tuple[Any, ...]]]

_KINDS = (
    "DATABASE ROLE|ROLE|USER|WAREHOUSE|RESOURCE MONITOR|NETWORK POLICY|NETWORK RULE|AUTHENTICATION POLICY|"
    "PASSWORD POLICY|SESSION POLICY|STORAGE INTEGRATION|NOTIFICATION INTEGRATION"
)
_KIND = re.sub(" ", r"\\s+", _KINDS)
_NAME = r'(?P<name>(?:"[^"]+"|[A-Za-z_][\w$]*)(?:\.(?:"[^"]+"|[A-Za-z_][\w$]*))*)'
_CREATE = re.compile(
    rf"create(?P<replace>\s+or\s+replace)?\s+(?P<kind>{_KIND})\s+(?P<if>if\s+not\s+exists\s+)?{_NAME}(?P<rest>.*)",
    re.I | re.S,
)
_ALTER = re.compile(rf"alter\s+(?P<kind>{_KIND})\s+(?P<if>if\s+exists\s+)?{_NAME}\s+(?P<rest>.+)", re.I | re.S)
_DROP = re.compile(rf"drop\s+(?P<kind>{_KIND})\s+(?P<if>if\s+exists\s+)?{_NAME}\s*", re.I | re.S)
_PRIVILEGES = re.compile(
    r"(?P<verb>grant|revoke)\s+(?P<what>.+?)\s+on\s+(?P<on>.+?)\s+(?:to|from)\s+(?P<to>role|database\s+role)\s+"
    r"(?P<grantee>[\w.\"]+)(?P<rest>.*)",
    re.I | re.S,
)
_MEMBERSHIP = re.compile(
    r"(?P<verb>grant|revoke)\s+(?P<kind>role|database\s+role)\s+(?P<what>[\w.\"]+)\s+(?:to|from)\s+"
    r"(?P<to>role|user)\s+(?P<grantee>[\w\"]+)\s*",
    re.I,
)
_SHOW = re.compile(
    r"show\s+(?:(?P<grants>(?:future\s+)?grants)(?P<whose>\s+.*)?|"
    r"(?P<kind>roles|users|warehouses|integrations|resource\s+monitors|network\s+policies)(?:\s+like\s+'(?P<like>.*)')?)\s*",
    re.I | re.S,
)
_PROPERTY = re.compile(r"\s*,?\s*([A-Za-z_]\w*)\s*=\s*('(?:[^']|'')*'|\((?:[^()']|'(?:[^']|'')*')*\)|[^\s,()]+)")


def unquoted(name: str) -> str:
    """`a."b c"` as Snowflake keeps it: what is not quoted is upper case."""
    parts = re.findall(r'"[^"]+"|[^.\s]+', name)
    return ".".join(part[1:-1] if part.startswith('"') else part.upper() for part in parts)


@dataclass
class AccountState:
    """One account's objects that are not data."""

    name: str
    objects: dict[tuple[str, str], Properties] = field(default_factory=dict)
    grants: set[tuple[str, str, str, str]] = field(default_factory=set)
    """(privilege, on, granted to, grantee); membership of a role is (USAGE, ROLE x, ROLE or USER, grantee)."""

    def __post_init__(self) -> None:
        for role in ("ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "PUBLIC"):
            self.objects["ROLE", role] = {}
        self.objects["DATABASE ROLE", "SNOWFLAKE.USAGE_VIEWER"] = {}

    def statement(self, sql: str) -> Callable[[], str] | None:
        """What to do for a statement of this kind, answering with the line that Snowflake would; None for others."""
        for pattern, action in (
            (_CREATE, self._create),
            (_ALTER, self._alter),
            (_DROP, self._drop),
            (_MEMBERSHIP, self._member),
            (_PRIVILEGES, self._grant),
        ):
            if found := pattern.fullmatch(sql):
                return lambda action=action, found=found: action(found)
        return None

    def _create(self, found: re.Match[str]) -> str:
        key = _key(found)
        if key in self.objects and not found["replace"]:
            if found["if"]:
                return f"{key[1]} already exists, statement succeeded."
            raise exists(key[1])
        self.objects[key] = properties(found["rest"])
        return f"{key[0].capitalize()} {key[1]} successfully created."

    def _alter(self, found: re.Match[str]) -> str:
        key = _key(found)
        if key not in self.objects:
            if found["if"]:
                return "Statement executed successfully."
            raise missing(key[0].capitalize(), key[1])
        rest = found["rest"].strip()
        word, _, values = rest.partition(" ")
        if word.upper() == "SET":
            self.objects[key].update(properties(values))
        elif word.upper() == "UNSET":
            for name in re.split(r"[\s,]+", values.strip().upper()):
                self.objects[key].pop(name, None)
        elif word.upper() not in {"SUSPEND", "RESUME", "ABORT"}:
            raise not_imitated(f"ALTER {key[0]} .. {word.upper()}")
        return "Statement executed successfully."

    def _drop(self, found: re.Match[str]) -> str:
        key = _key(found)
        if self.objects.pop(key, None) is None and not found["if"]:
            raise missing(key[0].capitalize(), key[1])
        self.grants = {one for one in self.grants if one[2:] != key and one[1] != f"{key[0]} {key[1]}"}
        return f"{key[1]} successfully dropped."

    def _member(self, found: re.Match[str]) -> str:
        kind = " ".join(found["kind"].upper().split())
        role, grantee = unquoted(found["what"]), (found["to"].upper(), unquoted(found["grantee"]))
        self._need(kind, role)
        self._need(*grantee)
        return self._record(found["verb"], {("USAGE", f"{kind} {role}", *grantee)})

    def _grant(self, found: re.Match[str]) -> str:
        grantee = unquoted(found["grantee"])
        self._need("ROLE", grantee)
        on = " ".join(found["on"].split())
        kind, _, name = on.rpartition(" ")
        if not kind:
            raise syntax(f"unexpected '{on}'")
        what = [" ".join(one.split()).upper() for one in found["what"].split(",")]
        return self._record(found["verb"], {(one, f"{kind.upper()} {unquoted(name)}", "ROLE", grantee) for one in what})

    def _record(self, verb: str, changed: set[tuple[str, str, str, str]]) -> str:
        self.grants = self.grants | changed if verb.upper() == "GRANT" else self.grants - changed
        return "Statement executed successfully."

    def _need(self, kind: str, name: str) -> None:
        if (kind, name) not in self.objects:
            raise missing(kind.capitalize(), name)

    def may_use(self, user: str, role: str) -> bool:
        """Whether the role is granted to the user, by way of other roles too. PUBLIC is everybody's."""
        held = {"PUBLIC"} | {on[5:] for _, on, to, who in self.grants if (to, who) == ("USER", user)}
        while (
            more := {on[5:] for _, on, to, who in self.grants if to == "ROLE" and who in held and on[:5] == "ROLE "}
            - held
        ):
            held |= more
        return role in held

    def show(self, sql: str) -> Table | None:
        """The rows of a SHOW over these objects; None for any other statement."""
        found = _SHOW.fullmatch(sql)
        if found is None:
            return None
        if found["grants"]:
            return self._show_grants(
                " ".join((found["whose"] or "").split()), future="FUTURE" in found["grants"].upper()
            )
        kind = {"INTEGRATIONS": "STORAGE INTEGRATION", "NETWORK POLICIES": "NETWORK POLICY"}.get(
            words := " ".join(found["kind"].upper().split()), words.removesuffix("S")
        )
        like = re.compile(re.escape(found["like"] or "%").replace("%", ".*").replace("_", "."), re.I)
        rows = [
            (name, str(held), str(held.get("COMMENT", "")))
            for (of, name), held in sorted(self.objects.items())
            if of == kind and like.fullmatch(name)
        ]
        return ["name", "properties", "comment"], rows

    def _show_grants(self, whose: str, *, future: bool) -> Table:
        columns = [
            "created_on",
            "privilege",
            "granted_on",
            "name",
            "granted_to",
            "grantee_name",
            "grant_option",
            "granted_by",
        ]
        rows: list[tuple[Any, ...]] = []
        for privilege, on, to, grantee in sorted(self.grants):
            kind, _, name = on.rpartition(" ")
            wanted = re.fullmatch(r"(to|of|on|in)\s+(\w+(?:\s+\w+)*?)\s+(\S+)", whose, re.I)
            if whose and wanted is None:
                raise not_imitated(f"SHOW GRANTS {whose}")
            if wanted is not None and not _concerns(wanted, kind, name, to, grantee):
                continue
            if future == kind.startswith("FUTURE"):
                rows.append(
                    ("1970-01-01", privilege, kind.replace(" ", "_"), name, to, grantee, "false", "ACCOUNTADMIN")
                )
        return columns, rows


def _concerns(wanted: re.Match[str], kind: str, name: str, to: str, grantee: str) -> bool:
    preposition, of, which = wanted[1].upper(), wanted[2].upper(), unquoted(wanted[3])
    if preposition == "TO":
        return (to, grantee) == (of, which)
    return (kind, name) == (of, which) or (preposition == "IN" and kind.endswith(f"IN {of}") and name == which)


def _key(found: re.Match[str]) -> tuple[str, str]:
    return " ".join(found["kind"].upper().split()), unquoted(found["name"])


def properties(text: str) -> Properties:
    """`A = 'x' B = (1, 2) C = TRUE` by upper-case name; what is not of that form is a syntax error."""
    given, *rest = re.split(r"(?i)\btriggers\b", re.sub(r"(?i)^\s*with\b", "", text), maxsplit=1)
    held: Properties = {"TRIGGERS": " ".join(rest[0].split())} if rest else {}
    at = 0
    while found := _PROPERTY.match(given, at):
        value = found[2]
        held[found[1].upper()] = value[1:-1].replace("''", "'") if value.startswith("'") else value
        at = found.end()
    if left := given[at:].strip():
        raise syntax(f"unexpected '{left.split()[0]}'")
    return held
