"""Data Docs of verdicts that plain code gave: the published gate, a gate that crashed; refuses to judge anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from expectations.data_docs.run_history import MOMENT, kept_suites, write_whole
from shelfgate.model import Verdict

# The stock templates load Bootstrap, jQuery, Vega, icons and a logo from eight hosts: without a network they show an
# unstyled page and an empty index. These stand before them.
TEMPLATES = Path(__file__).parent / "templates"
_OF_CODE = "verdict-"


def with_pages(verdict: Verdict, judged_at: datetime) -> Verdict:
    """The verdict with the place of a page for every suite that has none: Great Expectations knows nothing of it."""
    suites = (
        suite
        if suite.docs_path
        else replace(
            suite,
            docs_path=f"validations/{suite.gate}/{suite.dataset}/{verdict.run_id}/{judged_at:{MOMENT}}/"
            f"{_OF_CODE}{suite.gate}.{suite.dataset}.html",
        )
        for suite in verdict.suites
    )
    return replace(verdict, suites=tuple(suites))


def write_pages(folder: Path, run_id: str) -> None:
    """Write the pages that Great Expectations has no evidence for, from the verdicts that were kept."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    template = environment.get_template("evidence.html")
    for suite in kept_suites(folder, run_id):
        if suite.page is None or not Path(suite.page).name.startswith(_OF_CODE):
            continue
        page = folder / suite.page
        page.parent.mkdir(parents=True, exist_ok=True)
        name = f"{suite.gate}.{suite.dataset}"
        write_whole(page, template.render(suite=suite, expectation_suite_name=name, sentences={}, measured={}))
