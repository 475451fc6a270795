"""Data Docs stand alone: every link leads to a file on disk, nothing is fetched, the newest runs are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from expectations.data_docs.code_verdicts import with_pages
from expectations.data_docs.run_history import keep_verdict
from expectations.data_docs.site import build
from shelfgate.model import CheckResult, Gate, Severity, SuiteResult, Verdict, Waiver
from tests.support.evidence import MORNING, judge_run, run_id

DAY = date(2002, 12, 28)


class Page(HTMLParser):
    """What a page refers to, and its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "action", "data", "poster"} and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.add(value)
            assert not name.startswith("on"), f"{tag} {name}={value}"

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "data-docs"


def test_pages_fetch_nothing_and_every_link_leads_to_a_file(site: Path) -> None:
    judge_run(site, 0)
    judge_run(site, 1, quantity=5000, weight=5000)
    build(site)

    pages = sorted(site.rglob("*.html"))

    assert len(pages) == 4
    for path in pages:
        page = Page(path)
        assert page.tags.isdisjoint({"script", "iframe", "img", "object", "form"})
        assert "@import" not in path.read_text()
        assert "url(" not in path.read_text()
        for link in page.links:
            file, _, anchor = link.partition("#")
            if link == "data:,":
                continue
            assert not file.startswith(("http:", "https:", "//", "/", "javascript:")), f"{path.name}: {link}"
            target = (path.parent / unquote(file)).resolve() if file else path
            assert target.is_file(), f"{path.name}: {link}"
            assert target.is_relative_to(site)
            assert not anchor or anchor in Page(target).ids, f"{path.name}: {link}"


def test_the_page_stands_where_the_verdict_says(site: Path) -> None:
    verdicts = judge_run(site)
    build(site, run_id(0))

    for verdict in verdicts:
        for suite in verdict.suites:
            assert suite.docs_path is not None
            assert (site / suite.docs_path).is_file()


def test_a_closed_gate_shows_first_what_closed_it(site: Path) -> None:
    (verdict,) = judge_run(site, quantity=5000, weight=5000)
    build(site, run_id(0))

    page = Page(site / str(verdict.suites[0].docs_path)).words
    index = Page(site / "index.html").words

    assert "1 of 4 checks close the gate, 1 more warn" in page
    assert "3 offending rows, first: item 0, quantity 5000" in page
    assert "0..1000 <pieces>" in page
    assert "mend stock_is_possible" in page
    assert page.index("stock_is_possible") < page.index("weight_is_usual") < page.index("rows_seen")
    assert "stock_is_possible: 3 offending rows" in " ".join(index.split())


def test_a_warning_is_shown_and_leaves_the_gate_open(site: Path) -> None:
    verdict, _ = judge_run(site, weight=5000)
    build(site, run_id(0))

    page = Page(site / str(verdict.suites[0].docs_path)).words

    assert verdict.open
    assert "Open, 1 warning" in page
    assert "Closed" not in page


def test_a_gate_that_saw_no_row_is_shown_as_closed(site: Path) -> None:
    (verdict,) = judge_run(site, rows=0)
    build(site, run_id(0))

    assert "No row was seen" in Page(site / str(verdict.suites[0].docs_path)).words


def test_only_the_newest_runs_are_kept_and_the_index_shows_them_newest_first(site: Path) -> None:
    for number in range(4):
        judge_run(site, number)
        build(site, run_id(number), keep=2)

    words = (site / "index.html").read_text()
    left = {name for name in map(run_id, range(4)) for path in site.rglob("*") if name in path.as_posix()}

    assert left == {run_id(2), run_id(3)}
    assert words.index(run_id(3)) < words.index(run_id(2))
    assert len(list(site.rglob("validations/**/*.html"))) == 4


def test_building_one_run_leaves_the_pages_of_the_others_alone(site: Path) -> None:
    judge_run(site, 0)
    build(site, run_id(0))
    before = {path: path.stat().st_mtime_ns for path in site.rglob("validations/**/*.html")}
    judge_run(site, 1)
    build(site, run_id(1))

    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_run_without_evidence_builds_an_index_and_no_page(site: Path) -> None:
    judge_run(site, 0)

    build(site, "a run whose windows could not be read")

    assert (site / "index.html").is_file()
    assert not list(site.rglob("validations/**/*.html"))


