"""The protocol every claim is measured with: which questions, folds, costs and budgets.

A question's fold comes from its text alone, so identical texts share a fold and no learner is
scored on a text it trained on. Budgets lie between the mean cost of the cheapest option and that
of the best one. Inside a fold an option costs what it cost on average in the other folds.

Two forms. *Complete*: the questions that saw every option, when there are enough of them or when
these are all the questions; this is the published protocol. *Observed*: otherwise, every question
that saw at least two options, and every plan, baselines included, chooses only among the options
that the question saw; figures of this form compare with each other and with nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog

__all__ = [
    "COMPLETE_QUESTIONS_MIN",
    "FRACTIONS",
    "N_FOLDS",
    "QUESTIONS_MIN",
    "DenseView",
    "Fold",
    "assign_folds",
    "bound_budgets",
    "build_view",
    "compute_budgets",
    "iterate_folds",
]

FRACTIONS = (0.05, 0.10, 0.20, 0.40, 0.70)
N_FOLDS = 5
# Fewer scored questions say nothing: at 20 a mean of 0/1 outcomes is known to about 0.2.
QUESTIONS_MIN = 20
# With this many questions that saw every option, the complete form stands on its own although
# the log holds other questions too.
COMPLETE_QUESTIONS_MIN = 50


@dataclass(frozen=True, slots=True)
class DenseView:
    """The questions of a log that are scored, as arrays without gaps.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Positions of the questions in the log.
    texts : ndarray of object, shape (n,)
        The questions.
    groups : ndarray of object, shape (n,)
        Task labels, None where the log has none.
    folds : ndarray of int64, shape (n,)
        Fold of every question.
    quality : ndarray of float64, shape (n, m)
        Observed quality; 0 where not observed, which `allowed` keeps out of every figure.
    cost : ndarray of float64, shape (n, m)
        Observed cost, the option's mean where it is not known.
    allowed : ndarray of bool, shape (n, m)
        What was observed; all true in the complete form.
    n_costs_filled : int
        Observed pairs whose cost was filled with the option's mean.
    """

    rows: NDArray[np.int64]
    texts: NDArray[np.object_]
    groups: NDArray[np.object_]
    folds: NDArray[np.int64]
    quality: NDArray[np.float64]
    cost: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    n_costs_filled: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every question saw every option."""
        return bool(self.allowed.all())

    def mean_by_option(
        self, values: NDArray[np.float64], rows: NDArray[np.int64] | slice = slice(None)
    ) -> NDArray[np.float64]:
        """Average values over the questions that saw each option.

        Parameters
        ----------
        values : ndarray of float64, shape (n, m)
            `quality` or `cost`.
        rows : ndarray of int64 or slice
            The questions to average over; all by default.

        Returns
        -------
        ndarray of float64, shape (m,)
            An option that none of these questions saw gets its mean over all questions.
        """
        if self.is_complete:
            mean: NDArray[np.float64] = values[rows].mean(0)
            return mean
        count = self.allowed[rows].sum(0)
        total = np.where(self.allowed[rows], values[rows], 0.0).sum(0)
        everywhere = np.where(self.allowed, values, 0.0).sum(0) / np.maximum(self.allowed.sum(0), 1)
        known: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), everywhere)
        return known


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: what is scored, and what its training folds know about the options.

    Parameters
    ----------
    number : int
        From 0 to 4.
    train, test : ndarray of int64
        Positions in the view.
    mean_cost, mean_quality : ndarray of float64, shape (m,)
        Means over the training questions.
    floor : float
        Mean planned cost of the cheapest plan for the test questions; no budget is below it.
    """

    number: int
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    mean_cost: NDArray[np.float64]
    mean_quality: NDArray[np.float64]
    floor: float


def assign_folds(texts: Sequence[str]) -> NDArray[np.int64]:
    """Give every text its fold: the first 8 hex digits of a SHA-256, modulo 5.

    Parameters
    ----------
    texts : sequence of str, length n
        The questions; surrounding space and letter case do not count.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> assign_folds(["Why?", " why? ", "Who?"]).tolist()
    [2, 2, 0]
    """
    digests = (
        hashlib.sha256(text.strip().lower().encode("utf-8", "replace")).hexdigest()
        for text in texts
    )
    return np.fromiter((int(digest[:8], 16) % N_FOLDS for digest in digests), np.int64, len(texts))


def build_view(log: OutcomeLog, *, folds: NDArray[np.int64] | None = None) -> DenseView:
    """Choose the questions that are scored and lay them out as arrays.

    Parameters
    ----------
    log : OutcomeLog
        Any log with costs.
    folds : ndarray of int64, shape (q,), optional
        Fold of every question of the log, from 0 to 4; by its text if not given.

    Returns
    -------
    DenseView

    Raises
    ------
    LogError
        If there are fewer than 2 options, an option without any cost, fewer than 20 questions to
        score, only one fold, or features in place of texts.

    Examples
    --------
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"],
    ...     "option": ["a", "b"] * 20, "quality": [0.0, 1.0] * 20, "cost": [1.0, 2.0] * 20,
    ... })
    >>> view = build_view(log)
    >>> view.quality.shape, view.is_complete
    ((20, 2), True)
    """
    log.require_texts("evaluation")
    if log.n_options < 2:
        msg = f"{log.dataset}: the log has {log.n_options} option: at least 2 are needed"
        raise LogError(msg)
    mean_cost = log.mean_costs()
    if np.isnan(mean_cost).any():
        nameless = log.options[int(np.isnan(mean_cost).argmax())].name
        msg = f"{log.dataset}: option {nameless!r} has no cost in any row: one at least is needed"
        raise LogError(msg)
    quality = log.to_matrix(log.quality)
    observed = ~np.isnan(quality)
    rows = _choose_questions(observed, log.dataset)
    chosen = assign_folds([log.texts[row] for row in rows]) if folds is None else folds[rows]
    if len(np.unique(chosen)) < 2:
        different = "texts" if folds is None else "tasks"
        msg = f"{log.dataset}: all {len(rows)} questions fall in one fold: two different "
        raise LogError(msg + f"{different} are needed")
    cost = log.to_matrix(log.cost)[rows]
    allowed = observed[rows]
    return DenseView(
        rows=rows,
        texts=_to_object([log.texts[row] for row in rows]),
        groups=_to_object([log.groups[row] for row in rows]),
        folds=chosen,
        quality=np.nan_to_num(quality[rows]),
        # Sums run along columns as in the published protocol, whose budgets would otherwise differ
        # in the last digit; where all questions tie, that moves a plan by one of them.
        cost=np.asfortranarray(_fill_costs(cost, mean_cost)),
        allowed=allowed,
        n_costs_filled=int((np.isnan(cost) & allowed).sum()),
    )


def _choose_questions(observed: NDArray[np.bool_], dataset: str) -> NDArray[np.int64]:
    """Take the complete questions where they suffice, else all with something to choose."""
    complete = observed.all(1)
    n_complete = int(complete.sum())
    if n_complete < COMPLETE_QUESTIONS_MIN and n_complete < len(observed):
        complete = observed.sum(1) >= 2
    rows = np.flatnonzero(complete)
    if len(rows) < QUESTIONS_MIN:
        msg = f"{dataset}: {len(rows)} questions saw at least 2 options: at least {QUESTIONS_MIN} "
        raise LogError(msg + "are needed")
    return rows


def _fill_costs(cost: NDArray[np.float64], log_mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill gaps with the option's mean over these questions, else over the whole log."""
    missing = np.isnan(cost)
    if not missing.any():
        return cost
    count = (~missing).sum(0)
    mean = np.where(count > 0, np.nansum(cost, axis=0) / np.maximum(count, 1), log_mean)
    return np.where(missing, mean, cost)


