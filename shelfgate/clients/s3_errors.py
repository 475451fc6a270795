"""S3's refusals in our own errors; refuses to let a caller guess which of them is worth a retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shelfgate.clients.addresses import of_aws_error
from shelfgate.clients.s3_responses import ObjectsNotDeleted, UnusableAnswer
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, ShelfgateError

# The same call would fail again until somebody changes a setting or a policy.
_FOR_SOMEBODY = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "InvalidToken",
        "NoSuchBucket",
        "PermanentRedirect",
        "SignatureDoesNotMatch",
    }
)
_NOTHING_CHANGED = "What is published stays as it is."


@contextmanager
def as_our_errors(bucket: str, doing: str, wanted: str) -> Iterator[None]:
    """Calls of S3 within the block. `doing` goes into "while ..."; `wanted` says what the role needs.

    Raises:
        ConfigurationError: no such bucket, no right to it, or no credentials.
        ExternalServiceUnavailable: S3 does not answer, or something between answers in its place.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error.response, bucket, doing, wanted) from error
    except BotoCoreError as error:
        raise _unanswered(error, doing, wanted) from error
    except ObjectsNotDeleted as error:
        if error.code in _FOR_SOMEBODY:
            raise ConfigurationError(f"S3: {error} in bucket {bucket}. Wanted {wanted}") from None
        raise ExternalServiceUnavailable(f"S3: {error} while {doing}. Run again.") from None
    except UnusableAnswer as error:
        raise ExternalServiceUnavailable(
            f"S3: no usable answer while {doing}: {error}. {_NOTHING_CHANGED} Look for a proxy, a cache or a sign-in "
            "page between here and the endpoint (AWS_ENDPOINT_URL_S3), then run again."
        ) from None


def _refused(answer: Any, bucket: str, doing: str, wanted: str) -> ShelfgateError:
    code = str(answer.get("Error", {}).get("Code") or "")
    if code in _FOR_SOMEBODY:
        return ConfigurationError(f"S3: {code} for bucket {bucket}. Wanted {wanted}")
    if not code or code.isdigit():
        # botocore puts the status there when the body names no error of S3's.
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return ExternalServiceUnavailable(
            f"S3: HTTP {status} without an error code while {doing}; expected an answer of S3 and not of something "
            f"between. {_NOTHING_CHANGED} Run again when it answers."
        )
    return ExternalServiceUnavailable(f"S3: {code} while {doing}. {_NOTHING_CHANGED} Run again.")


def _unanswered(error: Exception, doing: str, wanted: str) -> ShelfgateError:
    from botocore import exceptions

    outages = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.FlexibleChecksumError,
        exceptions.PaginationError,
    )
    if isinstance(error, outages):
        return ExternalServiceUnavailable(
            f"S3{of_aws_error(error)}: no answer while {doing} ({type(error).__name__}). {_NOTHING_CHANGED} Run again."
        )
    return ConfigurationError(f"S3: {type(error).__name__} while {doing}. Wanted {wanted}")
