"""The pages of Data Docs: Great Expectations' renderer under views of ours; refuses to need a network or a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier
from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

import expectations.checks.counting_checks
import expectations.checks.offending_rows  # noqa: F401  (registers the expectation: without it its results cannot be rendered)
from expectations.data_docs.code_verdicts import TEMPLATES
from expectations.data_docs.run_history import PAGES, SuiteLine, kept_runs, kept_suites, write_whole
from shelfgate.model import Gate
from shelfgate.redaction import withhold_values

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult


class EvidencePage(RenderedDocumentContent):
    """What Great Expectations renders of one result, below what the gate made of it."""

    def __init__(self, rendered: RenderedDocumentContent, suite: SuiteLine, about: dict[str, Any]) -> None:
        super().__init__(
            # Its overview calls a failed warning "Failed" and links to suite pages that nobody builds.
            sections=[one for one in rendered.sections if one.section_name != "Overview"],
            renderer_type=rendered.renderer_type,
            expectation_suite_name=rendered.expectation_suite_name,
        )
        self._shown = {"suite": suite, **about}

    def to_json_dict(self) -> dict[str, Any]:
        return {**super().to_json_dict(), **self._shown}


class EvidenceRenderer(ValidationResultsPageRenderer):
    """The stock renderer, with the gate's verdict. `folder` is the site's."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def render(
        self, validation_results: ExpectationSuiteValidationResult, suite_parameters: Any = None
    ) -> RenderedDocumentContent:
        meta: dict[str, Any] = dict(validation_results.meta)
        configurations = [one.expectation_config for one in validation_results.results]
        about = {
            "window": (meta.get("batch_spec") or {}).get("query", ""),
            "sentences": {c.meta["check_id"]: c.description for c in configurations if c and c.meta},
            "measured": {c.meta["check_id"]: c.meta.get("evidence", "") for c in configurations if c and c.meta},
        }
        suite = self._suite(validation_results.suite_name, meta["run_id"]["run_name"], meta["run_id"]["run_time"])
        return EvidencePage(super().render(validation_results, suite_parameters), suite, about)

    def _suite(self, name: str, run: str, run_time: str) -> SuiteLine:
        # Great Expectations reads moments back in the zone of this machine.
        judged_at = datetime.fromisoformat(run_time).astimezone(UTC)
        for suite in kept_suites(self._folder, run):
            if f"{suite.gate}.{suite.dataset}" == name and suite.judged_at_second == judged_at.replace(microsecond=0):
                return suite
        raise LookupError(f"no verdict of this suite at {judged_at:%Y-%m-%d %H:%M:%S} UTC is kept")


class EvidenceView(DefaultJinjaPageView):
    """A page that stands alone: its style inside, no script, only relative links."""

    _template = "evidence.html"

    def __init__(self, custom_styles_directory: Any = None, custom_views_directory: Any = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        assert self.env.loader is not None
        self.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), self.env.loader])


def write_evidence_pages(folder: Path, store: Any, run_id: str | None, warn: Callable[[str], None]) -> None:
    """Write the page of every result in `store`, or of those of one run; one that cannot be made is left out."""
    renderer, view = EvidenceRenderer(folder), EvidenceView()
    for key in store.list_keys():
        if not isinstance(key, ValidationResultIdentifier) or run_id not in (None, key.run_id.run_name):
            continue
        name, run = key.expectation_suite_identifier.name, key.run_id.run_name
        page = folder / PAGES / f"{'/'.join(key.to_tuple())}.html"
        try:
            rendered = view.render(renderer.render(store.get(key)), show_how_to_buttons=False)
            page.parent.mkdir(parents=True, exist_ok=True)
            write_whole(page, rendered)
        except Exception as error:  # noqa: BLE001  (one page less must not cost the others)
            warn(
                f"Data Docs: no page for {name} of run {run}: {type(error).__name__}: {withhold_values(str(error))}. "
                "The other pages are complete; ops.gate_result has the verdict. Report it, with this line."
            )


def write_index(folder: Path) -> Path:
    """The index: runs newest first, each with its gates and what failed."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    there = {path.relative_to(folder).as_posix() for path in (folder / PAGES).rglob("*.html")}
    page = environment.get_template("index.html").render(runs=kept_runs(folder), gates=list(Gate), there=there)
    write_whole(folder / "index.html", page)
    return folder / "index.html"
