"""COPY INTO a table from CSV files in a stage; refuses every option whose effect it cannot give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import duckdb
from botocore.exceptions import ClientError
from fakesnow import copy_into as stock
from fakesnow.transforms import stage
from fakesnow.transforms.file_format import lookup_file_format
from fakesnow.transforms.options import parse_options
from sqlglot import exp, parse_one

from ..errors import error, not_imitated
from ..open_session import OpenSession
from .table_statements import Name, full_name, quoted

COLUMNS = (
    "file",
    "status",
    "rows_parsed",
    "rows_loaded",
    "error_limit",
    "errors_seen",
    "first_error",
    "first_error_line",
    "first_error_character",
    "first_error_column_name",
)

METADATA_SQL = (
    "create table if not exists {database}._fs_information_schema._emu_loaded "
    "(schema_name varchar, table_name varchar, url varchar, etag varchar, loaded_at timestamp)"
)

# What these say is how the files are read here anyway; another value is refused.
_AS_IT_IS = {
    "ENCODING": {"UTF8", "UTF-8"},
    "RECORD_DELIMITER": {"\\n", "\n", "AUTO"},
    "DATE_FORMAT": {"AUTO", "YYYY-MM-DD"},
    "TIMESTAMP_FORMAT": {"AUTO"},
    "TIME_FORMAT": {"AUTO"},
    "BINARY_FORMAT": {"HEX"},
    "SKIP_BLANK_LINES": {"FALSE"},
    "REPLACE_INVALID_CHARACTERS": {"FALSE"},
    "TRIM_SPACE": {"FALSE"},
    "PARSE_HEADER": {"FALSE"},
    "VALIDATE_UTF8": {"TRUE"},
    "SKIP_BYTE_ORDER_MARK": {"TRUE"},
    "ESCAPE": {"NONE"},
    "MULTI_LINE": {"TRUE"},
}


@dataclass(frozen=True)
class Options:
    """How to read and what to do with files that were loaded before."""

    reader: Any
    files: tuple[str, ...] = ()
    force: bool = False
    count_must_match: bool = True


@dataclass(frozen=True)
class File:
    url: str
    etag: str
    modified: str


def copy_into(session: OpenSession, copy: exp.Copy) -> list[tuple[Any, ...]]:
    """Load what has not been loaded yet; returns the rows of Snowflake's answer."""
    table = copy.this.this if isinstance(copy.this, exp.Schema) else copy.this
    if not isinstance(table, exp.Table):
        raise not_imitated("COPY INTO a location")
    target = full_name(session, table)
    if session.kind_of(target) != "BASE TABLE":
        raise error(
            2003, "42S02", f"SQL compilation error:\nTable '{'.'.join(target)}' does not exist or not authorized."
        )
    options = _options(session, copy)
    source = copy.args["files"][0]
    urls = _urls(session, copy, options)
    session.duck.execute(METADATA_SQL.format(database=f'"{target[0]}"'))
    known = f'"{target[0]}"._fs_information_schema._emu_loaded'
    rows: list[tuple[Any, ...]] = []
    for url in urls:
        file = _look_at(session, url)
        seen = session.duck.execute(
            f"select 1 from {known} where schema_name = ? and table_name = ? and url = ? and etag = ?",
            [target[1], target[2], url, file.etag],
        ).fetchone()
        if seen and not options.force:
            rows.append((url, "LOAD_SKIPPED", 0, 0, None, 1, "File was loaded before.", None, None, None))
            continue
        count = _load(session, copy, source, target, options, file)
        session.duck.execute(
            f"insert into {known} values (?, ?, ?, ?, now()::timestamp)", [target[1], target[2], url, file.etag]
        )
        rows.append((url, "LOADED", count, count, 1, 0, None, None, None, None))
    return rows


def forget(session: OpenSession, target: Name) -> None:
    """TRUNCATE, and a table made anew, forget which files were loaded; DELETE does not."""
    session.duck.execute(METADATA_SQL.format(database=f'"{target[0]}"'))
    session.duck.execute(
        f'delete from "{target[0]}"._fs_information_schema._emu_loaded where schema_name = ? and table_name = ?',
        [target[1], target[2]],
    )


def _options(session: OpenSession, copy: exp.Copy) -> Options:
    reader, loose, files, force = None, False, (), False
    for option in copy.args.get("params") or []:
        name = option.this.name.upper()
        value = option.expression
        said = (value.sql() if isinstance(value, exp.Boolean) else value.name).upper() if value is not None else ""
        if name == "FILE_FORMAT":
            reader, loose = _format(session, option.expressions)
        elif name == "FILES":
            files = tuple(one.name for one in option.find_all(exp.Literal))
            if len(files) > 1000:
                raise error(1023, "42601", "SQL compilation error:\nThe maximum number of file names is 1000.")
        elif name == "FORCE" and said in {"TRUE", "FALSE"}:
            force = said == "TRUE"
        elif (name, said) not in {("ON_ERROR", "ABORT_STATEMENT"), ("PURGE", "FALSE"), ("RETURN_FAILED_ONLY", "FALSE")}:
            raise not_imitated(f"COPY option {name} = {said or '..'}")
    if reader is None:
        raise not_imitated("COPY without FILE_FORMAT")
    return Options(reader, files, force, not loose)


def _format(session: OpenSession, given: list[exp.Expression]) -> tuple[Any, bool]:
    options = parse_options(given)
    if name := options.pop("FORMAT_NAME", None):
        held = lookup_file_format(session.duck, str(name), session.connection.database, session.connection.schema)
        options = {**held, **options}
    if str(options.get("TYPE", "CSV")).upper() != "CSV":
        raise not_imitated(f"file format {options['TYPE']}")
    strict = options.pop("ERROR_ON_COLUMN_COUNT_MISMATCH", True)
    for name, wanted in _AS_IT_IS.items():
        if (said := options.pop(name, None)) is not None and str(said).upper() not in wanted | {
            w.upper() for w in wanted
        }:
            raise not_imitated(f"file format option {name} = {said}")
    return stock.handle_csv(options), str(strict).upper() == "FALSE"


