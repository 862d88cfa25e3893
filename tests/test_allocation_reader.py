"""Passes over a large problem: every part's choices and totals are those of one dense block."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation import reader
from router.allocation.checks import check_problem
from router.allocation.problem import Problem
from router.allocation.reader import CHEAPEST, RICHEST, Reader, check_part
from tests.contracts.allocators import KINDS, draw


def _problem(kind: str, *, masked: bool, shared: bool = False) -> Problem:
    """Draw a problem of 57 rows, one with weights and forbidden options where it is masked."""
    x = draw(kind, 57, 6, seed=3)
    mask = np.random.default_rng(3).random(x.quality.shape) < 0.7
    mask[:, 2] = True
    return check_problem(
        x.quality,
        x.cost[0] if shared else x.cost,
        np.linspace(0.5, 2.0, 57) if masked else None,
        mask if masked else None,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_parts_choose_what_the_block_chooses(
    monkeypatch: pytest.MonkeyPatch, kind: str, *, masked: bool, shared: bool
) -> None:
    """Choices and totals of a pass in parts are those of the block of the same rows."""
    monkeypatch.setattr(reader, "PART_ELEMENTS", 30)
    whole = _problem(kind, masked=masked, shared=shared)
    opened = Reader.open(whole)
    for rows in (None, np.arange(3, 57, 4)):
        block = whole.block(slice(None) if rows is None else rows, scale=opened.scale)
        prices = [RICHEST, 1e-4, 1e-3, CHEAPEST]
        given = np.full(len(block), 2)
        expected = [block.richest(), block.best_at(1e-4), block.best_at(1e-3), block.cheapest()]
        plans, total = opened.choose(prices, rows, given)
        for plan, choices in zip(plans, expected, strict=True):
            assert plan.choices.tolist() == choices.tolist()
            assert plan.spend == block.plan(choices).spend
            assert plan.units == block.plan(choices).units
        assert total.spends[-1] == block.plan(given).spend
        assert total.units[-1] == block.plan(given).units
        if rows is None:
            assert total.least == plans[-1].spend
            assert not total.faulty


def test_totals_do_not_depend_on_parts_threads_or_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in another order, other parts and another thread have the same totals."""
    x = draw("noisy", 500, 6, seed=0)
    order = np.random.default_rng(1).permutation(500)
    totals = set()
    for part_elements, threaded in ((1 << 16, 1 << 21), (6, 0), (100, 0), (999, 1 << 21)):
        monkeypatch.setattr(reader, "PART_ELEMENTS", part_elements)
        monkeypatch.setattr(reader, "THREADED_ELEMENTS", threaded)
        for rows in (np.arange(500), order):
            opened = Reader.open(check_problem(x.quality[rows], x.cost[rows], None, None))
            totals.add(opened.choose([1e-3, 2e-3])[1])
    assert len(totals) == 1


@pytest.mark.parametrize("weight", [0.0, 1e-300, 1.0, 1e6, 1e300])
def test_totals_fit_and_are_fine(weight: float) -> None:
    """Whatever the weights, totals fit 64 bits and are off by far less than a trillionth."""
    x = draw("noisy", 1000, 4, seed=0)
    opened = Reader.open(check_problem(x.quality, x.cost, np.full(1000, weight), None))
    ((_, units, _),) = opened.choose([RICHEST])[0]
    assert units < 2**63
    assert units / opened.scale == pytest.approx(weight * x.quality.max(axis=1).sum(), rel=1e-14)


def test_threads_hand_on_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in one part ends the pass."""
    monkeypatch.setattr(reader, "PART_ELEMENTS", 6)
    monkeypatch.setattr(reader, "THREADED_ELEMENTS", 0)

    def fail(part: slice) -> None:
        """Fail on one part."""
        if part.start == 3:
            raise ZeroDivisionError

    opened = Reader.open(_problem("noisy", masked=False))
    with pytest.raises(ZeroDivisionError):
        opened.map_parts(fail, 57)


@pytest.mark.parametrize(
    ("place", "entry", "right"),
    [("quality", np.nan, False), ("quality", 1.01, False), ("quality", -0.0, True)],
)
def test_entries_are_checked_where_asked(place: str, entry: float, *, right: bool) -> None:
    """A wrong entry is reported, unless all were checked before."""
    x = draw("noisy", 20, 4, seed=0)
    getattr(x, place)[7, 1] = entry
    checked = Problem(x.quality, x.cost)
    unchecked = Problem(x.quality, x.cost, unchecked=True)
    assert not check_part(checked, slice(0, 20))[1]
    assert check_part(unchecked, slice(0, 20))[1] != right
    assert not check_part(unchecked, slice(8, 20))[1]
