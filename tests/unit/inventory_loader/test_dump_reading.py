"""Dumps malformed in every way that we know of and in any other, plain and gzipped: no byte is taken for another."""

from __future__ import annotations

import csv
import gzip
import io
import re
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventory_loader.dump.reader import Reading, read_dump
from inventory_loader.dump.row_errors import first_fault
from inventory_loader.engines.duckdb_staging import stage
from inventory_loader.errors import DumpRefused, ScratchSpaceFailed
from inventory_loader.load import Staged
from inventory_loader.snapshots import check_snapshots

from tests.unit.inventory_loader.dump_corpus import (
    ACCEPTED,
    BODY,
    CORPUS,
    DUMP_DATE,
    HEADER,
    NEXT_THURSDAY,
    PLAIN,
    REFUSED,
    ROW,
    ROWS,
    SWAPPED,
    THURSDAY,
)


@pytest.fixture(params=["plain", "gzipped"])
def gzipped(request: pytest.FixtureRequest) -> bool:
    return request.param == "gzipped"


@pytest.mark.parametrize(("content", "verdict"), CORPUS.values(), ids=CORPUS)
def test_each_file_of_the_corpus_gets_its_verdict_and_no_reason_repeats_a_value(
    content: bytes, verdict: list[tuple] | str, gzipped: bool, tmp_path: Path
) -> None:
    content = packed(content, gzipped=gzipped)
    if not isinstance(verdict, str):
        assert loaded_rows(content, gzipped=gzipped, folder=tmp_path) == verdict
        return
    with pytest.raises(DumpRefused, match=verdict) as refused:
        loaded_rows(content, gzipped=gzipped, folder=tmp_path)
    assert not re.search(r"7770|2450|394|Denied", str(refused.value))


def test_the_corpus_has_no_fewer_files_than_it_was_promised_to_have() -> None:
    assert (len(ACCEPTED) >= 14, len(REFUSED) >= 75) == (True, True)


def test_a_text_cut_at_any_byte_is_refused_or_told_apart_from_a_whole_one(tmp_path: Path) -> None:
    """What is left: a cut between two lines, which only the landing gate's count of rows can see."""
    seen: Counter[str] = Counter()
    for cut in range(len(PLAIN)):
        try:
            rows = loaded_rows(PLAIN[:cut], folder=tmp_path)
        except DumpRefused:
            seen["refused"] += 1
            continue
        text = read(PLAIN[:cut], folder=tmp_path).checked()
        assert rows == strict_csv_rows(PLAIN[:cut])
        if text.open_ended:
            seen["accepted, told to lack its last newline"] += 1
        else:
            assert PLAIN[cut - 1 : cut] == b"\n"
            assert rows == ROWS[: len(rows)]
            seen["accepted, cut between two lines"] += 1

    last_lines = {"accepted, told to lack its last newline": 7, "accepted, cut between two lines": 2}
    assert seen == {"refused": len(PLAIN) - 9, **last_lines}


def test_a_gzip_with_any_one_byte_changed_is_refused_or_gives_the_same_rows(tmp_path: Path) -> None:
    whole = gzip.compress(PLAIN, mtime=0)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        reading = read(bytes(damaged), gzipped=True, folder=tmp_path)
        # The header's time, operating system and flags that mean nothing to the content may differ.
        assert reading.refusal is not None or place < 10, place
        if reading.text is not None:
            assert reading.text.path.read_bytes() == BODY


def test_the_fault_told_is_the_first_one(tmp_path: Path) -> None:
    unusual = b"2450815,2147483647,0001,5\n2450815,1,1,-000000000000000000007\n2450815,2147483647,2,\n"
    lines = tmp_path / "lines.csv"
    lines.write_bytes(unusual + b"2450815,3,1,1\n2450815,1.5,1,x\n2450815,1\n")
    columns = HEADER.decode().strip().split(",")

    assert first_fault(lines, columns) == (
        "line 6, column inv_item_sk: seen a decimal number; wanted an integer from 1 to 2,147,483,647"
    )
    lines.write_bytes(unusual)
    assert first_fault(lines, columns) is None


def test_scratch_space_that_gives_out_is_no_fault_of_the_dump(tmp_path: Path) -> None:
    with pytest.raises(ScratchSpaceFailed, match="Nothing was loaded"):
        stage(read(PLAIN, folder=tmp_path).checked(), tmp_path / "gone")


