"""What has landed, in one word; refuses to let anything be built from rows that came after the landing gate."""

from __future__ import annotations

import hashlib

from shelfgate.clients.source_postgres import DATED, UNDATED
from shelfgate.errors import GateClosed
from shelfgate.model import Approval
from shelfgate.warehouse import Session


def fingerprint(session: Session) -> str:
    """SHA-256 over rows and newest arrival of every raw table: another one as soon as anything arrives."""
    parts = [
        (table, row["found"], row["newest"])
        for table in (*DATED, *UNDATED)
        for row in session.rows(
            f"select count(*) as found, cast(max(_airbyte_extracted_at) as varchar) as newest from raw_sales.{table}"
        )
    ]
    parts += [
        ("inventory", row["found"], row["newest"])
        for row in session.rows(
            "select count(*) as found, cast(max(loaded_at) as varchar) as newest from ops.load_ledger "
            "where status = 'loaded'"
        )
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def refuse_later_arrivals(session: Session, landed: Approval) -> None:
    """An Airbyte schedule or an S3 event may land rows at any time: those were not judged by this run.

    Raises:
        GateClosed: something arrived after the landing gate; the next run judges it.
    """
    if fingerprint(session) != landed.data_digest:
        raise GateClosed(
            f"build for {landed.business_date}: rows arrived in raw_sales or raw_inventory after the landing gate had "
            "judged them, so the candidate may hold rows that nobody judged. Nothing was published; run again."
        )
