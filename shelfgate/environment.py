"""The environment as text, apart from `settings` so that a command starts without pydantic; guesses nothing."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from shelfgate.errors import ConfigurationError

PREFIX = "SHELFGATE_"
WAREHOUSE = "warehouse.duckdb"
BACKUPS = "backups"
"""The folder beside the warehouse in which `shelfgate backup` leaves its files."""
ERRORS_LOG = "shelfgate-errors.log"
UNFINISHED = ".unfinished-"
"""How the name of a file begins that is written under another name first."""
_AT_HOME = frozenset({"settings.env", "sandbox", "prefect", "data-docs", "dbt", BACKUPS, ERRORS_LOG})
# The warehouse's logs and what a restore kept aside; what a restore or a start that was killed left behind.
_BEGIN_AT_HOME = (WAREHOUSE, f".{WAREHOUSE}.", UNFINISHED)
# What `sandbox up` writes beside our own settings: an empty one would send a run to the vendor's own endpoint.
VENDOR_SETTINGS = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_S3",
        "AWS_SECRET_ACCESS_KEY",
        "PREFECT_API_AUTH_STRING",
        "PREFECT_API_URL",
    }
)

log = logging.getLogger("shelfgate")


def given_setting(name: str) -> str | None:
    """What the environment says; None if it says nothing.

    Raises:
        ConfigurationError: the value is empty.
    """
    refuse_empty_settings({key: os.environ[key] for key in (name,) if key in os.environ}, "the environment")
    return os.environ.get(name)


def refuse_empty_settings(given: Mapping[str, str], place: str) -> None:
    """An empty value is never read as the default, nor as the current folder.

    Raises:
        ConfigurationError: names every empty one.
    """
    # Upper case: pydantic reads our names in any case.
    ours = (name for name in given if name.upper().startswith(PREFIX) or name in VENDOR_SETTINGS)
    if empty := sorted(name for name in ours if not given[name].strip()):
        raise ConfigurationError(
            f"{', '.join(empty)}: observed an empty value in {place}, expected a value or no such setting. "
            "Nothing was done. Set it, or remove it to have the default (.env.example)."
        )


def home_folder() -> Path:
    """Where this machine keeps its warehouse, its Data Docs and the sandbox: SHELFGATE_HOME, or `.shelfgate`.

    Raises:
        ConfigurationError: the setting is empty, or names a folder that cannot be a home.
    """
    home = given_setting(f"{PREFIX}HOME") or ".shelfgate"
    if home.startswith("~"):
        raise ConfigurationError(f"{PREFIX}HOME={home}: observed a ~ that no shell has expanded. Nothing was done.")
    refuse_home(Path(home))
    return Path(home)


def refuse_home(home: Path) -> None:
    """
    Raises:
        ConfigurationError: the folder holds somebody's source code, or is the root of the file system.
    """
    place = home.resolve()
    if place == Path(place.anchor):
        observed = "the root of the file system"
    elif os.path.lexists(place / ".git"):
        observed = "a folder with a .git, which holds source code"
    else:
        return
    raise ConfigurationError(
        f"{PREFIX}HOME={home} ({place}): observed {observed}, expected a folder for Shelfgate's data alone. "
        "Nothing was done; choose another folder, or remove the setting to have .shelfgate."
    )


def keep_private(home: Path) -> None:
    """Let this process, and those it starts, make files for their owner alone, and shut others out of this home.

    An earlier release left homes open. Only a folder that holds nothing but what Shelfgate puts there is shut; another
    one is named in a warning. A group that was given a way in (0750) keeps it.
    """
    os.umask(0o077)
    try:
        told = home.stat()
        if not home.is_dir() or not told.st_mode & stat.S_IRWXO:
            return
        names = [one.name for one in home.iterdir()]
        of_others = [name for name in names if name not in _AT_HOME and not name.startswith(_BEGIN_AT_HOME)]
        if told.st_uid == os.geteuid() and not of_others:
            home.chmod(0o700)
            return
    except OSError:
        return  # not there yet; whoever reads or writes there says what is wrong with it
    log.warning(
        "%s: observed a home that every account of this machine may look into (mode %o), expected 700. "
        "It holds other things, too, so it was left as it is: `chmod 700` it, or choose another SHELFGATE_HOME.",
        home,
        stat.S_IMODE(told.st_mode),
    )
