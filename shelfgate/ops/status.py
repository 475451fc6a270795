"""What stands published and why; reads only."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from shelfgate.ops.pointer import current_publication
from shelfgate.verdict_words import in_words
from shelfgate.warehouse import Row, Session
from shelfgate.warehouse.engines.snowflake.credits import costs


def status(session: Session) -> dict[str, Any]:
    """The current publication, how far its data reach, each gate's last verdict, the dumps by what became of them.

    `stale_since` is the time of the first run after the current publication that did not get through; None if the last
    run did. What the runs cost takes a look at the account's own records: `status_with_costs`.
    """
    current = current_publication(session)
    gates = session.rows(
        "select * from ops.gate_result "
        "qualify row_number() over (partition by gate, dataset order by judged_at desc) = 1"
    )
    return {
        "publication": None if current is None else as_json(asdict(current)),
        "data_through": None
        if current is None
        else as_json({"sales": current.sales_through, "inventory": current.inventory_through}),
        "gates": [_gate(row) for row in sorted(gates, key=lambda row: (row["judged_at"], row["dataset"]))],
        "waivers": [] if current is None else _waivers(session, current.publication_id),
        "stale_since": as_json(_stale_since(session)),
        "dumps": {
            row["status"]: row["objects"]
            for row in session.rows(
                "select status, count(*) as objects from ops.load_ledger group by status order by status"
            )
        },
        "quarantined": [
            as_json(row)
            for row in session.rows(
                "select object_key, version_id, reason, loaded_at from ops.load_ledger where status = 'quarantined' "
                "order by loaded_at desc limit 20"
            )
        ],
    }


def status_with_costs(session: Session) -> dict[str, Any]:
    """The status, and under `credits` what each of the last runs cost, or why that is not known."""
    found = costs(session)
    runs = [asdict(run) for run in found.runs]
    return {**status(session), "credits": {"available": found.available, "why": found.why, "runs": runs}}


def _waivers(session: Session, publication_id: str) -> list[dict[str, Any]]:
    found = session.rows("select waivers from ops.publication where publication_id = ?", [publication_id])
    return json.loads(found[0]["waivers"])


def _gate(row: Row) -> dict[str, Any]:
    kept = ("gate", "dataset", "result", "run_id", "business_date", "judged_at", "rows_seen")
    page = row["docs_link"] or row["docs_path"]
    failed = json.loads(row["evidence"])
    waived = sum("waiver" in one for one in failed)
    verdict = in_words(is_open=row["result"] == "open", waived=waived, warnings=row["warnings_failed"])
    checks = {"checks": row["checks_evaluated"], "warnings": row["warnings_failed"], "waived": waived, "docs": page}
    return {**as_json({key: row[key] for key in kept}), "verdict": verdict, **checks, "failed": failed}


def _stale_since(session: Session) -> datetime | None:
    found = session.rows(
        "select min(judged_at) as since from ops.gate_result where result = 'closed' and judged_at > "
        "coalesce((select max(judged_at) from ops.gate_result where gate = 'published' and result = 'open'), "
        "timestamp '1900-01-01 00:00:00')"
    )
    return found[0]["since"] if found else None


def as_json(value: Any) -> Any:
    """Dates and times as ISO 8601 text, at any depth."""
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
