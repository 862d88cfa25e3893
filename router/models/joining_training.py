"""What to expect of a new model, measured on the known ones as if each were new."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from router.models.contrasts import estimate_option_means, split_variance
from router.models.joining import (
    BLOCKS,
    JoinPrior,
    ModelDesign,
    measure_residual,
    solve_coefficients,
)
from router.models.joining_basis import JoiningBasis
from router.models.kinship import find_kin, name_models
from router.models.responsiveness import measure_responsiveness
from router.models.task_inferrer import TaskInferrer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.strengths import StrengthTable
    from router.models.training import FittedGain
    from router.options import Option
    from router.outcomes import OutcomeLog

__all__ = ["describe_models", "fit_join_prior", "fit_joining_basis"]

# Mean and standard deviation of each block's coefficients where no log says otherwise; they count
# like so many models.
DEFAULTS = {
    "ability": (0.0, 0.15),
    "slope": (-0.15, 0.15),
    "own_gain": (0.0, 0.15),
    "share": (1.0, 0.4),
    "likeness": (0.0, 0.25),
    "task": (0.0, 0.12),
    "option": (0.0, 0.02),
    "question": (0.7, 0.2),
}
MODELS_WORTH = 2.0
# Blocks whose mean is learned; the others' is what their kin let expect.
CENTRED = ("slope", "question")
# Slope of ability over strength where no log says otherwise, and what it counts like: the squared
# strengths of some models a tenth apart.
STRENGTH_SLOPE, STRENGTH_WORTH = 0.5, 0.1
NOISE_START = 0.15
ROUNDS = 25
MODELS_MAX, QUESTIONS_MAX = 32, 2000
VARIANCE_MIN = 1e-6


@dataclass(frozen=True)
class _Case:
    """One known model as if it were new: its outcomes against the others' surface."""

    design: ModelDesign
    columns: NDArray[np.float64]
    target: NDArray[np.float64]
    question: NDArray[np.int64]
    option: NDArray[np.int64]

    @cached_property
    def products(self) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]]]:
        """Products of columns and target: of all rows, and of the sums of questions by their size.

        Rounds differ in the noise alone, so that the rows need to be gone through once only.
        """
        together = np.column_stack((self.columns, self.target))
        _, place, count = np.unique(self.question, return_inverse=True, return_counts=True)
        sums = np.zeros((len(count), together.shape[1]))
        np.add.at(sums, place, together)
        by_size = {int(size): sums[count == size] for size in np.unique(count)}
        return together.T @ together, {size: part.T @ part for size, part in by_size.items()}

    def weigh(self, noise: float, between: float) -> NDArray[np.float64]:
        """Weigh the products by the inverse covariance of the noise."""
        total, by_size = self.products
        shared = sum(between / (noise + size * between) * part for size, part in by_size.items())
        return np.asarray((total - shared) / noise)


def fit_join_prior(
    quality: NDArray[np.float64],
    held_out: NDArray[np.float64],
    membership: NDArray[np.float64],
    options: Sequence[Option],
    strengths: StrengthTable,
) -> JoinPrior:
    """Measure what is to be expected of a new model: each known model in turn is taken for one.

    Means and variances of the blocks of coefficients maximise the likelihood of the known models'
    outcomes by expectation maximisation, with the defaults counting like two models.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        NaN where not tried.
    held_out : ndarray of float64, shape (n, m)
        Predictions by models that had not seen the question.
    membership : ndarray of float64, shape (n, g)
        Tasks of the questions.
    options : sequence of Option, length m
        Descriptors.
    strengths : StrengthTable
        Of models.

    Returns
    -------
    JoinPrior
        The defaults, with the noise measured, where all options are of one model.

    References
    ----------
    A. P. Dempster, N. M. Laird, D. B. Rubin: Maximum likelihood from incomplete data via the EM
    algorithm. Journal of the Royal Statistical Society B 39(1), 1977, pp. 1-38.
    """
    cases = _collect_cases(quality, held_out, membership, options, strengths)
    mean, deviation = (np.array(values) for values in zip(*DEFAULTS.values(), strict=True))
    noise, between = _measure_noise(quality, held_out)
    prior = JoinPrior(mean, deviation**2, STRENGTH_SLOPE, noise, between)
    for _ in range(ROUNDS if cases else 0):
        prior = _improve(prior, cases)
    return prior


