"""Training of the gain model on one log of outcomes.

The recipe: options' means; what each task adds, shrunk; what the text adds within a task, by
stacked learners on contrasts between options. Each level is kept only as far as out-of-fold
evidence supports it. ``docs/how-it-works.md`` walks through it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import LogError, MissingExtraError
from router.models.contrasts import estimate_contrasts
from router.models.evidence import (
    INNER_FOLDS,
    TaskData,
    find_directions,
    fit_level,
)
from router.models.gain import GainHead, GainModel
from router.models.inputs import SHAPE_WEIGHT
from router.models.known import Known, read_known
from router.models.learners import N_LINEAR, Linear, Members, fit_members
from router.models.shrinkage import shrink_group_means
from router.models.smoothing import fit_option_means
from router.models.surface import shift_into_range
from router.models.task_softmax import fit_task_inferrer
from router.models.text_part import TextPart, fit_mixed_text, suits_mixed_model
from router.models.weighing import count_repeats, weigh_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.features.encoders.sentences import SentenceEncoder
    from router.models.borrowed_inputs import BorrowedTables
    from router.models.inputs import InputTables
    from router.models.prior import Prior
    from router.outcomes import OutcomeLog

__all__ = ["FittedGain", "count_fitting_steps", "fit_gain", "fit_gain_model"]

QUESTIONS_MIN = 20
# With more of its pairs tried than this, a log's own outcomes show in which directions they vary.
COVERAGE_MIN = 0.5


@dataclass(frozen=True)
class FittedGain:
    """A gain model with what it predicted out of fold while it was trained.

    Parameters
    ----------
    model : GainModel
        Trained on everything.
    held_out : ndarray of float64, shape (n, m)
        For every training question, what models of the inner folds said that had not seen it.
    weights : ndarray of float64, shape (8,)
        Weights of the learners.
    scale : ndarray of float64, shape (r,)
        Scales of the directions.
    """

    model: GainModel
    held_out: NDArray[np.float64]
    weights: NDArray[np.float64]
    scale: NDArray[np.float64]


def fit_gain_model(
    log: OutcomeLog,
    *,
    seed: int = 0,
    prior: Prior | None = None,
    encoder: SentenceEncoder | None = None,
    features_of: TextEncoder | None = None,
) -> GainModel:
    """Train a gain model on a log.

    Parameters
    ----------
    log : OutcomeLog
        Dense or sparse, n questions and m options.
    seed : int, default=0
        Seed of the inner folds and of the trees' sampling.
    prior : Prior, optional
        What other logs let expect.
    encoder : SentenceEncoder, optional
        Gives embeddings beside the text's own features.
    features_of : TextEncoder, optional
        As for :func:`fit_gain`.

    Returns
    -------
    GainModel

    Raises
    ------
    LogError
        If there are fewer than 20 questions or two options that were tried.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    EncoderError
        If the encoder fails.
    """
    return fit_gain(log, seed=seed, prior=prior, encoder=encoder, features_of=features_of).model


def fit_gain(
    log: OutcomeLog,
    *,
    seed: int = 0,
    prior: Prior | None = None,
    encoder: SentenceEncoder | None = None,
    features_of: TextEncoder | None = None,
    progress: Callable[[str], None] | None = None,
) -> FittedGain:
    """Train a gain model and keep its out-of-fold predictions.

    Parameters
    ----------
    log : OutcomeLog
        Dense or sparse, n questions and m options.
    seed : int, default=0
        Seed of the inner folds and of the trees' sampling.
    prior : Prior, optional
        What other logs let expect. On 50 to 500 questions a mixed model then takes the place of the
        learners; without a prior on 50 to 99.
    encoder : SentenceEncoder, optional
        Gives embeddings beside the text's own features; the linear learners on dense features and
        the trees on components read them.
    features_of : TextEncoder, optional
        An encoder that is taken as it is, in place of one fitted to the log's texts. A log that
        holds features in place of texts needs the one that made them.
    progress : callable, optional
        Told in words what is being done.

    Returns
    -------
    FittedGain

    Raises
    ------
    LogError
        If there are fewer than 20 questions or two options that were tried, or the log holds
        features that `features_of` did not make.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    EncoderError
        If the encoder fails.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    # Threads of the linear algebra add in another order, which a split can turn into another tree;
    # on matrices of this size they cost more than they bring.
    tell = progress or (lambda _: None)
    with threadpool_limits(limits=1):
        tried = np.bincount(log.option_index, minlength=log.n_options) > 0
        _check_size(log, tried)
        tell("reading questions")
        known = read_known(log, seed=seed, encoder=encoder, features_of=features_of)
        if tried.all():
            return _fit_gain(log, known, prior, tell)
        fitted = _fit_gain(_drop_options(log, tried), known, prior, tell)
        return _place_untried(fitted, tried)


def _fit_gain(
    log: OutcomeLog, known: Known, prior: Prior | None, tell: Callable[[str], None]
) -> FittedGain:
    """Fit on one thread, all options having been tried."""
    quality = log.to_matrix(log.quality)
    task, tables = known.task, known.tables
    level, level_table, level_line = fit_level(task, quality)
    folds = task.iterate_folds()
    means, kernel = fit_option_means(quality, level, log.options, log.mean_costs(), folds)
    if log.coverage > COVERAGE_MIN:
        kernel = None
    contrasts = estimate_contrasts(quality, means, level)
    if prior is not None:
        means = prior.adjust_means(means, quality, level, log)
    if suits_mixed_model(log.n_questions, has_prior=prior is not None):
        tell("fitting on all questions")
        text = fit_mixed_text(task, contrasts, kernel, tables)
    else:
        text = _fit_stacked_text(task, contrasts, kernel, tables, tell)
    head = GainHead(
        option_means=means,
        option_table=text.option_table,
        level_table=level_table,
        level=level_line,
        base_table=text.base_table,
        direct=text.direct,
        task=text.task,
        trees=text.trees,
        directions=text.directions,
        inferrer=fit_task_inferrer(task.inputs.dense, task.group_index, task.n_groups),
    )
    standard = tables.describe(text.directions.shape[1])
    head = tables.unscale(head)
    model = GainModel(text.encoder, standard, head, known.groups, known.context, known.embedding)
    held_out = shift_into_range(means + level[:, None] + text.held_out)
    return FittedGain(model, held_out, text.weights, text.scale)


