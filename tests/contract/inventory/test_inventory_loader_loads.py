"""What becomes of dumps: loaded, superseded, unchanged or quarantined, in S3 (moto) and a real warehouse file."""

from __future__ import annotations

import gzip
import json
from datetime import date
from hashlib import sha256
from typing import Any

import duckdb
import pytest

from shelfgate.warehouse.migrate import known_migrations
from tests.contract.inventory.inventory_landing import (
    CORRECTED,
    FIRST,
    ONE,
    OTHER,
    PREFIX,
    SECOND,
    THIRD,
    House,
    Week,
    dump,
)


@pytest.mark.parametrize("name", ["1998-01-02.csv", "1998-01-02.csv.gz"])
def test_a_dump_is_loaded_with_its_rows_its_snapshot_and_its_line_in_the_ledger(house: House, name: str) -> None:
    content = dump({FIRST: ONE})
    content = gzip.compress(content) if name.endswith(".gz") else content
    version = house.put(name, content)

    reply = house.load(name, version)

    digest, etag = sha256(content).hexdigest(), house.s3.head_object(Bucket=house.bucket, Key=PREFIX + name)["ETag"]
    assert json.loads(json.dumps(reply)) == {
        "object_key": PREFIX + name,
        "version_id": version,
        "etag": etag.strip('"'),
        "sha256": digest,
        "bytes": len(content),
        "rows": 3,
        "status": "loaded",
        "reason": None,
        "dump_date": "1998-01-02",
        "snapshots": [{"snapshot_date": "1998-01-01", "rows": 3, "outcome": "loaded"}],
    }
    assert house.served(FIRST) == ONE
    assert house.query(
        "select object_key, version_id, etag, sha256, bytes, row_count, status, reason, run_id, dump_date "
        "from ops.load_ledger"
    ) == [(PREFIX + name, version, etag.strip('"'), digest, len(content), 3, "loaded", None, "run-1", date(1998, 1, 2))]
    assert house.query(
        "select inv_date_sk, object_key, version_id, dump_date, row_count, replaced_digest, restated_at "
        "from ops.inventory_snapshot"
    ) == [(FIRST, PREFIX + name, version, date(1998, 1, 2), 3, None, None)]


def test_the_same_version_again_gets_the_same_answer_and_changes_nothing(house: House) -> None:
    house.drop("1998-01-16-all.csv", {FIRST: ONE, SECOND: OTHER})
    replies = [house.drop("1998-01-17.csv", {FIRST: ONE, SECOND: CORRECTED})]
    replies += [house.drop("1998-01-18.csv", {FIRST: ONE, SECOND: ONE})]
    assert [reply["status"] for reply in replies] == ["loaded", "quarantined"]
    before = house.all_of_it()

    for reply in replies:
        assert house.load(reply["object_key"].removeprefix(PREFIX), reply["version_id"]) == reply
    assert house.all_of_it() == before


