"""The Lambda stand-in as boto3 and our own client see it: a function that really runs, and fails as it would on AWS."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from inventory_loader import errors as loader_errors

from sandbox.aws_lambda.invoke_server import LambdaConfig, lambda_app
from sandbox.aws_signature import AwsKeys
from shelfgate.clients import lambda_api
from shelfgate.errors import (
    ConfigurationError,
    DumpVanished,
    ExternalServiceUnavailable,
    LoadFailed,
    LoadInterrupted,
    ShelfgateError,
)
from tests.contract.serving import served

FUNCTION = "loader"
HANDLER = """
import os, subprocess, sys, time

calls = 0

def handler(event, context):
    global calls
    calls += 1
    what = event.get("do")
    print("doing", what)
    if what == "raise":
        raise ValueError("no such week")
    if what == "raise as":
        raise type(event["class"], (Exception,), {})("told.")
    if what == "exit":
        os._exit(event["status"])
    if what == "sleep":
        time.sleep(event["seconds"])
    if what == "reply":
        return event["with"]
    if what == "large":
        return "x" * event["bytes"]
    if what == "eat":
        eaten = bytearray(event["mb"] << 20)
        time.sleep(5)
    if what == "count":
        with open(event["file"], "a") as file:
            file.write("called\\n")
        time.sleep(event["seconds"])
    if what == "environment":
        return dict(os.environ)
    if what == "child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        return {"child": child.pid, "pid": os.getpid()}
    return {
        "pid": os.getpid(),
        "calls": calls,
        "left_ms": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "folder": os.getcwd(),
    }
