"""Lists of changes to half of the rows, against every change there is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from router.allocation.halves_many import Moves, list_half


def draw_moves(n_rows: int, n_options: int, *, seed: int) -> Moves:
    """Draw losses, with ties, and steps of three budgets; rows start from their best option."""
    chance = np.random.default_rng([seed, n_rows, n_options])
    loss = np.round(chance.random((n_rows, n_options)), 1 + seed % 3)
    loss -= loss.min(axis=1, keepdims=True)
    step = chance.integers(-50, 51, (n_rows, n_options, 3))
    step -= step[np.arange(n_rows), loss.argmin(axis=1)][:, None, :].copy()
    return Moves(loss, step)


@pytest.mark.parametrize("states_max", [3, 40, 10_000])
def test_all_changes_below_the_reach_are_listed_once(states_max: int) -> None:
    """The list holds exactly the changes below its reach and perhaps a few above."""
    for seed in range(6):
        moves = draw_moves(5, 4, seed=seed)
        rows = np.array([4, 0, 2])
        half = list_half(moves, rows, 1.2, states_max)
        assert half.reach <= 1.2
        start = moves.loss.argmin(axis=1)
        listed = {}
        for state in range(len(half.lost)):
            choices = start.copy()
            half.apply(state, choices, 4)
            assert (choices[[1, 3]] == start[[1, 3]]).all()
            assert half.lost[state] == pytest.approx(moves.loss[np.arange(5), choices].sum())
            assert (half.step[state] == moves.step[np.arange(5), choices].sum(axis=0)).all()
            listed[tuple(choices[rows].tolist())] = half.lost[state]
        assert len(listed) == len(half.lost)
        below = {
            options
            for options in product(range(4), repeat=3)
            if moves.loss[rows, options].sum() < half.reach - 1e-9
        }
        assert below <= set(listed)
        if states_max >= 64:
            assert half.reach == 1.2


def test_lists_stay_near_the_length_asked_for() -> None:
    """Of astronomically many changes about as many are listed as were asked for."""
    for seed in range(3):
        moves = draw_moves(60, 8, seed=seed)
        half = list_half(moves, np.arange(60), 20.0, 500)
        assert 1 <= len(half.lost) <= 500 * 8
        assert half.reach < 20.0


def test_no_rows_have_one_change() -> None:
    """Without rows there is the one change of changing nothing, up to the limit."""
    half = list_half(draw_moves(2, 3, seed=0), np.zeros(0, dtype=np.int64), 0.5, 10)
    assert (half.lost.tolist(), half.step.tolist(), half.reach) == ([0.0], [[0, 0, 0]], 0.5)
