"""Every way a dump can be malformed that we know of, and those in which it may differ and be sound, with verdicts."""

from __future__ import annotations

from datetime import date

THURSDAY, FRIDAY, NEXT_THURSDAY = 2450815, 2450816, 2450822
DUMP_DATE = date(1998, 1, 9)
ROW = b"2450815,777001,1,"
"""All of a good row but its quantity."""
HEADER = b"inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n"
ROWS = [(THURSDAY, 777001, 1, 394), (THURSDAY, 777001, 2, None), (THURSDAY, 777003, 1, 0)]
BODY = b"2450815,777001,1,394\n2450815,777001,2,\n2450815,777003,1,0\n"
PLAIN = HEADER + BODY
QUOTED = b'"' + PLAIN.strip().replace(b",", b'","').replace(b"\n", b'"\n"') + b'"\n'
SWAPPED = (
    b"inv_quantity_on_hand,inv_warehouse_sk,inv_date_sk,inv_item_sk\n"
    b"394,1,2450815,777001\n,2,2450815,777001\n0,1,2450815,777003\n"
)

ACCEPTED: dict[str, tuple[bytes, list[tuple]]] = {
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
    "names in upper case": (HEADER.upper() + BODY, ROWS),
    "names in mixed case": (PLAIN.replace(b"inv_item_sk", b"Inv_Item_SK"), ROWS),
    "quoted names": (HEADER.replace(b"inv_", b'"inv_').replace(b",", b'",').replace(b"\n", b'"\n') + BODY, ROWS),
    "one quoted name": (PLAIN.replace(b"inv_item_sk", b'"inv_item_sk"'), ROWS),
    "every field quoted": (QUOTED, ROWS),
    "every field quoted, CRLF": (QUOTED.replace(b"\n", b"\r\n"), ROWS),
    "every field quoted, no final newline": (QUOTED.removesuffix(b"\n"), ROWS),
    "some fields quoted": (HEADER + b'2450815,"777001","1",394\n"2450815",777001,2,\n2450815,777003,1,"0"\n', ROWS),
    "only the last field quoted, no final newline": (HEADER + b'2450815,1,1,"5"', [(THURSDAY, 1, 1, 5)]),
    "a negative quantity in quotes": (HEADER + ROW + b'"-5"\n', [(THURSDAY, 777001, 1, -5)]),
    "two weeks": (
        HEADER + b"2450822,1,1,5\n2450815,1,1,4\n",
        [(THURSDAY, 1, 1, 4), (NEXT_THURSDAY, 1, 1, 5)],
    ),
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "header: seen nothing"),
    "one newline": (b"\n", "header: seen nothing"),
    "header only": (HEADER, "no row after the header"),
    "header only, unfinished": (HEADER.strip(), "no row after the header"),
    "no header": (BODY, "header: seen 4 numbers: no header.; wanted inv_date_sk"),
    "missing column": (
        b"inv_date_sk,inv_item_sk,inv_warehouse_sk\n1,2,3\n",
        "header: seen inv_date_sk, inv_item_sk, inv_warehouse_sk; wanted",
    ),
    "extra column": (HEADER.strip() + b",note\n2450815,1,1,1,x\n", "on_hand, another name; wanted inv_date_sk"),
    "renamed column": (PLAIN.replace(b"inv_item_sk", b"item_sk"), "seen inv_date_sk, another name, inv_warehouse_sk"),
    "column twice": (PLAIN.replace(b"inv_item_sk", b"inv_date_sk"), "seen inv_date_sk .2 times., inv_warehouse_sk"),
    "blank in a name": (
        PLAIN.replace(b",inv_item_sk", b", inv_item_sk"),
        "seen inv_date_sk, a name with blanks around it",
    ),
    "a quoted name that is not ours": (PLAIN.replace(b"inv_item_sk", b'"item"'), "seen inv_date_sk, another name"),
    "a quoted name with blanks": (PLAIN.replace(b"inv_item_sk", b'" inv_item_sk"'), "a name with blanks around it"),
    "a name whose quote is left open": (PLAIN.replace(b"inv_item_sk", b'"inv_item_sk'), "a quote inside a name"),
    "a name with a quote inside": (PLAIN.replace(b"inv_item_sk", b'inv_"item_sk'), "a quote inside a name"),
    "one name in two cases": (PLAIN.replace(b"inv_date_sk", b"INV_ITEM_SK"), "seen inv_item_sk .2 times."),
    "a letter with the lower case of another": (
        PLAIN.replace(b"inv_item_sk", "inv_item_s\u212a".encode()),
        "seen inv_date_sk, another name, inv_warehouse_sk",
    ),
    "semicolons": (PLAIN.replace(b",", b";"), "header: seen one field with semicolons; wanted"),
    "tabs": (PLAIN.replace(b",", b"\t"), "header: seen one field with tabs; wanted"),
    "pipes": (PLAIN.replace(b",", b"|"), "header: seen one field with pipes; wanted"),
    "semicolons in a row": (
        HEADER + BODY.replace(b",", b";"),
        "line 2: seen one field with semicolons; wanted 4 fields",
    ),
    "single quotes": (PLAIN.replace(b"inv_item_sk", b"'inv_item_sk'"), "seen inv_date_sk, a quoted name"),
    "brackets": (PLAIN.replace(b"inv_item_sk", b"[inv_item_sk]"), "seen inv_date_sk, a quoted name"),
    "separator line": (b"sep=,\n" + PLAIN, "header: seen a separator line of Excel; wanted"),
    "title line": (b"Stock of all warehouses\n" + PLAIN, "header: seen one field with blanks: a title.; wanted"),
    "one other word": (b"inventory\n" + PLAIN, "header: seen one field that is no column's name; wanted"),
    "no name": (b",,,\n" + BODY, "header: seen 4 fields, none of them a column's name: no header.; wanted"),
    "no header, decimal numbers": (b"1,2.5,3,-4\n" + BODY, "header: seen 4 numbers: no header."),
    "two headers": (HEADER + PLAIN, "line 2, column inv_date_sk: seen text: a column's name, as of a second header;"),
    "many columns": (b",".join([b"c"] * 30) + b"\n", "seen 30 fields, none of them a column's name: no header.;"),
    "many columns after ours": (
        HEADER.strip() + b",c" * 30 + b"\n",
        "on_hand, another name .4 times. and 26 more; wanted",
    ),
    "HTML page": (b"<!DOCTYPE html>\n<html><body>Access Denied</body></html>\n", "header: seen a markup tag; wanted"),
    "HTML page in one line": (
        b"<html>" + b"x" * 5_000,
        "no line ends in the first 1,000 bytes of a markup tag; wanted",
    ),
    "XML error": (b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>', "header: seen a markup tag; wanted"),
    "JSON": (b'{"inv_date_sk": 2450815}\n', "header: seen JSON; wanted"),
    "JSON, an array": (b'[\n {"inv_date_sk": 2450815}]\n', "header: seen JSON; wanted"),
    "an Excel workbook": (
        b"PK\x03\x04\x14\n" + PLAIN,
        "header: seen a zip archive, as an Excel workbook is one; wanted",
    ),
    "an old Excel workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1" + b"\0" * 2_000,
        "1,000 bytes of a file of old Excel or Word",
    ),
    "Parquet": (b"PAR1\n" + PLAIN, "header: seen a Parquet file; wanted"),
    "one endless line": (b"x" * 5_000, "no line ends in the first 1,000 bytes"),
    "old Mac line ends": (PLAIN.replace(b"\n", b"\r"), "header: seen a carriage return inside the line"),
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
    "NULL as a word": (HEADER + ROW + b"NULL\n", "line 2, column inv_quantity_on_hand: seen text: a word for NULL"),
    "backslash N": (
        HEADER + ROW + b"\\N\n",
        "inv_quantity_on_hand: seen text: a backslash and N, which stand for NULL",
    ),
    "NaN": (HEADER + ROW + b"NaN\n", "column inv_quantity_on_hand: seen text: a word for NULL"),
    "minus at the end, as SAP has it": (HEADER + ROW + b"5-\n", "seen text: a number with its minus sign at the end"),
    "a word": (HEADER + ROW + b"Kanarienvogel\n", "column inv_quantity_on_hand: seen text: a word; wanted"),
    "words": (HEADER + ROW + b"Zoe Vogel\n", "column inv_quantity_on_hand: seen text: words; wanted"),
    "an address": (HEADER + ROW + b"zoe@vogel.example\n", "column inv_quantity_on_hand: seen text; wanted"),
    "decimal": (HEADER + ROW + b"10.7\n", "column inv_quantity_on_hand: seen a decimal number"),
    "decimal that is whole": (HEADER + ROW + b"10.0\n", "seen a decimal number; wanted an integer"),
    "scientific": (HEADER + b"2450815,1E5,1,10\n", "column inv_item_sk: seen a number in scientific notation"),
    "thousands": (
        HEADER + ROW + b'"1,000"\n',
        "column inv_quantity_on_hand: seen text: a number with thousands separators",
    ),
    "a number beside its quotes": (HEADER + ROW + b'"1"0\n', "column inv_quantity_on_hand: seen a quoted value"),
    "two quoted numbers in a field": (HEADER + ROW + b'"1""0"\n', "column inv_quantity_on_hand: seen a quoted value"),
    "blanks around the quotes": (HEADER + ROW + b' "10"\n', "column inv_quantity_on_hand: seen a quoted value"),
    "blanks inside the quotes": (
        HEADER + ROW + b'" 10"\n',
        "column inv_quantity_on_hand: seen blanks around the value",
    ),
    "single quotes around a value": (HEADER + ROW + b"'10'\n", "column inv_quantity_on_hand: seen text"),
    "no item, quoted": (HEADER + b'2450815,"",1,394\n', "column inv_item_sk: seen nothing"),
    "two fields in one pair of quotes": (
        HEADER + b'"2450815,777001",1,394\n',
        "line 2: seen 3 fields; wanted 4 fields",
    ),
    "a quoted decimal": (HEADER + ROW + b'"10.5"\n', "column inv_quantity_on_hand: seen a decimal number"),
    "a quoted word after quoted rows": (
        QUOTED + b'"2450815","777001","5","NULL"\n',
        "line 5, column inv_quantity_on_hand: seen text: a word for NULL",
    ),
    "quote left open": (HEADER + ROW + b'"10\n2450815,777001,2,5\n', "line 2, .*: seen a quoted value"),
    "newline in quotes": (HEADER + ROW + b'"1\n0"\n', "line 2, .*: seen a quoted value"),
    "plus sign": (HEADER + ROW + b"+5\n", "column inv_quantity_on_hand: seen text: a number with a plus sign"),
    "blank before": (HEADER + b"2450815, 777001,1,5\n", "column inv_item_sk: seen blanks around the value"),
    "tab after": (HEADER + ROW + b"5\t\n", "column inv_quantity_on_hand: seen blanks around the value"),
    "formula": (HEADER + ROW + b"=1+1\n", "column inv_quantity_on_hand: seen text: a formula"),
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
    "values of day and item swapped under the header": (
        HEADER + b"777001,2450815,1,394\n",
        "a snapshot dated off the calendar; wanted a Julian day number in inv_date_sk",
    ),
    "fault in the last column of a swapped file": (
        SWAPPED + b"1,1,2450815,x\n",
        "line 5, column inv_item_sk: seen text",
    ),
    "calendar date": (HEADER + b"1998-01-01,777001,1,394\n", "column inv_date_sk: seen a date; wanted an integer"),
    "US date": (HEADER + b"01/05/1998,777001,1,394\n", "column inv_date_sk: seen a date"),
    "NUL": (HEADER + ROW + b"3\0\n", "line 2: seen a NUL byte"),
    "latin-1": (HEADER + ROW + b"\xe9\n", "line 2: seen bytes that are not UTF-8"),
    "UTF-16": (PLAIN.decode().encode("utf-16"), "header: seen UTF-16 text; wanted"),
    "UTF-16 without a mark": (PLAIN.decode().encode("utf-16-le"), "header: seen NUL bytes: UTF-16, or no text"),
    "latin-1 in the header": (b"Stra\xdfe,PLZ\n" + BODY, "header: seen bytes that are not UTF-8"),
    "UTF-8 digits of another script": (HEADER + ROW + "\u0663\n".encode(), "quantity_on_hand: seen text"),
    "zero-width blank": (HEADER + ROW + "3\u200b\n".encode(), "quantity_on_hand: seen text"),
    "byte order mark twice": (b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN, "header: seen another name, inv_item_sk"),
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

CORPUS: dict[str, tuple[bytes, list[tuple] | str]] = {**ACCEPTED, **REFUSED}
"""Content by name, with its verdict: the rows that it gives, or the reason (a pattern) for which it is refused."""
