"""Whether logged choices can say anything about a plan: weights, and what overlap they have.

A log answers for a plan only through decisions that both could have made. Where the log never took
an option that the plan takes, no estimator can tell, and an interval would be made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import OverlapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.off_policy import Decisions

__all__ = ["Overlap", "compute_weights", "measure_overlap", "require_overlap"]

# Of the plan's probability: what may lie where the log never looks. Quality is within [0, 1], so
# this is also the largest error that comes of it.
UNSUPPORTED_MAX = 0.001
# Below about this many decisions' worth of evidence the normal approximation fails.
EFFECTIVE_MIN = 50.0
# Standard errors by which the weights may miss their known mean; chance does it once in 16,000.
ERRORS_MAX = 4.0


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far logged decisions reach what a plan does.

    Parameters
    ----------
    n_decisions : int
        Decisions in the log.
    effective_sample_size : float
        Decisions of the plan itself that would be worth as much: (sum of weights)^2 / sum of
        squared weights.
    share_matched : float
        Share of the decisions that the plan could have made.
    weight_mean, weight_error : float
        Mean weight, which is 1 on average where the overlap is complete, and its standard error.
    weight_max : float
        The largest weight.
    share_unsupported : float
        Share of the plan's probability on options with logging probability 0; where only the
        probability of the logged option is known, on options that were never logged.
    """

    n_decisions: int
    effective_sample_size: float
    share_matched: float
    weight_mean: float
    weight_error: float
    weight_max: float
    share_unsupported: float


def compute_weights(decisions: Decisions, target: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Compute the importance weights :math:`w_i = \pi(a_i \mid x_i) / \pi_0(a_i \mid x_i)`.

    Parameters
    ----------
    decisions : Decisions
        The logged decisions.
    target : ndarray of float64, shape (n, m)
        The plan's probability of every option.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    taken = target[np.arange(len(target)), decisions.action]
    weights: NDArray[np.float64] = taken / decisions.propensity
    return weights


def measure_overlap(decisions: Decisions, target: NDArray[np.float64]) -> Overlap:
    """Measure how far logged decisions reach what a plan does.

    Parameters
    ----------
    decisions : Decisions
        The logged decisions.
    target : ndarray of float64, shape (n, m)
        The plan's probability of every option.

    Returns
    -------
    Overlap

    Examples
    --------
    >>> from router.evaluation.off_policy import Decisions
    >>> log = Decisions(action=[0, 1, 0, 1], propensity=[0.5] * 4, outcome=[0.0] * 4, n_options=2)
    >>> overlap = measure_overlap(log, np.tile([0.0, 1.0], (4, 1)))
    >>> overlap.effective_sample_size, overlap.share_matched, overlap.weight_mean
    (2.0, 0.5, 1.0)
    """
    weights = compute_weights(decisions, target)
    if decisions.logging is None:
        seen = np.bincount(decisions.action, minlength=target.shape[1]) > 0
        unsupported = target[:, ~seen].sum(1)
    else:
        unsupported = np.where(decisions.logging > 0, 0.0, target).sum(1)
    n = len(weights)
    squares = float((weights**2).sum())
    return Overlap(
        n_decisions=n,
        effective_sample_size=float(weights.sum()) ** 2 / squares if squares else 0.0,
        share_matched=float((weights > 0).mean()),
        weight_mean=float(weights.mean()),
        weight_error=float(weights.std(ddof=1)) / n**0.5 if n > 1 else float("inf"),
        weight_max=float(weights.max()),
        share_unsupported=float(unsupported.mean()),
    )


def require_overlap(overlap: Overlap) -> None:
    """Refuse what the log cannot answer.

    Three things are looked at: probability of the plan where the log never looks, evidence worth
    fewer than 50 decisions, and a mean weight more than 4 standard errors from 1. The last finds
    options that some questions were never given, without their logging probabilities; it finds a
    share only as small as those 4 standard errors.

    Parameters
    ----------
    overlap : Overlap
        What was measured.

    Raises
    ------
    OverlapError
        With the figure that failed and what is allowed.
    """
    if overlap.share_unsupported > UNSUPPORTED_MAX:
        msg = f"{overlap.share_unsupported:.1%} of what the plan does the log never tried: at most "
        raise OverlapError(msg + f"{UNSUPPORTED_MAX:.1%} is allowed")
    if overlap.effective_sample_size < EFFECTIVE_MIN:
        msg = f"the log is worth {overlap.effective_sample_size:.0f} decisions of the plan: at "
        raise OverlapError(msg + f"least {EFFECTIVE_MIN:.0f} are needed")
    if abs(overlap.weight_mean - 1.0) > ERRORS_MAX * overlap.weight_error + 1e-9:
        msg = f"the mean weight is {overlap.weight_mean:.3f}, more than {ERRORS_MAX:.0f} standard "
        msg += f"errors of {overlap.weight_error:.3f} from 1: propensities are wrong, or some "
        raise OverlapError(msg + "questions never got what the plan gives them")
