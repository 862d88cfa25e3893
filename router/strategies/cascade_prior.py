"""What calls of several models bring, and what their answers say about each other.

Every question of a training log is one possible truth: how the answers of every model spread, and
which is right. What has been seen of a new question says how likely each of these truths is, the
answers standing for any of its choices. Truths are weighed by task, and tilted so that what they
expect of each model is what was predicted from the question itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.cascade_tree import CascadeTruths, grow_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.strategies.cascade_calls import CascadeCall
    from router.strategies.cascade_tree import CascadeState

__all__ = ["CascadePrior"]

# Of the weight of all truths, what those of the same task have together.
TASK_WEIGHT = 0.8
# Answers added to those of a model's strategy, spread as all answers of the model are.
SMOOTHING = 2.0
BLANK_SHARE = 0.03
SHARE_MIN = 3e-4
# Shares of right answers between which truths of a task are one group.
GROUP_CUTS = (0.25, 0.75)
TILT_STEPS, TILT_MAX, TILT_SHRINK = 30, 6.0, 1e-3


@dataclass(frozen=True, eq=False)
class CascadePrior:
    """Truths of a population, and the states that calls lead to.

    Parameters
    ----------
    calls : tuple of CascadeCall
        What may be asked.
    n_choices : int
        Choices of a question.
    models : tuple of str, length k
        Who is asked.
    tasks : tuple of str, length g
        Task of each group of truths.
    size : ndarray of float64, shape (g,)
        Truths of each group.
    share_right : ndarray of float64, shape (g, k)
        Mean share of each model's answers that are right.
    states : tuple of CascadeState
        What may be known after some calls.
    task_weight : float
        What a task's own truths weigh together.

    See Also
    --------
    router.strategies.cascade_policy.CascadePolicy : what to ask next, and when to stop.
    router.strategies.vote_prior.VotePrior : the same for single votes of one model.

    Examples
    --------
    >>> from router.strategies import CascadeCall
    >>> calls = [CascadeCall("small", 1), CascadeCall("large", 1)]
    >>> answers = {("small", ""): [[0, 0], [1, 2]] * 5, ("large", ""): [[0, 0], [1, 1]] * 5}
    >>> prior = CascadePrior.fit(answers, [0, 1] * 5, ["a"] * 10, calls, n_choices=3)
    >>> len(prior.states), prior.weigh(["a"]).shape
    (5, (2, 1))
    """

    calls: tuple[CascadeCall, ...]
    n_choices: int
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    size: NDArray[np.float64]
    share_right: NDArray[np.float64]
    states: tuple[CascadeState, ...]
    task_weight: float = TASK_WEIGHT

    @classmethod
    def fit(
        cls,
        answers: Mapping[tuple[str, str], ArrayLike],
        right: ArrayLike,
        tasks: Sequence[str],
        calls: Sequence[CascadeCall],
        *,
        n_choices: int,
        calls_max: int = 2,
        task_weight: float = TASK_WEIGHT,
        smoothing: float = SMOOTHING,
    ) -> CascadePrior:
        """Learn from questions that every model answered several times.

        Parameters
        ----------
        answers : mapping of (str, str) to array_like of int, shape (n, k)
            By model and strategy, which choice each of k answers gave; anything that is no choice,
            such as -1, is no answer. Of one model and strategy a question gets k answers at most.
        right : array_like of int, shape (n,)
            The right choice of each question; -1 where none of them is.
        tasks : sequence of str, length n
            Task labels; one label for all where there are none.
        calls : sequence of CascadeCall
            What may be asked.
        n_choices : int
            Choices of a question, at least 2.
        calls_max : int, default=2
            Calls of a question at most. States, and the time to find them, grow with its power.
        task_weight : float, default=0.8
            What the truths of a task weigh together when it is asked about, from 0 to 1; all truths
            share the rest.
        smoothing : float, default=2
            Answers added to those of each model's strategy, spread as all answers of the model are.

        Returns
        -------
        CascadePrior

        Raises
        ------
        InputError
            If shapes do not match, or a call is of a model and strategy without answers, or of more
            answers than there are.
        """
        tables = {key: np.asarray(table, dtype=np.int64) for key, table in answers.items()}
        truth = np.asarray(right, dtype=np.int64)
        _check(tables, truth, tasks, calls, n_choices=n_choices)
        if not 0.0 <= task_weight <= 1.0 or not smoothing > 0.0 or calls_max < 1:
            raise InputError(
                f"task_weight {task_weight} is from 0 to 1, smoothing {smoothing} above 0 and "
                f"calls_max {calls_max} at least 1"
            )
        models = tuple(sorted({model for model, _ in tables}))
        share = np.stack([_share_right(tables, truth, model) for model in models], axis=1)
        labels = np.unique(np.asarray(tasks, dtype=str), return_inverse=True)
        kinds = np.column_stack((labels[1], np.searchsorted(GROUP_CUTS, share)))
        found, group = np.unique(kinds, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        spread = _spread(tables, n_choices, smoothing)
        truths = CascadeTruths(
            tuple(calls),
            {key: table[order] for key, table in spread.items()},
            truth[order],
            group.ravel()[order],
        )
        most = min(table.shape[1] for table in tables.values())
        size = np.bincount(truths.group).astype(np.float64)
        return cls(
            tuple(calls),
            n_choices,
            models,
            tuple(labels[0][found[:, 0]].tolist()),
            size,
            share_right=truths.gather(share[order]) / size[:, None],
            states=grow_states(truths, calls_max=calls_max, samples_max=most, share_min=SHARE_MIN),
            task_weight=task_weight,
        )

    def weigh(
        self, tasks: Sequence[str | None], expected: Mapping[str, ArrayLike] | None = None
    ) -> NDArray[np.float64]:
        """Weigh the groups of truths for questions.

        Parameters
        ----------
        tasks : sequence of str or None, length n
            Their tasks; one that was not there in training, or none, counts as all of them.
        expected : mapping of str to array_like of float, shape (n,), optional
            By model, the share of its answers that are predicted to be right, of each question:
            the truths are tilted so that they expect the same.

        Returns
        -------
        ndarray of float64, shape (g, n)
            Columns sum to 1.

        Raises
        ------
        InputError
            If a model is unknown, or a share not from 0 to 1.
        """
        own = np.array([[task == other for task in tasks] for other in self.tasks])
        everyone = self.size / self.size.sum()
        mine = own * self.size[:, None]
        known = mine.sum(axis=0)
        share = np.where(known > 0.0, self.task_weight, 0.0)
        weights = (1.0 - share) * everyone[:, None] + share * mine / np.maximum(known, 1.0)
        if not expected:
            return np.asarray(weights)
        columns, goals = [], []
        for model, values in expected.items():
            goal = np.asarray(values, dtype=np.float64)
            if model not in self.models or goal.shape != (len(tasks),):
                raise InputError(
                    f"expected {model!r} of shape {goal.shape}: one of {', '.join(self.models)} "
                    f"and {len(tasks)} shares are needed"
                )
            if not ((goal >= 0.0) & (goal <= 1.0)).all():
                raise InputError(f"expected {model!r} has shares that are not from 0 to 1")
            columns.append(self.share_right[:, self.models.index(model)])
            goals.append(goal)
        return _tilt(np.asarray(weights), np.stack(columns, axis=1), np.stack(goals, axis=1))


def _tilt(
    weights: NDArray[np.float64], values: NDArray[np.float64], goals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Tilt weights exponentially until mean values are as wanted, as nearly as they can be.

    Of all weights with these means the result is the nearest to the ones before (Csiszar 1975).
    """
    n, d = goals.shape
    slope = np.zeros((n, d))
    for _ in range(TILT_STEPS):
        tilted = weights * np.exp(values @ slope.T)
        tilted /= tilted.sum(axis=0)
        mean = tilted.T @ values
        apart = values[None] - mean[:, None]
        bend = np.einsum("gn,ngd,nge->nde", tilted, apart, apart) + TILT_SHRINK * np.eye(d)
        # What cannot be reached must not tear the slope away.
        miss = goals - mean - TILT_SHRINK * slope
        step = np.linalg.solve(bend, miss[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, 2.0 / np.maximum(np.abs(step).max(axis=1), 1e-300))[:, None]
        slope = np.clip(slope + step, -TILT_MAX, TILT_MAX)
    tilted = weights * np.exp(values @ slope.T)
    return np.asarray(tilted / tilted.sum(axis=0))


def _share_right(
    tables: Mapping[tuple[str, str], NDArray[np.int64]], right: NDArray[np.int64], model: str
) -> NDArray[np.float64]:
    """Give the share of a model's answers that are right, by question."""
    pooled = np.concatenate([table for key, table in tables.items() if key[0] == model], axis=1)
    # Where no choice is right, an answer that is none is not right either.
    hit = (pooled == right[:, None]) & (right >= 0)[:, None]
    return np.asarray(hit.mean(axis=1))


def _spread(
    tables: Mapping[tuple[str, str], NDArray[np.int64]], n_choices: int, smoothing: float
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Spread answers over choices and none, each strategy leaning on all answers of its model."""
    counts = {}
    for key, table in tables.items():
        votes = np.stack([(table == c).sum(axis=1) for c in range(n_choices)], axis=1)
        blank = table.shape[1] - votes.sum(axis=1, keepdims=True)
        counts[key] = np.concatenate((votes, blank), axis=1).astype(np.float64)
    even = np.full(n_choices + 1, (1.0 - BLANK_SHARE) / n_choices)
    even[-1] = BLANK_SHARE
    spread = {}
    for key, votes_of in counts.items():
        alike = np.stack([other for name, other in counts.items() if name[0] == key[0]])
        pool: NDArray[np.float64] = alike.sum(axis=0)
        pool = (pool + smoothing * even) / (pool.sum(axis=1, keepdims=True) + smoothing)
        spread[key] = (votes_of + smoothing * pool) / (
            votes_of.sum(axis=1, keepdims=True) + smoothing
        )
    return spread


def _check(
    tables: Mapping[tuple[str, str], NDArray[np.int64]],
    right: NDArray[np.int64],
    tasks: Sequence[str],
    calls: Sequence[CascadeCall],
    *,
    n_choices: int,
) -> None:
    """Refuse what does not belong together."""
    if n_choices < 2 or not calls or not len(right):
        raise InputError(
            f"{n_choices} choices, {len(calls)} calls and {len(right)} questions: at least 2, 1 "
            "and 1 are needed"
        )
    if len(tasks) != len(right):
        raise InputError(
            f"{len(tasks)} tasks and {len(right)} right answers: one of each is needed"
        )
    for key, table in tables.items():
        if table.ndim != 2 or len(table) != len(right):
            raise InputError(f"answers of {key} have shape {table.shape}: {len(right)} rows needed")
    for call in calls:
        key = call.model, call.strategy
        if key not in tables or not 1 <= call.samples <= tables[key].shape[1]:
            raise InputError(
                f"{call}: there are no, or not so many, answers of {key} to learn from"
            )
    if right.min() < -1 or right.max() >= n_choices:
        raise InputError(f"right answers are whole numbers from -1 to {n_choices - 1}")
