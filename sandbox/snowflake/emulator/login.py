"""Who may log in: key-pair tokens and workload identity tokens, checked; passwords are refused, right or wrong."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from .account_state import AccountState, Properties


@dataclass(frozen=True)
class LoginRefused(Exception):
    """A login that was turned down, in Snowflake's words."""

    code: str
    message: str


WRONG_PASSWORD = LoginRefused("390100", "Incorrect username or password was specified.")
WRONG_TOKEN = "390144"  # noqa: S105 a code, not a token


def check(account: AccountState, data: dict[str, Any], issuers: dict[str, str]) -> str:
    """The user's name.

    Raises:
        LoginRefused: unknown user, wrong key, a password, or a way of logging in that is not imitated.
    """
    way = str(data.get("AUTHENTICATOR") or "SNOWFLAKE").upper()
    if way == "WORKLOAD_IDENTITY":
        return _workload(account, data, issuers)
    name = str(data.get("LOGIN_NAME") or "").upper()
    user = account.objects.get(("USER", name))
    if way != "SNOWFLAKE_JWT" or user is None:
        # Service users have no password, and the production target may not use one: none is ever right here.
        raise WRONG_PASSWORD
    if str(user.get("DISABLED", "FALSE")).upper() == "TRUE":
        raise LoginRefused("390101", "User access disabled. Contact your local system administrator.")
    for slot in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"):
        if slot in user and _signed_by(user, slot, name, account.name, str(data.get("TOKEN"))):
            return name
    raise LoginRefused(WRONG_TOKEN, "JWT token is invalid.")


def _signed_by(user: Properties, slot: str, name: str, account: str, token: str) -> bool:
    try:
        der = base64.b64decode("".join(str(user[slot]).split()))
        key = serialization.load_der_public_key(der)
        claims = jwt.decode(
            token, key, algorithms=["RS256"], options={"verify_aud": False, "require": ["iss", "sub", "exp"]}
        )
    except (jwt.InvalidTokenError, ValueError, UnsupportedAlgorithm):
        return False
    print_ = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
    return claims["sub"] == f"{account}.{name}" and claims["iss"] == f"{account}.{name}.{print_}"


def _workload(account: AccountState, data: dict[str, Any], issuers: dict[str, str]) -> str:
    """OIDC only: the token's issuer must be one whose key this process was given, issuer and subject a user's own."""
    token = str(data.get("TOKEN"))
    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
        issuer = str(claimed.get("iss"))
        if issuer not in issuers:
            raise LoginRefused("394509", f"Workload identity: issuer {issuer} is not known here.")
        claims = jwt.decode(
            token,
            issuers[issuer],
            algorithms=["RS256"],
            audience="snowflakecomputing.com",
            options={"require": ["exp"]},
        )
    except jwt.InvalidTokenError as reason:
        raise LoginRefused("394509", f"Workload identity token is invalid: {type(reason).__name__}.") from None
    for (kind, name), properties in account.objects.items():
        identity = str(properties.get("WORKLOAD_IDENTITY", ""))
        if kind == "USER" and f"'{issuer}'" in identity and f"'{claims['sub']}'" in identity:
            return name
    raise LoginRefused("394509", "Workload identity: no user has this issuer and subject.")
