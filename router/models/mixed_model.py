"""A mixed model of contrasts: task, words and shape of a text as random effects, in closed form.

Each effect has a variance, told as a ratio to the noise's. On a hundred questions no such ratio can
be estimated well, nor can weights of learners; so candidates are weighed by how likely they make
the outcomes, and the answers of all of them averaged. Every part is linear, so that it folds into
the same tables as the learners do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.inputs import Inputs

__all__ = ["RATIOS", "MixedModel", "build_kernels", "fit_mixed_model", "score_covariance"]

# Candidates: nothing, little or much of each effect.
RATIOS = np.array(list(product((0.0, 0.05, 0.2, 1.0), (0.0, 0.08, 1.0), (0.0, 0.03, 0.5))))


@dataclass(frozen=True, slots=True)
class MixedModel:
    """Predicts r contrasts by the mean and three linear effects.

    Parameters
    ----------
    overall : ndarray of float64, shape (r,)
        Mean of each contrast.
    table : ndarray of float64, shape (g, r)
        What each task adds.
    words : ndarray of float64, shape (v, r)
        What each word or word pair adds, by its TF-IDF weight.
    shape : ndarray of float64, shape (s, r)
        What the scaled shape of the text adds.
    chances : ndarray of float64, shape (k,)
        How probable the outcomes make each candidate.
    """

    overall: NDArray[np.float64]
    table: NDArray[np.float64]
    words: NDArray[np.float64]
    shape: NDArray[np.float64]
    chances: NDArray[np.float64]

    def predict(self, inputs: Inputs, group_index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict every contrast of n questions.

        Parameters
        ----------
        inputs : Inputs
            Features of the questions.
        group_index : ndarray of int64, shape (n,)
            Their tasks.

        Returns
        -------
        ndarray of float64, shape (n, r)
        """
        text = np.asarray(inputs.words @ self.words) + inputs.shape @ self.shape
        return self.overall + self.table[group_index] + text


def build_kernels(inputs: Inputs, group_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Tabulate in how far two questions share each effect.

    Parameters
    ----------
    inputs : Inputs
        Features of n questions.
    group_index : ndarray of int64, shape (n,)
        Their tasks.

    Returns
    -------
    ndarray of float64, shape (3, n, n)
        Same task; common words; like shapes. A question shares about 1 of each with itself.
    """
    shape = inputs.shape @ inputs.shape.T / inputs.shape.shape[1]
    words = (inputs.words @ inputs.words.T).toarray().astype(np.float64)
    return np.stack(((group_index[:, None] == group_index).astype(np.float64), words, shape))


def score_covariance(
    covariance: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit the mean by generalised least squares and score a covariance by what is left.

    Parameters
    ----------
    covariance : ndarray of float64, shape (n, n)
        Of the questions, in units of the noise's variance.
    target : ndarray of float64, shape (n, r)
        One column a contrast.

    Returns
    -------
    weighted : ndarray of float64, shape (n, r)
        Inverse covariance times what the mean leaves over.
    overall : ndarray of float64, shape (r,)
        The mean.
    likelihood : ndarray of float64, shape (r,)
        Logarithm of the restricted likelihood of each column, up to a constant, the scale of the
        noise at its maximum.

    References
    ----------
    H. D. Patterson, R. Thompson: Recovery of inter-block information when block sizes are unequal.
    Biometrika 58(3), 1971, pp. 545-554.

    Examples
    --------
    >>> weighted, overall, _ = score_covariance(np.eye(2), np.array([[1.0], [3.0]]))
    >>> weighted.tolist(), overall.tolist()
    ([[-1.0], [1.0]], [2.0])
    """
    factor = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(factor, np.column_stack((np.ones(len(target)), target)))
    one, whitened = whitened[:, 0], whitened[:, 1:]
    precision = one @ one
    overall = one @ whitened / precision
    rest = whitened - one[:, None] * overall
    squares = np.maximum((rest**2).sum(axis=0), 1e-12)
    spent = np.log(np.diag(factor)).sum() + 0.5 * np.log(precision)
    likelihood = -0.5 * (len(target) - 1) * np.log(squares) - spent
    return np.linalg.solve(factor.T, rest), overall, likelihood


def fit_mixed_model(
    inputs: Inputs,
    group_index: NDArray[np.int64],
    n_groups: int,
    target: NDArray[np.float64],
    ratios: NDArray[np.float64] = RATIOS,
) -> MixedModel:
    """Fit the effects, averaged over candidates for their variances.

    All contrasts share the candidates' probabilities: they are views of the same questions, and
    together they say more than each alone.

    Parameters
    ----------
    inputs : Inputs
        Features of n questions.
    group_index : ndarray of int64, shape (n,)
        Their tasks, from 0 to `n_groups` - 1.
    n_groups : int
        How many tasks there are.
    target : ndarray of float64, shape (n, r)
        The contrasts.
    ratios : ndarray of float64, shape (k, 3), optional
        Candidates, equally probable beforehand: variances of task, words and shape over that of the
        noise.

    Returns
    -------
    MixedModel

    References
    ----------
    C. R. Henderson: Best linear unbiased estimation and prediction under a selection model.
    Biometrics 31(2), 1975, pp. 423-447.
    J. A. Hoeting and others: Bayesian model averaging, a tutorial. Statistical Science 14(4), 1999,
    pp. 382-417.
    """
    kernels = build_kernels(inputs, group_index)
    noise = np.eye(len(target))
    scored = [
        score_covariance(noise + np.tensordot(ratio, kernels, axes=1), target) for ratio in ratios
    ]
    likelihood = np.array([score.sum() for _, _, score in scored])
    chances = np.exp(likelihood - likelihood.max())
    chances /= chances.sum()
    overall = np.tensordot(chances, [mean for _, mean, _ in scored], axes=1)
    weighted = np.stack([part for part, _, _ in scored])
    task, words, shape = np.einsum("k,ke,knr->enr", chances, ratios, weighted, optimize=True)
    table = np.zeros((n_groups, target.shape[1]))
    np.add.at(table, group_index, task)
    return MixedModel(
        overall=overall,
        table=table,
        words=np.asarray(inputs.words.T @ words, dtype=np.float64),
        shape=inputs.shape.T @ shape / inputs.shape.shape[1],
        chances=chances,
    )
