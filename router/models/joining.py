"""Joining: what a few dozen outcomes say of a new model, beside what is known of others.

A new model's quality is what the known models would reach in its place, plus a few numbers of its
own: an ability; how its quality rises with theirs; a responsiveness along each axis of compute, as
a share of the known models' gain and as a gain of its own; a weight for each known model that it
may be like; an offset a task; an offset an option. The numbers have a normal prior, measured on the
known models as if each were new, so twenty outcomes move the ability, fifty the slopes, and
two hundred the pattern over tasks. Given the prior the posterior is in closed form [1]_. As in item
response models [2]_, what the known options did on the very questions that the new one answered
counts: a question that all of them missed says little against a model that missed it too.

References
----------
.. [1] D. V. Lindley and A. F. M. Smith, "Bayes Estimates for the Linear Model", Journal of the
   Royal Statistical Society B 34(1), 1972, pp. 1-41.
.. [2] F. M. Lord, "Applications of Item Response Theory to Practical Testing Problems", 1980.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.kinship import AXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.kinship import Kinship

__all__ = [
    "BLOCKS",
    "JoinPrior",
    "ModelDesign",
    "infer_coefficients",
    "measure_residual",
    "solve_coefficients",
]

BLOCKS = ("ability", "slope", "own_gain", "share", "likeness", "task", "option", "question")


@dataclass(frozen=True, slots=True)
class JoinPrior:
    """What is expected of a new model before it has answered anything.

    Parameters
    ----------
    mean : ndarray of float64, shape (8,)
        Mean of the coefficients of each block of ``BLOCKS``, beyond what its kin let expect.
    variance : ndarray of float64, shape (8,)
        Their variance.
    strength_slope : float
        Ability expected for a strength of one above the known models'.
    noise, between : float
        Variance of an outcome, and of what the outcomes of one question have in common.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    strength_slope: float
    noise: float
    between: float


