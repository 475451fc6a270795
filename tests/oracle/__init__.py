"""What the published tables must contain, worked out from the sources alone; refuses to read what dbt built."""

from tests.oracle.by_hand import weekly_by_hand
from tests.oracle.comparison import Difference, Example, attached, compare
from tests.oracle.contract import COLUMNS, KEYS, NOT_KNOWN
from tests.oracle.customers import apply_day, digest_faults, dim_customer
from tests.oracle.source import Dump, Source, UnusableSource, from_database, from_postgres, generate, put_in_force
from tests.oracle.tables import (
    Table,
    customer_row,
    dim_date,
    dim_item,
    dim_warehouse,
    dim_week,
    fct_daily_sales,
    fct_weekly_sales_inventory,
    quarantined_return_lines,
    quarantined_sales_lines,
)

__all__ = [
    "COLUMNS",
    "KEYS",
    "NOT_KNOWN",
    "Difference",
    "Dump",
    "Example",
    "Source",
    "Table",
    "UnusableSource",
    "apply_day",
    "attached",
    "compare",
    "customer_row",
    "digest_faults",
    "dim_customer",
    "dim_date",
    "dim_item",
    "dim_warehouse",
    "dim_week",
    "fct_daily_sales",
    "fct_weekly_sales_inventory",
    "from_database",
    "from_postgres",
    "generate",
    "put_in_force",
    "quarantined_return_lines",
    "quarantined_sales_lines",
    "weekly_by_hand",
]
