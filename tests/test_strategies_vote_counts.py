"""Vote counts: all of them, found again in any order, and linked to those one vote further."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.vote_counts import VoteCounts


@pytest.mark.parametrize(("n_choices", "n_votes_max"), [(2, 1), (2, 9), (3, 6), (5, 4)])
def test_counts_are_all_there_once(n_choices: int, n_votes_max: int) -> None:
    """Every tally of so many votes is one of the counts, and each count is one place."""
    counts = VoteCounts(n_choices, n_votes_max)
    tallies = {
        tuple(sorted(tally, reverse=True))
        for tally in product(range(n_votes_max + 1), repeat=n_choices)
        if sum(tally) <= n_votes_max
    }
    assert [tuple(row) for row in counts.states.tolist()] == sorted(
        tallies, key=lambda tally: (sum(tally), tally)
    )
    np.testing.assert_array_equal(counts.find(counts.states), np.arange(len(counts)))
    np.testing.assert_array_equal(counts.find(counts.states[:, ::-1]), np.arange(len(counts)))


def test_numbers_of_counts_are_the_known_ones() -> None:
    """Up to 32 votes over four and five choices there are as many as has been published."""
    assert (len(VoteCounts(4, 32)), len(VoteCounts(5, 32))) == (3396, 6905)


def test_successors_have_one_vote_more() -> None:
    """Each step leads to the count with one more vote, and past the last none does."""
    counts = VoteCounts(3, 5)
    for place, state in enumerate(counts.states):
        for position in range(3):
            after = counts.successors[place, position]
            if state.sum() == 5:
                assert after == -1
            else:
                more = state + np.eye(3, dtype=np.int64)[position]
                assert counts.states[after].tolist() == sorted(more.tolist(), reverse=True)


def test_bounds_part_the_counts_by_votes() -> None:
    """Between two bounds all counts have the same number of votes."""
    counts = VoteCounts(3, 4)
    for n_votes in range(5):
        rows = slice(*counts.bounds[n_votes : n_votes + 2])
        assert set(counts.n_votes[rows].tolist()) == {n_votes}
    assert counts.bounds[-1] == len(counts)


@pytest.mark.parametrize(
    ("n_choices", "n_votes_max", "words"),
    [(1, 4, "2 to 6"), (7, 4, "2 to 6"), (3, 0, "at least 1"), (6, 100, "fewer votes")],
)
def test_impossible_counts_are_refused(n_choices: int, n_votes_max: int, words: str) -> None:
    """What is out of range is named, and so is what would not fit into memory."""
    with pytest.raises(InputError, match=words):
        VoteCounts(n_choices, n_votes_max)


@pytest.mark.parametrize("votes", [[1, 1], [3, 3, 0], [-1, 1, 0], [[1, 0, 0, 0]]])
def test_unknown_count_is_refused(votes: list[int]) -> None:
    """Another number of choices, too many votes and negative ones are refused."""
    with pytest.raises(InputError):
        VoteCounts(3, 5).find(votes)
