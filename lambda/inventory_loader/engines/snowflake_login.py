"""Opens the loader's session in Snowflake by key pair; refuses a password, an open key, and a key in the environment.

In Lambda key and passphrase lie in one secret and the environment holds its name only; elsewhere the key is a file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inventory_loader.errors import ConfigurationError

_NEEDED = ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "DATABASE")
_SECRET = "SHELFGATE_SNOWFLAKE_KEY_SECRET"  # noqa: S105  (the name of a setting)
_KEY_FILE = "SNOWFLAKE_PRIVATE_KEY_PATH"
_PASSPHRASE = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"  # noqa: S105  (the name of a setting)

# As `AllowedPattern` of SnowflakeAccount in lambda/template.yaml. An address is none: the connector makes its own.
_ACCOUNT = re.compile(
    r"(?!(?i:(.*\.)?snowflake(computing)?\.(com|cn)$))"
    r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*){0,3}"
)


def open_session(environment: Mapping[str, str], *, run_id: str, seconds_left: float) -> Any:
    """Connect as the environment says.

    Raises:
        ConfigurationError: a setting is missing, or the key cannot be read.
    """
    import snowflake.connector

    missing = [f"SNOWFLAKE_{name}" for name in _NEEDED if not environment.get(f"SNOWFLAKE_{name}")]
    if missing:
        raise ConfigurationError(f"{', '.join(missing)} not set; wanted the loader's account, user and role.")
    if not _ACCOUNT.fullmatch(environment["SNOWFLAKE_ACCOUNT"]):
        raise ConfigurationError(
            "SNOWFLAKE_ACCOUNT is no account identifier; expected one such as MYORG-MYACCOUNT or xy12345.eu-central-1, "
            "without https:// and without .snowflakecomputing.com. Nothing was loaded."
        )
    # A local stand-in has an address of its own.
    address = {
        name: environment[f"SNOWFLAKE_{name.upper()}"]
        for name in ("host", "port", "protocol")
        if environment.get(f"SNOWFLAKE_{name.upper()}")
    }
    patience = max(1, math.floor(seconds_left))
    return snowflake.connector.connect(
        **{name.lower(): environment[f"SNOWFLAKE_{name}"] for name in _NEEDED},
        **address,
        private_key=_private_key(environment),
        login_timeout=min(30, patience),
        network_timeout=patience,
        autocommit=True,
        session_parameters={
            # An error would otherwise leave the transaction open for the next statement to commit.
            "TRANSACTION_ABORT_ON_ERROR": True,
            "ABORT_DETACHED_QUERY": True,
            "LOCK_TIMEOUT": patience,
            "TIMEZONE": "UTC",
            "QUERY_TAG": json.dumps({"run_id": run_id, "by": "inventory_loader"}),
        },
    )


def _private_key(environment: Mapping[str, str]) -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    pem, passphrase, where = _key_and_passphrase(environment)
    if not pem.strip().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----") or not passphrase:
        raise ConfigurationError(
            f"{where}: an open key, no key or no passphrase; expected encrypted PKCS#8 (PEM) and its passphrase. "
            "Nothing was loaded. See docs/snowflake.md, Keys."
        )
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), passphrase.encode())
    except (ValueError, TypeError):
        # Without the cause: it may repeat what was read.
        raise ConfigurationError(f"{where}: the private key does not open with its passphrase.") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
        raise ConfigurationError(f"{where}: expected an RSA key of at least 2048 bits.")
    encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _key_and_passphrase(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """Both, and where they came from."""
    if name := environment.get(_SECRET):
        return *_of_secret(_from_secrets_manager(name)), _SECRET
    if path := environment.get(_KEY_FILE):
        try:
            pem = Path(path).read_text(encoding="latin-1")
        except OSError as error:
            raise ConfigurationError(f"{_KEY_FILE}: {error.strerror}; wanted a readable file.") from error
        return pem, environment.get(_PASSPHRASE, ""), _KEY_FILE
    raise ConfigurationError(f"neither {_SECRET} nor {_KEY_FILE} is set; wanted the loader's private key.")


def _of_secret(text: str) -> tuple[str, str]:
    """The key and its passphrase lie in one secret, so that they are replaced together."""
    try:
        held = json.loads(text)
        pem, passphrase = held["private_key"], held["passphrase"]
    except (ValueError, TypeError, KeyError):
        pem = passphrase = None
    if not isinstance(pem, str) or not isinstance(passphrase, str):
        raise ConfigurationError(
            f"{_SECRET}: the secret is of another form; expected a JSON object with the texts private_key (encrypted "
            "PEM) and passphrase. Nothing was loaded. See docs/aws.md."
        )
    return pem, passphrase


def _from_secrets_manager(name: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # Asked at every session, so a rotated key is found by the next one.
        return str(boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
    except (BotoCoreError, ClientError, KeyError) as error:
        raise ConfigurationError(
            f"{_SECRET}: {type(error).__name__}; wanted secretsmanager:GetSecretValue on a secret with text."
        ) from error
