"""Faults where they arise: in the retailer's Postgres and in the dumps on S3, met by the whole flow.

Refuses to touch the warehouse: what is injected here comes in through Airbyte and the loader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.fault import PASSES, At, SourceFault, Undo
from tests.support.house import House

Rows = list[list[str]]


@dataclass(frozen=True)
class DumpFault(SourceFault):
    """The day's dump in another form; `wrong` gives contents by key, None for an object that never came.

    What was dropped beside the day's dump is deleted again; with `renamed_to`, it is moved there.
    """

    wrong: Callable[[str, House], Mapping[str, str | None]] = lambda good, house: {}
    renamed_to: str | None = None

    def inject(self, house: House) -> tuple[int, Undo]:
        key = f"{house.day}.csv"
        good = house.read_dump(key)
        dropped = self.wrong(good, house)
        for name, content in dropped.items():
            if content is None:
                house.remove_dump(name)
            else:
                house.drop_dump(name, content)

        def undo() -> None:
            for name, content in dropped.items():
                if name == key:
                    house.drop_dump(key, good)
                    continue
                house.remove_dump(name)
                if self.renamed_to and content is not None:
                    house.drop_dump(self.renamed_to.format(day=house.day), content)

        return sum(content != good for content in dropped.values()) or len(dropped), undo


@dataclass(frozen=True)
class PostgresFault(SourceFault):
    """Statements on the source; the tables that they change are put back as they were."""

    tables: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    back: tuple[str, ...] = field(default=())

    def inject(self, house: House) -> tuple[int, Undo]:
        with house.source() as postgres:
            for table in self.tables:
                postgres.execute(f"create table held_{table} as table {table}".encode())
            changed = [postgres.execute(statement.encode()).rowcount for statement in self.statements]

        def undo() -> None:
            with house.source() as postgres:
                for statement in self.back:
                    postgres.execute(statement.encode())
                for table in self.tables:
                    postgres.execute(f"delete from {table}".encode())
                    postgres.execute(f"insert into {table} table held_{table}".encode())
                    postgres.execute(f"drop table held_{table}".encode())

        return sum(max(count, 1) if count < 0 else count for count in changed), undo


def _each_row(change: Callable[[list[str]], list[str] | None]) -> Callable[[str, House], Mapping[str, str | None]]:
    """Change the rows of the day's dump one by one; None leaves a row out."""

    def wrong(good: str, house: House) -> Mapping[str, str | None]:
        header, *lines = good.splitlines()
        changed = [row for line in lines if (row := change(line.split(","))) is not None]
        return {f"{house.day}.csv": "\n".join([header, *(",".join(row) for row in changed)]) + "\n"}

    return wrong


def _text(change: Callable[[str], str]) -> Callable[[str, House], Mapping[str, str | None]]:
    return lambda good, house: {f"{house.day}.csv": change(good)}


def _quoted_in_upper_case(good: str) -> str:
    header, *lines = good.splitlines()
    return "".join('"' + line.replace(",", '","') + '"\n' for line in (header.upper(), *lines))


def _moved(days: int) -> Callable[[str, House], Mapping[str, str | None]]:
    return _each_row(lambda row: [str(int(row[0]) + days), *row[1:]])


def _last_week_under_this_date(good: str, house: House) -> Mapping[str, str | None]:
    with house.warehouse() as warehouse:
        held = warehouse.execute(
            "select inv_date_sk + 7, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand "
            "from raw_inventory.inventory where inv_date_sk = (select max(inv_date_sk) from raw_inventory.inventory)"
        ).fetchall()
    lines = (",".join("" if value is None else str(value) for value in row) for row in held)
    return {f"{house.day}.csv": "\n".join([good.splitlines()[0], *lines]) + "\n"}


