"""What readers see, read back: the gate after a publication; refuses to trust what the publication said of itself."""

from __future__ import annotations

from collections import Counter
from datetime import date

from shelfgate.model import Candidate, CheckResult, Gate, Partition, Publication, SuiteResult, Verdict
from shelfgate.publication.candidate import measure_readers_view, served_partitions
from shelfgate.warehouse import Session


def published_verdict(session: Session, candidate: Candidate, publication_id: str) -> Verdict:
    """Read back what readers see: it must be what was judged, under one publication.

    The touched weeks and the tables that are published whole are read and digested; of every other week the manifest
    must say what it said before, and what it names is never written again.
    """
    weeks: dict[str, list[date]] = {}
    for partition in candidate.partitions:
        if partition.touched and partition.week_start_date is not None:
            weeks.setdefault(partition.table_name, []).append(partition.week_start_date)
    manifest = served_partitions(session, publication_id)
    seen = measure_readers_view(session, weeks, manifest)
    wanted = {(p.table_name, p.week_start_date): (p.rows, p.digest) for p in candidate.partitions if p.touched}
    other = sorted(
        {key for key in wanted if key not in seen or (seen[key]["row_count"], seen[key]["digest"]) != wanted[key]}
        | {key for key in seen if key not in wanted},
        key=str,
    )
    promised = {(p.table_name, p.week_start_date): (p.rows, p.digest) for p in candidate.partitions}
    recorded = {key: (row["row_count"], row["digest"]) for key, row in manifest.items()}
    astray = sorted(
        (key for key in promised.keys() | recorded.keys() if promised.get(key) != recorded.get(key)), key=str
    )
    served = {one for row in seen.values() for one in (row["first_id"], row["last_id"])}
    lines = session.rows("select table_name, publication_id, row_count from marts.data_status")
    told = sorted((row["table_name"], row["publication_id"], int(row["row_count"])) for row in lines)
    rows_of: Counter[str] = Counter()
    for partition in candidate.partitions:
        rows_of[partition.table_name] += partition.rows
    wanted_lines = [(table, publication_id, rows) for table, rows in sorted(rows_of.items())]
    checks = (
        CheckResult.critical(
            "readers_see_the_candidate",
            bool(seen) and not other,
            _compared(other, len(seen)),
            "rows and digest of every touched partition as they were judged",
        ),
        CheckResult.critical(
            "manifest_names_the_candidate",
            bool(recorded) and not astray,
            _compared(astray, len(recorded)),
            "every partition of the candidate, and no other",
        ),
        CheckResult.critical(
            "one_publication_everywhere",
            served == {publication_id},
            ", ".join(sorted(map(str, served))) or "nothing",
            publication_id,
        ),
        CheckResult.critical(
            "status_says_what_is_served",
            bool(told) and told == wanted_lines,
            f"{len(told)} lines" if told == wanted_lines else f"{len(set(told) ^ set(wanted_lines))} lines differ",
            "a line of data_status for each table, with this publication and its rows",
        ),
    )
    rows = sum(row["row_count"] for row in seen.values())
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", rows, checks)
    digest = candidate.digest if not other and not astray else None
    return Verdict(Gate.PUBLISHED, candidate.run_id, candidate.business_date, (suite,), ("marts",), digest)


def promised_by(session: Session, publication: Publication) -> Candidate:
    """All that a publication says it serves, every partition to be read: what an audit of the store compares with."""
    served = served_partitions(session, publication.publication_id)
    partitions = tuple(
        Partition(table, week, row["row_count"], row["digest"], row["input_digest"])
        for (table, week), row in served.items()
    )
    return Candidate(publication.run_id, publication.business_date, publication.parent_id, partitions)


def _compared(different: list[tuple[str, date | None]], found: int) -> str:
    if not different:
        return f"{found} partitions equal"
    table, week = different[0]
    return f"{len(different)} partitions differ, first {table} {week or ''}".rstrip()