def _to_object(items: Sequence[str | None]) -> NDArray[np.object_]:
    """Lay texts out so that they can be picked by position."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def compute_budgets(view: DenseView) -> NDArray[np.float64]:
    r"""Compute the budgets, as mean cost a question.

    .. math:: B_f = c_{\text{cheapest}} + f\,(c_{\text{best}} - c_{\text{cheapest}})

    with the mean costs of the cheapest option and of the one with the best mean quality. In the
    observed form both are averaged over what each question saw: its cheapest option, and its
    option of best mean quality.

    Parameters
    ----------
    view : DenseView
        The questions.

    Returns
    -------
    ndarray of float64, shape (5,)
        One budget for every entry of ``FRACTIONS``.

    Examples
    --------
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"],
    ...     "option": ["a", "b"] * 20, "quality": [0.0, 1.0] * 20, "cost": [1.0, 2.0] * 20,
    ... })
    >>> compute_budgets(build_view(log)).round(2).tolist()
    [1.05, 1.1, 1.2, 1.4, 1.7]
    """
    low, high = bound_budgets(view)
    return np.array([low + fraction * (high - low) for fraction in FRACTIONS])


def bound_budgets(view: DenseView) -> tuple[float, float]:
    """Say what the cheapest option and the best one cost on average.

    Parameters
    ----------
    view : DenseView
        The questions.

    Returns
    -------
    cheapest : float
        Mean cost a question of the cheapest option; in the observed form of what each saw.
    best : float
        The same of the option with the best mean quality.
    """
    cost, quality = view.mean_by_option(view.cost), view.mean_by_option(view.quality)
    if view.is_complete:
        return cost.min(), cost[quality.argmax()]
    low = np.where(view.allowed, cost, np.inf).min(1).mean()
    return low, cost[np.where(view.allowed, quality, -np.inf).argmax(1)].mean()


def iterate_folds(view: DenseView) -> Iterator[Fold]:
    """Walk over the folds that hold questions.

    Parameters
    ----------
    view : DenseView
        The questions.

    Yields
    ------
    Fold

    Examples
    --------
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"],
    ...     "option": ["a", "b"] * 20, "quality": [0.0, 1.0] * 20, "cost": [1.0, 2.0] * 20,
    ... })
    >>> sum(len(fold.test) for fold in iterate_folds(build_view(log)))
    20
    """
    for number in range(N_FOLDS):
        train, test = np.flatnonzero(view.folds != number), np.flatnonzero(view.folds == number)
        if not len(test):
            continue
        mean_cost = view.mean_by_option(view.cost, train)
        if view.is_complete:
            floor = mean_cost.min()
        else:
            floor = np.where(view.allowed[test], mean_cost, np.inf).min(1).mean()
        mean_quality = view.mean_by_option(view.quality, train)
        yield Fold(number, train, test, mean_cost, mean_quality, float(floor))
