"""What a plan would have done, estimated from choices that something else made and logged.

Every logged decision has a propensity, the probability with which its option was chosen. The
default estimator, named before anything was measured, is the cross-fitted doubly robust one.

References
----------
.. [1] M. Dudik, D. Erhan, J. Langford, L. Li, "Doubly robust policy evaluation and optimization",
   Statistical Science 29(4), 2014, equation 3.3.
.. [2] A. Swaminathan and T. Joachims, "The self-normalized estimator for counterfactual learning",
   NeurIPS 2015, equation 8.
.. [3] Y.-X. Wang, A. Agarwal, M. Dudik, "Optimal and adaptive off-policy evaluation in contextual
   bandits", ICML 2017, equation 7 (switch).
.. [4] Y. Su, M. Dimakopoulou, A. Krishnamurthy, M. Dudik, "Doubly robust off-policy evaluation with
   shrinkage", ICML 2020, equation 5 (optimistic shrinkage) and section 4.3 (choosing how much).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from router.evaluation.off_policy_bounds import bound_scores
from router.evaluation.off_policy_outcomes import predict_outcomes
from router.evaluation.off_policy_overlap import (
    Overlap,
    compute_weights,
    measure_overlap,
    require_overlap,
)
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DEFAULT_ESTIMATOR",
    "Decisions",
    "Estimator",
    "IntervalMethod",
    "OffPolicyEstimate",
    "estimate_off_policy",
    "score_decisions",
]

Estimator = Literal["ips", "snips", "direct", "doubly_robust", "switch", "shrinkage"]
IntervalMethod = Literal["skewness", "normal", "studentised", "bernstein"]
DEFAULT_ESTIMATOR: Estimator = "doubly_robust"
# Quantiles of the weights that the switch and the shrinkage are tried at.
TRIED_QUANTILES = np.linspace(0.5, 1.0, 11)


class Decisions:
    """Logged decisions: n of them, among m options.

    Parameters
    ----------
    action : array_like of int, shape (n,)
        The option that was chosen, from 0 to m - 1.
    propensity : array_like of float, shape (n,)
        The probability with which it was chosen, above 0 and at most 1.
    outcome : array_like of float, shape (n,)
        What followed: quality, or a cost.
    n_options : int
        m.
    task : array_like, shape (n,), optional
        Task labels, or anything else known before the choice that groups questions.
    question : array_like of int, shape (n,), optional
        Number of the question, from 0, where questions come again; they are then kept together, and
        intervals are over questions.
    logging : array_like of float, shape (n, m), optional
        Probability of every option, where all are known: missing overlap is then found exactly.

    Raises
    ------
    InputError
        If shapes differ or a number is not allowed.

    Examples
    --------
    >>> log = Decisions(action=[0, 1], propensity=[0.9, 0.1], outcome=[1.0, 0.0], n_options=2)
    >>> log.action.tolist()
    [0, 1]
    """

    __slots__ = ("action", "logging", "n_options", "outcome", "propensity", "question", "task")

    def __init__(
        self,
        *,
        action: ArrayLike,
        propensity: ArrayLike,
        outcome: ArrayLike,
        n_options: int,
        task: ArrayLike | None = None,
        question: ArrayLike | None = None,
        logging: ArrayLike | None = None,
    ) -> None:
        self.action = np.asarray(action, dtype=np.int64)
        self.propensity = np.asarray(propensity, dtype=np.float64)
        self.outcome = np.asarray(outcome, dtype=np.float64)
        self.n_options = n_options
        self.task = None if task is None else np.asarray(task)
        self.question = (
            np.arange(len(self.action)) if question is None else np.asarray(question, np.int64)
        )
        self.logging = None if logging is None else np.asarray(logging, dtype=np.float64)
        self._check()

    def _check(self) -> None:
        """Refuse what is no log of decisions."""
        shape = self.action.shape
        if len(shape) != 1 or shape[0] < 2:
            raise InputError(f"action has shape {shape}: (n,) with n of at least 2 is needed")
        for name in ("propensity", "outcome", "task", "question"):
            column = getattr(self, name)
            if column is not None and column.shape != shape:
                raise InputError(f"{name} has shape {column.shape}: {shape} is needed")
        if self.action.min() < 0 or self.action.max() >= self.n_options:
            wrong = self.action[(self.action < 0) | (self.action >= self.n_options)][0]
            raise InputError(f"action {wrong} is no option: 0 to {self.n_options - 1} are allowed")
        good = (self.propensity > 0) & (self.propensity <= 1)
        if not good.all():
            raise InputError(f"propensity {self.propensity[~good][0]} is not above 0 and at most 1")
        if not np.isfinite(self.outcome).all():
            raise InputError("an outcome is not finite: every decision needs a finite one")
        if self.question.min() < 0:
            raise InputError(f"question {self.question.min()} is negative: 0 or more is needed")
        if self.logging is not None:
            _check_probabilities("logging", self.logging, (shape[0], self.n_options))


@dataclass(frozen=True, slots=True)
class OffPolicyEstimate:
    """What a plan would have brought, with an interval and what it rests on.

    Parameters
    ----------
    value : float
        Mean outcome a decision.
    low, high : float
        Ends of the interval.
    confidence : float
        Of the interval.
    estimator, interval : str
        How both were found.
    logged_value : float
        Mean outcome of what was logged, for comparison.
    overlap : Overlap
        What the estimate rests on.
    """

    value: float
    low: float
    high: float
    confidence: float
    estimator: str
    interval: str
    logged_value: float
    overlap: Overlap

    def to_dict(self) -> dict[str, Any]:
        """Lay everything out for JSON.

        Returns
        -------
        dict
        """
        return asdict(self)


def estimate_off_policy(
    decisions: Decisions,
    target: ArrayLike,
    *,
    estimator: Estimator = DEFAULT_ESTIMATOR,
    interval: IntervalMethod = "skewness",
    confidence: float = 0.95,
    surface: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> OffPolicyEstimate:
    """Estimate what a plan would have brought from logged decisions.

    Parameters
    ----------
    decisions : Decisions
        What was chosen, how probably, and what followed.
    target : array_like, shape (n,) of int or (n, m) of float
        The plan's choice, or its probability of every option. A plan under a budget counts as such
        where it was made without these outcomes.
    estimator : str, default="doubly_robust"
        ``ips``, ``snips``, ``direct``, ``doubly_robust``, ``switch`` or ``shrinkage``. The last
        two and ``direct`` trade bias for variance; the interval knows nothing of the bias.
    interval : str, default="skewness"
        ``skewness`` corrects the ``normal`` one for weights that are rare and large, as does
        ``studentised`` by resampling; ``bernstein`` holds for every sample size where outcomes lie
        in [0, 1], and is wide. The other three are widened where outcomes are 0 or 1 and all that
        the plan could have made came out alike.
    confidence : float, default=0.95
        Between 0 and 1.
    surface : ndarray of float64, shape (n, m), optional
        Predictions of a model that did not see these outcomes; makes the interval narrower as far
        as they are right, and no less valid where they are wrong.
    seed : int, default=0
        Of the resamples.

    Returns
    -------
    OffPolicyEstimate

    Raises
    ------
    OverlapError
        If the log cannot answer for the plan.
    InputError
        If shapes differ, or a setting is unknown.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> action = generator.integers(2, size=4000)
    >>> outcome = (generator.random(4000) < np.array([0.3, 0.6])[action]).astype(float)
    >>> log = Decisions(action=action, propensity=np.full(4000, 0.5), outcome=outcome, n_options=2)
    >>> found = estimate_off_policy(log, np.ones(4000, dtype=int))
    >>> found.low < 0.6 < found.high, round(found.overlap.effective_sample_size, -2)
    (True, 2000.0)
    """
    if interval not in get_args(IntervalMethod):
        allowed = ", ".join(get_args(IntervalMethod))
        raise InputError(f"interval {interval!r} is unknown: allowed are {allowed}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}: a number between 0 and 1 is needed")
    plan = _spread_target(target, decisions)
    overlap = measure_overlap(decisions, plan)
    require_overlap(overlap)
    scores = score_decisions(decisions, plan, estimator=estimator, surface=surface)
    low, high = bound_scores(
        decisions, plan, scores, interval=interval, confidence=confidence, seed=seed
    )
    return OffPolicyEstimate(
        value=float(scores.mean()),
        low=low,
        high=high,
        confidence=confidence,
        estimator=estimator,
        interval=interval,
        logged_value=float(decisions.outcome.mean()),
        overlap=overlap,
    )


def score_decisions(
    decisions: Decisions,
    target: NDArray[np.float64],
    *,
    estimator: Estimator = DEFAULT_ESTIMATOR,
    surface: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    r"""Give every decision a score whose mean is the estimate and whose spread is its error.

    .. math:: s_i = \sum_a \pi(a \mid x_i)\, \hat q(x_i, a) + f(w_i)\,(r_i - \hat q(x_i, a_i))

    with :math:`f(w) = w` (doubly robust), :math:`w\,[w \le \tau]` (switch, whose direct part
    covers the rest) or :math:`\lambda w / (w^2 + \lambda)` (shrinkage); ``ips`` has
    :math:`\hat q = 0`, and ``snips`` the linearised :math:`v + w_i (r_i - v) / \bar w`.

    Parameters
    ----------
    decisions : Decisions
        The logged decisions.
    target : ndarray of float64, shape (n, m)
        The plan's probability of every option.
    estimator : str, default="doubly_robust"
        Which.
    surface : ndarray of float64, shape (n, m), optional
        Predictions that start the outcome model.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        If the estimator is unknown or the surface has another shape.
    """
    if estimator not in get_args(Estimator):
        allowed = ", ".join(get_args(Estimator))
        raise InputError(f"estimator {estimator!r} is unknown: allowed are {allowed}")
    if surface is not None and surface.shape != target.shape:
        raise InputError(f"surface has shape {surface.shape}: {target.shape} is needed")
    weights = compute_weights(decisions, target)
    if estimator == "ips":
        return weights * decisions.outcome
    if estimator == "snips":
        value = float((weights * decisions.outcome).sum() / weights.sum())
        linear: NDArray[np.float64] = value + weights * (decisions.outcome - value) / weights.mean()
        return linear
    predicted = predict_outcomes(decisions, surface=surface)
    direct: NDArray[np.float64] = np.einsum("ij,ij->i", target, predicted)
    residual = decisions.outcome - predicted[np.arange(len(direct)), decisions.action]
    if estimator == "direct":
        return direct
    if estimator == "doubly_robust":
        return direct + weights * residual
    return direct + _choose_weights(weights, residual, estimator) * residual


def _choose_weights(
    weights: NDArray[np.float64], residual: NDArray[np.float64], estimator: Estimator
) -> NDArray[np.float64]:
    """Bound the weights as far as the estimated squared bias plus variance falls."""
    best, least = weights, float((weights * residual).var(ddof=1)) / len(weights)
    levels = np.unique(np.quantile(weights[weights > 0], TRIED_QUANTILES))
    if estimator == "shrinkage":
        # A weight at the level loses half: mild shrinkage needs levels above every weight.
        levels = np.concatenate([levels, levels[-1] * np.array([2.0, 4.0, 8.0, 16.0])])
    for level in levels:
        if estimator == "switch":
            tried = np.where(weights <= level, weights, 0.0)
        else:
            tried = level**2 * weights / (weights**2 + level**2)
        lost = (weights - tried) * residual
        # The bias is itself known with an error, which is added: a bias cannot hide in noise.
        bias = lost.mean() ** 2 + lost.var(ddof=1) / len(lost)
        error = float(bias + (tried * residual).var(ddof=1) / len(lost))
        if error < least:
            best, least = tried, error
    return best


def _spread_target(target: ArrayLike, decisions: Decisions) -> NDArray[np.float64]:
    """Turn choices into probabilities, and check probabilities."""
    plan = np.asarray(target)
    shape = (len(decisions.action), decisions.n_options)
    if plan.ndim != 1:
        plan = plan.astype(np.float64)
        _check_probabilities("target", plan, shape)
        return plan
    if plan.shape != shape[:1] or not np.issubdtype(plan.dtype, np.integer):
        msg = f"target has shape {plan.shape} of {plan.dtype}: {shape[:1]} of int is needed"
        raise InputError(msg)
    if plan.min() < 0 or plan.max() >= shape[1]:
        raise InputError(f"target chooses outside the options 0 to {shape[1] - 1}")
    chosen: NDArray[np.float64] = np.eye(shape[1])[plan]
    return chosen


def _check_probabilities(name: str, table: NDArray[np.float64], shape: tuple[int, int]) -> None:
    """Refuse what is no distribution over options in every row."""
    if table.shape != shape:
        raise InputError(f"{name} has shape {table.shape}: {shape} is needed")
    if not (table >= 0).all() or not np.allclose(table.sum(1), 1.0, atol=1e-6):
        raise InputError(f"{name} has a row that is no distribution: parts of 0 or more, sum 1")
