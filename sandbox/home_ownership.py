"""What of a home the sandbox has made and may overwrite or delete; the proof is the identity that it wrote there."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox import home as homes
from sandbox.home import Home
from shelfgate.environment import UNFINISHED, keep_private, refuse_home
from shelfgate.errors import ConfigurationError, WarehouseBusy


def home_at(folder: Path) -> Home:
    """The home in this folder, from now on this account's alone; a link is followed.

    Raises:
        ConfigurationError: that folder cannot be one.
    """
    refuse_home(folder)
    home = Home(folder.resolve())
    if home.root == Path("~").expanduser().resolve():
        raise ConfigurationError(
            f"SHELFGATE_HOME={folder}: observed this account's own folder, expected one for the sandbox alone. "
            "Nothing was done; choose a folder below it."
        )
    if home.root.exists() and not home.root.is_dir():
        raise ConfigurationError(
            f"SHELFGATE_HOME={folder}: observed a file, expected a folder, or a name that is free. Nothing was done; "
            "choose another."
        )
    keep_private(home.root)
    return home


def refuse_what_is_not_ours(home: Home) -> None:
    """
    Raises:
        ConfigurationError: a sandbox here would write to a folder or a warehouse that no sandbox has made.
    """
    _refuse_a_link(home)
    if homes.read_identity(home) is not None:
        return
    # A start that was killed early leaves these two without an identity.
    early = {home.lock.name, home.log.name}
    inside = home.sandbox.iterdir() if home.sandbox.is_dir() else ()
    others = [path for path in inside if path.name not in early and not path.name.startswith(UNFINISHED)]
    if foreign := [path for path in (home.warehouse, *sorted(others)) if path.exists()]:
        raise ConfigurationError(
            f"{home.root}: observed {', '.join(map(str, foreign[:5]))}, and no {home.identity.name} of a sandbox that "
            "made it. Nothing was changed: choose another SHELFGATE_HOME, or move these away."
        )


def deleted_by_reset(home: Home) -> list[Path]:
    """What `delete` would delete; empty if there is no sandbox at this home.

    A warehouse file counts only where the sandbox lands in one: it is made after the identity, never adopted.

    Raises:
        ConfigurationError: there is a folder of the sandbox's name that no sandbox has made.
    """
    _refuse_a_link(home)
    if not home.sandbox.exists():
        return []
    identity = homes.read_identity(home)
    if identity is None:
        raise ConfigurationError(
            f"{home.sandbox}: observed no {home.identity.name}, expected the one of the sandbox that made this folder. "
            "Nothing was deleted: another SHELFGATE_HOME may be meant; if it is an old sandbox, delete it by hand."
        )
    beside = ("", ".wal", ".tmp") if identity.warehouse == "duckdb" else ()
    made = [home.warehouse.with_name(home.warehouse.name + ending) for ending in beside]
    # Its settings name a warehouse that is no more: a run that believed them would make one that no sandbox has made.
    return [home.sandbox, *(path for path in (*made, home.settings) if path.exists() or path.is_symlink())]


def delete(home: Home) -> None:
    """Delete what `deleted_by_reset` lists. The identity goes last: a reset that is cut short can be repeated.

    Raises:
        ConfigurationError: as `deleted_by_reset`.
        WarehouseBusy: a sandbox has this home.
    """
    doomed = deleted_by_reset(home)
    if not doomed:
        return
    lock = homes.take_lock(home)
    if lock is None:
        raise WarehouseBusy(f"a sandbox starts or runs at {home.root}. Nothing was deleted; take it down first.")
    with lock:
        for path in [*doomed[1:], *(part for part in home.sandbox.iterdir() if part != home.identity)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        home.identity.unlink()
        home.sandbox.rmdir()


def _refuse_a_link(home: Home) -> None:
    if home.sandbox.is_symlink():
        raise ConfigurationError(
            f"{home.sandbox}: observed a link to {home.sandbox.resolve()}, expected a folder: what it leads to may be "
            "another home's. Nothing was changed; remove the link, or choose another SHELFGATE_HOME."
        )