def _fit_stacked_text(
    task: TaskData,
    contrasts: NDArray[np.float64],
    kernel: NDArray[np.float64] | None,
    tables: InputTables | BorrowedTables,
    tell: Callable[[str], None],
) -> TextPart:
    """Fit the learners, weighed and scaled by out-of-fold evidence."""
    judged = weigh_members(task, contrasts, kernel, tell)
    weights, scale = judged.weights, judged.scale
    tell("fitting on all questions")
    directions = find_directions(contrasts, kernel)
    target = contrasts @ directions
    base = shrink_group_means(target, task.group_index, task.n_groups)
    text = slice(len(scale))
    members = fit_members(
        task.inputs, target[:, text], task.group_index, base[:, text], seed=task.seed
    )
    direct, task_ridges, encoder = _fold(members, weights, scale, tables)
    return TextPart(
        option_table=base @ directions.T,
        base_table=base[:, text].astype(np.float32),
        direct=direct,
        task=task_ridges,
        trees=tuple(
            (ensemble, weight * scale)
            for ensemble, weight in zip(members.ensembles, weights[N_LINEAR:], strict=True)
        ),
        directions=directions[:, text],
        encoder=encoder,
        held_out=judged.held_out,
        weights=weights,
        scale=scale,
    )


def _check_size(log: OutcomeLog, tried: NDArray[np.bool_]) -> None:
    """Refuse logs too small to learn from."""
    if log.n_questions < QUESTIONS_MIN:
        raise LogError(
            f"{log.dataset}: {log.n_questions} questions are too few to train on: "
            f"at least {QUESTIONS_MIN} are needed"
        )
    if tried.sum() < 2:
        raise LogError(f"{log.dataset}: one option leaves nothing to choose: at least 2 are needed")


def _drop_options(log: OutcomeLog, tried: NDArray[np.bool_]) -> OutcomeLog:
    """Leave out options without a row; part of a sparse log may have lost all rows of some."""
    position = np.cumsum(tried) - 1
    return replace(
        log,
        options=tuple(option for option, kept in zip(log.options, tried, strict=True) if kept),
        option_index=position[log.option_index].astype(np.int64),
    )


def _place_untried(fitted: FittedGain, tried: NDArray[np.bool_]) -> FittedGain:
    """Put options without evidence back, each as good as the worst one, so that none is chosen."""
    head = fitted.model.head
    worst = head.option_means.min()

    def widen(values: NDArray[np.float64], fill: float) -> NDArray[np.float64]:
        wide = np.full((*values.shape[:-1], len(tried)), fill)
        wide[..., tried] = values
        return wide

    wider = replace(
        head,
        option_means=widen(head.option_means, float(worst)),
        option_table=widen(head.option_table, 0.0),
        directions=widen(head.directions.T, 0.0).T,
    )
    held_out = widen(fitted.held_out, 0.0)
    held_out[:, ~tried] = fitted.held_out.min(axis=1, keepdims=True)
    return replace(fitted, model=replace(fitted.model, head=wider), held_out=held_out)


def count_fitting_steps(n_questions: int, *, has_prior: bool = False) -> int:
    """Count how often :func:`fit_gain` tells of a step on a log of so many questions.

    Examples
    --------
    >>> count_fitting_steps(6000), count_fitting_steps(1000)
    (7, 17)
    >>> count_fitting_steps(100, has_prior=True)
    2
    """
    if suits_mixed_model(n_questions, has_prior=has_prior):
        return 2
    return 2 + INNER_FOLDS * count_repeats(n_questions)


def _fold(
    members: Members,
    weights: NDArray[np.float64],
    scale: NDArray[np.float64],
    tables: InputTables | BorrowedTables,
) -> tuple[Linear, NDArray[np.float64], TextEncoder]:
    """Multiply weights and scales into the learners, and the n-gram ridges into the encoder.

    Returns
    -------
    direct : Linear
        Directions from dense features.
    task : ndarray of float64, shape (g, d + 1, r)
        Directions from dense features within a task.
    encoder : TextEncoder
        Texts to features.
    """
    dense_weight, shape_weight, words_weight, ngrams_weight, task_weight = weights[:N_LINEAR]
    coefficient = members.dense.coefficient * dense_weight
    # The shape's ridge takes scaled shape; the dense features hold it times its weight.
    coefficient[tables.n_components :] += members.shape.coefficient * (shape_weight / SHAPE_WEIGHT)
    intercept = (
        members.dense.intercept * dense_weight
        + members.shape.intercept * shape_weight
        + members.words.intercept * words_weight
        + members.all_ngrams.intercept * ngrams_weight
    )
    direct, encoder = tables.place_ngrams(
        Linear(coefficient * scale, intercept * scale),
        members.words.coefficient * words_weight,
        members.all_ngrams.coefficient * ngrams_weight,
        scale,
    )
    return direct, members.task * (task_weight * scale), encoder
