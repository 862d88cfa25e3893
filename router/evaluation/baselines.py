"""Baselines: what a router without a gain model of its own would reach.

Surfaces predict, choices plan. Both see only the training folds, except ``hindsight`` and
``oracle``, which are upper bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.crossfit import map_jobs
from router.evaluation.protocol import iterate_folds
from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView, Fold

__all__ = ["choose_cheapest", "choose_uniform", "predict_baselines", "predict_task_means"]

SHRINK_QUESTIONS = 10.0
RIDGE_ALPHA = 5.0
TERMS_MAX = 60_000


def predict_task_means(
    view: DenseView, train: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    r"""Predict every question by its task's mean per option, shrunk towards the log's mean.

    .. math:: \hat q_{gj} = \frac{\sum_{i \in g} q_{ij} + s\, \bar q_j}{n_g + s}, \quad s = 10 .

    Parameters
    ----------
    view : DenseView
        The questions.
    train : ndarray of int64
        Questions whose outcomes are known.
    rows : ndarray of int64, shape (k,)
        Questions to predict.

    Returns
    -------
    ndarray of float64, shape (k, m)
        A task without training questions gets the log's mean.
    """
    mean = view.mean_by_option(view.quality, train)
    groups, quality, allowed = view.groups[train], view.quality[train], view.allowed[train]
    table = {}
    for group in set(groups):
        inside = groups == group
        count = allowed[inside].sum(0)
        table[group] = (quality[inside].sum(0) + SHRINK_QUESTIONS * mean) / (
            count + SHRINK_QUESTIONS
        )
    return np.array([table.get(group, mean) for group in view.groups[rows]])


def predict_baselines(
    view: DenseView,
    *,
    n_jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Cross-fit the task means and the TF-IDF ridge on their residual.

    Parameters
    ----------
    view : DenseView
        The questions.
    n_jobs : int, default=1
        Processes; -1 is one a core.
    progress : callable, optional
        Called with a line of text before every fold.

    Returns
    -------
    dict of str to ndarray of float64, shape (n, m)
        The surfaces ``task`` and ``ridge``.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.
    """
    folds = list(iterate_folds(view))
    surfaces = {name: np.zeros_like(view.quality) for name in ("task", "ridge")}
    results = map_jobs(
        _predict_fold,
        [(view, fold.train, fold.test) for fold in folds],
        n_jobs=n_jobs,
        messages=[f"ridge: fold {done} of {len(folds)}" for done in range(1, len(folds) + 1)],
        progress=progress,
    )
    for fold, (task, ridge) in zip(folds, results, strict=True):
        surfaces["task"][fold.test], surfaces["ridge"][fold.test] = task, ridge
    return surfaces


def _predict_fold(
    job: tuple[DenseView, NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Predict one fold by its task means and by the ridge on top."""
    view, train, test = job
    task = predict_task_means(view, train, test)
    return task, task + _predict_residual(view, train, test)


def _predict_residual(
    view: DenseView, train: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict from words and word pairs what the task means leave over."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import Ridge
    except ImportError:
        raise MissingExtraError.for_extra("train", "the ridge baseline") from None
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, max_features=TERMS_MAX, sublinear_tf=True
    )
    residual = view.quality[train] - predict_task_means(view, train, train)
    try:
        terms = vectorizer.fit_transform(view.texts[train])
    except ValueError:
        # No term occurs in two texts: words can say nothing beyond the task.
        return np.zeros((len(test), residual.shape[1]))
    test_terms = vectorizer.transform(view.texts[test])
    if view.is_complete:
        model = Ridge(alpha=RIDGE_ALPHA).fit(terms, residual)
        predicted: NDArray[np.float64] = model.predict(test_terms).reshape(len(test), -1)
        return predicted
    return _predict_observed(Ridge, terms, test_terms, residual, view.allowed[train])


def _predict_observed(
    ridge: Callable[..., Any],
    terms: Any,
    test_terms: Any,
    residual: NDArray[np.float64],
    allowed: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Fit one ridge an option, on the questions that saw it."""
    predicted = np.zeros((test_terms.shape[0], residual.shape[1]))
    for option in range(residual.shape[1]):
        rows = np.flatnonzero(allowed[:, option])
        if len(rows) >= 2:
            model = ridge(alpha=RIDGE_ALPHA).fit(terms[rows], residual[rows, option])
            predicted[:, option] = model.predict(test_terms)
    return predicted


def choose_cheapest(view: DenseView, cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose the cheapest option that every question saw.

    Parameters
    ----------
    view : DenseView
        The questions.
    cost : ndarray of float64, shape (m,)
        Mean cost of every option.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    choices: NDArray[np.int64] = np.where(view.allowed, cost, np.inf).argmin(1)
    return choices


def choose_uniform(view: DenseView, fold: Fold, budget: float) -> NDArray[np.int64]:
    """Choose the best single option whose mean training cost is within the budget.

    In the observed form a question takes the best affordable option that it saw, and its cheapest
    where it saw none.

    Parameters
    ----------
    view : DenseView
        The questions.
    fold : Fold
        The fold that is scored.
    budget : float
        Mean cost a question.

    Returns
    -------
    ndarray of int64, shape (k,)
        Choices for the fold's test questions.
    """
    allowed = view.allowed[fold.test]
    open_options = allowed & (fold.mean_cost <= budget)
    best = np.where(open_options, fold.mean_quality, -np.inf).argmax(1)
    cheapest = np.where(allowed, fold.mean_cost, np.inf).argmin(1)
    choices: NDArray[np.int64] = np.where(open_options.any(1), best, cheapest)
    return choices
