"""Generates the TPC-DS data that the sandbox replays, once a scale; refuses the network and every scale under 0.01.

Measured on two cores, idle and busy: scale 0.01 takes 1 to 4 s, scale 0.1 from 3 to 10 s, scale 1 from 25 to 50 s with
1.2 GB of memory, and leaves a file of 190 MB.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import duckdb

from shelfgate.errors import ConfigurationError

FIRST_DAY = date(1998, 1, 1)
LAST_DAY = date(2003, 1, 8)
"""The last day with sales at scale 1. At 0.1, 150 catalog lines are dated up to four days later: they never arrive."""

SMALLEST_SCALE = 0.01

# Of a sales line whose whole order has no date: it is there from the first seed on.
ARRIVES_FIRST = 0

LAYOUT = 1
"""Part of the file's name: a file made by an earlier version of this module is not mistaken for a present one."""

PRIMARY_KEYS = {
    "catalog_sales": ("cs_item_sk", "cs_order_number"),
    "web_sales": ("ws_item_sk", "ws_order_number"),
    "catalog_returns": ("cr_item_sk", "cr_order_number"),
    "web_returns": ("wr_item_sk", "wr_order_number"),
    "customer": ("c_customer_sk",),
    "customer_address": ("ca_address_sk",),
    "customer_demographics": ("cd_demo_sk",),
    "household_demographics": ("hd_demo_sk",),
    "income_band": ("ib_income_band_sk",),
    "item": ("i_item_sk",),
    "warehouse": ("w_warehouse_sk",),
    "date_dim": ("d_date_sk",),
    "promotion": ("p_promo_sk",),
    "ship_mode": ("sm_ship_mode_sk",),
}
DATED_TABLES = ("catalog_sales", "web_sales", "catalog_returns", "web_returns")
WHOLE_TABLES = tuple(table for table in PRIMARY_KEYS if table not in DATED_TABLES)

SALES_ARRIVAL = """
create table kept.{channel}_sales as
select
    *,
    coalesce({p}_sold_date_sk, min({p}_sold_date_sk) over (partition by {p}_order_number), {first}) as arrives_sk
from made.{channel}_sales
order by arrives_sk, {p}_order_number, {p}_item_sk
"""
# greatest() leaves NULLs out: a return without a date, or dated before its sale, arrives with its sale.
RETURNS_ARRIVAL = """
create table kept.{channel}_returns as
select
    returned.*,
    greatest(sold.arrives_sk, returned.{r}_returned_date_sk, {first}) as arrives_sk
from made.{channel}_returns as returned
left join kept.{channel}_sales as sold
    on returned.{r}_item_sk = sold.{p}_item_sk and returned.{r}_order_number = sold.{p}_order_number
order by arrives_sk, {r}_order_number, {r}_item_sk
"""


def day_number(day: date) -> int:
    """The day as `d_date_sk` counts it: Julian days, 2450815 for 1998-01-01."""
    return day.toordinal() + 1721425


def check_scale(scale: float) -> None:
    """Raises:
    ConfigurationError: dsdgen leaves tables empty below a hundredth.
    """
    if not scale >= SMALLEST_SCALE:
        raise ConfigurationError(f"scale {scale:g}: wanted {SMALLEST_SCALE:g} or more. Nothing was generated.")


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a DuckDB extension from its wheel: no download, nothing written to the home folder."""
    wheel = find_spec(f"duckdb_extension_{name}")
    places = wheel.submodule_search_locations if wheel is not None else None
    file = Path((places or ["."])[0], "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
    if not places or not file.exists():
        raise ConfigurationError(
            f"DuckDB {duckdb.__version__} has no extension {name} in this environment. "
            "Install the extra `sandbox` (pip install 'shelfgate[sandbox]')."
        )
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute(f"load '{quoted(file)}'")


def quoted(path: Path) -> str:
    """A path inside an SQL literal."""
    return str(path).replace("'", "''")


def generated(scale: float, folder: Path, on_progress: Callable[[str], None]) -> Path:
    """The DuckDB file of this scale, made now if it is not there: the source tables, `inventory`, and in the dated
    tables one more column `arrives_sk`, the day a row reaches its source.

    Sales, returns and inventory lie in the order of their days, so that a day's slice is read without the rest.

    Raises:
        ConfigurationError: the scale is too small, or the generator is not installed.
    """
    check_scale(scale)
    file = folder / f"tpcds-{scale:g}.v{LAYOUT}.duckdb"
    if file.exists():
        return file
    on_progress(f"generating TPC-DS at scale {scale:g}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".generating-") as work:
        unfinished = Path(work, "kept.duckdb")
        _generate(scale, Path(work, "made.duckdb"), unfinished)
        unfinished.replace(file)
    return file


def _generate(scale: float, made: Path, kept: Path) -> None:
    with duckdb.connect() as connection:
        load_extension(connection, "tpcds")
        connection.execute(f"attach '{quoted(made)}' as made")
        connection.execute(f"attach '{quoted(kept)}' as kept")
        connection.execute(f"call dsdgen(sf = {scale!r}, catalog = 'made')")
        for channel, p, r in (("catalog", "cs", "cr"), ("web", "ws", "wr")):
            connection.execute(SALES_ARRIVAL.format(channel=channel, p=p, first=ARRIVES_FIRST))
            connection.execute(RETURNS_ARRIVAL.format(channel=channel, p=p, r=r, first=ARRIVES_FIRST))
        for table in WHOLE_TABLES:
            keys = ", ".join(PRIMARY_KEYS[table])
            connection.execute(f"create table kept.{table} as from made.{table} order by {keys}")
        connection.execute(
            "create table kept.inventory as from made.inventory order by inv_date_sk, inv_item_sk, inv_warehouse_sk"
        )