def _a_past_week(days_ago: int, key: str) -> Callable[[str, House], Mapping[str, str | None]]:
    """The day's quantities as those of an earlier week, in a dump beside the day's own; `key` may name its day."""

    def wrong(good: str, house: House) -> Mapping[str, str | None]:
        header, *lines = good.splitlines()
        with house.warehouse() as warehouse:
            items = warehouse.execute(
                "select inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand from raw_inventory.inventory "
                f"where inv_date_sk = {lines[0].split(',')[0]} - {days_ago} order by inv_item_sk, inv_warehouse_sk"
            ).fetchall()
        sk = int(lines[0].split(",")[0]) - days_ago
        told = (f"{sk},{item},{place},{'' if quantity is None else 1000 - quantity}" for item, place, quantity in items)
        return {key.format(day=house.day): "\n".join([header, *told]) + "\n"}

    return wrong


def dump(
    fault_id: str,
    what: str,
    stops_at: str,
    killed_by: str,
    wrong: Callable[[str, House], Mapping[str, str | None]],
    renamed_to: str | None = None,
) -> DumpFault:
    checks = frozenset(killed_by.split())
    return DumpFault(fault_id, f"dump: {what}", At.SOURCE, stops_at, checks, 0.01, wrong=wrong, renamed_to=renamed_to)


REFUSED = "inventory_dumps.no_unresolved_quarantine"