"""


KEYS = AwsKeys("AKIATEST", "kept-by-the-parent")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> LambdaConfig:
    folder = tmp_path_factory.mktemp("function")
    (folder / "told.py").write_text(HANDLER)
    return LambdaConfig(FUNCTION, "told.handler", {"MARK": "seen"}, folder, timeout_seconds=1.0, memory_mb=200)


@pytest.fixture(scope="module")
def url(config: LambdaConfig) -> Iterator[str]:
    with served(lambda_app(config, KEYS)) as address:
        yield address


@pytest.fixture
def aws(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A plain boto3 client; our own finds the same endpoint in the environment. The default session would keep the keys
    of an earlier test."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_access_key)
    return boto3.Session().client("lambda", config=Config(retries={"total_max_attempts": 1}))


def call(aws: Any, **event: Any) -> tuple[str | None, Any]:
    response = aws.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
    return response.get("FunctionError"), json.loads(response["Payload"].read())


def test_a_second_event_meets_the_process_of_the_first(aws: Any, config: LambdaConfig) -> None:
    first = lambda_api.invoke(FUNCTION, {})
    second = lambda_api.invoke(FUNCTION, {})

    assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)
    assert 0 < second["left_ms"] <= 1000
    assert second["arn"].endswith(f":function:{FUNCTION}")
    assert second["folder"] == str(config.work_folder)


def test_an_exception_is_a_failed_load_that_says_why_and_spares_the_process(aws: Any) -> None:
    before = lambda_api.invoke(FUNCTION, {})

    error, described = call(aws, do="raise")
    with pytest.raises(LoadFailed, match="ValueError: no such week"):
        lambda_api.invoke(FUNCTION, {"do": "raise"})

    assert error == "Unhandled"
    assert (described["errorType"], described["errorMessage"]) == ("ValueError", "no such week")
    assert "told.py" in described["stackTrace"][0]
    assert lambda_api.invoke(FUNCTION, {})["pid"] == before["pid"]


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ("WarehouseBusy", LoadInterrupted),
        ("WarehouseFailed", LoadInterrupted),
        ("StoreUnavailable", LoadInterrupted),
        ("ScratchSpaceFailed", LoadInterrupted),
        ("StoreRefused", ConfigurationError),
        ("ConfigurationError", ConfigurationError),
        ("WarehouseNotInstalled", ConfigurationError),
        ("ObjectVanished", DumpVanished),
        ("EventNotUnderstood", LoadFailed),
        ("ZeroDivisionError", LoadFailed),
    ],
)
def test_the_class_that_the_loader_raises_says_whether_to_call_again(
    aws: Any, named: str, error: type[ShelfgateError]
) -> None:
    with pytest.raises(error, match=f"^function {FUNCTION}: {named}: told. It was not called again.$") as raised:
        lambda_api.invoke(FUNCTION, {"do": "raise as", "class": named})

    assert type(raised.value) is error
    assert raised.value.retryable is (error is LoadInterrupted)


def test_every_class_of_the_loader_that_a_caller_can_mend_or_wait_for_is_known_here() -> None:
    raised = {name for name, found in vars(loader_errors).items() if isinstance(found, type)}

    assert set(lambda_api._BY_ERROR_TYPE) <= raised
    # The rest is no answer to a direct call, or the caller's own mistake.
    others = {"LoaderError", "DumpRefused", "TimeIsUp", "EventNotUnderstood"}
    assert raised - set(lambda_api._BY_ERROR_TYPE) == others


@pytest.mark.parametrize(
    ("event", "error_type", "message"),
    [
        ({"do": "sleep", "seconds": 30}, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ({"do": "exit", "status": 7}, "Runtime.ExitError", "Runtime exited with error: exit status 7"),
        ({"do": "exit", "status": 0}, "Runtime.ExitError", "Runtime exited without providing a reason"),
        ({"do": "eat", "mb": 300}, "Runtime.ExitError", "Runtime exited with error: signal: killed"),
        ({"do": "large", "bytes": 6_291_556}, "Function.ResponseSizeTooLarge", "Response payload size exceeded"),
    ],
)
def test_a_process_that_lambda_ends_is_followed_by_a_new_one(
    aws: Any, event: dict[str, Any], error_type: str, message: str
) -> None:
    before = lambda_api.invoke(FUNCTION, {})

    error, described = call(aws, **event)
    after = lambda_api.invoke(FUNCTION, {})

    assert (error, described["errorType"]) == ("Unhandled", error_type)
    assert message in described["errorMessage"]
    assert (after["pid"] != before["pid"], after["calls"]) == (True, 1)


def test_the_largest_reply_that_lambda_allows_arrives(aws: Any) -> None:
    error, reply = call(aws, do="large", bytes=6 * 1024 * 1024)

    assert (error, len(reply)) == (None, 6 * 1024 * 1024)


def test_the_function_sees_its_own_environment_and_nothing_of_ours(aws: Any, config: LambdaConfig) -> None:
    seen = lambda_api.invoke(FUNCTION, {"do": "environment"})

    assert seen["MARK"] == "seen"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == FUNCTION
    assert seen["TMPDIR"].startswith(str(config.work_folder))
    assert "kept-by-the-parent" not in seen.values()
    assert seen["HOME"].startswith(str(config.work_folder))


def test_what_aws_refuses_is_refused_in_its_own_words(aws: Any) -> None:
    def refused(**call_: Any) -> tuple[int, str]:
        with pytest.raises(ClientError) as caught:
            aws.invoke(**{"FunctionName": FUNCTION, **call_})
        response = caught.value.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]

    assert refused(FunctionName="other") == (404, "ResourceNotFoundException")
    assert refused(Payload=b"{") == (400, "InvalidRequestContentException")
    assert refused(Payload=b'"%s"' % (b"x" * 6 * 1024 * 1024)) == (413, "RequestTooLargeException")
    assert refused(InvocationType="Event", Payload=b'"%s"' % (b"x" * 1024 * 1024)) == (413, "RequestTooLargeException")
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
        lambda_api.invoke("other", {})


def test_a_dry_run_runs_nothing_and_an_event_runs_later(aws: Any, tmp_path: Path) -> None:
    file = tmp_path / "calls"
    event = json.dumps({"do": "count", "file": str(file), "seconds": 0})

    assert aws.invoke(FunctionName=FUNCTION, InvocationType="DryRun", Payload=event)["StatusCode"] == 204
    assert aws.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=event)["StatusCode"] == 202
    lambda_api.invoke(FUNCTION, {})
    wait_until(file.exists)

    assert file.read_text() == "called\n"


def test_the_log_of_the_call_comes_with_the_reply_on_request(aws: Any) -> None:
    response = aws.invoke(FunctionName=FUNCTION, LogType="Tail", Payload=json.dumps({"do": "reply", "with": {}}))
    log = base64.b64decode(response["LogResult"]).decode()

    assert response["ExecutedVersion"] == "$LATEST"
    assert "doing reply" in log
    assert log.startswith("START RequestId: ")
    assert "REPORT RequestId: " in log


def test_the_function_describes_itself(aws: Any, config: LambdaConfig) -> None:
    found = aws.get_function(FunctionName=config.arn)["Configuration"]

    assert (found["FunctionName"], found["State"], found["MemorySize"]) == (FUNCTION, "Active", 200)


def test_a_reply_that_is_no_object_is_a_failed_load(aws: Any) -> None:
    with pytest.raises(LoadFailed, match="replied with a JSON list; wanted a JSON object"):
        lambda_api.invoke(FUNCTION, {"do": "reply", "with": [1]})


def test_a_function_that_outlasts_our_patience_is_called_once(aws: Any, tmp_path: Path) -> None:
    file = tmp_path / "calls"
    event = {"do": "count", "file": str(file), "seconds": 0.6}

    with pytest.raises(ExternalServiceUnavailable, match="It may be running; it was not called again"):
        lambda_api.invoke(FUNCTION, event, read_timeout_seconds=0.2)
    lambda_api.invoke(FUNCTION, {})

    assert file.read_text() == "called\n"


def test_a_lambda_that_is_not_there_gives_up_and_missing_credentials_are_configuration(
    aws: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    with pytest.raises(ExternalServiceUnavailable, match="EndpointConnectionError"):
        lambda_api.invoke(FUNCTION, {})

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="credentials"):
        lambda_api.invoke(FUNCTION, {})


def test_a_handler_that_cannot_be_imported_says_so_at_every_call(aws: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found")
    with served(lambda_app(LambdaConfig(FUNCTION, "broken.handler", {}, tmp_path), KEYS)) as address:
        client = boto3.Session().client("lambda", endpoint_url=address)
        for _ in range(2):
            error, described = call(client)
            assert (error, described["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
            assert "nowhere_to_be_found" in described["errorMessage"]


def test_stopping_the_stand_in_fails_the_call_and_ends_the_process_with_its_children(aws: Any, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(HANDLER)
    seen: list[Any] = []
    with served(lambda_app(LambdaConfig(FUNCTION, "told.handler", {}, tmp_path), KEYS)) as address:
        client = boto3.Session().client(
            "lambda", endpoint_url=address, config=Config(retries={"total_max_attempts": 1})
        )
        _, pids = call(client, do="child")
        thread = threading.Thread(target=lambda: seen.append(_outcome(client)))
        thread.start()
        time.sleep(0.2)
    thread.join(10)

    wait_until(lambda: not any(_runs(pid) for pid in pids.values()))
    assert seen


def _outcome(client: Any) -> Any:
    try:
        return call(client, do="sleep", seconds=60)
    except Exception as error:  # noqa: BLE001  (how the connection ends is the server's business)
        return error


PARENT = """
import sys, time
from pathlib import Path
from sandbox.aws_lambda.runtime import LambdaConfig, LambdaRuntime
runtime = LambdaRuntime(LambdaConfig("loader", "told.handler", {}, Path(sys.argv[1])))
print(runtime.invoke(b"{}").payload.decode(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_a_killed_stand_in_leaves_no_process_behind(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(HANDLER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    child = json.loads(parent.stdout.readline())["pid"]

    parent.kill()
    parent.communicate()

    wait_until(lambda: not _runs(child))


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def wait_until(happened: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
