"""The page of a forecast."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from importlib import util
from typing import TYPE_CHECKING, Any

import pytest

from router.evaluation.forecast import forecast
from router.evaluation.forecast_page import render_page
from router.evaluation.forecast_text import judge, render_forecast
from router.exceptions import MissingExtraError
from router.logs import read_log
from tests.test_evaluation_forecast import learn_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from router.evaluation.forecast import Forecast

VOID = {"meta", "path", "use", "rect", "br", "circle"}


@pytest.fixture(scope="module")
def found(repository_root: Path) -> Forecast:
    """Forecast the shipped sample."""
    log = read_log(repository_root / "examples" / "sample_log.csv")
    return forecast(log, policy="staged", learner=learn_tasks, n_bootstrap=100)


class Reader(HTMLParser):
    """Holds which elements are open, and what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"} and not (value or "").startswith("#"):
                self.outside.append(f"{tag} {value}")

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.words.append(data)


def test_the_page_is_whole_and_needs_nothing_else(found: Forecast) -> None:
    """Elements close in order, nothing is loaded, and all five pictures are there."""
    page = render_page(found)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.outside == []
    assert "<script" not in page
    assert page.count("<svg") == 5
    assert judge(found) in " ".join(reader.words)


def test_the_same_forecast_gives_the_same_page(found: Forecast) -> None:
    """Nothing on the page depends on when it was made."""
    assert render_page(found) == render_page(found)


def test_names_cannot_change_the_page(found: Forecast) -> None:
    """Names from a log are shown as they are, never read as HTML."""
    wicked = replace(found, dataset="<script>alert(1)</script>", notes=("<b>bold</b>",))
    page = render_page(wicked)
    assert "<script>" not in page
    assert "&lt;b&gt;bold" in page


def test_text_and_page_say_the_same(found: Forecast) -> None:
    """The verdict and every budget's quality stand in both."""
    text, page = render_forecast(found), render_page(found)
    assert judge(found) in text
    for row in found.budgets:
        assert f"{row.find('staged').quality:.4f}" in text
        assert f"{row.find('staged').quality:.3f}" in page


def test_a_missing_extra_is_named(found: Forecast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib the page names the extra that brings it."""
    real: Any = util.find_spec
    monkeypatch.setattr(
        "router.evaluation.forecast_pictures.find_spec",
        lambda name: None if name == "matplotlib" else real(name),
    )
    with pytest.raises(MissingExtraError, match=r"\[report\]"):
        render_page(found)
