"""Calls of a cascade: who is asked for how many answers, and what is looked at when they come.

Of the answers of one call two things are kept: which of them leads, and how far they agree. That is
little enough for a table, and most of what they say.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

__all__ = ["CascadeCall", "compute_leads", "list_levels", "read_leader"]

# Shares of a call's answers from which on its leader is a weak, a fair, a clear or a sure one.
AGREEMENT_CUTS = (0.5, 0.7, 0.9)
COUNTS_MAX = 200_000
CHUNK_COUNTS = 2048
ROUNDING = 1e-9


class CascadeCall(NamedTuple):
    """One call: so many answers of a model, which read the question once.

    Parameters
    ----------
    model : str
        Who answers.
    samples : int, default=1
        Answers of the call.
    strategy : str, default=""
        How it is asked, such as the name of a prompt.
    """

    model: str
    samples: int = 1
    strategy: str = ""


def read_leader(answers: Sequence[Hashable]) -> tuple[Hashable, int]:
    """Say which answer leads, and how far the call's answers agree.

    Parameters
    ----------
    answers : sequence of hashable
        All of one call, in the order in which they came; None for what is no answer.

    Returns
    -------
    leader : hashable
        Of those with the most votes the first to come; None where there is no answer.
    level : int
        How many of the shares .5, .7 and .9 of all answers it has.

    Examples
    --------
    >>> read_leader(["B", "A", "A"]), read_leader([7]), read_leader([None, None])
    (('A', 1), (7, 3), (None, 0))
    """
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return None, 0
    # Counters keep the order of first appearance, and answers come in any order: a fair lot.
    leader, most = votes.most_common(1)[0]
    return leader, _rate(most / len(answers))


def list_levels(samples: int) -> list[int]:
    """List the levels of agreement that a call of so many answers can have.

    Parameters
    ----------
    samples : int
        At least 1.

    Returns
    -------
    list of int
        Rising.

    Examples
    --------
    >>> list_levels(1), list_levels(3), list_levels(10)
    ([3], [0, 1, 3], [0, 1, 2, 3])
    """
    return sorted({_rate(most / samples) for most in range(1, samples + 1)})


def compute_leads(spread: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Compute how likely each choice leads a call, by level of agreement.

    Parameters
    ----------
    spread : ndarray of float64, shape (n, c + 1)
        Probabilities of c choices and, at last, of no answer; all above 0.
    samples : int
        Answers of the call.

    Returns
    -------
    ndarray of float64, shape (n, c, n_levels)
        Levels as :func:`list_levels` gives them. Ties are broken by lot; what is missing to one is
        the chance that there is no answer at all.

    Raises
    ------
    InputError
        If there are more than 200,000 ways for the answers to fall.

    Examples
    --------
    >>> compute_leads(np.array([[0.6, 0.3, 0.1]]), 1)[0, :, 0].round(3).tolist()
    [0.6, 0.3]
    """
    n_choices = spread.shape[1] - 1
    n_counts = comb(samples + n_choices, n_choices)
    if n_counts > COUNTS_MAX:
        raise InputError(
            f"{samples} samples of {n_choices} choices fall in {n_counts} ways: at most "
            f"{COUNTS_MAX} are allowed, so take fewer samples"
        )
    levels = list_levels(samples)
    counts = _list_counts(samples, n_choices + 1)
    logarithms = np.log(spread)
    leads = np.zeros((len(spread), n_choices, len(levels)))
    factorials = np.concatenate(([0.0], np.log(np.arange(1.0, samples + 1.0)).cumsum()))
    ways = factorials[samples] - factorials[counts].sum(axis=1)
    for first in range(0, len(counts), CHUNK_COUNTS):
        part = counts[first : first + CHUNK_COUNTS]
        chance = np.exp(logarithms @ part.T + ways[first : first + CHUNK_COUNTS])
        most = part[:, :-1].max(axis=1)
        leading = (part[:, :-1] == most[:, None]) & (most > 0)[:, None]
        share = leading / np.maximum(leading.sum(axis=1), 1)[:, None]
        level = np.array([_rate(value / samples) for value in most.tolist()])
        for place, reached in enumerate(levels):
            leads[:, :, place] += chance @ (share * (level == reached)[:, None])
    return leads


def _rate(share: float) -> int:
    """Count the cuts that a share reaches."""
    return sum(share >= cut - ROUNDING for cut in AGREEMENT_CUTS)


def _list_counts(total: int, n_parts: int) -> NDArray[np.int64]:
    """List all ways to split a total into parts."""
    bars = np.array(list(combinations(range(total + n_parts - 1), n_parts - 1)), dtype=np.int64)
    edges = np.column_stack((np.full(len(bars), -1), bars, np.full(len(bars), total + n_parts - 1)))
    counts: NDArray[np.int64] = np.diff(edges, axis=1) - 1
    return counts
