"""A deployment's Snowflake users and keys from Prefect blocks; refuses passwords, open keys and a second way to log in.

Where no block is named, the settings say who logs in, as on a laptop.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from shelfgate.settings import PREFIX, Settings

if TYPE_CHECKING:
    from prefect_snowflake import SnowflakeCredentials

# What a block may hold beside these is another way to log in, or one that we would quietly not use.
READ = frozenset({"account", "user", "role", "authenticator", "private_key", "private_key_passphrase"})
KEY_PAIR = frozenset({"snowflake", "snowflake_jwt"})


def with_keys(settings: Settings) -> Settings:
    """The settings with account, user, role and key of the blocks that they name; as they are without one.

    Raises:
        ConfigurationError: a block is not there, holds no encrypted key pair, or contradicts a setting.
        ExternalServiceUnavailable: Prefect did not answer.
    """
    for which in ("snowflake", "snowflake_build"):
        if (name := getattr(settings, f"{which}_block")) is not None:
            settings = settings.model_copy(update=_read(settings, which, name))
    return settings


def _read(settings: Settings, which: str, name: str) -> dict[str, Any]:
    named = f"block snowflake-credentials/{name}"
    block = _loaded(named, name)
    _refuse_another_login(block, named)
    fields = {
        "snowflake_account": block.account,
        f"{which}_user": block.user,
        f"{which}_role": block.role,
    }
    for field, value in fields.items():
        known = getattr(settings, field)
        if known is not None and value is not None and known.lower() != value.lower():
            raise ConfigurationError(
                f"{PREFIX}{field.upper()} is {known}, the {named} says {value}. Nothing was run; set one of them."
            )
    ways = [f"{which}_{way}" for way in ("private_key", "private_key_path", "private_key_passphrase")]
    if which == "snowflake":
        ways += ["snowflake_workload_identity", "snowflake_token_file"]
    if more := [f"{PREFIX}{way.upper()}" for way in ways if getattr(settings, way) is not None]:
        raise ConfigurationError(
            f"{named} and {', '.join(more)} are both given: one way to log in is wanted. Unset one."
        )
    assert block.private_key is not None
    assert block.private_key_passphrase is not None
    return {
        **{field: value for field, value in fields.items() if value is not None},
        f"{which}_block": None,
        f"{which}_private_key": SecretStr(block.private_key.get_secret_value().decode("latin-1")),
        f"{which}_private_key_passphrase": block.private_key_passphrase,
    }


def _refuse_another_login(block: SnowflakeCredentials, named: str) -> None:
    """A key pair and nothing else. That the key is encrypted, and long enough, `Identity` sees to."""
    wanted = f"Wanted private_key (encrypted PKCS#8) and private_key_passphrase; see docs/snowflake-keys.md. {named}: "
    if block.password is not None:
        raise ConfigurationError(f"{wanted}it holds a password, which is never used. Take it out.")
    given = {field for field in type(block).model_fields if getattr(block, field) is not None}
    if other := sorted(given - READ):
        raise ConfigurationError(f"{wanted}it also holds {', '.join(other)}. Take that out.")
    if block.authenticator not in KEY_PAIR:
        raise ConfigurationError(f"{wanted}its authenticator is {block.authenticator}, wanted snowflake_jwt.")
    if block.private_key is None or block.private_key_passphrase is None:
        raise ConfigurationError(f"{wanted}one of the two is missing.")


def _loaded(named: str, name: str) -> SnowflakeCredentials:
    try:
        from prefect_snowflake import SnowflakeCredentials
    except ImportError:
        raise ConfigurationError(
            f"{named} needs prefect-snowflake: install shelfgate with its extra `snowflake`."
        ) from None
    try:
        return SnowflakeCredentials.load(name, _sync=True)  # pyright: ignore[reportCallIssue]  (the dispatcher's)
    except (httpx.RequestError, json.JSONDecodeError) as error:
        # A page that is no JSON is a proxy's, whatever its status.
        raise ExternalServiceUnavailable(
            f"{named}: Prefect did not answer ({type(error).__name__}). Run again."
        ) from None
    except (ValueError, RuntimeError, httpx.HTTPStatusError) as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code >= 500:
            raise ExternalServiceUnavailable(
                f"{named}: Prefect answered {error.response.status_code}. Run again."
            ) from None
        # Without its text: what did not fit may be a key.
        raise ConfigurationError(
            f"{named} cannot be loaded ({type(error).__name__}). Save it in Prefect under this name "
            f"(docs/snowflake-keys.md), or unset {PREFIX}SNOWFLAKE_BLOCK and {PREFIX}SNOWFLAKE_BUILD_BLOCK. "
            "Nothing was run."
        ) from None