def _collect_cases(
    quality: NDArray[np.float64],
    held_out: NDArray[np.float64],
    membership: NDArray[np.float64],
    options: Sequence[Option],
    strengths: StrengthTable,
) -> list[_Case]:
    """Take each of the known models for a new one, where there are at least two."""
    names = np.array(name_models(options))
    models = np.unique(names)
    if len(models) < 2:
        return []
    step = -(-len(quality) // QUESTIONS_MAX)
    quality, held_out, membership = quality[::step], held_out[::step], membership[::step]
    cases = []
    for model in models[:: -(-len(models) // MODELS_MAX)]:
        own, others = np.flatnonzero(names == model), np.flatnonzero(names != model)
        kin = find_kin([options[int(i)] for i in others], [options[int(i)] for i in own], strengths)
        surface = held_out[:, others]
        design = ModelDesign(kin, surface.mean(axis=0), membership.shape[1])
        residual = measure_residual(quality[:, others], surface)
        question, option = np.nonzero(~np.isnan(quality[:, own]))
        columns, base = design.build(
            surface[question], membership[question], residual[question], option
        )
        cases.append(
            _Case(design, columns, quality[question, own[option]] - base, question, option)
        )
    return [case for case in cases if len(case.target)]


def _measure_noise(
    quality: NDArray[np.float64], held_out: NDArray[np.float64]
) -> tuple[float, float]:
    """Measure the variance of outcomes around predictions, and what is common to a question."""
    seen = ~np.isnan(quality)
    residual = np.where(seen, quality - held_out, 0.0)
    noise, between = split_variance(residual, seen.astype(np.float64))
    return max(noise, VARIANCE_MIN), between


def _improve(prior: JoinPrior, cases: Sequence[_Case]) -> JoinPrior:
    """Infer every case's coefficients, then the blocks' means and variances from all of them."""
    found = [_infer(prior, case) for case in cases]
    start = [np.array(values) for values in zip(*DEFAULTS.values(), strict=True)]
    count = np.full(len(BLOCKS), MODELS_WORTH)
    mean, square = start[0] * MODELS_WORTH, start[1] ** 2 * MODELS_WORTH
    slope = np.array([STRENGTH_SLOPE * STRENGTH_WORTH, STRENGTH_WORTH])
    noise = np.zeros(2)
    for case, (coefficients, variance, is_told) in zip(cases, found, strict=True):
        expected, _ = case.design.expect(prior)
        for block in np.unique(case.design.blocks[is_told]):
            rows = is_told & (case.design.blocks == block)
            count[block] += 1.0
            mean[block] += (coefficients[rows] - expected[rows]).mean() + prior.mean[block]
            square[block] += ((coefficients - expected)[rows] ** 2 + variance[rows]).mean()
        strength = case.design.kin.strength
        slope += strength * np.array([coefficients[0], strength])
        noise += np.array(_split_noise(case, case.target - case.columns @ coefficients))
    centred = np.array([name in CENTRED for name in BLOCKS])
    noise /= len(cases)
    return JoinPrior(
        mean=np.where(centred, mean / count, start[0]),
        variance=np.maximum(square / count, VARIANCE_MIN),
        strength_slope=float(slope[0] / slope[1]),
        noise=max(float(noise[0]), VARIANCE_MIN),
        between=float(noise[1]),
    )


def _infer(
    prior: JoinPrior, case: _Case
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Infer one case's coefficients; also their variances, and which its outcomes tell of."""
    products = case.weigh(prior.noise, prior.between)
    coefficients, covariance = solve_coefficients(products, case.design.expect(prior))
    return coefficients, np.diag(covariance), (case.columns != 0.0).any(axis=0)


def _split_noise(case: _Case, residual: NDArray[np.float64]) -> tuple[float, float]:
    """Split what is left of a case's outcomes into noise and what is common to a question."""
    shape = int(case.question.max()) + 1, len(case.design.kin.rungs)
    spread, seen = np.zeros(shape), np.zeros(shape)
    spread[case.question, case.option], seen[case.question, case.option] = residual, 1.0
    return split_variance(spread, seen)


def fit_joining_basis(
    log: OutcomeLog, fitted: FittedGain, strengths: StrengthTable
) -> JoiningBasis:
    """Fit everything that the join of a new model starts from.

    Parameters
    ----------
    log : OutcomeLog
        What the gain model was trained on.
    fitted : FittedGain
        The gain model with its out-of-fold predictions.
    strengths : StrengthTable
        Of models.

    Returns
    -------
    JoiningBasis
    """
    quality = log.to_matrix(log.quality)
    inferrer = TaskInferrer.from_model(fitted.model)
    position = {name: index for index, name in enumerate(inferrer.groups)}
    membership = np.eye(len(position))[[position[group or ""] for group in log.groups]]
    return JoiningBasis(
        options=log.options,
        prior=fit_join_prior(quality, fitted.held_out, membership, log.options, strengths),
        inferrer=inferrer,
        surface_mean=fitted.held_out.mean(axis=0),
        task_share=membership.mean(axis=0),
        residual_variance=float(measure_residual(quality, fitted.held_out).var()),
    )


def describe_models(log: OutcomeLog, fitted: FittedGain) -> list[dict[str, Any]]:
    """Describe every model's ability and responsiveness, as the log shows them.

    Parameters
    ----------
    log : OutcomeLog
        What the gain model was trained on.
    fitted : FittedGain
        The gain model with its out-of-fold predictions.

    Returns
    -------
    list of dict
        As from :func:`router.models.responsiveness.measure_responsiveness`.
    """
    held_out = fitted.held_out
    level = held_out.mean(axis=1) - held_out.mean()
    means, covariance = estimate_option_means(log.to_matrix(log.quality), level)
    return measure_responsiveness(log.options, means, covariance)
