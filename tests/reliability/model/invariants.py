"""The promises of docs/reliability.md, looked at after each commit; refuses to ask the engine what it promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from shelfgate.publication.candidate import PUBLISHED_TABLES
from tests.reliability.model.engine_room import EngineRoom
from tests.reliability.model.reckoning import COLUMNS, Inputs, Table, reckon

PUBLISHED = ("store.", "marts.", "ops.manifest", "ops.pointer", "ops.publication")
"""A commit that wrote to none of these cannot have changed what readers see."""
LANDED = ("raw_inventory.", "ops.load_ledger")

HISTORY = "publication_id, parent_id, sequence_number, action, run_id, business_date, candidate_digest"


class BrokenPromise(AssertionError):
    """Something was published that should not have been."""


class Invariants:
    """Looks at a warehouse after each commit, by a connection of its own. `commits` counts how often."""

    def __init__(self, room: EngineRoom) -> None:
        self.room = room
        self.commits = 0
        self.inputs_of: dict[str, Inputs] = {}
        self._history: list[tuple[Any, ...]] = []
        self._wanted: dict[str, dict[str, Table]] = {}
        room.watch.on_commit = self.after_commit

    def remember(self, other: Invariants) -> None:
        """Go on from what another has seen of the same warehouse."""
        self.inputs_of, self._history = dict(other.inputs_of), list(other._history)
        self._wanted = dict(other._wanted)

    def after_commit(self, statements: Sequence[str]) -> None:
        self.commits += 1
        if any(part in statement for statement in statements for part in PUBLISHED):
            self.look_at_what_is_published()
        if any(part in statement for statement in statements for part in LANDED):
            self.look_at_what_has_landed()

    def look_at_what_is_published(self) -> None:
        """I1, I2, I5, I6, I7, on what has been committed by now."""
        history = self.room.ask(f"select {HISTORY} from ops.publication order by sequence_number")
        _want(history[: len(self._history)] == self._history, "the history of publications was rewritten")
        for row in history[len(self._history) :]:
            self._note(row, history)
        self._history = history
        pointer = self.room.ask("select publication_id from ops.pointer")
        current = history[-1][0] if history else None
        _want(pointer == [(current,)], f"the pointer names {pointer}, the newest publication is {current}")
        self._readers_see(current)

    def look_at_what_has_landed(self) -> None:
        """I4, before anything is built of it."""
        doubled = self.room.ask(
            "select count(*) from (select object_key from ops.load_ledger group by object_key, version_id "
            "having count(*) > 1 union all select 'row' from raw_inventory.inventory "
            "group by inv_date_sk, inv_item_sk, inv_warehouse_sk having count(*) > 1)"
        )
        _want(doubled == [(0,)], "I4: a dump is in the ledger, or a row in raw_inventory, more than once")

    def _note(self, row: tuple[Any, ...], history: list[tuple[Any, ...]]) -> None:
        """A publication that was not there before: who made it, on top of what, from which inputs."""
        name, parent, number, action, run_id, business_date, digest = row
        before = history[number - 2] if number > 1 else None
        _want(parent == (before[0] if before else None), f"I6: {name} follows {parent}, not the publication before it")
        _want([one[4] for one in history].count(run_id) == 1, f"I7: run {run_id} has published more than once")
        ((token,),) = self.room.ask("select token from ops.lease")
        _want(self.room.tokens[run_id] == token, f"I7: {run_id} published with a token that was fenced")
        if action == "rollback":
            self.inputs_of[name] = self.inputs_of[self.room.rolled_back_to[run_id]]
            return
        inputs = self.room.pinned.get(run_id)
        assert inputs is not None, f"I5: {run_id} published without a landing gate"
        self._judged(run_id, digest)
        for other, earlier in self.inputs_of.items():
            _want(
                inputs.books_version >= earlier.books_version and inputs.objects >= earlier.objects,
                f"I6: {name} was built from older sources than {other}",
            )
        _want(before is None or business_date >= before[5], f"I6: {name} goes back to {business_date}")
        self.inputs_of[name] = inputs

    def _judged(self, run_id: str, digest: str) -> None:
        found = self.room.ask(
            "select gate, result, data_digest from ops.gate_result where run_id = ? order by judged_at", [run_id]
        )
        last = {gate: (result, judged) for gate, result, judged in found}
        _want(run_id not in self.room.broken_gates, f"I5: a gate of {run_id} broke, and it published")
        _want(all(last.get(gate, ("",))[0] == "open" for gate in ("landing", "marts")), f"I5: {run_id} had a gate shut")
        _want(last["marts"][1] == digest, f"I5: the marts gate of {run_id} judged another candidate")

    def _readers_see(self, current: str | None) -> None:
        for table in PUBLISHED_TABLES:
            rows = self.room.ask(f"select publication_id, {COLUMNS[table.name]} from marts.{table.name}")
            serving = {row[0] for row in rows}
            _want(serving == ({current} if current else set()), f"I2: {table.name} is served by {serving}")
            if current:
                self._compare(table.name, Counter(row[1:] for row in rows), current)

    def _compare(self, table: str, seen: Table, publication: str) -> None:
        wanted = self.wanted(publication)[table]
        _want(
            seen == wanted,
            f"I1: {publication}.{table} has {_some(seen - wanted)} too much, {_some(wanted - seen)} too little",
        )

    def wanted(self, publication: str) -> dict[str, Table]:
        """What the publication's inputs make, by the reckoning."""
        if publication not in self._wanted:
            inputs = self.inputs_of[publication]
            objects = [one for one in self.room.shop.uploads if (one.object_key, one.version_id) in inputs.objects]
            books = self.room.shop.books[inputs.books_version]
            self._wanted[publication] = reckon(books, objects, inputs.business_date)
        return self._wanted[publication]

    def look_at_all_publications(self) -> list[str]:
        """Every publication that vacuum has left can be read as it was."""
        kept = [row[0] for row in self.room.ask("select distinct publication_id from ops.manifest order by 1")]
        for publication in kept:
            for table in PUBLISHED_TABLES:
                rows = self.room.ask(
                    f"select {COLUMNS[table.name]} from store.{table.name}_as_of where publication_id = ?",
                    [publication],
                )
                self._compare(table.name, Counter(rows), publication)
        return kept

    def nothing_is_lost(self, run_id: str) -> None:
        """I3 and I8, after a clean run: all that is in the sources is in what readers see, and in the ledger once.

        It may have found nothing to publish: a dump that was refused changes nothing.
        """
        ((current,),) = self.room.ask("select publication_id from ops.pointer")
        inputs = self.room.pinned[run_id]
        _want(inputs.books_version == len(self.room.shop.books) - 1, "I3: the newest books are not published")
        uploads = self.room.shop.uploads
        dropped = {(one.object_key, one.version_id) for one in uploads}
        _want(inputs.objects == dropped, f"I3: {len(dropped - inputs.objects)} dumps in the bucket are not published")
        wanted = reckon(self.room.shop.now, uploads, self.room.business_date)
        for table in PUBLISHED_TABLES:
            _want(self.wanted(current)[table.name] == wanted[table.name], f"I3: {table.name} is not up to date")
        statuses = self.room.ask("select object_key, version_id, status from ops.load_ledger")
        good = {(one.object_key, one.version_id): one.stocks is not None for one in uploads}
        for key, version, status in statuses:
            _want((status != "quarantined") == good[key, version], f"I8: {key} {version} ended as {status}")


def _want(kept: bool, broken: str) -> None:
    if not kept:
        raise BrokenPromise(broken)


def _some(rows: Table) -> str:
    return f"{rows.total()} rows {sorted(map(str, rows))[:2]}"
