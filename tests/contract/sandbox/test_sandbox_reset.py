"""A reset deletes what the sandbox made at this home, and nothing else, whatever the home is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from sandbox import home as homes
from sandbox import home_ownership, stack
from sandbox.home import Home, HomeIdentity
from shelfgate.environment import PREFIX
from shelfgate.errors import ConfigurationError
from tests.support.terminal import run

OWNED = ["sandbox", "warehouse.duckdb", "warehouse.duckdb.wal", "settings.env"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One of a sandbox that is down, beside files that it did not make."""
    home = Home(tmp_path / "home")
    homes.write_identity(home, HomeIdentity())
    homes.write_settings(home, {"SHELFGATE_TARGET": "duckdb"})
    for name in ("sandbox/postgres/data/base", "warehouse.duckdb", "warehouse.duckdb.wal", "notes.txt", "data/x.csv"):
        (home.root / name).parent.mkdir(parents=True, exist_ok=True)
        (home.root / name).write_text(name)
    return home


LOOKS = (
    ["status"],
    ["publications"],
    ["status", "--json"],
    ["publications", "--diff", "pub-000001", "pub-000002"],
    ["gates", "check", "marts", "--business-date", "2001-01-01"],
    ["migrate", "--plan"],
)
"""Commands that say of a warehouse what there is."""


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def reset(home: Path | str, *options: str, typed: str = "") -> Result:
    return CliRunner().invoke(cli, ["sandbox", "reset", *options], input=typed, env={f"{PREFIX}HOME": str(home)})


@pytest.mark.parametrize("content", ["", "[]", '{"pid": 1', "\0\xff"])
def test_a_damaged_state_keeps_nobody_from_a_reset(home: Home, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home.state.write_text(content)
    monkeypatch.setenv(f"{PREFIX}HOME", str(home.root))
    status, _, err = run("sandbox", "info")
    assert status == 2
    assert "state.json" in err
    assert "sandbox down" in err

    assert not stack.down(home.root)
    assert not home.state.exists()
    home.state.write_text(content)
    assert reset(home.root, "--yes").exit_code == 0
    assert not home.sandbox.exists()


@pytest.mark.parametrize("setting", ["", "."])
def test_a_reset_in_a_clone_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "source.py").write_text("pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELFGATE_HOME", setting)

    status, _, err = run("sandbox", "reset", "--yes")

    assert status == 2
    assert "SHELFGATE_HOME" in err
    assert files(tmp_path) == ["sandbox/source.py"]


def test_the_question_lists_what_will_be_deleted(home: Home) -> None:
    before = files(home.root)

    answered = reset(home.root, typed="n\n")

    assert answered.exit_code != 0
    assert [line.strip() for line in answered.output.splitlines() if line.startswith("  ")] == [
        str(home.root / name) for name in OWNED
    ]
    assert files(home.root) == before


@pytest.mark.parametrize(("options", "typed"), [(("--yes",), ""), ((), "y\n")])
def test_what_the_sandbox_made_is_deleted_and_the_rest_stays(home: Home, options: tuple[str, ...], typed: str) -> None:
    assert reset(home.root, *options, typed=typed).exit_code == 0

    assert [name for name in OWNED if (home.root / name).exists()] == []
    assert files(home.root) == ["data/x.csv", "notes.txt"]
    assert "nothing to delete" in reset(home.root, "--yes").output


@pytest.mark.parametrize("identity", [None, "not json", '{"unknown": 1}', "[]"])
def test_a_folder_without_an_identity_is_left_alone(home: Home, identity: str | None) -> None:
    if identity is None:
        home.identity.unlink()
    else:
        home.identity.write_text(identity)
    before = files(home.root)

    status = reset(home.root, "--yes").exception

    assert isinstance(status, ConfigurationError)
    assert "identity.json" in str(status)
    with pytest.raises(ConfigurationError, match="identity"):
        stack.up(home.root, on_progress=print)
    assert files(home.root) == before


def test_a_linked_sandbox_folder_is_left_alone(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.root.mkdir()
    other.sandbox.symlink_to(home.sandbox)
    before = files(home.root)

    with pytest.raises(ConfigurationError, match="observed a link"):
        stack.reset(other.root)

    assert files(home.root) == before


def test_a_linked_home_is_followed_and_the_question_says_where(home: Home, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(home.root)

    assert f"  {home.sandbox}" in reset(link, "--yes").output

    assert link.is_symlink()
    assert files(home.root) == ["data/x.csv", "notes.txt"]


def test_an_account_of_snowflake_owns_no_warehouse_file(home: Home) -> None:
    homes.write_identity(home, HomeIdentity(warehouse="snowflake"))

    stack.reset(home.root)

    assert files(home.root) == ["data/x.csv", "notes.txt", "warehouse.duckdb", "warehouse.duckdb.wal"]


def test_a_reset_that_was_cut_short_can_be_repeated(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_short(path: Path) -> None:
        raise PermissionError(path)

    with monkeypatch.context() as patch:
        patch.setattr(home_ownership.shutil, "rmtree", cut_short)
        with pytest.raises(PermissionError):
            stack.reset(home.root)
    assert home.identity.exists()

    stack.reset(home.root)

    assert files(home.root) == ["data/x.csv", "notes.txt"]


def test_no_sandbox_lands_in_a_warehouse_that_it_did_not_make(home: Home) -> None:
    shutil.rmtree(home.sandbox)
    before = files(home.root)

    with pytest.raises(ConfigurationError, match=r"observed .*warehouse\.duckdb, and no identity"):
        stack.up(home.root, on_progress=print)

    assert files(home.root) == before


@pytest.mark.parametrize("target", [None, "duckdb"])
def test_a_look_after_a_reset_keeps_no_sandbox_from_coming_up(
    home: Home, monkeypatch: pytest.MonkeyPatch, target: str | None
) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(home.root))
    monkeypatch.delenv("SHELFGATE_TARGET", raising=False)
    assert reset(home.root, "--yes").exit_code == 0
    if target is not None:
        monkeypatch.setenv("SHELFGATE_TARGET", target)

    looked = [CliRunner().invoke(cli, look) for look in LOOKS]

    home_ownership.refuse_what_is_not_ours(home_ownership.home_at(home.root))
    assert files(home.root) == ["data/x.csv", "notes.txt"]
    if target is not None:
        assert [one.output for one in looked[:2] if "nothing is published yet" not in one.output] == []


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    refused = reset(tmp_path / "file", "--yes").exception

    assert isinstance(refused, ConfigurationError)
    assert "observed a file" in str(refused)


def test_the_accounts_own_folder_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    with pytest.raises(ConfigurationError, match="this account's own folder"):
        stack.up(tmp_path, on_progress=print)

    assert files(tmp_path) == []


def test_an_empty_cache_of_generated_data_is_an_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_SANDBOX_CACHE", "")

    assert isinstance(reset(home.root, "--yes").exception, ConfigurationError)
    assert home.identity.exists()
