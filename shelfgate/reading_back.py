"""What readers see, read back: the gate after a publication; refuses to trust what the publication said of itself."""

from __future__ import annotations

from datetime import date

from shelfgate.model import Candidate, CheckResult, Gate, SuiteResult, Verdict
from shelfgate.publication import PUBLISHED_TABLES, measure
from shelfgate.warehouse import Session


def published_verdict(
    session: Session, run_id: str, business_date: date, base: str | None, wanted_digest: str, publication_id: str
) -> Verdict:
    """Read back what readers see: it must be what was judged, under one publication."""
    seen = Candidate(run_id, business_date, base, measure(session, "marts", reading_views=True))
    served = {
        row["publication_id"]
        for table in PUBLISHED_TABLES
        for row in session.rows(f"select distinct publication_id from marts.{table.name}")
    }
    checks = (
        CheckResult.critical("readers_see_the_candidate", seen.digest == wanted_digest, seen.digest, wanted_digest),
        CheckResult.critical(
            "one_publication_everywhere",
            served == {publication_id},
            ", ".join(sorted(map(str, served))) or "nothing",
            publication_id,
        ),
    )
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", seen.rows, checks)
    return Verdict(Gate.PUBLISHED, run_id, business_date, (suite,), ("marts",), seen.digest)