def test_a_refused_dump_is_digested_to_its_end(tmp_path: Path) -> None:
    whole = b"no,header\n" + b"x" * 100

    reading = read(whole, folder=tmp_path, step=10)

    assert reading.refusal is not None
    assert (reading.bytes, reading.sha256) == (len(whole), read(whole, folder=tmp_path).sha256)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("content", [PLAIN, PLAIN.replace(b"\n", b"\r\n"), SWAPPED.removesuffix(b"\n")])
def test_where_the_stream_is_cut_into_chunks_does_not_matter(
    content: bytes, step: int, gzipped: bool, tmp_path: Path
) -> None:
    assert loaded_rows(packed(content, gzipped=gzipped), gzipped=gzipped, folder=tmp_path, step=step) == ROWS


@pytest.mark.parametrize("step", [1, 2, 3, 7, 21, 22, 23, 64])
@pytest.mark.parametrize("name", [name for name, (content, _) in CORPUS.items() if b'"' in content])
def test_where_a_quoted_text_is_cut_into_chunks_does_not_matter(name: str, step: int, tmp_path: Path) -> None:
    content, verdict = CORPUS[name]
    whole = read_dump([content], gzipped=False, into=tmp_path / "whole.csv")

    cut = read_dump(in_chunks(content, step), gzipped=False, into=tmp_path / "cut.csv")

    assert cut.refusal == whole.refusal
    if not isinstance(verdict, str):
        assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
        assert b'"' not in (tmp_path / "cut.csv").read_bytes()


def test_quotes_that_begin_late_in_a_text_are_taken_off(tmp_path: Path) -> None:
    content = HEADER + b"".join(b"2450815,%d,1,5\n" % item for item in range(1, 400)) + b'2450815,400,1,"5"\n'

    for cut in range(len(content) - 30, len(content)):
        reading = read_dump([content[:cut], content[cut:]], gzipped=False, into=tmp_path / "lines.csv")
        assert (reading.checked().rows, reading.checked().quoted) == (400, True)
        assert (tmp_path / "lines.csv").read_bytes().endswith(b"2450815,399,1,5\n2450815,400,1,5\n")


def test_a_digit_before_a_quote_in_another_chunk_is_refused(tmp_path: Path) -> None:
    reading = read_dump([HEADER + ROW + b"1", b'"0"\n'], gzipped=False, into=tmp_path / "lines.csv")

    assert reading.text is None


def test_a_gzip_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """Also at a block boundary, where DuckDB alone reads half the rows without an error."""
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(HEADER + BODY[:21]) + packer.flush(zlib.Z_FULL_FLUSH)
    whole = first + packer.compress(BODY[21:]) + packer.flush()
    assert read(whole, gzipped=True, folder=tmp_path).text is not None

    verdicts = [read(whole[:cut], gzipped=True, folder=tmp_path).refusal for cut in range(1, len(whole))]

    assert set(verdicts) == {"gzip cut off; wanted one readable to its end"}


@pytest.mark.parametrize(
    ("content", "named_gz", "reason"),
    [
        (PLAIN, True, "gzip damaged or mixed with other bytes"),
        (gzip.compress(PLAIN), False, "header: seen gzip; wanted text"),
        (gzip.compress(gzip.compress(PLAIN)), True, "header: seen gzip; wanted text"),
        (gzip.compress(PLAIN) + b"more", True, "gzip damaged or mixed with other bytes"),
        (gzip.compress(PLAIN) + b"\0" * 8, True, "gzip damaged or mixed with other bytes"),
        (gzip.compress(PLAIN)[:-6] + b"\0\0" + gzip.compress(PLAIN)[-4:], True, "gzip damaged or mixed"),
    ],
    ids=["text named gz", "gzip named csv", "gzip in gzip", "trailing text", "trailing zeros", "wrong checksum"],
)
def test_gzip_is_what_the_name_says_and_nothing_else(
    content: bytes, named_gz: bool, reason: str, tmp_path: Path
) -> None:
    assert re.match(reason, read(content, gzipped=named_gz, folder=tmp_path).refusal or "")


