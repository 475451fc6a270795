"""What several commands take alike."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from shelfgate.environment import home_folder, refuse_empty_settings

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
    """Where this machine keeps its estate and its warehouse.

    Raises:
        ConfigurationError: a setting of the environment is empty, or the home cannot be one.
    """
    refuse_empty_settings(os.environ, "the environment")
    return home_folder()