def test_a_verdict_of_plain_code_has_a_page_like_the_others(site: Path) -> None:
    landed, marts = judge_run(site, 0)
    judged_at = MORNING + timedelta(minutes=5)
    checks = (
        CheckResult.critical("readers_see_the_candidate", True, "a1", "a1"),
        CheckResult.critical("one_publication_everywhere", False, "pub-1, pub-2", "pub-2", "`shelfgate rollback`"),
    )
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", 5, checks)
    verdict = with_pages(
        Verdict(Gate.PUBLISHED, run_id(0), landed.business_date, (suite,), ("marts",), marts.data_digest), judged_at
    )
    keep_verdict(site, verdict, judged_at)
    build(site, run_id(0))

    file = site / str(verdict.suites[0].docs_path)
    page, index = Page(file), Page(site / "index.html")

    assert "pub-1, pub-2" in page.words
    assert "as Great Expectations renders it" not in page.words
    assert (file.parent / page.links[-1]).resolve() == site / "index.html"
    assert f"{verdict.suites[0].docs_path}#one_publication_everywhere" in index.links
    assert "one_publication_everywhere" in page.ids


def test_a_waived_failure_is_told_in_the_headline_and_the_index(site: Path) -> None:
    waiver = Waiver("marts.sums_agree", "marts", "2002-12-28", "known", "A. B.", DAY, DAY, 9.0)
    waived = CheckResult("sums_agree", Severity.CRITICAL, False, "2", "0", observed=2.0, waivable=True, waiver=waiver)
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", 5, (waived,))
    verdict = with_pages(Verdict(Gate.PUBLISHED, run_id(0), DAY, (suite,), ("marts",)), MORNING)
    keep_verdict(site, verdict, MORNING)
    build(site, run_id(0))

    page = Page(site / str(verdict.suites[0].docs_path)).words
    index = Page(site / "index.html").words

    assert verdict.open
    assert "Open, 1 waived" in page
    assert "1 of 1 checks failed and would close the gate: only a waiver keeps it open" in " ".join(page.split())
    assert "published gate, marts: open, 1 waived" in " ".join(page.split()).lower()
    assert index.count("open, 1 waived") == 2


def test_markup_in_what_was_observed_is_shown_and_not_obeyed(site: Path) -> None:
    hostile = "<script>alert(1)</script> <img src=x onerror=alert(1)> \x1b[2J"
    (verdict,) = judge_run(site, quantity=5000, item=hostile)
    build(site, run_id(0))

    page, index = Page(site / str(verdict.suites[0].docs_path)), Page(site / "index.html")

    for one in (page, index):
        assert "<script>alert(1)</script>" in one.words
        assert one.tags.isdisjoint({"script", "img"})


def test_the_page_of_plain_code_goes_when_its_run_goes(site: Path) -> None:
    for number in range(3):
        verdict = with_pages(_of_code(number), MORNING + timedelta(days=number))
        keep_verdict(site, verdict, MORNING + timedelta(days=number))
        build(site, run_id(number), keep=2)

    assert sorted(path.parent.parent.name for path in site.rglob("verdict-*.html")) == [run_id(1), run_id(2)]


def _of_code(number: int) -> Verdict:
    check = CheckResult.critical("readers_see_the_candidate", True, "a1", "a1")
    suite = SuiteResult.of_code(Gate.PUBLISHED, "marts", 5, (check,))
    return Verdict(Gate.PUBLISHED, run_id(number), date(2002, 12, 28), (suite,), ("marts",))


ELSEWHERE = """
import os, sys, time
from pathlib import Path
from expectations.data_docs.site import build
from tests.support.evidence import judge_run
for zone in ("Asia/Tokyo", "America/New_York"):
    os.environ["TZ"] = zone
    time.tzset()
    folder = Path(sys.argv[1]) / zone / "data-docs"
    folder.parent.mkdir(parents=True)
    verdicts = judge_run(folder, 0) + judge_run(folder, 1, weight=5000)
    build(folder)
    missing = [s.docs_path for v in verdicts for s in v.suites if not (folder / s.docs_path).is_file()]
    assert not missing, (zone, missing)
"""


def test_pages_are_complete_in_every_time_zone(tmp_path: Path) -> None:
    home = tmp_path / "Grüße aus Köln"
    environment = {**os.environ, "LANG": "C", "LC_ALL": "C"}

    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(home)], env=environment, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    pages = list(home.rglob(f"validations/landing/*/{run_id(0)}/*/*.html"))
    assert len(pages) == 2
    assert all("judged <b>2002-12-29 06:00:00</b> UTC" in page.read_text("utf-8") for page in pages)


def test_a_page_that_cannot_be_made_is_said_in_one_line(site: Path) -> None:
    judge_run(site, 0)
    (kept,) = site.rglob("*-landing.json")
    kept.unlink()
    said: list[str] = []

    build(site, warn=said.append)

    (line,) = said
    assert line.startswith(f"Data Docs: no page for landing.inventory of run {run_id(0)}: LookupError: no verdict")
    assert "2002-12-29 06:00:00 UTC" in line
    assert "\n" not in line
    assert len(list(site.rglob("validations/**/*.html"))) == 1
    assert (site / "index.html").is_file()
