"""Every way a dump can be malformed that we know of, plain and gzipped, with the verdict it must get."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inventory_loader.errors import DumpRefused, ScratchSpaceFailed
from inventory_loader.first_fault import first_fault
from inventory_loader.loading import Staged
from inventory_loader.reading import Reading, read_dump
from inventory_loader.snapshots import check_snapshots
from inventory_loader.staging_in_duckdb import stage

THURSDAY, FRIDAY, NEXT_THURSDAY = 2450815, 2450816, 2450822
DUMP_DATE = date(1998, 1, 9)
ROW = b"2450815,777001,1,"
"""All of a good row but its quantity."""
HEADER = b"inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n"
ROWS = [(THURSDAY, 777001, 1, 394), (THURSDAY, 777001, 2, None), (THURSDAY, 777003, 1, 0)]
BODY = b"2450815,777001,1,394\n2450815,777001,2,\n2450815,777003,1,0\n"
PLAIN = HEADER + BODY
SWAPPED = (
    b"inv_quantity_on_hand,inv_warehouse_sk,inv_date_sk,inv_item_sk\n"
    b"394,1,2450815,777001\n,2,2450815,777001\n0,1,2450815,777003\n"
)

ACCEPTED = {
    "as the contract has it": (PLAIN, ROWS),
    "columns in another order, mapped by name": (SWAPPED, ROWS),
    "byte order mark": (b"\xef\xbb\xbf" + PLAIN, ROWS),
    "CRLF": (PLAIN.replace(b"\n", b"\r\n"), ROWS),
    "byte order mark and CRLF": (b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n"), ROWS),
    "no final newline": (PLAIN.removesuffix(b"\n"), ROWS),
    "CRLF, no final newline": (PLAIN.replace(b"\n", b"\r\n").removesuffix(b"\r\n"), ROWS),
    "last quantity empty, no final newline": (HEADER + b"2450815,1,1,", [(THURSDAY, 1, 1, None)]),
    "leading zeros": (HEADER + b"2450815,007,01,0010\n", [(THURSDAY, 7, 1, 10)]),
    "quantities that the landing gate judges": (
        HEADER + b"2450815,1,1,-5\n2450815,1,2,1001\n",
        [(THURSDAY, 1, 1, -5), (THURSDAY, 1, 2, 1001)],
    ),
    "the largest quantity": (HEADER + b"2450815,1,1,9223372036854775807\n", [(THURSDAY, 1, 1, 2**63 - 1)]),
    "zeros up to the longest line": (HEADER + b"2450815,1,1," + b"0" * 86 + b"5\n", [(THURSDAY, 1, 1, 5)]),
    "the largest identifier": (HEADER + b"2450815,2147483647,1,1\n", [(THURSDAY, 2147483647, 1, 1)]),
    "two weeks": (
        HEADER + b"2450822,1,1,5\n2450815,1,1,4\n",
        [(THURSDAY, 1, 1, 4), (NEXT_THURSDAY, 1, 1, 5)],
    ),
}

REFUSED = {
    "empty": (b"", "header: seen nothing"),
    "one newline": (b"\n", "header: seen nothing"),
    "header only": (HEADER, "no row after the header"),
    "header only, unfinished": (HEADER.strip(), "no row after the header"),
    "no header": (BODY, "header: seen .no name.,.no name.,.no name.,.no name.; wanted inv_date_sk"),
    "missing column": (
        b"inv_date_sk,inv_item_sk,inv_warehouse_sk\n1,2,3\n",
        "header: seen inv_date_sk,inv_item_sk,inv",
    ),
    "extra column": (HEADER.strip() + b",note\n2450815,1,1,1,x\n", "on_hand,note; wanted inv_date_sk"),
    "renamed column": (PLAIN.replace(b"inv_item_sk", b"item_sk"), "seen inv_date_sk,item_sk,inv_warehouse_sk"),
    "column twice": (PLAIN.replace(b"inv_item_sk", b"inv_date_sk"), "seen inv_date_sk,inv_date_sk"),
    "upper case": (PLAIN.replace(b"inv_item_sk", b"INV_ITEM_SK"), "seen inv_date_sk,INV_ITEM_SK"),
    "blank in a name": (PLAIN.replace(b",inv_item_sk", b", inv_item_sk"), "seen inv_date_sk,.no name."),
    "quoted header": (PLAIN.replace(b"inv_item_sk", b'"inv_item_sk"'), "seen inv_date_sk,.no name."),
    "other delimiter": (PLAIN.replace(b",", b";"), "header: seen .no name.; wanted"),
    "two headers": (HEADER + PLAIN, "line 2, column inv_date_sk: seen text; wanted an integer"),
    "many columns": (b",".join([b"c"] * 30) + b"\n", "seen c,c,c,c,c,c,c,c and 22 more;"),
    "HTML page": (b"<!DOCTYPE html>\n<html><body>Access Denied</body></html>\n", "header: seen .no name.; wanted"),
    "XML error": (b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>', "header: seen .no name.; wanted"),
    "JSON": (b'{"inv_date_sk": 2450815}\n', "header: seen .no name.; wanted"),
    "one endless line": (b"x" * 5_000, "no line ends in the first 1,000 bytes"),
    "old Mac line ends": (PLAIN.replace(b"\n", b"\r"), "header: seen"),
    "blank line": (HEADER + ROW + b"3\n\n2450815,777001,2,3\n", "line 3: seen an empty line; wanted 4 fields"),
    "blank line at the end": (PLAIN + b"\n", "line 5: seen an empty line"),
    "blank line first": (HEADER + b"\n" + BODY, "line 2: seen an empty line"),
    "blank lines only": (HEADER + b"\n\n", "line 2: seen an empty line"),
    "short row": (HEADER + ROW + b"1\n2450815,777001,1\n", "line 3: seen 3 fields; wanted 4 fields"),
    "long row": (PLAIN + b"2450815,777001,5,1,9\n", "line 5: seen 5 fields; wanted 4 fields"),
    "comma at the end": (PLAIN + b"2450815,777001,5,1,\n", "line 5: seen 5 fields"),
    "short and long row of four on average": (
        HEADER + b"2450815,777001,1\n2450815,777001,2,1,1\n",
        "line 2: seen 3 fields",
    ),
    "one number at the end": (PLAIN + b"2450815", "line 5: seen 1 fields"),
    "commas only": (HEADER + b",,,\n", "line 2, column inv_date_sk: seen nothing; wanted an integer from 1"),
    "no item": (HEADER + b"2450815,,1,394\n", "line 2, column inv_item_sk: seen nothing"),
    "no warehouse": (HEADER + b"2450815,777001,,394\n", "line 2, column inv_warehouse_sk: seen nothing"),
    "NULL as a word": (HEADER + ROW + b"NULL\n", "line 2, column inv_quantity_on_hand: seen text"),
    "backslash N": (HEADER + ROW + b"\\N\n", "column inv_quantity_on_hand: seen text"),
    "NaN": (HEADER + ROW + b"NaN\n", "column inv_quantity_on_hand: seen text"),
    "decimal": (HEADER + ROW + b"10.7\n", "column inv_quantity_on_hand: seen a decimal number"),
    "decimal that is whole": (HEADER + ROW + b"10.0\n", "seen a decimal number; wanted an integer"),
    "scientific": (HEADER + b"2450815,1E5,1,10\n", "column inv_item_sk: seen a number in scientific notation"),
    "thousands": (HEADER + ROW + b'"1,000"\n', "line 2: seen 5 fields"),
    "quoted": (HEADER + ROW + b'"10"\n', "column inv_quantity_on_hand: seen a quoted value"),
    "quote left open": (HEADER + ROW + b'"10\n2450815,777001,2,5\n', "line 2, .*: seen a quoted value"),
    "newline in quotes": (HEADER + ROW + b'"1\n0"\n', "line 2, .*: seen a quoted value"),
    "plus sign": (HEADER + ROW + b"+5\n", "column inv_quantity_on_hand: seen text"),
    "blank before": (HEADER + b"2450815, 777001,1,5\n", "column inv_item_sk: seen blanks around the value"),
    "tab after": (HEADER + ROW + b"5\t\n", "column inv_quantity_on_hand: seen blanks around the value"),
    "formula": (HEADER + ROW + b"=1+1\n", "column inv_quantity_on_hand: seen text"),
    "minus inside": (HEADER + ROW + b"1-2\n", "column inv_quantity_on_hand: seen text"),
    "minus alone": (HEADER + ROW + b"-\n", "column inv_quantity_on_hand: seen text"),
    "two minus": (HEADER + ROW + b"--1\n", "column inv_quantity_on_hand: seen text"),
    "past 64 bits": (HEADER + ROW + b"9223372036854775808\n", "quantity_on_hand: seen an integer out of range"),
    "zeros past the longest line": (PLAIN + ROW + b"0" * 90 + b"5\n", "line 5: seen more than 100 bytes; wanted 4"),
    "a field of 3 MB": (HEADER + ROW + b"9" * 3_000_000 + b"\n", "line 2: seen more than 100 bytes"),
    "item 0": (
        HEADER + b"2450815,0,1,394\n",
        "line 2, column inv_item_sk: seen an integer out of range; wanted .* from 1",
    ),
    "negative warehouse": (
        HEADER + b"2450815,777001,-1,394\n",
        "column inv_warehouse_sk: seen an integer out of range",
    ),
    "item past 32 bits": (HEADER + b"2450815,2147483648,1,394\n", "column inv_item_sk: seen an integer out of range"),
    "fault in the last column of a swapped file": (
        SWAPPED + b"1,1,2450815,x\n",
        "line 5, column inv_item_sk: seen text",
    ),
    "calendar date": (HEADER + b"1998-01-01,777001,1,394\n", "column inv_date_sk: seen a date; wanted an integer"),
    "US date": (HEADER + b"01/05/1998,777001,1,394\n", "column inv_date_sk: seen a date"),
    "NUL": (HEADER + ROW + b"3\0\n", "line 2: seen a NUL byte"),
    "latin-1": (HEADER + ROW + b"\xe9\n", "line 2: seen bytes that are not UTF-8"),
    "UTF-16": (PLAIN.decode().encode("utf-16"), "header: seen bytes that are not UTF-8"),
    "UTF-8 digits of another script": (HEADER + ROW + "\u0663\n".encode(), "quantity_on_hand: seen text"),
    "zero-width blank": (HEADER + ROW + "3\u200b\n".encode(), "quantity_on_hand: seen text"),
    "byte order mark twice": (b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN, "header: seen .no name.,inv_item_sk"),
    "CRLF after the header only": (
        HEADER.replace(b"\n", b"\r\n") + BODY,
        "0 of 3 lines end with CRLF; wanted all or none",
    ),
    "CRLF in one line": (HEADER + ROW + b"394\r\n", "line 2, .*: seen a carriage return inside the line"),
    "CRLF in all but one": (PLAIN.replace(b"\n", b"\r\n") + b"2450815,777009,1,1\n", "3 of 4 lines end with CRLF"),
    "carriage return at the end of a CRLF file": (
        PLAIN.replace(b"\n", b"\r\n").removesuffix(b"\n"),
        "line 4, .*: seen a carriage return",
    ),
    "duplicate row": (
        PLAIN + b"2450815,777001,1,394\n",
        "snapshot 1998-01-01: 1 of 4 rows repeat an item and warehouse",
    ),
    "duplicate key": (PLAIN + b"2450815,777001,1,5\n2450815,777001,1,6\n", "2 of 5 rows repeat an item and warehouse"),
    "duplicate key in the second week": (PLAIN + b"2450822,1,1,5\n2450822,1,1,5\n", "1998-01-08: 1 of 2 rows repeat"),
    "Friday": (HEADER + b"2450816,777001,1,394\n", "a snapshot dated Friday 1998-01-02; wanted a Thursday"),
    "one row of a Friday": (PLAIN + b"2450816,777001,1,394\n", "a snapshot dated Friday 1998-01-02; wanted a Thursday"),
    "after the dump": (
        HEADER + b"2450829,777001,1,394\n",
        "dated 1998-01-15; wanted 1998-01-01 or later, .* 1998-01-09",
    ),
    "before 1998": (HEADER + b"2450808,777001,1,394\n", "dated 1997-12-25; wanted 1998-01-01 or later"),
    "a day off the calendar": (HEADER + b"2147483647,777001,1,394\n", "off the calendar; wanted a Julian day"),
    "a day before the calendar": (HEADER + b"5,777001,1,394\n", "off the calendar; wanted a Julian day"),
    "the same week twice under two dates": (
        PLAIN + BODY.replace(b"2450815", b"2450822"),
        "snapshots 1998-01-01 and 1998-01-08 have identical content",
    ),
}


@pytest.fixture(params=["plain", "gzipped"])
def gzipped(request: pytest.FixtureRequest) -> bool:
    return request.param == "gzipped"


@pytest.mark.parametrize(("content", "rows"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_sound_dump_gives_its_rows(content: bytes, rows: list[tuple], gzipped: bool, tmp_path: Path) -> None:
    assert loaded_rows(packed(content, gzipped=gzipped), gzipped=gzipped, folder=tmp_path) == rows


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_dump_is_refused_without_repeating_a_value(
    content: bytes, reason: str, gzipped: bool, tmp_path: Path
) -> None:
    with pytest.raises(DumpRefused, match=reason) as refused:
        loaded_rows(packed(content, gzipped=gzipped), gzipped=gzipped, folder=tmp_path)
    assert not re.search(r"7770|2450|394|Denied", str(refused.value))


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
    monkeypatch.setattr("inventory_loader.gunzip.PIECE_BYTES", piece)

    assert loaded_rows(gzip.compress(PLAIN), gzipped=True, folder=tmp_path) == ROWS
    assert loaded_rows(gzip.compress(PLAIN), gzipped=True, folder=tmp_path, step=1) == ROWS


def test_gzip_members_end_to_end_are_one_text(tmp_path: Path) -> None:
    assert loaded_rows(gzip.compress(HEADER) + gzip.compress(BODY), gzipped=True, folder=tmp_path) == ROWS


def test_a_gzip_bomb_stops_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_loader.sheet.MAX_TEXT_BYTES", 3_000_000)
    bomb = gzip.compress(HEADER + ROW + b"394\n" * 1_000_000)
    assert len(bomb) < 100_000

    reading = read(bomb, gzipped=True, folder=tmp_path)

    assert reading.refusal == "more than 3,000,000 bytes of text; wanted no more than that"
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
    monkeypatch.setattr("inventory_loader.reading.MAX_ROWS", 2)
    assert read(PLAIN, folder=tmp_path).refusal == "3 rows; wanted at most 2"

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
        monkeypatch.setattr("inventory_loader.staging_in_duckdb._ROWS_AT_ONCE", batch)
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
    names = header.split(b",")
    if sorted(names) != sorted(HEADER.strip().split(b",")):
        return None
    rows = []
    for line in lines:
        fields = dict(zip(names, line.split(b","), strict=False))
        values = [fields.get(name, b"") for name in HEADER.strip().split(b",")]
        if line.count(b",") != 3 or not all(re.fullmatch(rb"-?[0-9]{1,18}", value) for value in values[:3]):
            return None
        if not re.fullmatch(rb"(-?[0-9]{1,18})?", values[3]):
            return None
        rows.append(tuple(int(value) if value else None for value in values))
    keys = [row[:3] for row in rows]
    sound = all(row[0] in (THURSDAY, NEXT_THURSDAY) and row[1] > 0 and row[2] > 0 for row in rows)
    return sorted(rows) if rows and sound and len(set(keys)) == len(keys) else None


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
