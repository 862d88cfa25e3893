"""What may be known of a question after some calls, and how likely each answer then is right.

A state is what was asked and what came: which answer led each call, by the order in which answers
were seen first, and how far its answers agreed. Its numbers are kept by group of truths, so that
the states of all questions are the same and only the weights of the groups differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.strategies.cascade_calls import compute_leads, list_levels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.strategies.cascade_calls import CascadeCall

    _Waiting = tuple[NDArray[np.float64], tuple[int, ...], tuple[int, int, int] | None]

__all__ = ["CascadeBranch", "CascadeState", "CascadeTruths", "grow_states"]


@dataclass(frozen=True, eq=False)
class CascadeTruths:
    """Questions whose answers are known, each one possible truth about another question.

    Parameters
    ----------
    calls : tuple of CascadeCall, length m
        What may be asked.
    spread : mapping of (str, str) to ndarray, shape (n, c + 1)
        By model and strategy how answers spread over c choices and, at last, none.
    right : ndarray of int64, shape (n,)
        The right choice; -1 where none is.
    group : ndarray of int64, shape (n,)
        Group of each, rising.
    """

    calls: tuple[CascadeCall, ...]
    spread: Mapping[tuple[str, str], NDArray[np.float64]]
    right: NDArray[np.int64]
    group: NDArray[np.int64]

    @cached_property
    def levels(self) -> list[list[int]]:
        """Levels of agreement of every call."""
        return [list_levels(call.samples) for call in self.calls]

    @cached_property
    def columns(self) -> list[int]:
        """Where the levels of every call begin."""
        return [0, *np.cumsum([len(levels) for levels in self.levels]).tolist()]

    @cached_property
    def leads(self) -> NDArray[np.float64]:
        """How likely each choice leads each call at each level, shape (n, c, columns)."""
        return np.concatenate(
            [
                compute_leads(self.spread[call.model, call.strategy], call.samples)
                for call in self.calls
            ],
            axis=2,
        )

    @cached_property
    def blank(self) -> NDArray[np.float64]:
        """How likely each call brings no answer, shape (n, m)."""
        bounds = zip(self.columns[:-1], self.columns[1:], strict=True)
        led = [self.leads[:, :, slice(*bound)].sum(axis=(1, 2)) for bound in bounds]
        return np.maximum(1.0 - np.stack(led, axis=1), 0.0)

    @cached_property
    def is_right(self) -> NDArray[np.float64]:
        """Which choice is right, shape (n, c)."""
        held: NDArray[np.float64] = np.equal.outer(self.right, np.arange(self.leads.shape[1]))
        return held.astype(np.float64)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each group begins."""
        return np.searchsorted(self.group, np.arange(self.group[-1] + 1))

    def gather(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the truths of each group."""
        summed: NDArray[np.float64] = np.add.reduceat(values, self.starts, axis=0)
        return summed


class CascadeBranch(NamedTuple):
    """What may come of a call.

    Parameters
    ----------
    letter : int
        Which answer leads, by first appearance; the next number for a new one, -1 for none.
    level : int
        How far the answers agree.
    mass : ndarray of float64, shape (n_groups,)
        Probability that it comes, by group.
    right : ndarray of float64, shape (letters + 1, n_groups)
        The same, each answer seen by then being right; at last any one that was not seen.
    state : int
        Which state it leads to; -1 where nothing further is planned.
    """

    letter: int
    level: int
    mass: NDArray[np.float64]
    right: NDArray[np.float64]
    state: int = -1


@dataclass(frozen=True, eq=False)
class CascadeState:
    """What is known after some calls.

    Parameters
    ----------
    mass : ndarray of float64, shape (n_groups,)
        Probability to come here, by group.
    right : ndarray of float64, shape (letters + 1, n_groups)
        The same, each answer being right; at last any one answer that was not seen.
    branches : dict of int to list of CascadeBranch
        By call that may follow, what may come of it.
    """

    mass: NDArray[np.float64]
    right: NDArray[np.float64]
    branches: dict[int, list[CascadeBranch]] = field(default_factory=dict)

    @property
    def n_letters(self) -> int:
        """How many answers were seen."""
        return len(self.right) - 1


def grow_states(
    truths: CascadeTruths, *, calls_max: int, samples_max: int, share_min: float
) -> tuple[CascadeState, ...]:
    """List the states that calls lead to.

    Parameters
    ----------
    truths : CascadeTruths
        What may be.
    calls_max : int
        Calls of a question at most.
    samples_max : int
        Answers of one model and strategy at most.
    share_min : float
        What comes more rarely than this is not planned further.

    Returns
    -------
    tuple of CascadeState
        The first is that nothing is known; every state stands before those it leads to.
    """
    states: list[CascadeState] = []
    size = np.bincount(truths.group).astype(np.float64)
    share = size / size.sum()
    # Weights of the truths, calls made, and the state, call and branch that lead there.
    waiting: list[_Waiting] = [(1.0 / size[truths.group], (), None)]
    while waiting:
        weight, asked, door = waiting.pop()
        state = _look(truths, weight, _list_open(truths.calls, asked, samples_max))
        if door is not None:
            parent, call, place = door
            branches = states[parent].branches[call]
            branches[place] = branches[place]._replace(state=len(states))
        states.append(state)
        if len(asked) + 1 >= calls_max:
            continue
        for call, branches in state.branches.items():
            for place, branch in enumerate(branches):
                if branch.mass @ share > share_min:
                    after = _weigh(truths, weight, call, branch)
                    waiting.append((after, (*asked, call), (len(states) - 1, call, place)))
    return tuple(states)


def _list_open(calls: Sequence[CascadeCall], asked: Sequence[int], samples_max: int) -> list[int]:
    """List the calls that may still follow."""
    used: dict[tuple[str, str], int] = {}
    for place in asked:
        key = calls[place].model, calls[place].strategy
        used[key] = used.get(key, 0) + calls[place].samples
    return [
        place
        for place, call in enumerate(calls)
        if used.get((call.model, call.strategy), 0) + call.samples <= samples_max
    ]


def _look(truths: CascadeTruths, weight: NDArray[np.float64], calls: Sequence[int]) -> CascadeState:
    """Sum up a state: weights by truth, and by which of its choices each answer seen stands for."""
    n_letters, n_choices = weight.ndim - 1, truths.leads.shape[1]
    held = [weight, *(weight * _stretch(truths.is_right, n_letters, j) for j in range(n_letters))]
    rows = np.stack([_split_by_leader(part, n_choices) for part in held], axis=1)
    joint = truths.gather(rows @ truths.leads[:, None])
    new_right = truths.gather(
        np.einsum("nc,ncl->nl", rows[:, 0, -1] * truths.is_right, truths.leads)
    )
    whole = np.stack([part.reshape(len(part), -1).sum(axis=1) for part in held], axis=1)
    silent = truths.gather(whole[:, :, None] * truths.blank[:, None])
    summed = truths.gather(whole)

    def rate(parts: NDArray[np.float64], found: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Give the mass in which each answer is right, those seen first."""
        seen = list(parts[:, 1:].T) if found is None else [*parts[:, 1:].T, found]
        rest = np.maximum(parts[:, 0] - sum(seen, np.zeros(len(parts))), 0.0)
        return np.stack([*seen, rest / max(n_choices - len(seen), 1) * (n_choices > len(seen))])

    state = CascadeState(summed[:, 0], rate(summed, None))
    for call in calls:
        branches = [CascadeBranch(-1, 0, silent[:, 0, call], rate(silent[:, :, call], None))]
        for letter in range(min(n_letters + 1, n_choices)):
            for place, level in enumerate(truths.levels[call]):
                column = truths.columns[call] + place
                parts = joint[:, :, letter, column]
                right = rate(parts, new_right[:, column] if letter == n_letters else None)
                branches.append(CascadeBranch(letter, level, parts[:, 0], right))
        state.branches[call] = branches
    return state


def _split_by_leader(weight: NDArray[np.float64], n_choices: int) -> NDArray[np.float64]:
    """Split weights by the choice that each answer seen stands for, and at last those not seen.

    Gives shape (n, letters + 1, c).
    """
    letters = range(1, weight.ndim)
    seen = [weight.sum(axis=tuple(a for a in letters if a != one)) for one in letters]
    whole = weight.reshape(len(weight), -1).sum(axis=1)[:, None].repeat(n_choices, axis=1)
    return np.stack([*seen, np.maximum(whole - sum(seen, np.zeros_like(whole)), 0.0)], axis=1)


def _weigh(
    truths: CascadeTruths, weight: NDArray[np.float64], call: int, branch: CascadeBranch
) -> NDArray[np.float64]:
    """Weigh the truths anew by what came of a call."""
    n_letters, n_choices = weight.ndim - 1, truths.leads.shape[1]
    if branch.letter < 0:
        return weight * truths.blank[:, call].reshape(-1, *[1] * n_letters)
    column = truths.columns[call] + truths.levels[call].index(branch.level)
    lead = truths.leads[:, :, column]
    if branch.letter < n_letters:
        return weight * _stretch(lead, n_letters, branch.letter)
    after = weight[..., None] * _stretch(lead, n_letters + 1, n_letters)
    for other in range(n_letters):
        # A new answer is none of those seen.
        shape = [1] * (n_letters + 2)
        shape[1 + other] = shape[-1] = n_choices
        after = after * (1.0 - np.eye(n_choices)).reshape(shape)
    return after


def _stretch(values: NDArray[np.float64], n_letters: int, letter: int) -> NDArray[np.float64]:
    """Lay values by truth and choice along the axis of one answer."""
    shape = [len(values), *[1] * n_letters]
    shape[1 + letter] = values.shape[1]
    return values.reshape(shape)
