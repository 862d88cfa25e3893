"""Calls of a cascade: what is read off their answers, and how likely it is."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.cascade_calls import compute_leads, list_levels, read_leader


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_leads_are_as_often_as_drawn(rng: np.random.Generator, samples: int) -> None:
    """Chances of leaders and levels are the shares in which drawn answers show them."""
    spread = np.array([[0.5, 0.3, 0.15, 0.05]])
    found = compute_leads(spread, samples)[0]
    n_draws = 20_000
    drawn = rng.choice(4, (n_draws, samples), p=spread[0]).tolist()
    seen = np.zeros_like(found)
    levels = list_levels(samples)
    for answers in drawn:
        leader, level = read_leader([None if one == 3 else one for one in answers])
        if leader is not None:
            seen[leader, levels.index(level)] += 1.0 / n_draws
    assert seen == pytest.approx(found, abs=4.5 * 0.5 / np.sqrt(n_draws))


def test_leads_and_silence_are_everything() -> None:
    """Whatever leads, and no answer at all, have a chance of one together."""
    spread = np.array([[0.4, 0.4, 0.2], [0.1, 0.1, 0.8]])
    for samples in (1, 2, 7):
        silent = spread[:, 2] ** samples
        assert compute_leads(spread, samples).sum(axis=(1, 2)) + silent == pytest.approx(1.0)


def test_ties_go_to_the_first_to_come() -> None:
    """Of answers with as many votes the first leads, and nothing that is no answer counts."""
    assert read_leader(["C", "A", "A", "C"]) == ("C", 1)
    assert read_leader([None, "A", None]) == ("A", 0)


def test_too_many_samples_are_refused() -> None:
    """More ways for answers to fall than can be listed are refused, with their number."""
    with pytest.raises(InputError, match="take fewer samples"):
        compute_leads(np.full((1, 6), 1 / 6), 60)
