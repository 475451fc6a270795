"""Nothing is guessed: a setting comes from the environment or the settings file, or is an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.run_context import day_before
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings, read_settings_file
from shelfgate.warehouse import open_warehouse


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    for name in ("SHELFGATE_TARGET", "SHELFGATE_S3_BUCKET", "SHELFGATE_SOURCE_DSN"):
        monkeypatch.delenv(name, raising=False)


def test_the_settings_file_lies_beneath_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_text("SHELFGATE_TARGET=duckdb\nSHELFGATE_S3_BUCKET=of-the-file\n")
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "of-the-environment")

    settings = Settings.load()

    assert (settings.target, settings.s3_bucket) == ("duckdb", "of-the-environment")


def test_a_missing_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigurationError, match="SHELFGATE_TARGET is not set"):
        open_warehouse(Settings.load())


def test_an_unknown_target_is_an_error_that_names_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_TARGET", "oracle")

    with pytest.raises(ConfigurationError, match="knows: duckdb"):
        open_warehouse(Settings.load())


def test_a_value_of_the_wrong_form_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_WEEK_START_DAY", "9")

    with pytest.raises(ConfigurationError, match="SHELFGATE_WEEK_START_DAY"):
        Settings.load()


def test_a_secret_is_not_in_the_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_SOURCE_DSN", "postgresql://u:geheim@h/db")

    settings = Settings.load()

    assert "geheim" not in repr(settings)
    assert settings.need("source_dsn").endswith("geheim@h/db")


def test_a_line_that_is_no_setting_is_an_error_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("# fine\nA=1\nnot a setting\n")

    with pytest.raises(ConfigurationError, match="line 3"):
        read_settings_file(tmp_path / "settings.env")


@pytest.mark.parametrize(
    ("content", "observed"),
    [(b"SHELFGATE_TARGET=duckdb\nA=gehe\xefm\n", "text in another encoding"), (None, "directory")],
)
def test_a_settings_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, observed: str) -> None:
    file = tmp_path / "settings.env"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)

    with pytest.raises(
        ConfigurationError, match=rf"settings\.env: observed .*{observed}, expected .* UTF-8"
    ) as refused:
        Settings.load()

    assert "gehe" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    ["SHELFGATE_HOME", "SHELFGATE_TARGET", "SHELFGATE_S3_PREFIX", "SHELFGATE_DUCKDB_PATH", "AWS_ENDPOINT_URL_S3"],
)
@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_setting_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"{name}: observed an empty value in the environment"):
        Settings.load()


def test_an_empty_setting_in_the_settings_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.env").write_text("SHELFGATE_S3_BUCKET=\nSHELFGATE_TARGET=duckdb\n")

    with pytest.raises(ConfigurationError, match=r"SHELFGATE_S3_BUCKET: observed an empty value in .*settings\.env"):
        Settings.load()

    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "of-the-environment")
    assert Settings.load().s3_bucket == "of-the-environment"


@pytest.mark.parametrize(
    ("home", "observed"), [(".", r"a folder with a \.git"), ("/", "the root"), ("~/data", "no shell has expanded")]
)
def test_a_folder_that_holds_other_things_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, observed: str
) -> None:
    # As of a worktree or a submodule: a file.
    (tmp_path / ".git").write_text("gitdir: elsewhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELFGATE_HOME", home)

    with pytest.raises(ConfigurationError, match=observed):
        Settings.load()


@pytest.fixture
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_usual_umask")
@pytest.mark.parametrize(("more", "mode"), [(["warehouse.duckdb", "data-docs"], 0o700), (["thesis.tex"], 0o755)])
def test_an_open_home_of_shelfgates_alone_is_shut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, more: list[str], mode: int
) -> None:
    for name in more:
        (tmp_path / name).touch()
    tmp_path.chmod(0o755)

    home = Settings.load().home

    assert home.stat().st_mode & 0o777 == mode
    assert ("every account of this machine may look into" in caplog.text) == (mode == 0o755)
    (home / "later" / "deep").mkdir(parents=True)
    (home / "later" / "file").touch()
    assert (home / "later" / "file").stat().st_mode & 0o777 == 0o600
    assert (home / "later" / "deep").stat().st_mode & 0o777 == (home / "later").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("_usual_umask")
def test_a_home_that_a_group_may_read_stays_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o750)

    Settings.load()

    assert tmp_path.stat().st_mode & 0o777 == 0o750
    assert caplog.text == ""


def of_a_sandbox(home: Path) -> None:
    (home / "settings.env").write_text(
        "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1\nAWS_ACCESS_KEY_ID=of-the-sandbox\n"
        "PREFECT_API_URL=http://127.0.0.1:2/api\nPREFECT_API_AUTH_STRING=of:the-sandbox\nOTHER_VENDOR=yes\n"
    )


def test_the_sandboxs_keys_go_with_its_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_a_sandbox(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-a-developers-shell")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:2/api")

    Settings.load()

    assert os.environ["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:1"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of-the-sandbox"
    assert os.environ["PREFECT_API_AUTH_STRING"] == "of:the-sandbox"
    assert os.environ["OTHER_VENDOR"] == "yes"


def test_somebodys_own_addresses_keep_his_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_a_sandbox(tmp_path)
    # The key of the server that this worker's tests share.
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-bucket")
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example/api")

    Settings.load()

    assert os.environ["AWS_ENDPOINT_URL_S3"] == "https://s3.example"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of-the-bucket"
    assert "PREFECT_API_AUTH_STRING" not in os.environ


@pytest.mark.parametrize(
    ("moment", "timezone", "day"),
    [
        (datetime(2002, 12, 29, 10, 15, tzinfo=UTC), "America/New_York", date(2002, 12, 28)),
        (datetime(2002, 12, 29, 3, 0, tzinfo=UTC), "America/New_York", date(2002, 12, 27)),
        (datetime(2003, 1, 1, 0, 30, tzinfo=UTC), "Asia/Tokyo", date(2002, 12, 31)),
    ],
)
def test_a_run_without_a_business_date_takes_the_day_before_its_start(
    moment: datetime, timezone: str, day: date
) -> None:
    assert day_before(moment, timezone) == day