@pytest.mark.parametrize("piece", [1, 5, len(PLAIN), 1_000])
def test_how_much_is_unpacked_at_once_does_not_matter(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory_loader.dump.gzip_stream.PIECE_BYTES", piece)

    assert loaded_rows(gzip.compress(PLAIN), gzipped=True, folder=tmp_path) == ROWS
    assert loaded_rows(gzip.compress(PLAIN), gzipped=True, folder=tmp_path, step=1) == ROWS


def test_gzip_members_end_to_end_are_one_text(tmp_path: Path) -> None:
    assert loaded_rows(gzip.compress(HEADER) + gzip.compress(BODY), gzipped=True, folder=tmp_path) == ROWS


def test_a_gzip_bomb_stops_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_loader.dump.csv_stream.MAX_TEXT_BYTES", 3_000_000)
    bomb = gzip.compress(HEADER + ROW + b"394\n" * 1_000_000)
    assert len(bomb) < 100_000

    reading = read(bomb, gzipped=True, folder=tmp_path)

    assert reading.refusal == "more than 3,000,000 bytes of text; wanted no more than that: split it by snapshot date"
    assert (tmp_path / "lines.csv").stat().st_size <= 3_000_000


def test_a_line_that_never_ends_does_not_fill_the_memory(tmp_path: Path) -> None:
    content = HEADER + b"x" * 8_000_000
    tracemalloc.start()

    reading = read(content, folder=tmp_path, step=1 << 16)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reading.refusal == "line 2: seen more than 100 bytes; wanted 4 fields in no more than that"
    assert peak < 2_000_000


def test_more_rows_than_the_bounds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_loader.dump.reader.MAX_ROWS", 2)
    assert read(PLAIN, folder=tmp_path).refusal == "3 rows; wanted at most 2: split it by snapshot date"

    monkeypatch.undo()
    monkeypatch.setattr("inventory_loader.snapshots.MAX_ROWS_OF_A_SNAPSHOT", 2)
    with pytest.raises(DumpRefused, match=r"snapshot 1998-01-01: 3 rows; wanted at most 2"):
        loaded_rows(PLAIN, folder=tmp_path)


def test_more_dates_than_the_bound_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DumpRefused, match="more than 2,000 snapshot dates"):
        staged(HEADER + b"".join(b"%d,1,1,1\n" % sk for sk in range(1, 2_002)), folder=tmp_path)


def test_repeated_keys_are_found_however_the_dates_are_batched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weeks = [THURSDAY + 7 * week for week in range(9)]
    content = HEADER + b"".join(b"%d,%d,1,%d\n" % (week, item, week) for item in range(1, 6) for week in weeks)
    content += b"%d,3,1,0\n" % weeks[4]

    for batch in (1, 7, 10, 1_000):
        monkeypatch.setattr("inventory_loader.engines.duckdb_staging._ROWS_AT_ONCE", batch)
        repeated = {each.inv_date_sk: each.repeated for each in staged(content, folder=tmp_path).snapshots}
        assert repeated == dict.fromkeys(weeks, 0) | {weeks[4]: 1}, batch


def test_the_digest_is_of_the_content_whatever_its_order_and_date(tmp_path: Path) -> None:
    (one,) = staged(PLAIN, folder=tmp_path).snapshots
    (swapped,) = staged(SWAPPED, folder=tmp_path).snapshots
    (reordered,) = staged(HEADER + b"".join(reversed(BODY.splitlines(keepends=True))), folder=tmp_path).snapshots
    (later,) = staged(PLAIN.replace(b"2450815", b"2450822"), folder=tmp_path).snapshots
    (other,) = staged(PLAIN.replace(b"394", b"395"), folder=tmp_path).snapshots

    assert one.content_digest == swapped.content_digest == reordered.content_digest == later.content_digest
    assert other.content_digest != one.content_digest


lines_of_a_dump = st.lists(
    st.tuples(st.just(b"2450815"), st.integers(1, 30), st.integers(1, 3), st.integers(-1, 1_000)),
    min_size=1,
    max_size=5,
)
slips = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 2), st.sampled_from([*b'0179-,\n\r."eE +;\0\xe9x', None])), max_size=3
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(lines_of_a_dump, slips)
def test_a_dump_with_slips_reads_as_the_plainest_reader_reads_it_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple], slips: list[tuple]
) -> None:
    content = bytearray(HEADER + b"".join(b"%b,%d,%d,%d\n" % row for row in rows))
    for place, removed, byte in slips:
        content[place : place + removed] = b"" if byte is None else bytes([byte])
    folder = tmp_path_factory.mktemp("slips")

    try:
        seen = loaded_rows(bytes(content), folder=folder)
    except DumpRefused:
        seen = None

    assert seen == plainest_reading(bytes(content))


