"""Reads the settings of the function; apart, because both the handler and the engines need them."""

from __future__ import annotations

from collections.abc import Mapping

from inventory_loader.errors import ConfigurationError


def setting(environment: Mapping[str, str], name: str, expected: str) -> str:
    """Give a setting that has no default.

    Raises:
        ConfigurationError: it is missing or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set; wanted {expected}.")
    return value


def bucket(environment: Mapping[str, str]) -> str:
    return setting(environment, "SHELFGATE_S3_BUCKET", "the name of the landing bucket")


def prefix(environment: Mapping[str, str]) -> str:
    """Give the folder of the dumps, with its slash.

    Raises:
        ConfigurationError: it does not end with a slash.
    """
    folder = environment.get("SHELFGATE_S3_PREFIX", "inbound/inventory/")
    if not folder.endswith("/"):
        raise ConfigurationError(f"SHELFGATE_S3_PREFIX is {folder!r}; wanted a folder, ending with a slash.")
    return folder
