"""Scripted sequences of what an Airbyte may do, on a clock of their own: never two jobs, never late, never a good end
that the server did not tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shelfgate.clients.airbyte.api import LONGEST_PAUSE_SECONDS
from shelfgate.clients.airbyte.responses import JobNotSucceeded, Note, SyncOverdue
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure, ShelfgateError
from tests.contract.airbyte.airbyte_connection import CONNECTION
from tests.contract.airbyte.airbyte_scripts import BEGAN, Fault, Script

DEADLINE = 600.0
GOOD = ((0, "pending"), (1, "running"), (20, "succeeded"))
NEVER = ((0, "pending"), (1, "running"))


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Script]:
    one = Script(tmp_path)
    yield one
    one.close()


@dataclass(frozen=True)
class Case:
    """`faults` before the job is asked for, `then` while it is waited for; `ends`: the error wanted, or None."""

    name: str
    faults: Sequence[Fault] = ()
    then: Sequence[Fault] = ()
    story: Sequence[tuple[float, str]] = GOOD
    ends: type[ShelfgateError] | None = None
    tells: str = ""
    jobs: int = 1
    posts: int | None = None
    at_least: float = 0.0


def post(**what: object) -> Fault:
    return Fault(only="POST", **what)  # pyright: ignore[reportArgumentType]


def retry_after(value: str, status: int = 429) -> Fault:
    date = BEGAN.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Fault(status=status, body='{"message":"later"}', headers=(("retry-after", value), ("date", date)))


TOLD = '{"data":{"message":"told"}}'
CASES = [
    # F18..F20: how a job may go
    Case("succeeds"),
    Case("fails", story=((0, "running"), (5, "failed")), ends=JobNotSucceeded, tells="job 1 .* failed.*timeline"),
    Case("is cancelled", story=((0, "running"), (5, "cancelled")), ends=JobNotSucceeded, tells="cancelled"),
    Case(
        "an attempt fails, the next succeeds",
        story=((0, "running"), (5, "incomplete"), (60, "running"), (90, "succeeded")),
    ),
    Case("an attempt fails, the last fails", story=((0, "incomplete"), (60, "failed")), ends=JobNotSucceeded),
    Case("waits in a queue", story=((0, "queued"), (300, "running"), (310, "succeeded"))),
    Case("has a status of tomorrow", story=((0, "warming-up"), (40, "succeeded"))),
    Case("only a status of tomorrow", story=((0, "finished"),), ends=SyncOverdue, tells="last seen: finished"),
    Case("never ends", story=NEVER, ends=SyncOverdue, tells=r"not ended after 600 s \(last seen: running\)"),
    Case("stays incomplete", story=((0, "incomplete"),), ends=SyncOverdue, tells="last seen: incomplete"),
    Case("has ended when it is first looked at", story=((0, "succeeded"),)),
    Case("ends at the deadline", story=((0, "running"), (599, "succeeded"))),
    Case("ends after the deadline", story=((0, "running"), (632, "succeeded")), ends=SyncOverdue),
    # F21: whether a job was started
    Case("created, answer too late", [post(seconds=120, carried_out=True)], posts=1),
    Case("created, connection dropped", [post(dropped=True, carried_out=True)], posts=1),
    Case("created, 500", [post(status=500, carried_out=True)], posts=1),
    Case("created, 502 of a proxy", [post(status=502, carried_out=True)], posts=1),
    Case("created, a page instead of JSON", [post(carried_out=True)], posts=1),
    Case("created, an empty object", [post(body="{}", carried_out=True)], posts=1),
    Case("created, another thing than a job", [post(body='{"jobId":"1","status":3}', carried_out=True)], posts=1),
    Case("created slowly, within patience", [post(seconds=60, changed=(("jobType", "sync"),))], posts=1),
    Case("not created, connection dropped", [post(dropped=True)], posts=2),
    Case("not created, 503 twice", [post(status=503), post(status=503)], posts=3),
    Case("not created, 429", [post(status=429)], posts=2),
    Case(
        "never created",
        [post(status=503, body=TOLD)] * 4,
        ends=ExternalServiceUnavailable,
        tells="4 attempts .*told",
        jobs=0,
    ),
    Case("lost, and the look is lost too", [post(dropped=True, carried_out=True), Fault(status=502)], posts=1),
    Case(
        "lost, looked for in vain for a while",
        [post(dropped=True, carried_out=True), *[Fault(status=503)] * 3],
        posts=1,
    ),
    Case("409 of a job that is not seen, then room", [post(status=409, body=TOLD)], posts=2),
    Case("409 for ever", [post(status=409, body=TOLD)] * 4, ends=ExternalServiceUnavailable, tells="409 told", jobs=0),
    # F22, F23: weather while waiting
    Case("500 while waiting", then=[Fault(status=500)] * 5),
    Case("dropped while waiting", then=[Fault(dropped=True)] * 5),
    Case("hangs while waiting", then=[Fault(seconds=3600)] * 3, at_least=90),
    Case("nothing but 502", story=NEVER, then=[Fault(status=502)] * 99, ends=SyncOverdue, tells="last seen: 502"),
    Case("nothing but silence", then=[Fault(seconds=3600)] * 99, ends=SyncOverdue, tells="ReadTimeout|no time"),
    Case("429 with seconds", then=[retry_after("45")], at_least=45),
    Case("429 with a date", then=[retry_after("Sun, 22 Nov 2026 06:01:30 GMT")], at_least=90),
    Case("503 with seconds", then=[retry_after("45", 503)], at_least=45),
    Case("429 with a date gone by", then=[retry_after("Sun, 22 Nov 2020 06:00:00 GMT")]),
    Case("429 with a day", then=[retry_after("86400")], at_least=DEADLINE),
    Case("429 with a day, and it never ends", story=NEVER, then=[retry_after("86400")], ends=SyncOverdue),
    *[Case(f"429 with {told!r}", then=[retry_after(told)]) for told in ("nan", "-5", "1e9", "soon", "+7")],
    # F24, F25: who we are
    Case("a token that ends early", then=[Fault(status=401, body="{}")]),
    Case("no token is good", then=[Fault(status=401, body="{}")] * 2, ends=ConfigurationError, tells="401"),
    Case("403 while asking", [post(status=403, body=TOLD)], ends=ConfigurationError, tells="403 told", jobs=0, posts=1),
    Case("404 while waiting", then=[Fault(status=404, body=TOLD)], ends=ConfigurationError, tells="404 told"),
    Case("422 while asking", [post(status=422, body=TOLD)], ends=PermanentFailure, tells="422 told", jobs=0, posts=1),
    # F26: answers that are none
    Case("a job without a status", then=[Fault(changed=(("status", None),))]),
    Case("another job's end", then=[Fault(changed=(("jobId", 99), ("status", "failed")))]),
    Case("a list instead of a job", then=[Fault(body="[]")]),
    Case("a number instead of a job", then=[Fault(body="3")]),
    Case("half of an answer", then=[Fault(body='{"jobId": 1, "sta')]),
    Case("nonsense for ever", then=[Fault(body="{}")] * 99, ends=SyncOverdue, tells="an answer that is no job"),
    Case("counts of another type", then=[Fault(changed=(("rowsSynced", "many"), ("duration", 4)))]),
]


def run(script: Script, case: Case) -> None:
    """Trigger and wait, as a task does."""
    script.jobs.story = case.story
    script.faults = list(case.faults)
    triggered = script.api.trigger(CONNECTION)
    assert script.faults == [], "a fault that no request ran into proves nothing"
    script.faults = list(case.then)
    began = script.now
    try:
        job = script.api.await_job(triggered.job.job_id, DEADLINE, lambda _: None)
    finally:
        assert script.now - began <= DEADLINE + LONGEST_PAUSE_SECONDS
    told = script.jobs.get(job.job_id)
    assert told is not None
    assert told.status == job.status == "succeeded"
    assert script.now - began >= case.at_least


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_sequence_ends_as_it_should(script: Script, case: Case) -> None:
    if case.ends is None:
        run(script, case)
    else:
        with pytest.raises(case.ends, match=case.tells or None) as raised:
            run(script, case)
        assert type(raised.value) is case.ends
    # Of a fault for ever there are 99, so that some are left when the client gives up.
    assert script.faults == [] or 0 < len(script.faults) < 99 == len(case.then)
    assert len(script.jobs.all()) == case.jobs
    if case.posts is not None:
        assert script.count("POST /jobs") == case.posts
    assert script.jobs.cancels == 0, "the client cancels nothing unasked"


@pytest.mark.parametrize("noted", [False, True], ids=["before the answer was noted", "after"])
@pytest.mark.parametrize("ended", [False, True], ids=["runs", "has succeeded"])
def test_who_comes_back_finds_the_job_that_was_started(script: Script, noted: bool, ended: bool) -> None:
    notes: list[Note] = []
    first = script.api.trigger(CONNECTION, keep=notes.append)
    script.now += 100 if ended else 5

    again = script.api.trigger(CONNECTION, notes[-1 if noted else 0], notes.append)

    assert [note.job_id for note in notes] == [None, 1]
    assert (again.job.job_id, again.fresh, again.ours) == (first.job.job_id, True, noted)
    assert script.count("POST /jobs") == 1


def test_who_comes_back_to_a_failed_job_starts_another(script: Script) -> None:
    notes: list[Note] = []
    script.jobs.story = ((0, "running"), (5, "failed"))
    script.api.trigger(CONNECTION, keep=notes.append)
    script.now += 60

    again = script.api.trigger(CONNECTION, notes[-1], notes.append)

    assert (again.job.job_id, again.ours) == (2, True)


def test_no_job_is_asked_for_that_could_not_be_noted(script: Script) -> None:
    def broken(_: Note) -> None:
        raise OSError("Prefect is away")

    with pytest.raises(OSError, match="Prefect is away"):
        script.api.trigger(CONNECTION, keep=broken)

    assert script.count("POST /jobs") == 0


def test_a_job_that_ran_before_is_neither_ours_nor_fresh(script: Script) -> None:
    script.jobs.start(CONNECTION)

    triggered = script.api.trigger(CONNECTION)

    assert (triggered.job.job_id, triggered.ours, triggered.fresh) == (1, False, False)
    assert script.count("POST /jobs") == 0


def test_the_last_good_sync_tells_how_long_one_takes(script: Script) -> None:
    script.jobs.start(CONNECTION)
    script.now += 247

    assert script.api.trigger(CONNECTION).usual_seconds == 247


@pytest.mark.parametrize("seconds", [3600.0, 15.0])
def test_a_cancellation_takes_no_longer_than_it_may(script: Script, seconds: float) -> None:
    script.jobs.story = NEVER
    job_id = script.api.trigger(CONNECTION).job.job_id
    script.faults = [Fault(only="DELETE", seconds=seconds, carried_out=True)] * 3
    before = script.now

    with pytest.raises(ExternalServiceUnavailable):
        script.api.cancel(job_id, within_seconds=10)

    assert script.now - before <= 10
    assert [job.status for job in script.jobs.all()] == ["cancelled"]


def unless_carried_out(fault: Fault) -> bool:
    """A server that refuses a token has not carried the request out."""
    return fault.status != 401 or not fault.carried_out


FAULTS = st.builds(
    Fault,
    status=st.sampled_from([200, 401, 408, 429, 500, 502, 503, 504]),
    body=st.sampled_from(["{}", "[]", "<html>", '{"data":[]}', '{"jobId":1}', '{"jobId":1,"status":"succeeded"}', ""]),
    headers=st.sampled_from([(), (("retry-after", "7"),), (("retry-after", "4000"),), (("retry-after", "x"),)]),
    carried_out=st.booleans(),
    dropped=st.booleans(),
    seconds=st.sampled_from([0.0, 0.0, 1.0, 40.0, 100.0]),
    only=st.sampled_from(["GET", "POST"]),
).filter(unless_carried_out)
STATUSES = st.sampled_from(["pending", "queued", "running", "incomplete", "new-in-2027"])
ENDS = st.sampled_from(["succeeded", "succeeded", "failed", "cancelled", "running"])
STORIES = st.tuples(
    st.lists(st.tuples(st.integers(0, 300), STATUSES), max_size=4).map(sorted), st.integers(0, 900), ENDS
).map(lambda parts: ((0, "pending"), *parts[0], (max([parts[1], *(after for after, _ in parts[0])]), parts[2])))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FAULTS, max_size=6), st.lists(FAULTS, max_size=20), STORIES)
def test_whatever_happens_the_client_starts_one_job_keeps_its_time_and_believes_only_the_server(
    before: list[Fault], after: list[Fault], story: Sequence[tuple[float, str]]
) -> None:
    with TemporaryDirectory() as folder:
        script = Script(Path(folder))
        try:
            _holds(script, before, after, story)
        finally:
            script.close()


def _holds(script: Script, before: list[Fault], after: list[Fault], story: Sequence[tuple[float, str]]) -> None:
    script.jobs.story = story
    script.faults = list(before)
    began = None
    try:
        triggered = script.api.trigger(CONNECTION)
        script.faults = [fault for fault in after if fault.only == "GET"]
        began = script.now
        job = script.api.await_job(triggered.job.job_id, DEADLINE, lambda _: None)
    except ShelfgateError:
        job = None
    if began is not None:
        assert script.now - began <= DEADLINE + LONGEST_PAUSE_SECONDS
    if job is not None:
        told = script.jobs.get(job.job_id)
        assert told is not None
        assert told.status == "succeeded"
    assert len(script.jobs.all()) <= 1
