"""The split-half oracle: planned on one half of the runs, scored on the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.protocol import compute_budgets, iterate_folds
from router.exceptions import InputError
from router.scoring import can_be_halved, draw_halves, knapsack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["draw_log_halves", "explain_no_halves", "score_halves"]

N_SPLITS = 4

Halves = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def explain_no_halves(log: OutcomeLog, view: DenseView) -> str | None:
    """Say why the rows of a log cannot be split in halves, or nothing where they can.

    Parameters
    ----------
    log : OutcomeLog
        With the number of runs of every row.
    view : DenseView
        The questions that are scored.

    Returns
    -------
    str or None
    """
    if not view.is_complete:
        return "not every question saw every option"
    trials = log.to_matrix(log.trials.astype(np.float64))[view.rows]
    if (trials < 2).any():
        return f"{(trials < 2).mean():.0%} of the rows are single runs"
    whole = can_be_halved(view.quality, trials)
    if not whole.all():
        return (
            f"{1 - whole.mean():.0%} of the rows are no mean of 0/1 runs: quality times trials is "
            "not whole"
        )
    return None


def draw_log_halves(
    log: OutcomeLog, view: DenseView, *, seed: int = 0, n_splits: int = N_SPLITS
) -> Iterator[Halves]:
    """Draw splits of a log's runs into halves.

    Parameters
    ----------
    log : OutcomeLog
        With rows that can be halved.
    view : DenseView
        The questions that are scored.
    seed : int, default=0
        Seed of the draws.
    n_splits : int, default=4
        How many.

    Yields
    ------
    tuple of ndarray of float64, shape (n, m)
        Quality in the first half and in the second.

    Raises
    ------
    InputError
        If a row cannot be halved.
    """
    trials = log.to_matrix(log.trials.astype(np.float64))[view.rows]
    for number in range(n_splits):
        yield draw_halves(view.quality, trials.astype(np.int64), seed=seed + number)


def score_halves(view: DenseView, halves: Iterable[Halves]) -> NDArray[np.float64]:
    """Plan on either half under every budget, and score on the other.

    Parameters
    ----------
    view : DenseView
        The questions, in the complete form.
    halves : iterable of tuple of ndarray of float64, shape (n, m)
        Quality in the first half of the runs and in the second; for example counted from single
        answers where votes make `draw_log_halves` impossible.

    Returns
    -------
    ndarray of float64, shape (5, n)
        By budget and question, averaged over splits and directions.

    Raises
    ------
    InputError
        If there is no split, or a half has another shape than the view's quality.
    """
    budgets, folds = compute_budgets(view), list(iterate_folds(view))
    total, count = np.zeros((len(budgets), len(view.quality))), 0
    for first, second in halves:
        for chosen_on, scored_on in ((first, second), (second, first)):
            if chosen_on.shape != view.quality.shape:
                msg = f"a half has shape {chosen_on.shape}: {view.quality.shape} is needed"
                raise InputError(msg)
            count += 1
            for position, budget in enumerate(budgets):
                for fold in folds:
                    within = max(float(budget), fold.floor)
                    picks = knapsack(chosen_on[fold.test], fold.mean_cost, within)
                    total[position, fold.test] += scored_on[fold.test, picks]
    if not count:
        msg = "there are no halves: one split at least is needed"
        raise InputError(msg)
    return total / count
