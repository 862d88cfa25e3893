"""Cross-fitting: every question predicted once, by a learner that never saw its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from router.evaluation.protocol import assign_folds
from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["Learner", "SurfaceModel", "cross_fit", "map_jobs"]

Job = TypeVar("Job")
Result = TypeVar("Result")


class SurfaceModel(Protocol):
    """Anything that predicts the quality of every option of the log it was trained on.

    A model with names in ``context_names`` is called with ``contexts=``, a mapping a question, too.
    """

    def predict(self, texts: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.float64]:
        """Predict a quality surface.

        Parameters
        ----------
        texts : sequence of str, length n
            The questions.
        groups : sequence of str or None, length n
            Their task labels.

        Returns
        -------
        ndarray of float64, shape (n, m)
            One column an option of the log, in the log's order.
        """
        ...


class Learner(Protocol):
    """Anything that trains a model on a log: a function, a partial, a class."""

    def __call__(self, log: OutcomeLog, /) -> SurfaceModel:
        """Train on a log.

        Parameters
        ----------
        log : OutcomeLog
            What is known; it keeps the order of options.

        Returns
        -------
        SurfaceModel
        """
        ...


def cross_fit(
    log: OutcomeLog,
    learner: Learner,
    view: DenseView,
    *,
    folds: NDArray[np.int64] | None = None,
    n_jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> NDArray[np.float64]:
    """Train once a fold on every row outside it, and predict the fold's scored questions.

    No learner sees a text that it is scored on, whatever the folds.

    Parameters
    ----------
    log : OutcomeLog
        The whole log; questions that are not scored still teach.
    learner : Learner
        Trains a model; must survive pickling when `n_jobs` is not 1.
    view : DenseView
        The questions that are scored.
    folds : ndarray of int64, shape (q,), optional
        Fold of every question of the log, those of `view` among them; by text if not given.
    n_jobs : int, default=1
        Processes; -1 is one a core.
    progress : callable, optional
        Called with a line of text before every fold.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The surface of the scored questions.

    Raises
    ------
    InputError
        If a model predicts another shape or a number that is not finite.
    MissingExtraError
        If `n_jobs` is not 1 and joblib is not installed.

    Examples
    --------
    A model that knows nothing but the mean of its training rows:

    >>> from types import SimpleNamespace
    >>> from router.evaluation.protocol import build_view
    >>> from router.logs import build_log
    >>> def learn(log):
    ...     mean = np.nanmean(log.to_matrix(log.quality), axis=0)
    ...     return SimpleNamespace(predict=lambda texts, groups: np.tile(mean, (len(texts), 1)))
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"],
    ...     "option": ["a", "b"] * 20, "quality": [0.0, 1.0] * 20, "cost": [1.0, 2.0] * 20,
    ... })
    >>> cross_fit(log, learn, build_view(log))[:2].tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """
    folds = assign_folds(log.texts) if folds is None else folds
    # Folds by task may hold one text in two tasks: such a question teaches neither's model.
    first_place: dict[str, int] = {}
    text_index = np.array(
        [first_place.setdefault(text.strip().lower(), row) for row, text in enumerate(log.texts)]
    )
    surface = np.zeros_like(view.quality)
    numbers = [int(number) for number in np.unique(view.folds)]
    contexts = np.array(log.list_contexts(), dtype=object)[view.rows]
    jobs = []
    for number in numbers:
        test = view.folds == number
        is_train = ~np.isin(text_index, text_index[folds == number])
        asked = (list(view.texts[test]), list(view.groups[test]), contexts[test].tolist())
        jobs.append((log, learner, is_train, asked))
    messages = [f"learner: fold {done} of {len(jobs)}" for done in range(1, len(jobs) + 1)]
    results = map_jobs(_fit_and_predict, jobs, n_jobs=n_jobs, messages=messages, progress=progress)
    for number, predicted in zip(numbers, results, strict=True):
        surface[view.folds == number] = predicted
    return surface


def _fit_and_predict(
    job: tuple[
        OutcomeLog,
        Learner,
        NDArray[np.bool_],
        tuple[list[str], list[str | None], list[dict[str, float]]],
    ],
) -> NDArray[np.float64]:
    """Train on the rows outside a fold and predict the questions inside."""
    log, learner, is_train, (texts, groups, contexts) = job
    model = learner(log.select(is_train))
    # A model that says which numbers known beforehand it reads is given them.
    known = {"contexts": contexts} if getattr(model, "context_names", ()) else {}
    predicted = np.asarray(model.predict(texts, groups, **known), dtype=np.float64)
    if predicted.shape != (len(texts), log.n_options):
        msg = f"the model predicts shape {predicted.shape}: ({len(texts)}, {log.n_options}) is "
        raise InputError(msg + "needed, one row a question and one column an option")
    if not np.isfinite(predicted).all():
        row, option = np.argwhere(~np.isfinite(predicted))[0]
        msg = f"the model predicts {predicted[row, option]} for question {row} of its fold and "
        raise InputError(msg + f"option {log.options[option].name!r}: it must be finite")
    return predicted


def map_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    n_jobs: int = 1,
    messages: Sequence[str] = (),
    progress: Callable[[str], None] | None = None,
) -> list[Result]:
    """Apply a function to every job, in this process or in several.

    Parameters
    ----------
    function : callable
        Takes one job; a function of a module when `n_jobs` is not 1.
    jobs : sequence
        What to work on.
    n_jobs : int, default=1
        Processes; -1 is one a core.
    messages : sequence of str
        One line a job, said before it starts.
    progress : callable, optional
        Takes the lines.

    Returns
    -------
    list
        One result a job, in order.

    Raises
    ------
    InputError
        If `n_jobs` is 0.
    MissingExtraError
        If `n_jobs` is not 1 and joblib is not installed.

    Examples
    --------
    >>> map_jobs(abs, [-1, 2])
    [1, 2]
    """
    if n_jobs == 0:
        msg = "n_jobs is 0: a number of processes, or -1 for one a core, is needed"
        raise InputError(msg)
    say = progress or (lambda _: None)
    if n_jobs == 1:
        results = []
        for position, job in enumerate(jobs):
            if position < len(messages):
                say(messages[position])
            results.append(function(job))
        return results
    try:
        from joblib import Parallel, delayed
    except ImportError:
        raise MissingExtraError.for_extra("train", "evaluating in several processes") from None
    for message in messages:
        say(message)
    return list(Parallel(n_jobs=n_jobs)(delayed(function)(job) for job in jobs))