def _urls(session: OpenSession, copy: exp.Copy, options: Options) -> list[str]:
    table = copy.this.this if isinstance(copy.this, exp.Schema) else copy.this
    named = stock._from_source(copy)
    if not named.startswith("@"):
        raise not_imitated("COPY from a location that is not a stage")
    connection = session.connection
    root = stock.stage_url_from_var(
        named[1:], session.duck, connection.database, connection.schema, connection.table_stages, table
    )
    if options.files:
        return [f"{root.rstrip('/')}/{name}" for name in options.files]
    pattern = root.rstrip("/") + ("/**" if stage.is_internal(root) else "/**" if root.endswith("/") else "*")
    return [row[0] for row in session.duck.execute("select file from glob(?) order by 1", [pattern]).fetchall()]


def _look_at(session: OpenSession, url: str) -> File:
    """The object's ETag, which with its name is what Snowflake remembers of a load."""
    if not url.startswith("s3://"):
        try:
            digest, modified = session.duck.execute(
                "select md5(content), last_modified::varchar from read_blob(?)", [url]
            ).fetchone() or (None, None)
        except duckdb.IOException:
            digest = None
        if digest is None:
            raise _absent(url)
        return File(url, digest, str(modified))
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        head = session.estate.s3().head_object(Bucket=bucket, Key=key)
    except ClientError:
        raise _absent(url) from None
    return File(url, head["ETag"].strip('"'), head["LastModified"].strftime("%Y-%m-%d %H:%M:%S"))


def _absent(url: str) -> Exception:
    return error(91016, "02000", f"Remote file '{url}' was not found. There are several potential causes.")


def _load(
    session: OpenSession, copy: exp.Copy, source: exp.Expression, target: Name, options: Options, file: File
) -> int:
    found = _columns_of_file(session, options, file.url)
    columns = session.columns(target)
    given = [one.name for one in copy.this.expressions] if isinstance(copy.this, exp.Schema) else []
    wanted = len(given) or len(columns)
    if isinstance(source, exp.Subquery):
        chosen = [_projected(one, file) for one in source.this.expressions]
        highest = max([found, *(int(n) for one in chosen for n in re.findall(r"\bc(\d+)\b", one))])
    else:
        if found and found != wanted and options.count_must_match:
            raise error(
                100080,
                "22000",
                f"Number of columns in file ({found}) does not match that of the corresponding table ({wanted}), use "
                "file format option error_on_column_count_mismatch=false to ignore this error",
            )
        chosen = [f"c{n + 1}" for n in range(wanted)]
        highest = max(found, wanted)
    if not found:
        return 0
    names = ", ".join([f"c{n + 1}" for n in range(found)])
    more = "".join(f", null::varchar as c{n + 1}" for n in range(found, highest))
    into = "(" + ", ".join(f'"{name.upper()}"' for name in given) + ")" if given else ""
    lines = _reader(options, file.url, found)
    return session.duck.execute(
        f"insert into {quoted(target)} {into} select {', '.join(chosen)} "
        f"from (select *{more}, row_number() over () as __row from {lines} as x({names})) as f"
    ).fetchall()[0][0]


def _columns_of_file(session: OpenSession, options: Options, url: str) -> int:
    """Columns of the first line, header or not; 0 for an empty file."""
    reader = options.reader
    first = stock.ReadCSV(0, reader.quote, reader.sep, reader.null_if, reader.compression).read_expression(url)
    for name, value in (("all_varchar", True), ("hive_partitioning", False), ("null_padding", True)):
        first.append("expressions", stock.FileTypeHandler.make_eq(name, value))
    look = f"describe select * from {first.sql('duckdb')}"
    size = session.duck.execute("select size from read_blob(?)", [url]).fetchone()
    return len(session.duck.execute(look).fetchall()) if size and size[0] else 0


def _reader(options: Options, url: str, columns: int) -> str:
    read = options.reader.read_expression(url)
    for name, value in (
        ("hive_partitioning", False),
        ("auto_detect", False),
        ("null_padding", not options.count_must_match),
    ):
        read.append("expressions", stock.FileTypeHandler.make_eq(name, value))
    named = ", ".join(f"'c{n + 1}': 'VARCHAR'" for n in range(columns))
    return read.sql("duckdb")[:-1] + f", columns = {{{named}}})"


def _projected(one: exp.Expression, file: File) -> str:
    key = re.sub(r"^s3://[^/]+/|^.*/fakesnow_bucket_[^/]+/[^/]+/", "", file.url)
    metadata = {
        "METADATA$FILENAME": exp.Literal.string(key),
        "METADATA$FILE_ROW_NUMBER": exp.column("__row"),
        "METADATA$FILE_CONTENT_KEY": exp.Literal.string(file.etag),
        "METADATA$FILE_LAST_MODIFIED": parse_one(f"cast('{file.modified}' as timestamp)"),
        "METADATA$START_SCAN_TIME": parse_one("cast(now() as timestamp)", read="duckdb"),
    }

    def place(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Parameter):
            return exp.column(f"c{node.this.name}")
        if isinstance(node, exp.Parameter):
            return exp.column(f"c{node.name}")
        if isinstance(node, exp.Column) and node.name.upper() in metadata:
            return metadata[node.name.upper()]
        return node

    return one.transform(place).sql("duckdb")