def test_without_a_version_the_current_one_is_loaded_and_named(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    second = house.put("1998-01-02.csv", dump({FIRST: CORRECTED}))

    assert house.load("1998-01-02.csv")["version_id"] == second
    assert house.served(FIRST) == CORRECTED


def test_a_pinned_version_is_loaded_even_if_it_is_no_longer_current(house: House) -> None:
    first = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("1998-01-02.csv", dump({FIRST: CORRECTED}))

    assert house.load("1998-01-02.csv", first)["version_id"] == first
    assert house.served(FIRST) == ONE


@pytest.mark.parametrize("name", ["1998-01-02.csv", "1998-01-03-again.csv.gz"], ids=["new version", "new key"])
def test_the_same_content_from_another_object_is_unchanged(house: House, name: str) -> None:
    loaded = house.drop("1998-01-02.csv", {FIRST: ONE})
    rows = house.query("select * from raw_inventory.inventory order by all")

    reply = house.drop(name, {FIRST: {key: ONE[key] for key in reversed(list(ONE))}})

    assert (reply["status"], reply["reason"]) == ("unchanged", "1998-01-01 unchanged")
    assert reply["snapshots"] == [{"snapshot_date": "1998-01-01", "rows": 3, "outcome": "unchanged"}]
    assert house.query("select * from raw_inventory.inventory order by all") == rows
    assert house.query("select count(*) from ops.load_ledger") == [(2,)]
    assert reply["version_id"] != loaded["version_id"]


def test_a_newer_dump_with_other_content_replaces_its_week_and_records_both_digests(house: House) -> None:
    house.drop("1998-01-09.csv", {FIRST: ONE, SECOND: OTHER})
    ((old_digest,),) = house.query(f"select content_digest from ops.inventory_snapshot where inv_date_sk = {FIRST}")

    reply = house.drop("1998-01-10.csv", {FIRST: CORRECTED})

    assert (reply["status"], reply["reason"]) == ("loaded", "1998-01-01 restated")
    assert (house.served(FIRST), house.served(SECOND)) == (CORRECTED, OTHER)
    ((new_digest, replaced, restated),) = house.query(
        "select content_digest, replaced_digest, restated_at is not null from ops.inventory_snapshot "
        f"where inv_date_sk = {FIRST}"
    )
    assert (replaced, restated) == (old_digest, True)
    assert new_digest != old_digest
    assert house.query(f"select restated_at from ops.inventory_snapshot where inv_date_sk = {SECOND}") == [(None,)]


def test_an_older_dump_that_arrives_late_is_superseded(house: House) -> None:
    house.drop("1998-01-10.csv", {FIRST: CORRECTED})
    before = house.all_of_it()[:2]

    reply = house.drop("1998-01-09.csv", {FIRST: ONE})

    assert (reply["status"], reply["reason"]) == ("superseded", "1998-01-01 superseded by a newer dump")
    assert house.all_of_it()[:2] == before


@pytest.mark.parametrize("judged_first", [0, 1, 2])
def test_of_versions_uploaded_in_one_second_the_last_one_counts_whichever_is_judged_first(
    house: House, judged_first: int
) -> None:
    house.s3.put_bucket_versioning(Bucket=house.bucket, VersioningConfiguration={"Status": "Enabled"})
    house.put("1998-01-10.csv.gz", gzip.compress(dump({FIRST: OTHER})))  # another key that begins alike
    versions = [house.put("1998-01-10.csv", dump({FIRST: week})) for week in (ONE, CORRECTED, OTHER)]

    for version in (versions[judged_first], *versions):
        house.load("1998-01-10.csv", version)

    assert house.served(FIRST) == OTHER
    assert house.query("select version_id from ops.inventory_snapshot") == [(versions[-1],)]


def test_two_keys_of_one_day_and_second_that_disagree_are_not_chosen_between(house: House) -> None:
    house.put("1998-01-10.csv", dump({FIRST: ONE}))
    house.put("1998-01-10-b.csv", dump({FIRST: CORRECTED}))
    house.date("1998-01-10.csv", 0)
    house.date("1998-01-10-b.csv", 0)

    house.load("1998-01-10.csv")
    reply = house.load("1998-01-10-b.csv")

    assert reply["status"] == "quarantined"
    assert "wanted one of them, or a second between them" in reply["reason"]
    assert house.served(FIRST) == ONE


def test_a_dump_between_two_that_agree_does_not_replace_them(house: House) -> None:
    house.drop("1998-01-02.csv", {FIRST: ONE})
    confirming = house.drop("1998-01-04.csv", {FIRST: ONE})

    late = house.drop("1998-01-03.csv", {FIRST: CORRECTED})

    assert (confirming["status"], late["status"]) == ("unchanged", "superseded")
    assert house.served(FIRST) == ONE
    assert house.query("select object_key, dump_date, replaced_digest from ops.inventory_snapshot") == [
        (PREFIX + "1998-01-04.csv", date(1998, 1, 4), None)
    ]


def test_each_week_of_a_dump_goes_its_own_way(house: House) -> None:
    house.drop("1998-01-20.csv", {FIRST: CORRECTED})
    house.drop("1998-01-10.csv", {SECOND: OTHER})

    reply = house.drop("1998-01-16.csv", {FIRST: ONE, SECOND: OTHER, THIRD: {(1, 1): 1}})

    assert (reply["status"], reply["rows"]) == ("loaded", 7)
    assert reply["reason"] == "1998-01-08 unchanged; 1998-01-01 superseded by a newer dump"
    assert [each["outcome"] for each in reply["snapshots"]] == ["superseded", "unchanged", "loaded"]
    assert [house.served(sk) for sk in (FIRST, SECOND, THIRD)] == [CORRECTED, OTHER, {(1, 1): 1}]


def test_without_versions_an_overwritten_object_is_loaded_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.s3.create_bucket(Bucket=f"{house.bucket}-plain")
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", f"{house.bucket}-plain")
    plain = House(house.s3, f"{house.bucket}-plain", house.warehouse)

    def put(minute: int, week: Week) -> dict[str, Any]:
        plain.put("1998-01-02.csv", dump({FIRST: week}))
        plain.date("1998-01-02.csv", minute)
        return plain.load("1998-01-02.csv")

    loaded = put(1, ONE)
    assert (loaded["version_id"], loaded["status"]) == ("null", "loaded")
    assert plain.load("1998-01-02.csv") == loaded
    assert put(2, ONE)["status"] == "unchanged"
    assert put(3, CORRECTED)["reason"] == "1998-01-01 restated"
    plain.put("1998-01-02-b.csv", dump({FIRST: OTHER}))
    plain.date("1998-01-02-b.csv", 4)
    assert plain.load("1998-01-02-b.csv")["reason"] == "1998-01-01 restated"
    # The bytes of minute 3 come back: they are the newest again.
    assert put(5, CORRECTED)["reason"] == "1998-01-01 restated"

    assert plain.served(FIRST) == CORRECTED
    assert plain.query("select version_id, count(*) from ops.load_ledger group by all") == [("null", 2)]


@pytest.mark.parametrize("key", ["inventory.csv", "1998-02-30.csv", "1998-01-02'; drop table--.csv", "9998-01-02.csv"])
def test_an_object_with_another_key_is_quarantined_unread(house: House, key: str) -> None:
    reply = house.load(key, house.put(key, dump({FIRST: ONE})))

    assert (reply["status"], reply["sha256"], reply["rows"], reply["snapshots"]) == ("quarantined", None, None, [])
    assert reply["reason"].startswith("object key")
    assert house.query("select object_key, status, reason, bytes, dump_date from ops.load_ledger") == [
        (PREFIX + key, "quarantined", reply["reason"], len(dump({FIRST: ONE})), None)
    ]


def test_an_object_past_the_bound_is_quarantined_unread(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory_loader.objects.MAX_TEXT_BYTES", 50)

    reply = house.drop("1998-01-02.csv", {FIRST: ONE})

    assert (reply["status"], reply["sha256"], reply["dump_date"]) == ("quarantined", None, "1998-01-02")
    assert "wanted at most 50" in reply["reason"]


@pytest.mark.parametrize(
    ("content", "rows", "reason"),
    [
        (b"", None, "header: seen nothing"),
        (dump({FIRST: ONE}) + b"2450815,1,1\n", None, "line 5: seen 3 fields; wanted 4 fields"),
        (dump({FIRST: ONE, FIRST + 1: OTHER}), 6, "a snapshot dated Friday 1998-01-02; wanted a Thursday"),
    ],
)
def test_a_malformed_dump_is_quarantined_and_nothing_of_it_is_loaded(
    house: House, content: bytes, rows: int | None, reason: str
) -> None:
    reply = house.load("1998-01-16.csv", house.put("1998-01-16.csv", content))

    assert (reply["status"], reply["rows"], reply["sha256"]) == ("quarantined", rows, sha256(content).hexdigest())
    assert reply["reason"].startswith(reason)
    assert house.all_of_it()[:2] == [[], []]
    assert house.query("select status, reason from ops.load_ledger") == [("quarantined", reply["reason"])]


def test_the_content_of_another_week_is_quarantined_with_both_weeks_named(house: House) -> None:
    house.drop("1998-01-02.csv", {FIRST: ONE})
    before = house.all_of_it()[:2]

    reply = house.drop("1998-01-16.csv", {SECOND: ONE, THIRD: OTHER})

    assert (reply["status"], reply["rows"], reply["snapshots"]) == ("quarantined", 6, [])
    assert reply["reason"] == (
        "snapshot 1998-01-08 has the content of 1998-01-01, served by inbound/inventory/1998-01-02.csv; "
        "wanted a week of its own"
    )
    assert house.all_of_it()[:2] == before


def test_the_log_has_one_line_a_receipt_and_no_row(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="inventory_loader")

    house.drop("1998-01-02.csv", {FIRST: {(777001, 1): 394}})

    (line,) = [vars(record) for record in caplog.records if record.name == "inventory_loader"]
    assert (line["message"], line["run_id"], line["status"], line["snapshots"]) == ("dump judged", "run-1", "loaded", 1)
    assert "777001" not in str(line)


def test_a_warehouse_installed_before_rows_lost_their_origin_is_brought_up_to_date(house: House) -> None:
    house.drop("1998-01-02.csv", {FIRST: ONE})
    with duckdb.connect(str(house.warehouse)) as connection:
        connection.execute("alter table raw_inventory.inventory add column _object_key varchar default 'k'")
        connection.execute("alter table raw_inventory.inventory add column _version_id varchar default 'v'")
        connection.execute("alter table ops.inventory_snapshot drop column is_confirmed")
        for _ in range(2):
            connection.execute(known_migrations()[0].sql)

    assert house.served(FIRST) == ONE
    assert house.drop("1998-01-03.csv", {FIRST: ONE})["status"] == "unchanged"
    assert house.drop("1998-01-09.csv", {FIRST: CORRECTED, SECOND: OTHER})["status"] == "loaded"
    assert (house.served(FIRST), house.served(SECOND)) == (CORRECTED, OTHER)
    assert len(house.query("describe raw_inventory.inventory")) == 4
