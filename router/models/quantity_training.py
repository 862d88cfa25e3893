"""Training of quantities: what a question's length and task say of what it will consume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router.budgets import BUDGET_UNITS
from router.features.encoder import TextEncoder
from router.models.evidence import split_texts
from router.models.inputs import fit_inputs
from router.models.learners import Linear, fit_ridge
from router.models.quantities import Quantities, QuantityHead, QuantityInputs
from router.models.stacking import PENALTY_SQUARED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.gain import TextStandard
    from router.outcomes import OutcomeLog

__all__ = ["QuantityModel", "collect_units", "fit_quantities", "fit_quantity_model"]

ALPHA = 300.0
TASK_WEIGHT = 2.0
# Logarithms are taken of consumption over the option's mean, and of no less than this.
RATIO_MIN = 0.02
# Units in which no option varies more than this are fixed by the option alone.
VARIATION_MIN = 0.005
ROWS_MIN = 20


@dataclass(frozen=True)
class QuantityModel:
    """Predicts the cost of every option of a log in the log's own unit.

    Parameters
    ----------
    encoder : TextEncoder
        Texts to features.
    quantities : Quantities or None
        None where questions do not differ in cost.
    mean_costs : ndarray of float64, shape (m,)
        Of every option over the log.
    options : tuple of str, length m
        Names.
    """

    encoder: TextEncoder
    quantities: Quantities | None
    mean_costs: NDArray[np.float64]
    options: tuple[str, ...]

    def predict(
        self, texts: Sequence[str], groups: Sequence[str | None] | None = None
    ) -> NDArray[np.float64]:
        """Predict costs, shape (n, m).

        Parameters
        ----------
        texts : sequence of str, length n
            Questions.
        groups : sequence of str or None, length n, optional
            Task labels.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        if self.quantities is None:
            return np.tile(self.mean_costs, (len(texts), 1))
        labels = [None] * len(texts) if groups is None else groups
        features = self.encoder.encode(texts)
        consumption = self.quantities.predict(features, labels, self.options)
        return np.asarray(consumption.factor["nominal"] * self.mean_costs)


def collect_units(log: OutcomeLog) -> dict[str, NDArray[np.float64]]:
    """Collect a log's consumption by budget unit, its own cost unit included.

    Parameters
    ----------
    log : OutcomeLog
        n questions, m options.

    Returns
    -------
    dict of str to ndarray of float64, shape (n, m)
        NaN where unknown; the log's own cost goes by ``nominal`` too, as menus call it.
    """
    columns = {"nominal": log.cost, **log.unit_costs}
    if log.cost_unit in BUDGET_UNITS:
        columns.setdefault(log.cost_unit, log.cost)
    return {unit: log.to_matrix(column) for unit, column in columns.items()}


def fit_quantity_model(log: OutcomeLog, *, seed: int = 0) -> QuantityModel:
    """Train a model of costs in the log's own unit alone, for evaluation.

    Parameters
    ----------
    log : OutcomeLog
        n questions.
    seed : int, default=0
        Seed of the inner folds.

    Returns
    -------
    QuantityModel
    """
    tables, _ = fit_inputs(log.texts)
    encoder = TextEncoder(tables.vocabularies, tables.projections)
    standard = tables.describe(0)
    own = replace(log, unit_costs={})
    quantities = fit_quantities(own, encoder.encode(log.texts), standard, seed=seed)
    names = tuple(option.name for option in log.options)
    return QuantityModel(encoder, quantities, log.mean_costs(), names)


def fit_quantities(
    log: OutcomeLog, features: NDArray[np.float32], standard: TextStandard, *, seed: int = 0
) -> Quantities | None:
    """Fit what every question consumes under every option, in each unit that the log measured.

    Parameters
    ----------
    log : OutcomeLog
        n questions, dense or sparse.
    features : ndarray of float32, shape (n, f)
        Of its texts.
    standard : TextStandard
        How the features are read.
    seed : int, default=0
        Seed of the inner folds.

    Returns
    -------
    Quantities or None
        None where no unit varies from question to question.
    """
    groups = tuple(sorted({group or "" for group in log.groups}))
    position = {name: index for index, name in enumerate(groups)}
    task_index = np.array([position[group or ""] for group in log.groups], dtype=np.int64)
    inputs = _read_features(features, standard, task_index, len(groups))
    matrix = inputs.build(features, task_index)
    folds = split_texts(log.identities, seed)
    heads = {
        unit: _fit_head(consumed, matrix, folds, task_index)
        for unit, consumed in collect_units(log).items()
        if _varies(consumed)
    }
    if not heads:
        return None
    return Quantities(tuple(option.name for option in log.options), groups, inputs, heads)


def _varies(consumed: NDArray[np.float64]) -> bool:
    """Tell whether some option consumes more on one question than on another."""
    seen = ~np.isnan(consumed)
    enough = seen.sum(axis=0) >= ROWS_MIN
    if not enough.any():
        return False
    kept = consumed[:, enough]
    mean = np.nanmean(kept, axis=0)
    return bool((np.nanstd(kept, axis=0) > VARIATION_MIN * np.maximum(mean, 1e-300)).any())


