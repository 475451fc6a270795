"""Bugs that a good engineer might write, put into the engine's own code; refuses to plant one whose place has moved."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType

from inventory_loader import load
from inventory_loader.engines.duckdb import DuckDBTurn

from shelfgate import model
from shelfgate.ops import lease
from shelfgate.publication import candidate, landing_fingerprint, publish, rollback, vacuum
from tests.reliability.model import acts, small_build
from tests.reliability.model.machine import Days


@dataclass(frozen=True)
class Patch:
    """Other text for parts of a function, or of a text that tests.reliability.model.small_build holds."""

    where: Callable[..., object] | str
    changes: dict[str, str]

    @contextmanager
    def planted(self) -> Iterator[None]:
        if isinstance(self.where, str):
            before = getattr(small_build, self.where)
            setattr(small_build, self.where, _replaced(before, self.changes))
            try:
                yield
            finally:
                setattr(small_build, self.where, before)
            return
        function = inspect.unwrap(self.where)
        assert isinstance(function, FunctionType)
        source = _replaced(textwrap.dedent(inspect.getsource(function)), self.changes)
        planted: dict[str, FunctionType] = {}
        text = "from __future__ import annotations\n" + source
        exec(compile(text, f"<seeded {function.__qualname__}>", "exec"), function.__globals__, planted)  # noqa: S102
        before = function.__code__
        # The code object is exchanged, not the function: whoever has imported it has the bug, too.
        function.__code__ = inspect.unwrap(planted[function.__name__]).__code__
        try:
            yield
        finally:
            function.__code__ = before


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times: the code has changed, plant the bug anew"
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Bug:
    """`seen_in`: the act that shows it at once. The state machine has to come upon it by itself, too, unless
    `only_by_its_act` says why it cannot.
    """

    seen_in: Callable[[Days], None]
    patches: tuple[Patch, ...]
    only_by_its_act: str = ""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The engine with this bug, for the length of the block."""
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch.planted())
            yield


LEDGER_FIRST = """\
            if isinstance(judged, _Sound):
                early = _receipt(dropped, judged.dump_date, judged.reading, judged.staged, reason=None)
                turn.record(replace(early, status=Status.LOADED), dropped, request.run_id, now)
        with engine.turn() as turn:
            receipt = _settled("""
POINTER_LAST = "        move_pointer(session, candidate.base, new_id)\n"
POINTER_FIRST = """\
        move_pointer(session, candidate.base, new_id)
        session.run("commit")
        session.run("begin transaction")
        _write_manifest(session"""

FACTS_ONLY = "ops.manifest where publication_id = ? and week_start_date is not null"

BUGS: dict[str, Bug] = {
    "the loader appends where it should replace": Bug(
        acts.a_week_is_corrected,
        (Patch(DuckDBTurn.write, {"raw_inventory.inventory where": "raw_inventory.inventory where false and"}),),
    ),
    "the ledger's line is committed before the rows": Bug(
        acts.a_load_is_killed_after_each_of_its_statements,
        (Patch(load.load, {"            receipt = _settled(": LEDGER_FIRST}),),
    ),
    "the publication takes two transactions": Bug(
        acts.a_week_is_corrected,
        (Patch(publish.publish, {POINTER_LAST: "", "        _write_manifest(session": POINTER_FIRST}),),
    ),
    "a closed verdict makes an approval": Bug(
        acts.poison_arrives, (Patch(model.Approval.__init__, {"if not verdict.open:": "if False:"}),)
    ),
    "no compare-and-set": Bug(
        acts.a_zombie_wakes_that_the_lease_takes_for_alive,
        (
            Patch(publish.publish, {"(current.publication_id if current else None) != candidate.base": "False"}),
            Patch(
                publish.move_pointer,
                {"publication_id is not distinct from ?": "? is not distinct from ?", "[new_id, base]": "[new_id] * 3"},
            ),
        ),
        only_by_its_act="the fence stops every run that the compare-and-set would, unless the lease is wrong, too",
    ),
    "no fence": Bug(
        acts.a_zombie_wakes_after_a_takeover,
        (Patch(lease.refuse_a_lost_lease, {"!= 1:": "< 0:"}),),
        only_by_its_act="the compare-and-set stops the overtaken run, unless the other has not published when it wakes",
    ),
    "the digest of a week's inputs leaves out its last day": Bug(
        acts.a_line_arrives_late_on_a_saturday,
        (Patch("INPUTS", {"where sold_date <= week_start_date + 6": "where sold_date <= week_start_date + 5"}),),
    ),
    "the digest of a week's inputs leaves out a week before": Bug(
        acts.a_line_changes_that_a_later_week_counts_too,
        (Patch("INPUTS", {"|| coalesce(three.digest, '-') ": ""}),),
    ),
    "a gate's exception is swallowed": Bug(
        acts.a_gate_breaks,
        (
            Patch(
                model.SuiteResult.unjudged.__func__,  # type: ignore[attr-defined]
                {
                    "checks_expected, 0, (replace(check, passed=False, raised=True),)": ""
                    "1, 1, (replace(check, passed=True),)"
                },
            ),
        ),
    ),
    "the manifest is carried over without the week that changed": Bug(
        acts.a_week_is_corrected,
        (
            Patch(
                publish._changed,
                {
                    "before.get((p.table_name, p.week_start_date)) != (p.rows, p.digest)": ""
                    "before.get((p.table_name, p.week_start_date), (0,))[0] != p.rows"
                },
            ),
        ),
    ),
    "a rollback forgets the tables that are published whole": Bug(
        acts.readers_go_back_and_forth,
        (
            Patch(
                rollback.roll_back,
                {"ops.manifest where publication_id = ?": FACTS_ONLY},
            ),
        ),
    ),
    "a candidate is measured without its content": Bug(
        acts.a_week_is_corrected,
        (Patch(candidate._measured, {"{session.content_digest(part.columns)} as digest": "'equal' as digest"}),),
    ),
    "a candidate that was written to after its gate is published": Bug(
        acts.two_runs_build_at_once,
        (
            Patch(
                publish._refuse_another_candidate,
                {
                    "approval.run_id != candidate.run_id": "False",
                    "or approval.data_digest != candidate.digest": "",
                    "or sorted(now_there.partitions, key=str) != sorted(candidate.partitions, key=str)": "",
                },
            ),
            Patch(publish._refuse_other_rows, {"if differing:": "if False:"}),
        ),
        only_by_its_act="the fence stops a run whose candidate another has written over, unless the lease is wrong",
    ),
    "what arrives after the landing gate is built": Bug(
        acts.a_file_and_a_sync_arrive_in_the_middle_of_a_run,
        (Patch(landing_fingerprint.refuse_later_arrivals, {"fingerprint(session) != landed.data_digest": "False"}),),
        only_by_its_act="chance seldom loads a dump between the landing gate and the build of a run that publishes",
    ),
    "vacuum drops the builds of weeks that are carried over": Bug(
        acts.old_publications_are_dropped,
        (
            Patch(
                vacuum._drop_unserved_builds,
                {"manifest.build_id = builds.build_id": "manifest.publication_id = builds.build_id"},
            ),
        ),
    ),
}
