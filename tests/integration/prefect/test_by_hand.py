"""Commands by hand: what they look at before anything is started, and what they do without Prefect."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli import flow_runs
from cli.exits import notes_of
from cli.flow_runs import backfill_now, refresh_now, rollback_now, vacuum_now
from cli.preconditions import before_refresh
from shelfgate import interruption
from shelfgate.errors import ConfigurationError
from shelfgate.failpoints import VARIABLE
from shelfgate.interruption import Interrupted
from shelfgate.settings import Settings
from tests.reliability.processes.losing import lose
from tests.reliability.processes.small_process import look, session_at
from tests.reliability.processes.small_run import FIRST, readers_see, run_day
from tests.support.terminal import run

OF_A_RUN = {
    "SHELFGATE_SOURCE_DSN": "postgresql://127.0.0.1:1/none",
    "SHELFGATE_AIRBYTE_URL": "http://127.0.0.1:1",
    "SHELFGATE_AIRBYTE_CLIENT_ID": "id",
    "SHELFGATE_AIRBYTE_CLIENT_SECRET": "secret",
    "SHELFGATE_AIRBYTE_CONNECTION_ID": "connection",
    "SHELFGATE_LAMBDA_FUNCTION": "function",
    "SHELFGATE_S3_BUCKET": "bucket",
}


def no_server(*_: object) -> NoReturn:
    pytest.fail("a Prefect server was asked for")


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("two_days") / "warehouse.duckdb"
    for day in range(2):
        run_day(file, day)
    return file


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a warehouse, where nobody may start a Prefect server and none is configured."""
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_TARGET", "duckdb")
    monkeypatch.setattr(flow_runs, "server", no_server)
    monkeypatch.setattr(flow_runs, "configured_api", lambda: None)
    return tmp_path


@pytest.fixture
def home(empty_home: Path, two_days: Path) -> Path:
    """The same home with two publications, of days 0 and 1."""
    shutil.copy(two_days, empty_home / "warehouse.duckdb")
    return empty_home


def test_refresh_names_every_missing_setting_before_it_starts_anything(empty_home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SHELFGATE_SOURCE_DSN, SHELFGATE_AIRBYTE_URL, .*SHELFGATE_S3_BUCKET"):
        refresh_now(FIRST)

    assert list(empty_home.iterdir()) == []


def test_refresh_of_an_earlier_day_is_refused_before_it_starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_A_RUN.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match="lies before 2002-01-07, which pub-000002 publishes"):
        refresh_now(FIRST)


@pytest.mark.parametrize("command", [lambda: refresh_now(None), lambda: backfill_now(FIRST, FIRST)])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SOURCE_DSN": "secret of no dsn"}, "SHELFGATE_SOURCE_DSN: observed text that libpq cannot parse"),
        ({"TIMEZONE": "Foo/Bar"}, "SHELFGATE_TIMEZONE: .*'Foo/Bar', expected a time zone's name"),
        ({"TIMEZONE": "../etc/passwd"}, "SHELFGATE_TIMEZONE: "),
        ({"TARGET": "oracle"}, "SHELFGATE_TARGET is 'oracle'"),
        ({"TARGET": "snowflake"}, "SHELFGATE_SNOWFLAKE_ACCOUNT, SHELFGATE_SNOWFLAKE_DATABASE, .*PASSPHRASE: not set"),
        (
            {"TARGET": "snowflake", "SNOWFLAKE_BLOCK": "publisher", "SNOWFLAKE_BUILD_BLOCK": "builder"},
            "^SHELFGATE_SNOWFLAKE_DATABASE, SHELFGATE_SNOWFLAKE_WAREHOUSE: not set",
        ),
    ],
)
def test_unusable_setting_is_told_before_a_run_is_started(
    empty_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Callable[[], object],
    given: dict[str, str],
    expected: str,
) -> None:
    for name, value in (OF_A_RUN | {f"SHELFGATE_{name}": value for name, value in given.items()}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=expected) as refused:
        command()

    assert "secret" not in str(refused.value)
    assert list(empty_home.iterdir()) == []