def plainest_reading(content: bytes) -> list[tuple] | None:
    """Read line by line with nothing but `split`; None if the contract does not hold."""
    if b"\r\n" in content.partition(b"\n")[0] + b"\n":
        content = content.replace(b"\r\n", b"\n") if content.count(b"\r\n") == content.count(b"\n") else b""
    header, *lines = content.removesuffix(b"\n").split(b"\n")
    names = [bare(name).lower() for name in header.split(b",")]
    if sorted(names) != sorted(HEADER.strip().split(b",")):
        return None
    rows = []
    for line in lines:
        fields = dict(zip(names, map(bare, line.split(b",")), strict=False))
        values = [fields.get(name, b"") for name in HEADER.strip().split(b",")]
        if line.count(b",") != 3 or not all(re.fullmatch(rb"-?[0-9]{1,18}", value) for value in values[:3]):
            return None
        if not re.fullmatch(rb"(-?[0-9]{1,18})?", values[3]):
            return None
        rows.append(tuple(int(value) if value else None for value in values))
    keys = [row[:3] for row in rows]
    sound = all(row[0] in (THURSDAY, NEXT_THURSDAY) and row[1] > 0 and row[2] > 0 for row in rows)
    return sorted(rows) if rows and sound and len(set(keys)) == len(keys) else None


def bare(field: bytes) -> bytes:
    """A field without its pair of quotes."""
    return field[1:-1] if re.fullmatch(rb'"[^"]*"', field) else field


near_csv = st.lists(
    st.one_of(
        st.sampled_from(
            [
                HEADER,
                BODY,
                SWAPPED,
                b"2450815,1,1,5\n",
                b"2450815,1,2,\n",
                b"2450815,1,3,7",
                b'"',
                b'""',
                b'"2450815","1","4","7"\n',
                b'2450815,1,"5",""\n',
            ]
        ),
        st.sampled_from(
            [b"\n", b"\r\n", b"\r", b",", b"\0", b"\xef\xbb\xbf", b"-", b" ", b"\x1f\x8b", b"1e3", b"\x85"]
        ),
        st.binary(max_size=3),
    ),
    max_size=7,
).map(b"".join)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.booleans(), near_csv, st.booleans())
def test_any_bytes_that_are_accepted_read_as_pythons_strict_csv_reader_reads_them(
    tmp_path_factory: pytest.TempPathFactory, headed: bool, content: bytes, gzipped: bool
) -> None:
    content = HEADER + content if headed else content
    folder = tmp_path_factory.getbasetemp()

    try:
        seen = loaded_rows(packed(content, gzipped=gzipped), gzipped=gzipped, folder=folder)
    except DumpRefused:
        return

    assert seen == strict_csv_rows(content)


def strict_csv_rows(content: bytes) -> list[tuple]:
    """Read with the standard library, by name; raises for anything that it calls an error."""
    records = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    names = HEADER.decode().strip().split(",")
    rows = [tuple(int(record[name]) if record[name] else None for name in names) for record in records]
    return sorted(rows, key=lambda row: (*row[:3], row[3] is None, row[3] or 0))


def packed(content: bytes, *, gzipped: bool) -> bytes:
    return gzip.compress(content) if gzipped else content


def in_chunks(content: bytes, step: int) -> Iterator[bytes]:
    stream = io.BytesIO(content)
    return iter(lambda: stream.read(step), b"")


def read(content: bytes, *, folder: Path, gzipped: bool = False, step: int = 1 << 20) -> Reading:
    return read_dump(in_chunks(content, step), gzipped=gzipped, into=folder / "lines.csv")


def staged(content: bytes, *, folder: Path, gzipped: bool = False, step: int = 1 << 20) -> Staged:
    return stage(read(content, folder=folder, gzipped=gzipped, step=step).checked(), folder)


def loaded_rows(content: bytes, *, folder: Path, gzipped: bool = False, step: int = 1 << 20) -> list[tuple]:
    found = staged(content, folder=folder, gzipped=gzipped, step=step)
    check_snapshots(found.snapshots, DUMP_DATE)
    query = "select inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand from read_parquet($1) order by all"
    rows = duckdb.execute(query, [found.location]).fetchall()
    assert found.rows == len(rows)
    return rows
