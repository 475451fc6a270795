"""The pages of Data Docs: Great Expectations' renderer under views of ours; refuses to need a network or a script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.renderer.site_builder import SiteBuilder
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, Environment, FileSystemLoader

import expectations.counting_only
import expectations.offending_rows  # noqa: F401  (registers the expectation: without it its results cannot be rendered)
from expectations.docs_of_code import TEMPLATES
from expectations.docs_runs import PAGES, SuiteLine, kept_runs, kept_suites, write_whole
from shelfgate.model import Gate

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

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = Path(folder)

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

    def _suite(self, name: str, run: str, judged_at: str) -> SuiteLine:
        for suite in kept_suites(self._folder, run):
            if f"{suite.gate}.{suite.dataset}" == name and judged_at.replace("T", " ").startswith(suite.judged_at):
                return suite
        raise LookupError(f"Data Docs: no verdict of run {run} about {name} at {judged_at}; its page is left out.")


class EvidenceView(DefaultJinjaPageView):
    """A page that stands alone: its style inside, no script, only relative links."""

    _template = "evidence.html"

    def __init__(self, custom_styles_directory: Any = None, custom_views_directory: Any = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        assert self.env.loader is not None
        self.env.loader = ChoiceLoader([FileSystemLoader(TEMPLATES), self.env.loader])


class RunsIndex:
    """The index: runs newest first, each with its gates and what failed."""

    def __init__(self, folder: str, **_: Any) -> None:
        self._folder = Path(folder)

    def build(self, build_index: bool = True) -> tuple[str, dict[str, Any]]:
        index = self._folder / "index.html"
        if build_index:
            environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
            there = {path.relative_to(self._folder).as_posix() for path in (self._folder / PAGES).rglob("*.html")}
            page = environment.get_template("index.html").render(
                runs=kept_runs(self._folder), gates=list(Gate), there=there
            )
            write_whole(index, page)
        return str(index), {}


class EvidenceSite(SiteBuilder):
    """The stock site without its 3.4 MB of pictures and fonts, which these pages do not show."""

    def build(
        self, resource_identifiers: list[Any] | None = None, build_index: bool = True
    ) -> tuple[str | None, dict[str, Any]]:
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        return self.site_index_builder.build(build_index=build_index)