@pytest.fixture
def in_an_account(empty_home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a run on Snowflake: the publisher by workload identity, dbt's user by its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    locked = serialization.BestAvailableEncryption(b"right")
    file = tmp_path_factory.mktemp("keys") / "transformer.p8"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    file.with_name("token").write_text("a.b.c")
    of_snowflake = {
        "ACCOUNT": "MYORG-MYACCOUNT",
        "DATABASE": "shop",
        "WAREHOUSE": "wh",
        "USER": "shelfgate_publisher",
        "ROLE": "SHELFGATE_PUBLISHER",
        "WORKLOAD_IDENTITY": "OIDC",
        "TOKEN_FILE": str(file.with_name("token")),
        "BUILD_USER": "shelfgate_transformer",
        "BUILD_ROLE": "SHELFGATE_TRANSFORMER",
        "BUILD_PRIVATE_KEY_PATH": str(file),
        "BUILD_PRIVATE_KEY_PASSPHRASE": "right",
    }
    named = {f"SHELFGATE_SNOWFLAKE_{name}": value for name, value in of_snowflake.items()}
    for name, value in (OF_A_RUN | named).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SHELFGATE_TARGET", "snowflake")
    return file


def test_a_publisher_without_a_key_is_a_good_configuration(in_an_account: Path) -> None:
    before_refresh(Settings.load(), None)


@pytest.mark.parametrize("command", [lambda: refresh_now(None), lambda: backfill_now(FIRST, FIRST)])
@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (lambda key: key.unlink(), "shelfgate_transformer: private key transformer.p8 is not there"),
        (lambda key: key.write_text("-----BEGIN PRIVATE KEY-----\nx"), "shelfgate_transformer: .* must be encrypted"),
        (lambda key: key.with_name("token").unlink(), "shelfgate_publisher: token file .*token: No such file"),
    ],
)
def test_unusable_key_is_told_before_a_run_is_started(
    in_an_account: Path,
    empty_home: Path,
    command: Callable[[], object],
    broken: Callable[[Path], object],
    expected: str,
) -> None:
    broken(in_an_account)

    with pytest.raises(ConfigurationError, match=expected):
        command()

    assert list(empty_home.iterdir()) == []


def test_backfill_that_runs_backwards_is_refused_before_it_starts(empty_home: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not run backwards"):
        backfill_now(date(2002, 1, 2), date(2002, 1, 1))


def test_rollback_and_vacuum_of_nothing_are_refused_before_they_start(empty_home: Path) -> None:
    for command in (lambda: rollback_now("pub-000001"), lambda: vacuum_now(1)):
        with pytest.raises(ConfigurationError, match="nothing is published yet"):
            command()


def test_rollback_to_an_unknown_publication_is_refused_before_it_starts(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="Wanted one of: pub-000002, pub-000001"):
        rollback_now("pub-000009")


def test_rollback_and_vacuum_start_no_server_where_none_is_configured(home: Path) -> None:
    back = rollback_now("pub-000001")

    assert (back.publication_id, back.action, back.business_date) == ("pub-000003", "rollback", FIRST)
    assert look_unordered(home) == 0
    assert vacuum_now(1).publications == ("pub-000002", "pub-000001")
    assert look_unordered(home) == 0


@pytest.mark.parametrize("place", ["rollback.begun", "rollback.before_commit"])
def test_lost_interrupt_changes_nothing_in_a_rollback(home: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    def failpoint(name: str) -> None:
        if name == place:
            lose(signal.SIGINT)

    monkeypatch.setattr("shelfgate.warehouse.engines.duckdb.warehouse.failpoint", failpoint)

    with interruption.watched(), pytest.raises(Interrupted) as ended:
        rollback_now("pub-000001")

    assert notes_of(ended.value) == "Nothing was published; readers keep pub-000002."
    assert look(home / "warehouse.duckdb") == 1
    run_day(home / "warehouse.duckdb", 2)


def test_interrupt_after_the_commit_says_that_readers_see_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failpoint(name: str) -> None:
        if name == "rollback.after_commit":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("shelfgate.warehouse.engines.duckdb.warehouse.failpoint", failpoint)

    with interruption.watched(), pytest.raises(Interrupted) as ended:
        rollback_now("pub-000001")

    assert notes_of(ended.value) == "The rollback was done before that: readers see pub-000003."
    assert look_unordered(home) == 0


@pytest.mark.parametrize(
    ("place", "said", "day"),
    [
        ("rollback.before_commit", "Ended by SIGTERM. Nothing was published; readers keep pub-000002.", 1),
        ("rollback.after_commit", "Ended by SIGTERM. The rollback was done before that: readers see pub-000003.", 0),
    ],
)
def test_termination_of_a_rollback_is_told_truthfully(
    home: Path, monkeypatch: pytest.MonkeyPatch, place: str, said: str, day: int
) -> None:
    monkeypatch.setenv(VARIABLE, f"{place}=term")

    status, out, err = run("rollback", "--to", "pub-000001", "--without-prefect", "--json")

    assert status == json.loads(out)["exit_status"] == 128 + signal.SIGTERM
    assert said in err
    assert "Traceback" not in err
    assert look_unordered(home) == day


def test_emergency_commands_work_when_prefect_cannot_even_be_imported(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path_factory.mktemp("broken")
    (broken / "prefect.py").write_text("raise RuntimeError('Prefect does not start')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")]))

    status, out, err = run("rollback", "--to", "pub-000001", "--without-prefect", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["publication"]["publication_id"] == "pub-000003"
    status, out, err = run("status", "--json")
    assert status == 0, err
    assert json.loads(out)["publication"]["publication_id"] == "pub-000003"
    status, out, err = run("vacuum", "--keep", "1", "--without-prefect", "--json")
    assert status == 0, err
    assert json.loads(out)["publications"] == ["pub-000002", "pub-000001"]


def look_unordered(home: Path) -> int:
    """The day that readers see; `look` wants a history without a rollback."""
    with session_at(home / "warehouse.duckdb") as session:
        day, _ = readers_see(session)
    assert day is not None
    return day
