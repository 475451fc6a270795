"""The estate as a whole: up, used, killed, down, up again; and nothing left running."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError

from sandbox import home as homes
from sandbox import processes, stack
from sandbox.airbyte.declared_environment import declared_environment
from sandbox.home import Home, HomeIdentity
from sandbox.processes import Process
from sandbox.stack import StackInfo
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

SCALE = 0.01
DAY = date(1998, 1, 9)
KEY = "by/somebody.csv"


@pytest.fixture
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if "SHELFGATE_SANDBOX_CACHE" not in os.environ:
        monkeypatch.setenv("SHELFGATE_SANDBOX_CACHE", str(tmp_path_factory.getbasetemp() / "tpcds"))
    yield tmp_path / "home"
    stack.down(tmp_path / "home")
    assert mentioning(tmp_path) == []


def up(home: Path, with_parent: int | None = None) -> StackInfo:
    return stack.up(home, with_parent=with_parent, on_progress=print)


def mentioning(folder: Path) -> list[str]:
    """The command lines of running processes that name the folder, this one's aside."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if str(folder) in line or str(folder) in process.cwd():
                found.append(line)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def running_parts(home: Path) -> list[Process]:
    running = homes.read_running(Home(home))
    assert running is not None
    return running.processes()


def settings(home: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (home / "settings.env").read_text().splitlines())


