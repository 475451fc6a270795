"""What several commands take alike."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object on standard output.")


class Day(click.DateTime):
    """A calendar day, YYYY-MM-DD."""

    name = "date"

    def __init__(self) -> None:
        super().__init__(formats=["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        return found.date() if isinstance(found, datetime) else found


def home() -> Path:
    """Where this machine keeps its estate and its warehouse."""
    return Path(os.environ.get("SHELFGATE_HOME", ".shelfgate"))
