"""What the next answers of a question will be, and whether the leader is right, from its votes.

Every question of a training log is one possible truth: how its answers are spread, and which of
them is right. What has been seen of a new question says how likely each of these truths is, with
its answers in any order; a task's own questions count for more than the others. There is nothing
to fit and nothing to tune by question.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.vote_counts import VoteCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["VoteOutlook", "VotePrior"]

# Of the weight of all truths, what those of the same task have together.
TASK_WEIGHT = 0.8
# Answers that every choice is given beside those that were seen, spread over all choices.
SMOOTHING = 3.0
CHUNK_STATES = 1024


@dataclass(frozen=True)
class VoteOutlook:
    """What to expect from every count of votes on.

    Parameters
    ----------
    counts : VoteCounts
        The s counts.
    next_vote : ndarray of float64, shape (s, n_choices)
        Probability that the next vote goes to each position of the count, of votes that are cast.
    right : ndarray of float64, shape (s, n_choices)
        Probability that the answer at each position is the right one.
    blank : float
        Share of answers that are no vote, as those that could not be read.
    """

    counts: VoteCounts
    next_vote: NDArray[np.float64]
    right: NDArray[np.float64]
    blank: float = 0.0

    @property
    def leader_right(self) -> NDArray[np.float64]:
        """Probability that the leader is right, ties broken by lot, shape (s,)."""
        leaders = self.counts.leaders
        right: NDArray[np.float64] = (self.right * leaders).sum(axis=1) / leaders.sum(axis=1)
        return right


@dataclass(frozen=True)
class VotePrior:
    """Truths of a population, weighed by task.

    Parameters
    ----------
    counts : VoteCounts
        What is looked up.
    tasks : tuple of str, length t
        Tasks of the training questions.
    n_questions : ndarray of int64, shape (t,)
        How many of each.
    likelihood : ndarray of float64, shape (t, s)
        Probability of each count, summed over the task's questions and all orders of its answers.
    next_vote, right : ndarray of float64, shape (t, s, n_choices)
        The same, times the probability that the next vote goes to a position, and that the position
        holds the right answer.
    blank : ndarray of float64, shape (t,)
        Share of answers that are no vote.
    task_weight : float
        What a task's own questions weigh together.

    See Also
    --------
    router.strategies.vote_policy.VotePolicy : when to stop.

    References
    ----------
    .. [1] Aggarwal, P. et al., "Let's sample step by step: adaptive-consistency for efficient
       reasoning and coding with LLMs", EMNLP 2023: the stopping rules that look at the votes alone,
       which this is measured against.

    Examples
    --------
    Questions on which all answers agree teach that one vote tells everything.

    >>> prior = VotePrior.fit([[20, 0], [0, 20], [20, 0]], [0, 1, 0], ["a", "a", "a"], 2)
    >>> outlook = prior.look("a")
    >>> bool(outlook.leader_right[1] > 0.9)
    True
    """

    counts: VoteCounts
    tasks: tuple[str, ...]
    n_questions: NDArray[np.int64]
    likelihood: NDArray[np.float64]
    next_vote: NDArray[np.float64]
    right: NDArray[np.float64]
    blank: NDArray[np.float64]
    task_weight: float = TASK_WEIGHT

    @classmethod
    def fit(
        cls,
        votes: ArrayLike,
        right: ArrayLike,
        tasks: Sequence[str],
        n_votes_max: int,
        *,
        blanks: ArrayLike | None = None,
        task_weight: float = TASK_WEIGHT,
        smoothing: float = SMOOTHING,
    ) -> VotePrior:
        """Learn from questions that were answered many times.

        Parameters
        ----------
        votes : array_like of int, shape (n, n_choices)
            How often each choice was answered; some dozens a question.
        right : array_like of int, shape (n,)
            Which choice is right; -1 where none of them is.
        tasks : sequence of str, length n
            Task labels; one label for all where there are none.
        n_votes_max : int
            Up to how many votes are looked ahead.
        blanks : array_like of int, shape (n,), optional
            How many answers were no vote; none by default.
        task_weight : float, default=0.8
            What the questions of a task weigh together when it is asked about, from 0 to 1; all
            questions share the rest.
        smoothing : float, default=3
            Answers added to every question, spread over its choices.

        Returns
        -------
        VotePrior

        Raises
        ------
        InputError
            If shapes do not match, a count is negative, or a right answer is none of the choices.
        """
        table, answer, blank = _check(votes, right, tasks, blanks)
        counts = VoteCounts(table.shape[1], n_votes_max)
        if not 0.0 <= task_weight <= 1.0 or not smoothing > 0.0:
            raise InputError(
                f"task_weight {task_weight} is from 0 to 1, smoothing {smoothing} above 0"
            )
        names = tuple(sorted(set(tasks)))
        labels = np.array([names.index(task) for task in tasks])
        total = table.sum(axis=1, keepdims=True)
        spread = (table + smoothing / table.shape[1]) / (total + smoothing)
        sums = [
            _sum_truths(counts, spread[labels == row], answer[labels == row])
            for row in range(len(names))
        ]
        likelihood, next_vote, holds = (np.stack(part) for part in zip(*sums, strict=True))
        asked = np.bincount(labels, total[:, 0] + blank, len(names))
        return cls(
            counts,
            names,
            np.bincount(labels, minlength=len(names)),
            likelihood=likelihood,
            next_vote=next_vote,
            right=holds,
            # A task whose answers were none of them votes may still bring one, however dear.
            blank=np.minimum(
                np.bincount(labels, blank, len(names)) / np.maximum(asked, 1.0),
                asked / (asked + 1.0),
            ),
            task_weight=task_weight,
        )

    def look(self, task: str | None = None) -> VoteOutlook:
        """Say what to expect of a question.

        Parameters
        ----------
        task : str, optional
            Its task; one that was not there in training, or none, counts as all of them.

        Returns
        -------
        VoteOutlook
        """
        weights = np.full(len(self.tasks), 1.0 / self.n_questions.sum())
        blank = float(self.blank @ self.n_questions / self.n_questions.sum())
        if task in self.tasks:
            row = self.tasks.index(task)
            weights *= 1.0 - self.task_weight
            weights[row] += self.task_weight / self.n_questions[row]
            blank = float(self.blank[row])
        likelihood = (weights @ self.likelihood)[:, None]
        return VoteOutlook(
            self.counts,
            np.tensordot(weights, self.next_vote, 1) / likelihood,
            np.tensordot(weights, self.right, 1) / likelihood,
            blank,
        )


def _check(
    votes: ArrayLike, right: ArrayLike, tasks: Sequence[str], blanks: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Refuse what does not belong together."""
    table = np.asarray(votes, dtype=np.float64)
    answer = np.asarray(right)
    blank = np.zeros(len(table)) if blanks is None else np.asarray(blanks, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise InputError(f"votes have shape {table.shape}: (n, n_choices) with n > 0 is needed")
    if not len(table) == len(answer) == len(tasks) == len(blank):
        raise InputError(
            f"{len(table)} rows of votes, {len(answer)} right answers, {len(tasks)} tasks and "
            f"{len(blank)} blanks: one of each a question is needed"
        )
    if not np.isfinite(table).all() or table.min() < 0 or blank.min() < 0:
        raise InputError("votes and blanks are finite and not negative")
    if answer.dtype.kind not in "iu" or answer.min() < -1 or answer.max() >= table.shape[1]:
        raise InputError(f"right answers are whole numbers from -1 to {table.shape[1] - 1}")
    return table, answer.astype(np.int64), blank


def _sum_truths(
    counts: VoteCounts, spread: NDArray[np.float64], right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sum the probabilities of every count over questions and all orders of their answers."""
    orders = np.array(list(permutations(range(counts.n_choices))))
    truths = spread[:, orders].reshape(-1, counts.n_choices)
    holds_right = (orders[None] == right[:, None, None]).reshape(truths.shape).astype(np.float64)
    logarithms = np.log(truths).T
    likelihood = np.zeros(len(counts))
    next_vote = np.zeros((len(counts), counts.n_choices))
    holds = np.zeros_like(next_vote)
    for first in range(0, len(counts), CHUNK_STATES):
        rows = slice(first, first + CHUNK_STATES)
        chance = np.exp(counts.states[rows] @ logarithms)
        likelihood[rows] = chance.sum(axis=1)
        next_vote[rows] = chance @ truths
        holds[rows] = chance @ holds_right
    return likelihood, next_vote, holds
