"""The sources of a very small shop, every version of them kept; refuses to let a week lose its last line."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

PREFIX = "inbound/inventory/"
HEADER = "inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n"
FIRST_WEEK = date(2002, 11, 3)
WEEKS = tuple(FIRST_WEEK + timedelta(days=7 * n) for n in range(6))
JULIAN_DAY_OF_ORDINAL_0 = 1_721_425

Stock = Mapping[tuple[int, int], int]


def week_of(day: date) -> date:
    return day - timedelta(days=day.isoweekday() % 7)


def snapshot_key(week: date) -> int:
    """Julian day of the week's Thursday."""
    return (week + timedelta(days=4)).toordinal() + JULIAN_DAY_OF_ORDINAL_0


@dataclass(frozen=True)
class Line:
    """One line sold."""

    number: int
    item: int
    sold_on: date
    quantity: int
    amount: int


@dataclass(frozen=True)
class Books:
    """What Postgres holds at one moment."""

    lines: Mapping[int, Line]
    descriptions: Mapping[int, str]
    cities: Mapping[int, str]


@dataclass(frozen=True)
class Upload:
    """One version of one object; `stocks` is what it says of each week, None if no reader may accept it."""

    object_key: str
    version_id: str
    body: bytes
    uploaded_at: datetime
    stocks: Mapping[date, Stock] | None

    @property
    def rank(self) -> tuple[str, datetime, str]:
        return self.object_key.removeprefix(PREFIX)[:10], self.uploaded_at, self.version_id


class Shop:
    """Postgres and the landing bucket, with their past."""

    def __init__(self) -> None:
        lines = {n: Line(n, 1 + n % 2, week + timedelta(days=n % 7), 2 + n, 10 * n) for n, week in enumerate(WEEKS[:4])}
        self.books = [Books(lines, {1: "soap", 2: "tea"}, {1: "Oslo", 2: "Turin"})]
        self.uploads: list[Upload] = []
        self._serial = 0
        for week in WEEKS[:3]:
            self.drop([week])

    @property
    def now(self) -> Books:
        return self.books[-1]

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    # Postgres

    def sell(self, day: date, quantity: int) -> None:
        number = 100 + self.serial()
        self._write(Line(number, 1 + number % 2, day, quantity, quantity * 3))

    def movable(self) -> list[Line]:
        """Lines that are not the last of their week."""
        weeks = [week_of(line.sold_on) for line in self.now.lines.values()]
        return [line for line in self.now.lines.values() if weeks.count(week_of(line.sold_on)) > 1]

    def correct(self, line: Line, quantity: int) -> None:
        self._write(replace(line, quantity=quantity))

    def move(self, line: Line, day: date) -> None:
        self._write(replace(line, sold_on=day))

    def remove(self, line: Line) -> None:
        lines = {number: one for number, one in self.now.lines.items() if number != line.number}
        self.books.append(replace(self.now, lines=lines))

    def rename_an_item(self) -> None:
        self.books.append(replace(self.now, descriptions={**self.now.descriptions, 1: f"soap {self.serial()}"}))

    def move_a_customer(self) -> None:
        self.books.append(replace(self.now, cities={**self.now.cities, 2: f"city {self.serial()}"}))

    def heal(self) -> None:
        """Mend every line that a gate refuses."""
        for line in list(self.now.lines.values()):
            if not 0 <= line.quantity < 1000:
                self.correct(line, 1)

    def _write(self, line: Line) -> None:
        self.books.append(replace(self.now, lines={**self.now.lines, line.number: line}))

    # The landing bucket

    def drop(self, weeks: list[date], *, days_late: int = 0, name: str = "") -> Upload:
        """A dump of new counts for these weeks, dated as many days after the last one's Thursday."""
        stocks = {}
        for week in sorted(weeks):
            serial = self.serial()
            stocks[week] = {(1, 1): 10 * serial, (2, 1): 10 * serial + 1}
        day = max(weeks) + timedelta(days=4 + days_late)
        return self._put(f"{PREFIX}{day}{name}.csv", _text(stocks), stocks)

    def drop_again(self, upload: Upload, *, name: str | None) -> Upload:
        """The same bytes, under the same key or another one."""
        key = upload.object_key if name is None else upload.object_key.replace(".csv", f"{name}.csv")
        return self._put(key, upload.body, upload.stocks)

    def drop_poison(self, week: date) -> Upload:
        """A dump whose last line was cut."""
        text = _text({week: {(1, 1): 5}}) + b"2452"
        return self._put(f"{PREFIX}{week + timedelta(days=4)}.csv", text, None)

    def _put(self, key: str, body: bytes, stocks: Mapping[date, Stock] | None) -> Upload:
        number = len(self.uploads)
        moment = datetime(2003, 6, 1, tzinfo=UTC) + timedelta(seconds=number)
        self.uploads.append(Upload(key, f"v{number:04d}", body, moment, stocks))
        return self.uploads[-1]


def _text(stocks: Mapping[date, Stock]) -> bytes:
    rows = [
        f"{snapshot_key(week)},{item},{place},{quantity}\n"
        for week, stock in stocks.items()
        for (item, place), quantity in stock.items()
    ]
    return (HEADER + "".join(rows)).encode()


class Bucket:
    """The calls of boto3's S3 client that the pipeline makes, answered from the uploads."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def get_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:  # noqa: N803
        found = [one for one in self._shop.uploads if one.object_key == Key and VersionId in {None, one.version_id}]
        return {**_described(found[-1]), "ContentLength": len(found[-1].body), "Body": io.BytesIO(found[-1].body)}

    def get_paginator(self, name: str) -> Bucket:
        assert name == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        latest = {one.object_key: one.version_id for one in self._shop.uploads}
        yield {
            "Name": Bucket,
            "Prefix": Prefix,
            "IsTruncated": False,
            "Versions": [
                {**_described(one), "Size": len(one.body), "IsLatest": latest[one.object_key] == one.version_id}
                for one in self._shop.uploads
                if one.object_key.startswith(Prefix)
            ],
        }


def _described(upload: Upload) -> dict[str, Any]:
    etag = hashlib.md5(upload.body, usedforsecurity=False).hexdigest()
    moment = upload.uploaded_at
    return {"Key": upload.object_key, "VersionId": upload.version_id, "ETag": f'"{etag}"', "LastModified": moment}
