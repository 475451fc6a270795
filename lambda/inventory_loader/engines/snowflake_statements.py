"""The statements of the Snowflake engine; refuses to hold a value: those are bound.

Three have a place for a name, and only these may be filled in: the contract's columns, a stage's name and a path of our
own scratch folder, each checked against its pattern by `engines.snowflake`.
"""

from __future__ import annotations

ARRIVING = "raw_inventory.inventory_arriving"
SENT_FILE = "lines.csv"

BEFORE_THE_TRANSACTION = (
    """
    create or replace temporary table raw_inventory.inventory_arriving (
        inv_date_sk bigint,
        inv_item_sk bigint,
        inv_warehouse_sk bigint,
        inv_quantity_on_hand bigint,
        content_key varchar
    )
    """,
    "create or replace temporary table raw_inventory.inventory_settled (inv_date_sk bigint)",
)
"""Also of a session that has them already: a warm function may meet what its last invocation left."""

CREATE_SENT_FILES = "create or replace temporary stage raw_inventory.inventory_sent"

# FORCE: Snowflake remembers for 64 days which files it copied and would skip them, into a table that is new each time.
_FORMAT = """file_format = (
        type = csv field_delimiter = ',' record_delimiter = '\\n' skip_header = LINES encoding = 'UTF8'
        field_optionally_enclosed_by = none escape_unenclosed_field = none empty_field_as_null = true
        error_on_column_count_mismatch = true
    )
    force = true
    on_error = abort_statement"""
_WITH_HEADER, _WITHOUT_HEADER = _FORMAT.replace("LINES", "1"), _FORMAT.replace("LINES", "0")

COPY_FROM_STAGE = f"""
    copy into raw_inventory.inventory_arriving ({{columns}}, content_key)
    from (select $1, $2, $3, $4, metadata$file_content_key from @{{stage}})
    files = (%s)
    {_WITH_HEADER}
"""

PUT_FILE = "put 'file://{path}' @raw_inventory.inventory_sent auto_compress = false overwrite = true"

COPY_SENT_FILE = f"""
    copy into raw_inventory.inventory_arriving ({{columns}})
    from (select $1, $2, $3, $4 from @raw_inventory.inventory_sent)
    files = ('{SENT_FILE}')
    {_WITHOUT_HEADER}
"""

COUNT_ARRIVED = """
    select count(*), sum(case when content_key = %s then 0 else 1 end) from raw_inventory.inventory_arriving
"""

EMPTY_ARRIVING = "delete from raw_inventory.inventory_arriving"

# A sum of hashes does not depend on the order of rows; `hash` is the engine's own, so digests never leave the engine.
WEIGH = """
    select inv_date_sk, sum(times), sum(times) - count(*), sum(digest)
    from (
        select
            inv_date_sk,
            count(*) as times,
            sum(hash(inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)) as digest
        from raw_inventory.inventory_arriving
        group by inv_date_sk, inv_item_sk, inv_warehouse_sk
    ) as keys
    group by inv_date_sk
    order by inv_date_sk
"""

TAKE_TURN = "update ops.load_turn set taken = taken + 1"

RECORDED = """
    select etag, sha256, bytes, row_count, status, reason, dump_date
    from ops.load_ledger
    where object_key = %s and version_id = %s and etag = %s and (version_id <> %s or last_modified = %s)
"""

JUDGED = "select object_key, version_id, etag, last_modified from ops.load_ledger"

STILL_SERVED = """
    select inv_date_sk, row_count, coalesce(is_confirmed, false)
    from ops.inventory_snapshot
    where object_key = %s and version_id = %s
    order by inv_date_sk
"""

SERVED = """
    select inv_date_sk, dump_date, last_modified, object_key, content_digest from ops.inventory_snapshot
"""

FORGET_SETTLED = "delete from raw_inventory.inventory_settled"
NOTE_SETTLED = "insert into raw_inventory.inventory_settled (inv_date_sk) values (%s)"

_SETTLED = "inv_date_sk in (select settled.inv_date_sk from raw_inventory.inventory_settled as settled)"

DELETE_ROWS = f"delete from raw_inventory.inventory where {_SETTLED}"

INSERT_ROWS = f"""
    insert into raw_inventory.inventory (inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)
    select inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand
    from raw_inventory.inventory_arriving
    where {_SETTLED}
"""

DELETE_SNAPSHOTS = f"delete from ops.inventory_snapshot where {_SETTLED}"

INSERT_SNAPSHOT = """
    insert into ops.inventory_snapshot
        (inv_date_sk, object_key, version_id, dump_date, last_modified, row_count, content_digest, replaced_digest,
         restated_at, is_confirmed)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, false)
"""

CONFIRM = f"""
    update ops.inventory_snapshot
    set object_key = %s, version_id = %s, dump_date = %s, last_modified = %s, is_confirmed = true
    where {_SETTLED}
"""

FORGET_RECEIPT = "delete from ops.load_ledger where object_key = %s and version_id = %s"

INSERT_RECEIPT = """
    insert into ops.load_ledger
        (object_key, version_id, etag, sha256, bytes, row_count, status, reason, run_id, loaded_at, dump_date,
         last_modified)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
