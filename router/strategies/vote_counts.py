"""Vote counts: how often answers were given, whatever the answers are.

Which letter leads says nothing that the counts do not, so counts are kept in falling order: with
four choices and up to 32 votes there are some thousand of them, and a policy is a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["VoteCounts"]

CHOICES_MAX = 6
STATES_MAX = 200_000


@dataclass(frozen=True)
class VoteCounts:
    """All counts of up to so many votes over so many choices, in falling order.

    Parameters
    ----------
    n_choices : int
        From 2 to 6.
    n_votes_max : int
        At least 1.

    Raises
    ------
    InputError
        If a number is out of range, or there would be more than 200,000 counts.

    Examples
    --------
    >>> counts = VoteCounts(2, 2)
    >>> counts.states.tolist()
    [[0, 0], [1, 0], [1, 1], [2, 0]]
    >>> counts.successors.tolist()
    [[1, 1], [3, 2], [-1, -1], [-1, -1]]
    """

    n_choices: int
    n_votes_max: int
    states: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """List the counts, fewest votes first."""
        if not 2 <= self.n_choices <= CHOICES_MAX:
            raise InputError(f"n_choices is {self.n_choices}: allowed are 2 to {CHOICES_MAX}")
        if self.n_votes_max < 1:
            raise InputError(f"n_votes_max is {self.n_votes_max}: at least 1 is needed")
        states = np.zeros((1, 0), dtype=np.int64)
        for _ in range(self.n_choices):
            states = self._extend(states)
        order = np.lexsort((*states.T[::-1], states.sum(axis=1)))
        object.__setattr__(self, "states", states[order])

    def _extend(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """Append every count that is no larger than the last and still fits."""
        if states.shape[1]:
            room = np.minimum(states[:, -1], self.n_votes_max - states.sum(axis=1))
        else:
            room = np.full(1, self.n_votes_max)
        total = int(room.sum()) + len(room)
        if total > STATES_MAX:
            raise InputError(
                f"{self.n_choices} choices and {self.n_votes_max} votes give more than "
                f"{STATES_MAX} counts: take fewer votes"
            )
        last = np.concatenate([np.arange(most + 1) for most in room.tolist()])
        return np.column_stack((np.repeat(states, room + 1, axis=0), last))

    def __len__(self) -> int:
        """Count the counts."""
        return len(self.states)

    @cached_property
    def n_votes(self) -> NDArray[np.int64]:
        """Number of votes in each count, shape (s,)."""
        votes: NDArray[np.int64] = self.states.sum(axis=1)
        return votes

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Where the counts of 0, 1, 2, ... votes begin, and at last their number."""
        return np.searchsorted(self.n_votes, np.arange(self.n_votes_max + 2))

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """One number a count, rising with its place."""
        return self._encode(self.states)

    def _encode(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """Write counts as numbers that are ordered as they are."""
        base = self.n_votes_max + 1
        powers = base ** np.arange(self.n_choices - 1, -1, -1)
        encoded: NDArray[np.int64] = states.sum(axis=-1) * base**self.n_choices + states @ powers
        return encoded

    def find(self, counts: ArrayLike) -> NDArray[np.int64]:
        """Find counts, in whatever order they are.

        Parameters
        ----------
        counts : array_like of int, shape (..., n_choices)
            Not negative.

        Returns
        -------
        ndarray of int64, shape (...)
            Their places in :attr:`states`.

        Raises
        ------
        InputError
            If one has another number of choices, or more votes.

        Examples
        --------
        >>> VoteCounts(3, 4).find([[0, 2, 1]]).tolist()
        [5]
        """
        given = np.asarray(counts, dtype=np.int64)
        if given.shape[-1:] != (self.n_choices,):
            raise InputError(f"counts have shape {given.shape}: {self.n_choices} choices are known")
        if given.size and (given.min() < 0 or given.sum(axis=-1).max() > self.n_votes_max):
            raise InputError(f"counts hold from 0 to {self.n_votes_max} votes together")
        ordered = -np.sort(-given, axis=-1)
        return np.searchsorted(self._keys, self._encode(ordered))

    @cached_property
    def successors(self) -> NDArray[np.int64]:
        """Where one more vote for each position leads, shape (s, n_choices); -1 past the end."""
        successors = np.full(self.states.shape, -1, dtype=np.int64)
        inner = np.flatnonzero(self.n_votes < self.n_votes_max)
        for position in range(self.n_choices):
            more = self.states[inner].copy()
            more[:, position] += 1
            successors[inner, position] = self.find(more)
        return successors

    @cached_property
    def leaders(self) -> NDArray[np.bool_]:
        """Which positions lead, alone or with others, shape (s, n_choices)."""
        leaders: NDArray[np.bool_] = self.states == self.states[:, :1]
        return leaders
