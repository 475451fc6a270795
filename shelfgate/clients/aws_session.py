"""A session of boto3's own for each client: the default one remembers the credentials of its first call for ever."""

from __future__ import annotations

from functools import cache
from typing import Any


def aws_session() -> Any:
    """A `boto3.Session` with the environment's credentials as they are now.

    The default session is shared by all threads, too. Of a session of its own, 0.18 s go into parsing the service's
    description: that is shared, it never changes.
    """
    import boto3
    import botocore.session

    session = botocore.session.Session()
    session.register_component("data_loader", _descriptions())
    return boto3.Session(botocore_session=session)


@cache
def _descriptions() -> Any:
    from botocore.loaders import create_loader

    return create_loader()
