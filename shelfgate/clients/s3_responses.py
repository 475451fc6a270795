"""Checks what came back from S3 before anything is counted from it.

botocore reads any XML: of a sign-in page with status 200 it makes a listing without objects, an upload that succeeded,
a deletion of everything that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

Page: TypeAlias = Mapping[str, Any]
Fields: TypeAlias = Mapping[str, type]

VERSION: Fields = {"Key": str, "VersionId": str, "LastModified": datetime, "Size": int, "ETag": str}
DELETE_MARKER: Fields = {"Key": str, "VersionId": str, "IsLatest": bool}
OBJECT: Fields = {"Key": str, "ETag": str}


class UnusableAnswer(Exception):
    """An answer that S3 did not give, or not the whole of one. Its text quotes no value of the answer."""


class ObjectsNotDeleted(Exception):
    """S3 answered and refused some of the keys; `code` is its reason for the first."""

    def __init__(self, code: str, count: int) -> None:
        super().__init__(f"{count} objects not deleted: {code}")
        self.code = code


def whole_listing(
    client: Any, operation: str, bucket: str, prefix: str, entries: Mapping[str, Fields]
) -> Iterator[Page]:
    """Every page of a listing. `entries`: the lists that a page may have, and the fields of each of their entries.

    Raises:
        UnusableAnswer: a page is no listing of this prefix, an entry lacks a field, or the pages end in the middle.
    """
    listed: set[tuple[str, ...]] = set()
    ended = False
    for page in _answers(client.get_paginator(operation).paginate(Bucket=bucket, Prefix=prefix)):
        _check_page(page, prefix)
        for name, fields in entries.items():
            for entry in page.get(name, ()):
                _check_entry(entry, name, fields, prefix)
                identity = name, entry["Key"], entry.get("VersionId", "")
                if identity in listed:
                    raise UnusableAnswer(f"observed one entry of {name} twice; expected each once")
                listed.add(identity)
        ended = not page["IsTruncated"]
        yield page
    if not ended:
        raise UnusableAnswer("observed a listing that is truncated and names no next page; expected its end")


def put(client: Any, **request: Any) -> None:
    """Put one object.

    Raises:
        UnusableAnswer: the answer has no ETag, so nobody knows that the object is there.
    """
    answer = _answer(client.put_object, **request)
    if not isinstance(answer.get("ETag"), str):
        raise UnusableAnswer(f"observed {_described(answer)} for a PUT; expected an ETag")


def delete(client: Any, bucket: str, keys: list[str]) -> None:
    """Delete objects by key, 1,000 at most.

    Raises:
        UnusableAnswer: the answer does not account for every key.
        ObjectsNotDeleted: S3 refused some of them.
    """
    # Not `Quiet`: then an answer without a word is the good one, and a proxy's page is an answer without a word.
    objects = [{"Key": key} for key in keys]
    answer = _answer(client.delete_objects, Bucket=bucket, Delete={"Objects": objects, "Quiet": False})
    if refused := answer.get("Errors"):
        raise ObjectsNotDeleted(str(refused[0].get("Code")), len(refused))
    left = set(keys) - {one.get("Key") for one in answer.get("Deleted", ())}
    if left:
        raise UnusableAnswer(f"observed {_described(answer)} that leaves {len(left)} of {len(keys)} deletions open")


def _answer(call: Callable[..., Any], **request: Any) -> Any:
    """One call. botocore raises errors of Python's own for an answer that it cannot read."""
    from botocore.parsers import ResponseParserError

    try:
        return call(**request)
    except (ResponseParserError, ValueError) as error:
        raise UnusableAnswer(f"observed what botocore cannot read ({type(error).__name__})") from None
    except RecursionError:
        # botocore 1.43 asks for the bucket's region at every redirection, and follows the answer without a bound.
        raise UnusableAnswer("observed redirections without an end") from None


def _answers(pages: Iterable[Page]) -> Iterator[Page]:
    left = iter(pages)
    while (page := _answer(lambda: next(left, None))) is not None:
        yield page


def _check_page(page: Page, prefix: str) -> None:
    if not (isinstance(page.get("Name"), str) and isinstance(page.get("IsTruncated"), bool)):
        raise UnusableAnswer(f"observed {_described(page)} without Name and IsTruncated; expected a listing")
    if page.get("Prefix", "") != prefix:
        raise UnusableAnswer("observed a listing of another prefix")
    kind = _content_type(page)
    if kind is not None and "xml" not in kind:
        raise UnusableAnswer(f"observed {_described(page)}; expected XML")


def _check_entry(entry: Any, name: str, fields: Fields, prefix: str) -> None:
    for field, kind in fields.items():
        value = entry.get(field)
        if not isinstance(value, kind) or value == "":
            raise UnusableAnswer(f"observed an entry of {name} without {field}; expected {', '.join(fields)}")
    if not entry["Key"].startswith(prefix):
        raise UnusableAnswer(f"observed a key in {name} that does not begin with the prefix")
    if entry.get("Size", 0) < 0:
        raise UnusableAnswer(f"observed a negative size in {name}")


def _described(answer: Page) -> str:
    about = answer.get("ResponseMetadata", {})
    return f"an answer (HTTP {about.get('HTTPStatusCode')}, {_content_type(answer) or 'no content type'})"


def _content_type(answer: Page) -> str | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers.get("content-type")
