"""Data Docs in a browser without a network: nothing is fetched, nothing complains, failed checks are seen at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations.data_docs.site import build
from tests.support.chromium import PROGRAM, Tab, chromium
from tests.support.evidence import judge_run

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
    pytest.mark.xdist_group("browser"),
]

ABOVE_THE_FOLD = "(() => {{ const box = document.querySelector('{0}').getBoundingClientRect(); return box.bottom; }})()"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "data-docs"
    judge_run(folder, 0)
    judge_run(folder, 1, weight=5000)
    judge_run(folder, 2, quantity=5000, weight=5000)
    build(folder)
    return folder


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def test_every_page_asks_for_nothing_but_itself_and_the_console_stays_empty(site: Path, tab: Tab) -> None:
    pages = [site / "index.html", *sorted(site.rglob("validations/**/*.html"))]
    assert len(pages) == 6

    for page in pages:
        tab.open(page)

        assert [one for one in tab.requests if not one.startswith("data:")] == [page.as_uri()]
        assert tab.complaints == []


def test_the_index_shows_a_closed_gate_at_once_and_leads_to_its_check(site: Path, tab: Tab) -> None:
    tab.open(site / "index.html")

    assert tab.evaluate("innerHeight") >= 600
    assert tab.evaluate(ABOVE_THE_FOLD.format("ul.failed li")) < tab.evaluate("innerHeight")
    assert "offending rows" in tab.evaluate("document.querySelector('ul.failed li').innerText")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")

    target = tab.evaluate("document.querySelector('ul.failed a').getAttribute('href')")
    tab.open(site / target.partition("#")[0])
    assert tab.evaluate(f"document.getElementById('{target.partition('#')[2]}').className") == "closes"


def test_a_closed_gates_page_shows_on_its_first_screen_what_closed_it(site: Path, tab: Tab) -> None:
    (page,) = site.rglob("validations/landing/inventory/*2/*/*.html")
    tab.open(page)

    assert tab.evaluate(ABOVE_THE_FOLD.format("tr.closes")) < tab.evaluate("innerHeight")
    assert tab.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") == "6px"
    assert tab.evaluate("document.querySelector('header.top a').href") == (site / "index.html").as_uri()


@pytest.fixture
def narrow(tab: Tab) -> Iterator[Tab]:
    """As wide as a telephone."""
    tab.resize(390, 844)
    yield tab
    tab.resize(1360, 900)


BEYOND_THE_EDGE = """
[...document.querySelectorAll('td, th, .verdict, h1, ul.failed li')]
    .map(one => [one.getBoundingClientRect(), one.innerText])
    .filter(([box]) => box.width && (box.right > innerWidth || box.left < 0))
    .map(([box, text]) => text)
"""


def test_a_narrow_screen_shows_every_column(site: Path, narrow: Tab, tmp_path: Path) -> None:
    (page,) = site.rglob("validations/landing/inventory/*2/*/*.html")
    for path in (site / "index.html", page):
        narrow.open(path)
        narrow.screenshot(tmp_path / f"{path.stem}.png")

        assert narrow.evaluate("document.documentElement.scrollWidth") <= 390
        assert narrow.evaluate(BEYOND_THE_EDGE) == []

    closed = narrow.evaluate("document.querySelector('tr.closes').innerText")
    assert "3 offending rows" in closed
    assert "0..1000 <pieces>" in closed
    assert "What to do: mend stock_is_possible" in closed
    assert narrow.evaluate(ABOVE_THE_FOLD.format("tr.closes")) < narrow.evaluate("innerHeight")