def _read_features(
    features: NDArray[np.float32],
    standard: TextStandard,
    task_index: NDArray[np.int64],
    n_groups: int,
) -> QuantityInputs:
    """Choose components and shape, as the dense learners see them."""
    n_components, first = standard.n_components, standard.n_components + standard.n_directions
    shape = np.arange(first, features.shape[1])
    weight = np.float32(standard.shape_weight)
    ones = np.ones(n_components, dtype=np.float32)
    limit = np.full(len(shape), weight * np.float32(standard.shape_clip), dtype=np.float32)
    share = np.bincount(task_index, minlength=n_groups) / len(task_index)
    return QuantityInputs(
        np.concatenate((np.arange(n_components), shape)),
        np.concatenate((0.0 * ones, standard.shape_mean)),
        np.concatenate((ones, standard.shape_spread / weight)),
        np.concatenate((np.full(n_components, np.inf, dtype=np.float32), limit)),
        share.astype(np.float32),
        TASK_WEIGHT,
    )


def _fit_head(
    consumed: NDArray[np.float64],
    inputs: NDArray[np.float64],
    folds: NDArray[np.int64],
    task_index: NDArray[np.int64],
) -> QuantityHead:
    """Fit the lines of one unit and judge them on held-out questions."""
    seen = ~np.isnan(consumed)
    count = seen.sum(axis=0)
    mean = np.where(seen, consumed, 0.0).sum(axis=0) / np.maximum(count, 1)
    ratio = np.where(mean > 0.0, consumed / np.where(mean > 0.0, mean, 1.0), 1.0)
    ratio = np.where(seen, ratio, np.nan)
    target = np.log(np.maximum(ratio, RATIO_MIN))
    low, high = (
        np.where(count > 0, function(np.where(seen, target, 0.0), axis=0), 0.0)
        for function in (np.min, np.max)
    )
    line = np.zeros_like(target)
    for fold in np.unique(folds):
        rest = folds == fold
        line[rest] = _fit_lines(inputs[~rest], target[~rest]).predict(inputs[rest])
    power = np.where(seen, np.exp(np.clip(line, low, high)), 0.0)
    smearing = count / np.maximum(power.sum(axis=0), 1e-12)
    step = np.where(seen, power * smearing - 1.0, 0.0)
    actual = np.where(seen, ratio - 1.0, 0.0)
    kept = np.where(count >= ROWS_MIN, _judge(step, actual), 0.0)
    expected = np.where(seen, 1.0 + kept * step, 0.0)
    missed = np.where(seen, ratio - expected, 0.0)
    deviation = _measure_deviation(missed, expected, count)
    fitted = _fit_lines(inputs, target)
    return QuantityHead(
        coefficient=fitted.coefficient.astype(np.float32),
        intercept=fitted.intercept.astype(np.float32),
        low=low.astype(np.float32),
        high=high.astype(np.float32),
        smearing=smearing.astype(np.float32),
        kept=kept.astype(np.float32),
        deviation=deviation.astype(np.float32),
        task_deviation=_measure_task_deviation(missed, expected, seen, task_index),
    )


def _measure_deviation(
    missed: NDArray[np.float64], expected: NDArray[np.float64], count: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Measure each option's deviation over its expectation, held out.

    An option tried seldom is compared with a mean that its own few rows made, which looks certain:
    it gets the deviation of all others together, and that of its mean on top.
    """
    squares, power = (missed**2).sum(axis=0), (expected**2).sum(axis=0)
    enough = count >= ROWS_MIN
    pooled = squares[enough].sum() / max(float(power[enough].sum()), 1e-12)
    own = squares / np.maximum(power, 1e-12)
    seldom = pooled * (1.0 + 1.0 / np.maximum(count, 1))
    deviation: NDArray[np.float64] = np.sqrt(np.where(enough, own, seldom))
    return deviation


def _fit_lines(inputs: NDArray[np.float64], target: NDArray[np.float64]) -> Linear:
    """Fit a ridge an option, each on the questions that tried it."""
    seen = ~np.isnan(target)
    if seen.all():
        return fit_ridge(inputs, target, ALPHA)
    coefficient = np.zeros((inputs.shape[1], target.shape[1]))
    intercept = np.zeros(target.shape[1])
    for column in range(target.shape[1]):
        rows = np.flatnonzero(seen[:, column])
        if len(rows) >= ROWS_MIN:
            line = fit_ridge(inputs[rows], target[rows, column : column + 1], ALPHA)
            coefficient[:, column], intercept[column] = line.coefficient[:, 0], line.intercept[0]
    return Linear(coefficient, intercept)


def _judge(step: NDArray[np.float64], actual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say how far held-out consumption followed the lines, less what chance would feign.

    The least-squares slope of what happened on what was predicted, with Akaike's penalty as in
    the stack of learners, from 0 to 1.
    """
    power = np.maximum((step**2).sum(axis=0), 1e-12)
    slope = (step * actual).sum(axis=0) / power
    variance = (((actual - slope * step) * step) ** 2).sum(axis=0) / power**2
    doubt = PENALTY_SQUARED * variance / np.maximum(slope, 1e-12) ** 2
    kept: NDArray[np.float64] = np.clip(slope, 0.0, 1.0) * np.clip(1.0 - doubt, 0.0, 1.0)
    return kept


def _measure_task_deviation(
    missed: NDArray[np.float64],
    expected: NDArray[np.float64],
    seen: NDArray[np.bool_],
    task_index: NDArray[np.int64],
) -> float:
    """Measure the error common to questions of a task, from products between its questions."""
    relative = np.where(seen, missed / np.where(seen, expected, 1.0), 0.0)
    products, pairs = 0.0, 0.0
    for task in np.unique(task_index):
        rows, present = relative[task_index == task], seen[task_index == task]
        products += float((rows.sum(axis=0) ** 2 - (rows**2).sum(axis=0)).sum())
        count = present.sum(axis=0).astype(np.float64)
        pairs += float((count * (count - 1.0)).sum())
    return float(np.sqrt(max(products, 0.0) / pairs)) if pairs > 0 else 0.0
