"""The window on a large problem: what it drops is decided, what it finds is the least dual."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.checks import check_problem
from router.allocation.dual import find_bracket
from router.allocation.reader import CHEAPEST, RICHEST, Reader
from router.allocation.window import Window
from tests.contracts.allocators import KINDS, draw


def _open(kind: str, prices: tuple[float, float]) -> tuple[Window, float, float]:
    """Open a window between two prices; the least dual and its price come from one block."""
    x = draw(kind, 400, 6, seed=5)
    whole = check_problem(x.quality, x.cost, None, None)
    block = whole.block()
    cheapest, richest = block.plan(block.cheapest()), block.plan(block.richest())
    bracket = find_bracket(block, x.budget, cheapest, richest)
    opened = Reader.open(whole)
    lean, rich = opened.choose([bracket.price * prices[1], bracket.price * prices[0]])[0]
    ends = (bracket.price * prices[1], lean), (bracket.price * prices[0], rich)
    return Window.open(opened, x.budget, *ends), bracket.bound, bracket.price


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prices", [(RICHEST, CHEAPEST), (0.8, 1.1), (0.5, CHEAPEST)])
def test_the_least_dual_is_found(kind: str, prices: tuple[float, float]) -> None:
    """Narrowed to no row at all, the window ends at the minimum of the dual."""
    window, bound, price = _open(kind, prices)
    window.narrow(0)
    assert window.found
    assert window.bound == pytest.approx(bound, rel=1e-12)
    assert window.price == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_rows_are_decided(kind: str) -> None:
    """A row out of view keeps an option that no other beats at the price sought."""
    window, _, price = _open(kind, (0.7, 1.3))
    window.narrow(20)
    block = window.reader.problem.block()
    decided = np.ones(400, dtype=bool)
    if not window.found:
        assert len(window) <= 20
        decided[window.rows] = False
    scores = block.scores(price)
    kept = scores[np.arange(400), window.choices][decided]
    assert kept == pytest.approx(scores.max(axis=1)[decided], abs=1e-12)


def test_totals_cover_all_rows() -> None:
    """Gain and spend of both plans stay those of all rows while rows leave the view."""
    window, _, _ = _open("noisy", (0.5, 2.0))
    window.narrow(40)
    block = window.reader.block(slice(None))
    for plan in (window.lean, window.rich):
        window.decide(plan.choices)
        assert block.plan(window.choices).spend == plan.spend
        assert block.plan(window.choices).units == plan.units
    assert window.lean.spend <= window.budget < window.rich.spend