@dataclass(frozen=True, slots=True)
class ModelDesign:
    """The linear model of one new model's p options over m known ones and g tasks.

    Parameters
    ----------
    kin : Kinship
        What stands for them.
    surface_mean : ndarray of float64, shape (m,)
        Mean prediction of every known option over the training questions.
    n_tasks : int
        g.
    """

    kin: Kinship
    surface_mean: NDArray[np.float64]
    n_tasks: int

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Which block each coefficient belongs to, shape (d,)."""
        n_options, n_models = len(self.kin.rungs), self.kin.contrasts.shape[1]
        sizes = (1, 1, len(AXES), len(AXES), n_models, self.n_tasks, n_options, 1)
        return np.repeat(np.arange(len(BLOCKS)), sizes)

    def build(
        self,
        surface: NDArray[np.float64],
        membership: NDArray[np.float64],
        residual: NDArray[np.float64],
        option: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Build one row an outcome.

        Parameters
        ----------
        surface : ndarray of float64, shape (r, m)
            What the known options are expected to reach on its question.
        membership : ndarray of float64, shape (r, g)
            Its question's task.
        residual : ndarray of float64, shape (r,)
            How much better the known options did on it than expected.
        option : ndarray of int64, shape (r,)
            Which of the p options was tried.

        Returns
        -------
        columns : ndarray of float64, shape (r, d)
            What the coefficients multiply.
        base : ndarray of float64, shape (r,)
            What is expected before any of them.
        """
        kin = self.kin
        base = surface @ kin.base
        gains = np.zeros((len(surface), len(AXES)))
        for number in range(len(kin.rungs)):
            rows = option == number
            gains[rows] = surface[rows] @ kin.gains[:, number]
        columns = (
            np.ones((len(surface), 1)),
            (base - self.surface_mean @ kin.base)[:, None],
            kin.rungs[option],
            gains,
            (surface - self.surface_mean) @ kin.contrasts,
            membership,
            np.eye(len(kin.rungs))[option],
            residual[:, None],
        )
        return np.hstack(columns), base

    def expect(self, prior: JoinPrior) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the coefficients' prior mean and variance, both of shape (d,)."""
        blocks, kin = self.blocks, self.kin
        mean = prior.mean[blocks]
        mean[blocks == BLOCKS.index("ability")] += prior.strength_slope * kin.strength
        mean[blocks == BLOCKS.index("own_gain")] += kin.slopes
        mean[blocks == BLOCKS.index("share")] *= kin.shares
        return mean, prior.variance[blocks]

    def fold(
        self, coefficients: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Fold coefficients into a map from the known options' surface and the task.

        Parameters
        ----------
        coefficients : ndarray of float64, shape (d,)
            One a column of :meth:`build`.

        Returns
        -------
        weights : ndarray of float64, shape (m, p)
        offset : ndarray of float64, shape (p,)
        tasks : ndarray of float64, shape (g,)
        """
        kin, parts = self.kin, self._split(coefficients)
        likeness = kin.contrasts @ parts["likeness"]
        slope = float(parts["slope"][0])
        weights = kin.gains @ parts["share"] + (kin.base * (1.0 + slope) + likeness)[:, None]
        centre = self.surface_mean @ (kin.base * slope + likeness)
        offset = parts["ability"] - centre + kin.rungs @ parts["own_gain"] + parts["option"]
        return weights, offset, parts["task"]

    def _split(self, coefficients: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Name the blocks of the coefficients."""
        blocks = self.blocks
        return {name: coefficients[blocks == number] for number, name in enumerate(BLOCKS)}


def measure_residual(
    quality: NDArray[np.float64], surface: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure how much better the known options did on each question than expected.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        NaN where not tried.
    surface : ndarray of float64, shape (n, m)
        What was expected.

    Returns
    -------
    ndarray of float64, shape (n,)
        The mean difference, shrunk as if one more option had done as expected.

    Examples
    --------
    >>> measure_residual(np.array([[1.0, np.nan]]), np.array([[0.5, 0.5]])).tolist()
    [0.25]
    """
    seen = ~np.isnan(quality)
    total = np.where(seen, quality - surface, 0.0).sum(axis=1)
    return np.asarray(total / (seen.sum(axis=1) + 1.0))


def infer_coefficients(
    columns: NDArray[np.float64],
    target: NDArray[np.float64],
    question: NDArray[np.int64],
    prior: tuple[NDArray[np.float64], NDArray[np.float64]],
    noise: tuple[float, NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Infer coefficients from outcomes of which those of one question err together.

    .. math:: \Sigma = (V^{-1} + X^\top N^{-1} X)^{-1}, \quad
              \beta = \Sigma (V^{-1} \mu + X^\top N^{-1} y)

    Parameters
    ----------
    columns : ndarray of float64, shape (r, d)
        X; no row at all gives the prior.
    target : ndarray of float64, shape (r,)
        y.
    question : ndarray of int64, shape (r,)
        Which question each row is about, from 0.
    prior : tuple of ndarray of float64, shape (d,)
        Mean and variance of the coefficients.
    noise : tuple of float and ndarray of float64, shape (r,)
        Variance of an outcome by itself, and of what the outcomes of its question have in common.

    Returns
    -------
    mean : ndarray of float64, shape (d,)
    covariance : ndarray of float64, shape (d, d)

    Examples
    --------
    Three outcomes of 1 against a prior of 0 that is worth one of them:

    >>> mean, covariance = infer_coefficients(
    ...     np.ones((3, 1)), np.ones(3), np.arange(3), (np.zeros(1), np.ones(1)),
    ...     (1.0, np.zeros(3)),
    ... )
    >>> mean.tolist(), covariance.tolist()
    ([0.75], [[0.25]])
    """
    own, common = noise
    together = np.column_stack((columns, target))
    _, first, place, count = np.unique(
        question, return_index=True, return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(count), together.shape[1]))
    np.add.at(sums, place, together)
    # The covariance is the same for all rows of a question, so that its inverse takes a share of
    # the question's sum away from every row.
    share = common[first] / (own + count * common[first])
    products = (together.T @ together - sums.T @ (share[:, None] * sums)) / own
    return solve_coefficients(products, prior)


def solve_coefficients(
    products: NDArray[np.float64], prior: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve for the posterior from weighted products.

    Parameters
    ----------
    products : ndarray of float64, shape (d + 1, d + 1)
        Of the columns and, behind them, the target.
    prior : tuple of ndarray of float64, shape (d,)
        Mean and variance of the coefficients.

    Returns
    -------
    mean : ndarray of float64, shape (d,)
    covariance : ndarray of float64, shape (d, d)
    """
    mean, variance = prior
    precision: NDArray[np.float64] = np.diag(1.0 / variance) + products[:-1, :-1]
    covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    return covariance @ (mean / variance + products[:-1, -1]), covariance
