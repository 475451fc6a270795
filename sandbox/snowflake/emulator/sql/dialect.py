"""What Snowflake's SQL has of functions, types and words; refuses what only DuckDB, which runs it here, would accept.

Sources: Snowflake's SQL reference (all functions, data types, reserved and limited keywords), read in November 2026.
The lists hold what a retail warehouse may want, not everything: a missing name is refused and can be added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words("""
    ABS ACOS ADD_MONTHS ANY_VALUE APPROX_COUNT_DISTINCT APPROX_PERCENTILE ARRAY_AGG ARRAY_CONSTRUCT ARRAY_CONTAINS
    ARRAY_SIZE ARRAY_TO_STRING ASCII ASIN ATAN ATAN2 AVG BASE64_ENCODE BITAND BITOR BITXOR BOOLAND_AGG BOOLOR_AGG CEIL
    CHARINDEX CHECK_JSON CHR COALESCE CONCAT CONCAT_WS CONTAINS CONVERT_TIMEZONE CORR COS COUNT COUNT_IF CUME_DIST
    CURRENT_ACCOUNT CURRENT_ACCOUNT_NAME CURRENT_CLIENT CURRENT_DATABASE CURRENT_DATE CURRENT_ORGANIZATION_NAME
    CURRENT_REGION CURRENT_ROLE CURRENT_SCHEMA CURRENT_SECONDARY_ROLES CURRENT_SESSION CURRENT_STATEMENT CURRENT_TIME
    CURRENT_TIMESTAMP CURRENT_USER CURRENT_VERSION CURRENT_WAREHOUSE DATEADD DATEDIFF DATE DATE_FROM_PARTS DATE_PART
    DATE_TRUNC DAY DAYNAME DAYOFMONTH DAYOFWEEK DAYOFWEEKISO DAYOFYEAR DECODE DEGREES DENSE_RANK DIV0 DIV0NULL ENDSWITH
    EQUAL_NULL EXP EXTRACT FIRST_VALUE FLATTEN FLOOR GENERATOR GREATEST GREATEST_IGNORE_NULLS GROUPING GROUPING_ID HASH
    HASH_AGG HOUR IFF IFNULL ILIKE INITCAP INSERT IS_NULL_VALUE LAG LAST_DAY LAST_QUERY_ID LAST_VALUE LEAD LEAST
    LEAST_IGNORE_NULLS LEFT LEN LENGTH LIKE LISTAGG LN LOCALTIMESTAMP LOG LOWER LPAD LTRIM MAX MAX_BY MD5 MD5_HEX MEDIAN
    MIN MINUTE MIN_BY MOD MODE MONTH MONTHNAME MONTHS_BETWEEN NEXT_DAY NTH_VALUE NTILE NULLIF NULLIFZERO NVL NVL2
    OBJECT_AGG OBJECT_CONSTRUCT OBJECT_KEYS OCTET_LENGTH PARSE_JSON PERCENTILE_CONT PERCENTILE_DISC PERCENT_RANK PI
    POSITION POW POWER PREVIOUS_DAY QUARTER RADIANS RANDOM RANK RATIO_TO_REPORT REGEXP_COUNT REGEXP_INSTR REGEXP_LIKE
    REGEXP_REPLACE REGEXP_SUBSTR REGR_SLOPE REPEAT REPLACE RESULT_SCAN REVERSE RIGHT ROUND ROW_NUMBER RPAD RTRIM SECOND
    SEQ4 SEQ8 SHA1 SHA2 SHA2_HEX SIGN SIN SPACE SPLIT SPLIT_PART SQRT SQUARE STARTSWITH STDDEV STDDEV_POP STDDEV_SAMP
    STRIP_NULL_VALUE STRTOK SUBSTR SUBSTRING SUM SYSDATE SYSTEM$ABORT_SESSION
    SYSTEM$CLUSTERING_INFORMATION SYSTEM$TYPEOF TABLE TAN TIMEADD TIMEDIFF
    TIMESTAMPADD TIMESTAMPDIFF TIMESTAMP_FROM_PARTS TIMESTAMP_NTZ_FROM_PARTS TO_BOOLEAN TO_CHAR TO_DATE TO_DECIMAL
    TO_DOUBLE TO_JSON TO_NUMBER TO_NUMERIC TO_TIME TO_TIMESTAMP TO_TIMESTAMP_LTZ TO_TIMESTAMP_NTZ TO_TIMESTAMP_TZ
    TO_VARCHAR TO_VARIANT TRANSLATE TRIM TRUNC TRUNCATE TRY_PARSE_JSON TRY_TO_BOOLEAN TRY_TO_DATE TRY_TO_DECIMAL
    TRY_TO_DOUBLE TRY_TO_NUMBER TRY_TO_TIMESTAMP TRY_TO_TIMESTAMP_NTZ UNICODE UNIFORM UPPER UUID_STRING VARIANCE
    VAR_POP VAR_SAMP WEEK WEEKISO WEEKOFYEAR WIDTH_BUCKET YEAR YEAROFWEEK YEAROFWEEKISO ZEROIFNULL
    QUERY_HISTORY QUERY_HISTORY_BY_SESSION LOAD_HISTORY COPY_HISTORY EXPLAIN_JSON
    """)
"""TYPEOF is left out: Snowflake's reads a VARIANT only, DuckDB's anything."""

TYPE_NAMES = _words("""
    NUMBER DECIMAL DEC NUMERIC INT INTEGER BIGINT SMALLINT TINYINT BYTEINT FLOAT FLOAT4 FLOAT8 DOUBLE REAL VARCHAR CHAR
    CHARACTER NCHAR NVARCHAR NVARCHAR2 STRING TEXT BINARY VARBINARY BOOLEAN DATE DATETIME TIME TIMESTAMP TIMESTAMP_LTZ
    TIMESTAMP_NTZ TIMESTAMP_TZ TIMESTAMPLTZ TIMESTAMPNTZ TIMESTAMPTZ VARIANT OBJECT ARRAY
    """)

_TYPES = frozenset(
    getattr(exp.DataType.Type, name)
    for name in _words(
        "DECIMAL BIGINT INT SMALLINT TINYINT FLOAT DOUBLE VARCHAR CHAR NCHAR NVARCHAR TEXT BINARY VARBINARY BOOLEAN "
        "DATE DATETIME TIME TIMESTAMP TIMESTAMPLTZ TIMESTAMPNTZ TIMESTAMPTZ VARIANT OBJECT ARRAY"
    )
)

RESERVED = _words("""
    ALL ALTER AND ANY AS BETWEEN BY CHECK COLUMN CONNECT CREATE CURRENT DELETE DISTINCT DROP ELSE EXISTS FOLLOWING FOR
    FROM GRANT GROUP HAVING ILIKE IN INCREMENT INSERT INTERSECT INTO IS LIKE MINUS NOT NULL OF ON OR ORDER QUALIFY
    REGEXP REVOKE RLIKE ROW ROWS SAMPLE SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER UNION UNIQUE UPDATE
    VALUES WHENEVER WHERE WITH
    """)
"""May not name a column or table unless quoted: ROWS and ROW among them, which DuckDB takes."""

# Words that may stand before a parenthesis without being a function.
_KEYWORDS = RESERVED | _words(
    "OVER USING PARTITION EXCLUDE RENAME CAST TRY_CAST CASE WHEN END LIMIT FILES KEY GROUPING SETS ROLLUP CUBE "
    "EXCEPT IDENTIFIER WITHIN JOIN LATERAL PIVOT UNPIVOT FILE_FORMAT PROPERTIES FETCH CLUSTER PRIMARY FOREIGN "
    "REFERENCES INTERVAL FROM COPY AT BEFORE NULL_IF STORAGE_ALLOWED_LOCATIONS"
)

# A name after one of these words, or after a dot, is a table's or a column's, whatever follows it.
_NAMES_FOLLOW = frozenset({"INTO", "TABLE", "VIEW", "EXISTS", "REFERENCES", "WITH", "RECURSIVE", "AS", "TASK", "USING"})

_NAME_BEFORE = frozenset({TokenType.DOT, TokenType.R_PAREN})

_ONLY_DUCKDB = (
    (re.compile(r"//"), "`//` divides in DuckDB and begins a comment in Snowflake"),
    (re.compile(r"\bfilter\s*\(\s*where\b", re.I), "FILTER (WHERE ..) is not in Snowflake"),
    (re.compile(r"\bdistinct\s+on\b", re.I), "DISTINCT ON is not in Snowflake"),
    (re.compile(r"\breturning\b", re.I), "RETURNING is not in Snowflake"),
    (re.compile(r"\bon\s+conflict\b", re.I), "ON CONFLICT is not in Snowflake"),
    (re.compile(r"\b(semi|anti|positional)\s+join\b", re.I), "this join is not in Snowflake"),
    (re.compile(r"\bdefault\s+values\b", re.I), "DEFAULT VALUES is not in Snowflake"),
    (re.compile(r"\binsert\s+or\s+(replace|ignore)\b", re.I), "INSERT OR .. is not in Snowflake"),
    (
        re.compile(r"\bunion\s+(all\s+)?by\s+name\b|\binsert\s+into\s+\S+\s+by\s+name\b", re.I),
        "BY NAME is not in Snowflake",
    ),
    (re.compile(r"(^|\()\s*from\b", re.I), "FROM without SELECT is not in Snowflake"),
    (re.compile(r"(?<![=<>!])==(?!=)"), "== is not in Snowflake"),
    (re.compile(r"\b(columns|list_value|struct_pack)\s*\(", re.I), "only DuckDB has it"),
    (re.compile(r"\*\*"), "** is not in Snowflake"),
)

_QUIET = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$", re.S)


def without_text(sql: str) -> str:
    """The statement with its comments, strings and quoted names blanked out."""
    return _QUIET.sub(lambda found: " " if found[0][:2] in {"--", "/*"} else "''", sql)


def objections(sql: str) -> list[str]:
    """Why Snowflake would not run this statement; empty if nothing speaks against it."""
    bare = without_text(sql)
    found = [reason for pattern, reason in _ONLY_DUCKDB if pattern.search(bare)]
    try:
        tokens = Snowflake.Tokenizer().tokenize(sql)
        parsed = sqlglot.parse_one(sql, read="snowflake")
    except (ParseError, TokenError) as error:
        return [*found, f"Snowflake's grammar: {str(error).splitlines()[0]}"]
    return [*found, *_functions(tokens), *_types(parsed), *_names(parsed)]


def _functions(tokens: list[Token]) -> Iterator[str]:
    for before, token, after in zip([None, *tokens[:-2]], tokens[:-1], tokens[1:], strict=False):
        if after.token_type != TokenType.L_PAREN or token.token_type == TokenType.IDENTIFIER:
            continue
        if before is not None and (before.token_type in _NAME_BEFORE or before.text.upper() in _NAMES_FOLLOW):
            continue
        name = token.text.upper()
        if not re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) or name in FUNCTIONS | TYPE_NAMES | _KEYWORDS:
            continue
        if not _defines_columns(tokens, token):
            yield f"Unknown function {name}"


def _defines_columns(tokens: list[Token], token: Token) -> bool:
    """`, name (a, b) as (` of a WITH list, and ORDER's `key (a, b)`, are no calls."""
    at = next(index for index, one in enumerate(tokens) if one is token)
    depth = 0
    for index in range(at + 1, len(tokens)):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(tokens[index].token_type, 0)
        if depth == 0:
            return [one.text.upper() for one in tokens[index + 1 : index + 3]] == ["AS", "("]
    return False


def _types(parsed: exp.Expression) -> Iterator[str]:
    for kind in parsed.find_all(exp.DataType):
        if isinstance(kind.this, exp.DataType.Type) and kind.this not in _TYPES and kind.this.name != "NULL":
            yield f"Unsupported data type '{kind.this.name}'"
        elif kind.this == exp.DataType.Type.USERDEFINED:
            yield f"Unsupported data type '{kind.sql()}'"


def _names(parsed: exp.Expression) -> Iterator[str]:
    for name in parsed.find_all(exp.Identifier):
        if not name.quoted and name.this.upper() in RESERVED:
            yield f"unexpected '{name.this}': a reserved word"
