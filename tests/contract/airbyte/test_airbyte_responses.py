"""No proxy's page, half answer or answer about something else counts as Airbyte's word on a job or a resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shelfgate.clients.airbyte.http_session import AirbyteSession, Unanswered
from shelfgate.clients.airbyte.responses import JobNotSucceeded, as_connection, as_job, as_jobs
from shelfgate.clients.airbyte.workspace import Workspace
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from tests.contract.airbyte.airbyte_connection import CONNECTION
from tests.contract.airbyte.test_airbyte_faults import Fault, World, world
from tests.contract.answering import PAGE, Answer, Scripted, answering

__all__ = ["world"]

JOB = {"jobId": 7, "connectionId": CONNECTION, "status": "running", "jobType": "sync", "startTime": "2026-11-22T06:00Z"}


@pytest.mark.parametrize(
    "changed",
    [
        {"jobId": None},
        {"jobId": "7"},
        {"jobId": True},
        {"jobId": 8},
        {"connectionId": ""},
        {"connectionId": "another"},
        {"status": None},
        {"status": ""},
        {"jobType": None},
        {"jobType": "reset"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_about_our_sync_is_none(changed: dict[str, Any]) -> None:
    assert as_job(JOB, 7, CONNECTION).status == "running"

    for answer in (JOB | changed, {key: value for key, value in JOB.items() if key not in changed}, [], "job", None):
        with pytest.raises(Unanswered):
            as_job(answer, 7, CONNECTION)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": ["job"]},
        {"data": [JOB | {"connectionId": "another"}]},
        {"data": [JOB | {"jobId": 6}, JOB]},
        {"data": [JOB, JOB]},
    ],
    ids=["no list", "null", "an object", "a text", "of another", "oldest first", "one twice"],
)
def test_what_is_no_list_of_our_syncs_newest_first_is_none(answer: Any) -> None:
    assert [job.job_id for job in as_jobs({"data": [JOB, JOB | {"jobId": 6}]}, CONNECTION)] == [7, 6]

    with pytest.raises(Unanswered):
        as_jobs(answer, CONNECTION)


@pytest.mark.parametrize(
    "changed", [{"connectionId": "another"}, {"connectionId": None}, {"name": None}, {"status": 1}]
)
def test_an_answer_about_another_connection_is_none(changed: dict[str, Any]) -> None:
    good = {"connectionId": CONNECTION, "name": "retail", "status": "active", "workspaceId": "w"}
    assert as_connection(good, CONNECTION, "https://airbyte").link.endswith(f"/w/connections/{CONNECTION}/timeline")

    with pytest.raises(Unanswered):
        as_connection(good | changed, CONNECTION, "https://airbyte")


def test_an_old_job_in_answer_to_a_start_is_not_ours(world: World) -> None:
    first = world.api.trigger(CONNECTION).job.job_id
    with pytest.raises(JobNotSucceeded):
        world.await_job(first)
    world.faulty.script = [Fault("POST", "/jobs", changed={"jobId": first})]

    triggered = world.api.trigger(CONNECTION)

    assert (triggered.job.job_id, triggered.ours) == (first + 1, True)
    assert world.faulty.count("POST /jobs") == 2


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with answering() as scripted:
        yield scripted


def session(server: Scripted) -> AirbyteSession:
    return AirbyteSession(server.address, "shop", "shop-secret")


TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 900}


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"expires_in": None},
        {"expires_in": "900"},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": float("nan")},
    ],
    ids=str,
)
def test_a_token_answer_of_another_form_is_no_token(server: Scripted, changed: dict[str, Any]) -> None:
    server.says(Answer(json.dumps(TOKEN | changed), content_type="application/json"))

    with pytest.raises(Unanswered, match="token answer"):
        session(server).send("GET", "jobs/1", "job 1")

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(PAGE), Answer("[]", content_type="text/html"), Answer("", 204, None), Answer("{", content_type=None)],
    ids=["a page", "JSON in a page", "no content", "half of JSON"],
)
def test_a_page_is_no_answer(server: Scripted, answer: Answer) -> None:
    server.says(Answer(json.dumps(TOKEN), content_type="application/json"), answer)

    with pytest.raises(Unanswered):
        session(server).send("GET", "jobs/1", "job 1")


def test_a_redirection_is_a_setting_to_mend(server: Scripted) -> None:
    server.says(Answer(PAGE, 302, headers={"location": "https://login.example/start?session=canary"}))

    with pytest.raises(ConfigurationError, match=r"leads to login\.example.*SHELFGATE_AIRBYTE_URL") as raised:
        session(server).send("GET", "jobs/1", "job 1")

    assert "canary" not in str(raised.value)


def resource(number: int, **changed: Any) -> dict[str, Any]:
    return {"sourceId": f"s{number}", "name": f"source {number}", "workspaceId": "w"} | changed


@pytest.mark.parametrize(
    "pages",
    [
        [{"data": ["a source"]}],
        [{"data": [resource(1, sourceId=None)]}],
        [{"data": [resource(1, name=None)]}],
        [{"data": [resource(1, workspaceId="another")]}],
        [{"data": {}}],
        [{}],
        [{"data": [resource(1)]}, {"data": [resource(2)]}, {"data": [resource(1)]}],
    ],
    ids=["texts", "no id", "no name", "another workspace", "an object", "no data", "a page for ever"],
)
def test_a_list_that_is_not_this_workspaces_is_none(server: Scripted, pages: list[dict[str, Any]]) -> None:
    said = [Answer(json.dumps(one), content_type="application/json") for one in (TOKEN, *pages)]
    server.says(*said)
    workspace = Workspace(session(server), "w", sleep=lambda _: None)

    with pytest.raises(ExternalServiceUnavailable, match="sources of workspace w"):
        list(workspace._all("source"))