def s3_client(home: Path) -> Any:
    told = settings(home)
    return boto3.client(
        "s3",
        endpoint_url=told["AWS_ENDPOINT_URL_S3"],
        region_name=told["AWS_DEFAULT_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )


def open_to_others(home: Path) -> list[str]:
    """What another account than its owner could read, Postgres' own folder included."""
    there = [home, *home.rglob("*")]
    return [str(path) for path in there if not path.is_symlink() and path.lstat().st_mode & 0o077]


def wait_until_gone(parts: list[Process], seconds: float = 30) -> None:
    for part in parts:
        assert processes.wait_until_ended(part, seconds), part


def test_a_day_in_the_life_of_an_estate(home: Path) -> None:
    first = up(home)
    assert up(home) == first, "up again is the same estate"
    seeded = stack.seed(home, SCALE, DAY, print)
    assert open_to_others(home) == []
    advanced = stack.advance(home, 2, print)
    s3_client(home).put_object(Bucket=first.bucket, Key=KEY, Body=b"by the S3 API")
    before = stack.info(home)
    secrets = settings(home)
    parts = running_parts(home)

    assert stack.down(home)

    assert [part for part in parts if part.is_running()] == []
    assert mentioning(home) == []
    assert settings(home) == {"SHELFGATE_TARGET": "duckdb"}
    assert not (home / "sandbox" / "state.json").exists()
    assert not stack.down(home)
    with pytest.raises(ConfigurationError, match="shelfgate sandbox up"):
        stack.info(home)
    with pytest.raises(ConfigurationError, match="shelfgate sandbox up"):
        stack.seed(home, SCALE, DAY, print)

    again = up(home)

    assert (again.scale, again.through) == (SCALE, date(1998, 1, 11)) == (before.scale, before.through)
    assert settings(home) == secrets, "a terminal that has read the settings stays right"
    assert s3_client(home).get_object(Bucket=again.bucket, Key=KEY)["Body"].read() == b"by the S3 API"
    listed = s3_client(home).list_objects_v2(Bucket=again.bucket)["Contents"]
    assert {found["Key"] for found in listed} == {KEY, *seeded.dumps, *advanced.dumps}
    with psycopg.connect(again.postgres_dsn) as connection:
        held = connection.execute("select count(*) from catalog_sales").fetchone()
    assert held == (seeded.rows["catalog_sales"] + advanced.rows["catalog_sales"],)

    stack.reset(home)

    assert not (home / "sandbox").exists()


def test_the_estate_says_where_it_is_to_its_owner_only(home: Path) -> None:
    found = up(home)

    for path in (home / "settings.env", home / "sandbox" / "state.json", home / "sandbox" / "identity.json"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    told = settings(home)
    assert set(told) == {
        "SHELFGATE_TARGET",
        "SHELFGATE_SOURCE_DSN",
        "SHELFGATE_AIRBYTE_URL",
        "SHELFGATE_AIRBYTE_CLIENT_ID",
        "SHELFGATE_AIRBYTE_CLIENT_SECRET",
        "SHELFGATE_AIRBYTE_CONNECTION_ID",
        "SHELFGATE_AIRBYTE_WORKSPACE_ID",
        *declared_environment(told["SHELFGATE_SOURCE_DSN"]),
        "SHELFGATE_S3_BUCKET",
        "SHELFGATE_S3_PREFIX",
        "SHELFGATE_LAMBDA_FUNCTION",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "PREFECT_API_URL",
        "PREFECT_API_AUTH_STRING",
    }
    assert found.as_dict() == {
        "postgres_dsn": told["SHELFGATE_SOURCE_DSN"],
        "s3_endpoint": told["AWS_ENDPOINT_URL_S3"],
        "bucket": told["SHELFGATE_S3_BUCKET"],
        "airbyte_url": told["SHELFGATE_AIRBYTE_URL"],
        "lambda_url": told["AWS_ENDPOINT_URL_LAMBDA"],
        "warehouse": str(home / "warehouse.duckdb"),
        "prefect_api_url": told["PREFECT_API_URL"],
        "scale": None,
        "through": None,
        "pid": found.pid,
        "home": str(home),
    }
    ports = {urlsplit(told[key]).port for key in told if key.endswith(("_DSN", "_URL", "_S3", "_LAMBDA"))}
    listening = [found.laddr for found in psutil.net_connections() if found.laddr and found.status == "LISTEN"]
    assert {address.ip for address in listening if address.port in ports} == {"127.0.0.1"}
    assert len(ports) == 5
    prefect = urlsplit(told["PREFECT_API_URL"]).port
    at_prefects = [one for one in psutil.net_connections() if one.laddr and one.laddr[1] == prefect]
    owners = {one.pid for one in at_prefects if one.status == "LISTEN"}
    assert owners <= {part.pid for part in running_parts(home)[1:]}, "a child was given the socket"
    assert len(owners) == 1, "ready means that the port is taken, and by ours"
    with pytest.raises(ConfigurationError, match="seed"):
        stack.advance(home, 1, print)


def test_a_killed_daemon_takes_its_children_along_and_loses_no_data(home: Path) -> None:
    found = up(home)
    stack.seed(home, SCALE, DAY, print)
    parts = running_parts(home)

    os.kill(found.pid, signal.SIGKILL)

    if sys.platform == "linux":
        wait_until_gone(parts)
    with pytest.raises(ConfigurationError, match="down"):
        stack.info(home)
    again = up(home)
    assert again.through == DAY
    assert s3_client(home).list_objects_v2(Bucket=again.bucket)["KeyCount"] == 1
    wait_until_gone(parts)


def test_an_estate_bound_to_a_process_ends_with_it(home: Path) -> None:
    parent = subprocess.Popen(["sleep", "600"])
    up(home, with_parent=parent.pid)
    parts = running_parts(home)

    parent.kill()
    parent.wait()

    wait_until_gone(parts)
    assert settings(home) == {"SHELFGATE_TARGET": "duckdb"}


def test_an_estate_whose_state_file_goes_ends(home: Path) -> None:
    up(home)
    parts = running_parts(home)

    (home / "sandbox" / "state.json").unlink()

    wait_until_gone(parts)
    assert mentioning(home) == []


@pytest.mark.parametrize("content", ["", '{"pid": 1, "started": "x", "postgres_dsn": "postgresql://u:secr'])
def test_down_ends_an_estate_whose_state_is_damaged(home: Path, content: str) -> None:
    up(home)
    parts = running_parts(home)
    (home / "sandbox" / "state.json").write_text(content)
    for act in (stack.info, up):
        with pytest.raises(ConfigurationError, match=r"state\.json: observed a file of \d+ bytes.*sandbox down") as met:
            act(home)
        assert "secr" not in str(met.value)

    assert stack.down(home)

    assert [part for part in parts if part.is_running()] == []
    assert settings(home) == {"SHELFGATE_TARGET": "duckdb"}
    up(home)


def test_a_part_that_cannot_start_is_shown_and_takes_the_others_along(home: Path) -> None:
    homes.write_identity(Home(home), HomeIdentity())
    (home / "sandbox" / "postgres").write_text("not a folder")

    with pytest.raises(PermanentFailure, match=r"sandbox/postgres"):
        up(home)

    assert mentioning(home) == []
    assert not (home / "settings.env").exists()


def asked_of_prefect(url: str, key: str | None) -> int:
    return httpx.post(f"{url}/flows/count", json={}, auth=httpx.BasicAuth(*key.split(":")) if key else None).status_code


def signed_as(told: dict[str, str], key_id: str, secret: str) -> list[str]:
    """The codes with which S3 and Lambda answer these keys."""
    codes = []
    for service, call in (("s3", "list_buckets"), ("lambda", "get_function")):
        client = boto3.client(
            service,
            endpoint_url=told[f"AWS_ENDPOINT_URL_{service.upper()}"],
            region_name=told["AWS_DEFAULT_REGION"],
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
        )
        try:
            getattr(client, call)(**({"FunctionName": "inventory-loader"} if service == "lambda" else {}))
            codes.append("taken")
        except ClientError as refused:
            codes.append(refused.response["Error"]["Code"])
    return codes


def test_the_stand_ins_are_for_this_homes_keys_and_for_no_web_page(home: Path) -> None:
    up(home)
    told = settings(home)
    key_id, secret = told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]

    assert signed_as(told, key_id, secret) == ["taken", "taken"]
    assert signed_as(told, key_id, "guessed") == ["SignatureDoesNotMatch", "SignatureDoesNotMatch"]
    assert signed_as(told, "AKIASOMEBODY", secret) == ["InvalidAccessKeyId", "InvalidAccessKeyId"]
    s3 = f"{told['AWS_ENDPOINT_URL_S3']}/moto-api/data.json"
    function = f"{told['AWS_ENDPOINT_URL_LAMBDA']}/2015-03-31/functions/inventory-loader"
    airbyte = f"{told['SHELFGATE_AIRBYTE_URL']}/jobs"
    for url, refusal in ((s3, 403), (function, 403), (airbyte, 401)):
        assert httpx.get(url).status_code == refusal
        rebound = httpx.get(url, headers={"Host": "evil.example"})
        assert rebound.status_code in (400, 403), "a name that DNS leads here"
        of_a_page = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
        preflight = httpx.options(url, headers=of_a_page)
        assert [name for name in preflight.headers if name.startswith("access-control-")] == []


@pytest.mark.slow
def test_prefects_server_answers_in_the_end(home: Path) -> None:
    found = up(home)

    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{found.prefect_api_url}/health", timeout=2) as answer:  # noqa: S310
                assert answer.read() == b"true"
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert (home / "prefect" / "prefect.db").exists()
    assert open_to_others(home) == []
    key = settings(home)["PREFECT_API_AUTH_STRING"]
    assert [asked_of_prefect(found.prefect_api_url, one) for one in (None, "sandbox:guessed", key)] == [401, 401, 200]
    with httpx.Client(headers={"Origin": "http://evil.example"}) as page:
        answer = page.post(f"{found.prefect_api_url}/flows/count", json={}, auth=httpx.BasicAuth(*key.split(":")))
    assert "access-control-allow-origin" not in answer.headers

    assert stack.down(home)
    assert mentioning(home) == []


def test_a_seed_of_an_estate_whose_postgres_went_says_so(home: Path) -> None:
    up(home)
    daemon, _, server = running_parts(home)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(ExternalServiceUnavailable, match="does not answer"):
            stack.seed(home, SCALE, DAY, print)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until_gone([daemon, server])
