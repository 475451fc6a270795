"""What names a Snowflake account, and at which host the connector finds it."""

from __future__ import annotations

import re

from shelfgate.errors import ConfigurationError

# Labels of letters, digits, - and _: ORGANISATION-ACCOUNT, or a locator with its region, cloud or `privatelink`. Of an
# address of Snowflake's the connector would make another one, by appending its own domain.
_NAME = re.compile(
    r"(?!(?i:(.*\.)?snowflake(computing)?\.(com|cn)$))"
    r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*){0,3}"
)


def checked_account(name: str) -> str:
    """
    Raises:
        ConfigurationError: it is an address or something else that names no account.
    """
    if _NAME.fullmatch(name):
        return name
    # Not quoted: a pasted address may hold more than an address.
    raise ConfigurationError(
        "SHELFGATE_SNOWFLAKE_ACCOUNT (or the account of its block) is an address or of another form; expected an "
        "account identifier such as MYORG-MYACCOUNT or xy12345.eu-central-1, without https:// and without "
        ".snowflakecomputing.com. Nothing was sent. A host that does not follow from the identifier goes into "
        "SHELFGATE_SNOWFLAKE_HOST."
    )


def host_of(account: str) -> str:
    """The host that the connector derives; for clients that would derive another one."""
    from snowflake.connector.util_text import construct_hostname

    return construct_hostname(None, account)
