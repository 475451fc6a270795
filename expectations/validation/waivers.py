"""Exceptions to a check, reviewed and expiring: refuses one that is not exact, not approved, not live, or not allowed.

Which checks may have one at all stands in `compiler/waivable.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from expectations.compiler.suites import compiled_suites
from expectations.compiler.waivable import is_waivable
from shelfgate.model import CheckResult, Severity, Waiver

WAIVERS = Path(__file__).parents[1] / "waivers.yml"

LONGEST = timedelta(days=7)
"""An exception that is needed for longer is a new threshold, and belongs in the contract."""

FIELDS = ("check", "dataset", "window", "reason", "approved_by", "approved_at", "expires_at", "max_observed")


_WEEK = re.compile(r"^week of (\d{4}-\d{2}-\d{2})$")

Json = dict[str, Any]


@dataclass(frozen=True)
class WaiverFile:
    """The entries as they were written. `unreadable` says why there are none, if the file itself is broken."""

    entries: tuple[Json, ...] = ()
    unreadable: str = ""


def read_waivers(path: Path = WAIVERS) -> WaiverFile:
    """Read the file; one that cannot be read waives nothing, and says so wherever a check failed."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return WaiverFile(unreadable=f"{path.name} cannot be read ({type(error).__name__})")
    entries = content.get("waivers") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        return WaiverFile(unreadable=f"{path.name} holds no list of entries under `waivers`")
    return WaiverFile(tuple(entries))


def with_waiver(
    check: CheckResult, dataset: str, waivers: WaiverFile, business_date: date, judged_at: datetime
) -> CheckResult:
    """The check with the waiver that covers it, or with the reason why none does. Other checks stay as they are."""
    if check.passed or not (check.raised or check.severity is Severity.CRITICAL):
        return check
    if waivers.unreadable:
        return replace(check, waiver_refused=waivers.unreadable)
    name = f"{dataset}.{check.check_id}"
    refusals: list[str] = []
    for entry in waivers.entries:
        if entry.get("check") != name:
            continue
        refused = _refused(entry, check, dataset, business_date, judged_at.date())
        if not refused:
            return replace(check, waiver=_as_waiver(entry), waiver_refused="")
        refusals.append(refused)
    return replace(check, waiver_refused="; ".join(refusals))


def _refused(entry: Json, check: CheckResult, dataset: str, business_date: date, today: date) -> str:
    """Why an entry for this check does not count; empty if it does."""
    if check.raised:
        return "a check that raised cannot be waived"
    if not check.waivable:
        return "a check of keys, columns, reconciliation or evidence, or that does not measure, cannot be waived"
    if found := malformed(entry):
        return found[0]
    waiver = _as_waiver(entry)
    first, last = _days(waiver.window)
    if waiver.dataset != dataset:
        return f"it names dataset {waiver.dataset}"
    if not first <= business_date <= last:
        return f"it is for {waiver.window}, not for {business_date}"
    if today < waiver.approved_at:
        return f"approved on {waiver.approved_at}, which is not yet"
    if today > waiver.expires_at:
        return f"expired on {waiver.expires_at}"
    if check.observed is None:
        return "the check gave no number to compare with max_observed"
    # Not `observed > max_observed`: a NaN must be refused as well.
    if not check.observed <= waiver.max_observed:
        return f"{check.observed:g} observed, at most {waiver.max_observed:g} allowed"
    return ""


def malformed(entry: Json) -> list[str]:
    """What is wrong with an entry by itself, whatever is judged."""
    if missing := [name for name in FIELDS if entry.get(name) in (None, "")]:
        return [f"{name} is missing" for name in missing]
    found = [f"{name} is no field of a waiver" for name in entry if name not in FIELDS]
    if texts := [name for name in FIELDS[:5] if name != "window" and not _is_text(entry[name])]:
        return [*found, f"{', '.join(texts)}: wanted text"]
    if not str(entry["check"]).startswith(f"{entry['dataset']}."):
        found.append(f"check {entry['check']} is not of dataset {entry['dataset']}")
    found += _wrong_window(entry["window"])
    if dates := [name for name in ("approved_at", "expires_at") if type(entry[name]) is not date]:
        return [*found, f"{', '.join(dates)}: wanted a date, YYYY-MM-DD"]
    if not timedelta() <= entry["expires_at"] - entry["approved_at"] <= LONGEST:
        found.append(f"expires_at must be 0 to {LONGEST.days} days after approved_at")
    number = entry["max_observed"]
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < float("inf"):
        found.append("max_observed: wanted a number, 0 or more")
    return found


def lint(path: Path = WAIVERS) -> list[str]:
    """Every fault of the file, each with the entry it is in: what `shelfgate contracts check` fails on."""
    waivers = read_waivers(path)
    if waivers.unreadable:
        return [waivers.unreadable]
    known = _known_checks()
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(waivers.entries, start=1):
        check = str(entry.get("check"))
        faults = malformed(entry)
        if check not in known:
            faults.append(f"no check {check} in any suite")
        elif not known[check]:
            faults.append(f"{check} cannot be waived: it is about keys, columns, reconciliation or evidence")
        if (check, str(entry.get("window"))) in seen:
            faults.append(f"{check} has a second waiver for {entry.get('window')}")
        seen.add((check, str(entry.get("window"))))
        found += [f"{path.name}, entry {number}: {fault}" for fault in faults]
    return found


def _known_checks() -> dict[str, bool]:
    """Every `dataset.check_id` of the contracts, and whether it may be waived."""
    found: dict[str, bool] = {}
    for suite in compiled_suites():
        for expectation in suite["expectations"]:
            found[f"{suite['meta']['dataset']}.{expectation['meta']['check_id']}"] = is_waivable(expectation)
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _wrong_window(value: Any) -> list[str]:
    try:
        first, last = _days(str(value))
    except ValueError:
        return [f"window {value}: wanted a business date, YYYY-MM-DD, or `week of` the Monday that begins it"]
    if first != last and first.weekday() != 0:
        return [f"window {value}: an ISO week begins on a Monday, that is a {first:%A}"]
    return []


def _days(window: str) -> tuple[date, date]:
    """First and last business date of a window."""
    week = _WEEK.match(window)
    first = date.fromisoformat(week.group(1) if week else window)
    return first, first + timedelta(days=6 if week else 0)


def _as_waiver(entry: Json) -> Waiver:
    texts = {name: str(entry[name]).strip() for name in FIELDS[:5]}
    return Waiver(
        **texts,
        approved_at=entry["approved_at"],
        expires_at=entry["expires_at"],
        max_observed=float(entry["max_observed"]),
    )