DUMPS = (
    dump("F01-dump", "never came", "landing", "inventory.weeks_are_contiguous", lambda _, h: {f"{h.day}.csv": None}),
    dump(
        "F03-dump",
        "cut at 90 %",
        "landing",
        "inventory.rows_per_week inventory.rows_per_warehouse",
        _text(lambda good: "".join(good.splitlines(keepends=True)[: len(good.splitlines()) * 9 // 10])),
    ),
    dump(
        "F03-open",
        "no line end after the last row, which is noted and published",
        PASSES,
        "inventory_dumps.dumps_end_with_a_line",
        _text(lambda good: good.rstrip("\n")),
    ),
    dump("F05-dump", "every row twice", "file", REFUSED, _text(lambda good: good + good.partition("\n")[2])),
    dump("F08-dump", "dated Friday", "file", REFUSED, _moved(1)),
    dump("F09-dump", "dated a year ahead", "file", REFUSED, _moved(364)),
    dump("F10-dump", "last week under this date", "file", REFUSED, _last_week_under_this_date),
    dump(
        "F11-dump",
        "negative quantities",
        "landing",
        "inventory.inv_quantity_on_hand_in_range",
        _each_row(lambda row: [*row[:3], "-1" if row[1].endswith("1") else row[3]]),
    ),
    dump("F47-dump", "a column has another name", "file", REFUSED, _text(lambda good: good.replace("quantity", "qty"))),
    dump("F58-dump", "a quantity of 12.5", "file", REFUSED, _each_row(lambda row: [*row[:3], "12.5"])),
    dump("F59-dump", "a header and no row", "file", REFUSED, _text(lambda good: good.partition("\n")[0] + "\n")),
    dump(
        "F57-dump",
        "quotes that are no pairs: the first name and the last line have one each",
        "file",
        REFUSED,
        _text(lambda good: "\ufeff" + good.replace(",", '","').replace("\n", '"\r\n"')),
    ),
    dump(
        "F57-quoted",
        "names in upper case and every field in quotes, which change no value",
        PASSES,
        "",
        _text(_quoted_in_upper_case),
    ),
    dump(
        "F57-crlf",
        "a byte order mark and CR LF, which change no value",
        PASSES,
        "",
        _text(lambda good: "\ufeff" + good.replace("\n", "\r\n")),
    ),
    dump("F56-dump", "the same file once more", PASSES, "", lambda good, h: {f"{h.day}-again.csv": good}),
    dump(
        "F46-dump", "a published week, from before its publication", PASSES, "", _a_past_week(7, "1998-01-01-late.csv")
    ),
    dump("F60-dump", "a published week restated", PASSES, "", _a_past_week(7, "{day}-restated.csv")),
    dump(
        "F61-strays",
        "a folder's marker, _SUCCESS and notes beside it: no dumps, without a line in the ledger",
        PASSES,
        "",
        lambda good, h: {"": "", "_SUCCESS": "", "notes.txt": "a note"},
    ),
    dump(
        "F61-case",
        "the same file as .CSV beside it, which no event announces: a warning",
        PASSES,
        "inventory_dumps.no_dump_is_ignored",
        lambda good, h: {f"{h.day}.CSV": good},
    ),
    dump(
        "F61-case-only",
        "the day's dump came as .CSV and not as .csv",
        "landing",
        "inventory.weeks_are_contiguous",
        lambda good, h: {f"{h.day}.csv": None, f"{h.day}.CSV": good},
    ),
    dump(
        "F61-copy",
        "a second download beside it, whose name is refused until the object is deleted",
        "file",
        REFUSED,
        lambda good, h: {f"{h.day} (1).csv": good},
    ),
    dump(
        "F61-renamed",
        "a restatement under a name that is refused until the object is renamed",
        "file",
        REFUSED,
        _a_past_week(14, "restated {day}.csv"),
        renamed_to="{day}-restated.csv",
    ),
)


def postgres(
    fault_id: str, what: str, stops_at: str, killed_by: str, table: str, *statements: str, back: tuple[str, ...] = ()
) -> PostgresFault:
    tables = () if back else (table,)
    told = tuple(statement.format(table=table) for statement in statements)
    return PostgresFault(
        fault_id,
        f"Postgres: {what}",
        At.SOURCE,
        stops_at,
        frozenset(killed_by.split()),
        0.01,
        tables=tables,
        statements=told,
        back=back,
    )


LAST_DAYS = "(select max(ws_sold_date_sk) - 7 from {table})"

POSTGRES = (
    postgres(
        "F21-source",
        "lines deleted, which a sync does not see",
        "landing",
        "web_sales.reconciles_by_day",
        "web_sales",
        "delete from {table} where ws_order_number = (select max(ws_order_number) from {table})",
    ),
    postgres(
        "F26-source",
        "a week priced in cents",
        "landing",
        "web_sales.amount_is_quantity_times_price web_sales.sold_at_list_price_at_most",
        "web_sales",
        "update {table} set ws_sales_price = 100 * ws_sales_price where ws_sold_date_sk > " + LAST_DAYS,
    ),
    postgres(
        "F30-source",
        "lines of customers that nobody knows",
        "landing",
        "web_sales.bill_customer_is_known",
        "web_sales",
        "update {table} set ws_bill_customer_sk = 99999999 where ws_sold_date_sk > " + LAST_DAYS,
    ),
    postgres(
        "F33-source",
        "a tenth of the customers is gone",
        "landing",
        "customer.customers_do_not_vanish",
        "customer",
        "delete from {table} where c_customer_sk % 10 = 0",
    ),
    postgres(
        "F35-source",
        "e-mails hold last names",
        "landing",
        "customer.email_has_its_shape",
        "customer",
        "update {table} set c_email_address = c_last_name where c_customer_sk < 100",
    ),
    postgres(
        "F47-source",
        "a column has another name",
        "sync",
        "",
        "web_sales",
        "alter table {table} rename column ws_quantity to ws_qty",
        back=("alter table web_sales rename column ws_qty to ws_quantity",),
    ),
    postgres(
        "F55",
        "a fifth of the birth years is lost: a warning, and the day publishes",
        PASSES,
        "customer.birth_year_nulls_are_usual",
        "customer",
        "update {table} set c_birth_year = null where c_customer_sk % 5 = 0",
    ),
    # The last: a column that was synced and is dropped then stops the next sync, as it should.
    postgres(
        "F47-added",
        "a column more, which nobody reads",
        PASSES,
        "",
        "web_sales",
        "alter table {table} add column ws_note varchar(10)",
        back=("alter table web_sales drop column ws_note",),
    ),
)

FAULTS = (*DUMPS, *POSTGRES)
