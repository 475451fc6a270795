"""What readers see, read back: the gate after a publication; refuses to trust what the publication said of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shelfgate.model import Candidate, CheckResult, Gate, Partition, Publication, SuiteResult, Verdict
from shelfgate.publication.candidate import measure_readers_view, served_partitions
from shelfgate.warehouse import Row, Session

PartitionKey = tuple[str, date | None]


def published_verdict(session: Session, candidate: Candidate, publication_id: str) -> Verdict:
    """Read back what readers see: it must be what was judged, under one publication.

    The touched weeks and the tables that are published whole are read and digested; of every other week the manifest
    must say what it said before, and what it names is never written again.
    """
    readback = Readback.of(session, candidate, publication_id)
    checks = (
        readers_see_the_candidate(readback),
        manifest_names_the_candidate(readback),
        one_publication_everywhere(readback),
        status_says_what_is_served(readback),
    )
    rows = sum(row["row_count"] for row in readback.served.values())
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", rows, checks)
    is_the_candidate = not readback.differing() and not readback.astray()
    digest = candidate.digest if is_the_candidate else None
    return Verdict(Gate.PUBLISHED, candidate.run_id, candidate.business_date, (suite,), ("marts",), digest)


@dataclass(frozen=True)
class Readback:
    """What was judged, and what was found after it was published. Partitions by table and week."""

    candidate: Candidate
    publication_id: str
    served: Mapping[PartitionKey, Row]
    """Measured in the readers' views: the touched weeks, and the tables that are published whole."""
    manifest: Mapping[PartitionKey, Row]
    status: Sequence[tuple[str, str, int]]
    """`marts.data_status`: table, publication, rows."""

    @classmethod
    def of(cls, session: Session, candidate: Candidate, publication_id: str) -> Readback:
        """Read it."""
        weeks: dict[str, list[date]] = {}
        for partition in candidate.partitions:
            if partition.touched and partition.week_start_date is not None:
                weeks.setdefault(partition.table_name, []).append(partition.week_start_date)
        manifest = served_partitions(session, publication_id)
        served = measure_readers_view(session, weeks, manifest)
        lines = session.rows("select table_name, publication_id, row_count from marts.data_status")
        status = sorted((row["table_name"], row["publication_id"], int(row["row_count"])) for row in lines)
        return cls(candidate, publication_id, served, manifest, status)

    def differing(self) -> list[PartitionKey]:
        """Touched partitions that readers see otherwise than judged, and those they see without any."""
        return _differing(_measures(p for p in self.candidate.partitions if p.touched), _measures_of(self.served))

    def astray(self) -> list[PartitionKey]:
        """Partitions of which the manifest says something else than the candidate, or that only one of them has."""
        return _differing(_measures(self.candidate.partitions), _measures_of(self.manifest))


def readers_see_the_candidate(readback: Readback) -> CheckResult:
    """Rows and digests of what was touched are those that were judged."""
    differing = readback.differing()
    return CheckResult.critical(
        "readers_see_the_candidate",
        bool(readback.served) and not differing,
        _compared(differing, len(readback.served)),
        "rows and digest of every touched partition as they were judged",
    )


def manifest_names_the_candidate(readback: Readback) -> CheckResult:
    """The manifest holds each partition of the candidate with its rows and digest, and no other."""
    astray = readback.astray()
    return CheckResult.critical(
        "manifest_names_the_candidate",
        bool(readback.manifest) and not astray,
        _compared(astray, len(readback.manifest)),
        "every partition of the candidate, and no other",
    )


def one_publication_everywhere(readback: Readback) -> CheckResult:
    """Every row that was read bears this publication's id."""
    found = {one for row in readback.served.values() for one in (row["first_id"], row["last_id"])}
    return CheckResult.critical(
        "one_publication_everywhere",
        found == {readback.publication_id},
        ", ".join(sorted(map(str, found))) or "nothing",
        readback.publication_id,
    )


def status_says_what_is_served(readback: Readback) -> CheckResult:
    """`data_status` has a line for each table, with this publication and the candidate's rows."""
    rows_of: Counter[str] = Counter()
    for partition in readback.candidate.partitions:
        rows_of[partition.table_name] += partition.rows
    expected = [(table, readback.publication_id, rows) for table, rows in sorted(rows_of.items())]
    is_equal = list(readback.status) == expected
    return CheckResult.critical(
        "status_says_what_is_served",
        bool(readback.status) and is_equal,
        f"{len(readback.status)} lines" if is_equal else f"{len(set(readback.status) ^ set(expected))} lines differ",
        "a line of data_status for each table, with this publication and its rows",
    )


def promised_by(session: Session, publication: Publication) -> Candidate:
    """All that a publication says it serves, every partition to be read: what an audit of the store compares with."""
    served = served_partitions(session, publication.publication_id)
    partitions = tuple(
        Partition(table, week, row["row_count"], row["digest"], row["input_digest"])
        for (table, week), row in served.items()
    )
    return Candidate(publication.run_id, publication.business_date, publication.parent_id, partitions)


def _measures(partitions: Iterable[Partition]) -> dict[PartitionKey, tuple[int, str]]:
    return {(p.table_name, p.week_start_date): (p.rows, p.digest) for p in partitions}


def _measures_of(rows: Mapping[PartitionKey, Row]) -> dict[PartitionKey, tuple[int, str]]:
    return {key: (row["row_count"], row["digest"]) for key, row in rows.items()}


def _differing(
    expected: Mapping[PartitionKey, tuple[int, str]], observed: Mapping[PartitionKey, tuple[int, str]]
) -> list[PartitionKey]:
    return sorted((key for key in expected.keys() | observed.keys() if expected.get(key) != observed.get(key)), key=str)


def _compared(different: list[PartitionKey], found: int) -> str:
    if not different:
        return f"{found} partitions equal"
    table, week = different[0]
    return f"{len(different)} partitions differ, first {table} {week or ''}".rstrip()
