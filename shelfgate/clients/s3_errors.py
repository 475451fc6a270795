"""S3's refusals in our own errors; refuses to let a caller guess which of them is worth a retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shelfgate.clients.addresses import of_aws_error
from shelfgate.errors import ConfigurationError, OutsideWorldGaveUp

# The same call would fail again until somebody changes a setting or a policy.
_FOR_SOMEBODY = frozenset({"NoSuchBucket", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@contextmanager
def as_our_errors(bucket: str, doing: str, wanted: str) -> Iterator[None]:
    """Calls of S3 within the block. `doing` goes into "while ..."; `wanted` says what the role needs.

    Raises:
        ConfigurationError: no such bucket, or no right to it.
        OutsideWorldGaveUp: S3 does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in _FOR_SOMEBODY:
            raise ConfigurationError(f"S3: {code} for bucket {bucket}. Wanted {wanted}") from error
        raise OutsideWorldGaveUp(f"S3: {code} while {doing}.") from error
    except BotoCoreError as error:
        raise OutsideWorldGaveUp(
            f"S3{of_aws_error(error)}: no answer while {doing} ({type(error).__name__})."
        ) from error
