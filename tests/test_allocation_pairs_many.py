"""Pairs of changes under several budgets, against every pair."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.halves_many import Half
from router.allocation.pairs_many import match_halves


def draw_half(n_states: int, n_budgets: int, spread: int, chance: np.random.Generator) -> Half:
    """Draw changes without a history."""
    return Half(
        np.round(chance.random(n_states), 2),
        chance.integers(-spread, spread + 1, (n_states, n_budgets)),
        np.full(n_states, -1),
        np.full(n_states, -1),
        1.0,
    )


@pytest.mark.parametrize("n_budgets", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("spread", [3, 1000, 10**15])
def test_the_best_pair_is_found(n_budgets: int, spread: int) -> None:
    """Whatever the limit, the pair found loses as little as the best of all pairs."""
    for seed in range(8):
        chance = np.random.default_rng([seed, n_budgets])
        first, second = (draw_half(60, n_budgets, spread, chance) for _ in range(2))
        room = chance.integers(-spread, spread + 1, n_budgets)
        prices = chance.random(n_budgets) / spread
        if seed % 2:
            prices[0] = 0.0
        unspent = room - first.step[:, None, :] - second.step
        total = first.lost[:, None] + second.lost + unspent @ prices
        total[(unspent < 0).any(axis=2)] = np.inf
        for limit in (0.05, 0.5, 2.0, 9.0):
            match = match_halves((first, second), room, prices, limit, 10**6)
            if total.min() >= limit:
                assert match.pair is None
                assert match.lost == limit
            else:
                assert match.pair is not None
                assert match.lost == pytest.approx(total.min(), abs=1e-9)
                assert total[match.pair] == pytest.approx(total.min(), abs=1e-9)


def test_too_many_pairs_are_only_counted() -> None:
    """Where more pairs would be compared than allowed, none is, and their number is returned."""
    chance = np.random.default_rng(0)
    first, second = (draw_half(50, 2, 10, chance) for _ in range(2))
    match = match_halves((first, second), np.array([30, 30]), np.zeros(2), 2.0, 100)
    assert (match.pair, match.lost) == (None, 2.0)
    assert match.compared == 2500
