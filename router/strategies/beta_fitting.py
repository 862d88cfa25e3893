"""Fitting a beta population to right trials of many questions, by maximum likelihood.

The likelihood is a sum over rising factorials, and so over counts of questions with more than so
many successes, failures and trials: a step costs the largest number of trials, however many
questions there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["maximise_likelihood"]

# Both parameters stay within these, also where a log would push one of them to infinity.
LOG_LIMITS = (-9.0, 9.0)


def maximise_likelihood(right: NDArray[np.int64], trials: NDArray[np.int64]) -> tuple[float, float]:
    """Climb the likelihood of a beta-binomial by Newton's steps on logarithms.

    Examples
    --------
    >>> a, b = maximise_likelihood(np.array([0, 1, 2, 3, 4]), np.full(5, 4))
    >>> round(a, 3) == round(b, 3)
    True
    """
    most = int(trials.max())
    steps = np.arange(most, dtype=np.float64)

    def tally(counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Count the questions with more than so many."""
        seen = np.bincount(counts, minlength=most + 1)
        return np.asarray(seen[::-1].cumsum()[::-1][1:], dtype=np.float64)

    successes, failures, all_trials = tally(right), tally(trials - right), tally(trials)

    def judge(point: NDArray[np.float64]) -> float:
        """Compute the likelihood, apart from a constant."""
        a, b = np.exp(point)
        parts = successes * np.log(a + steps) + failures * np.log(b + steps)
        return float((parts - all_trials * np.log(a + b + steps)).sum())

    mean = min(max(float(right.sum() / trials.sum()), 1e-3), 1 - 1e-3)
    point = np.log([mean, 1 - mean])
    for _ in range(100):
        size = np.exp(point)
        shared = (all_trials / (size.sum() + steps)).sum()
        bent = (all_trials / (size.sum() + steps) ** 2).sum()
        slopes = np.array(
            [(successes / (size[0] + steps)).sum(), (failures / (size[1] + steps)).sum()]
        )
        bends = np.array(
            [(successes / (size[0] + steps) ** 2).sum(), (failures / (size[1] + steps) ** 2).sum()]
        )
        gradient = size * (slopes - shared)
        hessian = np.outer(size, size) * (bent - np.diag(bends)) + np.diag(gradient)
        values, vectors = np.linalg.eigh(hessian)
        # Where the likelihood bends upwards a step along its slope still climbs.
        step = vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), 1e-9))
        step *= min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-12))
        here = judge(point)
        while judge(np.clip(point + step, *LOG_LIMITS)) < here and np.abs(step).max() > 1e-10:
            step /= 2
        point = np.clip(point + step, *LOG_LIMITS)
        if np.abs(step).max() < 1e-9:
            break
    return float(np.exp(point[0])), float(np.exp(point[1]))
