r"""Search: what steps, width, documents, shots and reasoning are worth together, as logits.

With amounts :math:`\theta_j` of each axis, :math:`\operatorname{logit} q = c + \sum_j \beta_j
\ln \theta_j + \sum_{(j, k)} \gamma_{jk} \ln \theta_j \ln \theta_k - \delta \max(0, \ln (l / t))`.
The slopes make quality rise and flatten; an interaction above 0 says that two axes need each other,
as more retrieval needs more synthesis and longer chains more retrieval; and beyond a turn t the
load l, the product of all axes that fill the context, distracts, so that quality falls.

References
----------
.. [1] Yue, Z. et al., "Inference scaling for long-context retrieval augmented generation",
   arXiv:2410.04343, equation 2: the log-linear model of documents, shots and iterations.
.. [2] Papke, L. and Wooldridge, J., "Econometric methods for fractional response variables",
   Journal of Applied Econometrics 11(6), 1996: logits fitted to shares by quasi-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import (
    Estimate,
    bound_by_resampling,
    read_amounts,
    read_counts,
    read_shares,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["SearchLaw"]

N_ROUNDS = 50
# Keeps slopes finite where every question of a setting comes out alike.
RIDGE = 1e-6


@dataclass(frozen=True)
class SearchLaw:
    """Quality as a function of the amounts of several axes.

    Parameters
    ----------
    intercept : float
        Logit of quality where every amount is 1.
    slopes : mapping of str to float
        By axis, per logarithm of its amount.
    interactions : mapping of (str, str) to float
        By pair of axes, per product of their logarithms.
    turn : float, optional
        Load beyond which quality falls; without it there is no fall.
    fall : float, default=0
        How much of the logit each logarithm of the load beyond the turn takes.
    load : tuple of str
        Axes whose product is the load; all of them where it is empty.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If there is no axis, or a name is that of none.

    Examples
    --------
    >>> law = SearchLaw(-1.0, {"steps": 0.9, "width": 0.4}, turn=12.0, fall=1.5)
    >>> law.predict({"steps": [1, 4, 12], "width": 3}).round(2).tolist()
    [0.36, 0.67, 0.51]
    """

    intercept: float
    slopes: Mapping[str, float]
    interactions: Mapping[tuple[str, str], float] = field(default_factory=dict)
    turn: float | None = None
    fall: float = 0.0
    load: tuple[str, ...] = ()
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse laws of nothing, and names of no axis."""
        _check_axes(self.slopes, self.interactions, self.load)
        if self.turn is not None:
            read_amounts("turn", self.turn)

    def predict(self, amounts: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Give the quality of settings.

        Parameters
        ----------
        amounts : mapping of str to array_like of float
            By axis, above 0; they broadcast.

        Returns
        -------
        ndarray of float64
        """
        logs = _read_logs(amounts, self.slopes)
        logit = np.asarray(self.intercept + sum(s * logs[axis] for axis, s in self.slopes.items()))
        for (one, other), value in self.interactions.items():
            logit = logit + value * logs[one] * logs[other]
        if self.turn is not None:
            load = sum(logs[axis] for axis in self.load or tuple(self.slopes))
            logit = logit - self.fall * np.maximum(0.0, load - np.log(self.turn))
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -700.0, 700.0))), dtype=np.float64)

    def find_best(
        self, amounts: Mapping[str, ArrayLike], cost: ArrayLike, cap: float
    ) -> tuple[int, float] | None:
        """Find the best setting that costs no more than a cap; among equals the cheapest.

        Parameters
        ----------
        amounts : mapping of str to array_like of float, shape (m,)
            By axis.
        cost : array_like of float, shape (m,)
            Of each setting, in any unit.
        cap : float
            In that unit.

        Returns
        -------
        position : int
            Of the setting.
        quality : float
            That it is expected to reach; None in place of both where nothing is cheap enough.
        """
        prices = np.asarray(cost, dtype=np.float64)
        quality = np.broadcast_to(self.predict(amounts), prices.shape)
        allowed = np.flatnonzero(prices <= cap)
        if not len(allowed):
            return None
        best = allowed[np.lexsort((prices[allowed], -quality[allowed]))[0]]
        return int(best), float(quality[best])

    def simulate(
        self, chance: np.random.Generator, amounts: Mapping[str, ArrayLike], n_questions: int
    ) -> NDArray[np.bool_]:
        """Draw whether questions come out right, each setting by its quality."""
        read_counts("n_questions", n_questions, least=1)
        quality = np.atleast_1d(self.predict(amounts))
        return np.asarray(chance.random((n_questions, *quality.shape)) < quality, dtype=np.bool_)

    @classmethod
    def fit(
        cls,
        amounts: Mapping[str, ArrayLike],
        quality: ArrayLike,
        *,
        interactions: Iterable[tuple[str, str]] = (),
        turns: ArrayLike = (),
        seed: int = 0,
        n_resamples: int = 200,
    ) -> SearchLaw:
        """Fit to outcomes of settings by quasi-likelihood, with intervals over questions.

        Parameters
        ----------
        amounts : mapping of str to array_like of float, shape (m,)
            By axis, of each setting.
        quality : array_like of shape (n, m)
            From 0 to 1, of each question under each setting.
        interactions : iterable of (str, str)
            Pairs of axes to look at.
        turns : array_like of float
            Loads that quality may begin to fall at; the likeliest is taken.
        seed : int, default=0
            Of the draws of questions.
        n_resamples : int, default=200
            How often questions are drawn for the intervals.

        Returns
        -------
        SearchLaw
            With estimates by axis, by ``"one x other"``, and of intercept, fall and turn.

        Raises
        ------
        InputError
            If shapes disagree, or there are fewer settings than parameters.
        """
        table = read_shares("quality", quality)
        pairs = tuple(interactions)
        logs = _read_logs(amounts, amounts)
        _check_axes(amounts, pairs, ())
        settings = np.broadcast_arrays(*logs.values())
        if table.ndim != 2 or settings[0].shape != table.shape[1:]:
            raise InputError(f"quality has shape {table.shape}: questions x settings are needed")
        columns = [np.ones(table.shape[1]), *settings]
        columns += [logs[one] * logs[other] for one, other in pairs]
        load = np.sum(settings, axis=0)
        starts = read_amounts("turns", turns).ravel()
        designs = [
            np.stack([*columns, -np.maximum(0.0, load - np.log(turn))], axis=1) for turn in starts
        ] or [np.stack(columns, axis=1)]
        names = ["intercept", *amounts, *(f"{one} x {other}" for one, other in pairs)]
        names += ["fall"] * bool(len(starts))
        if len(names) > table.shape[1]:
            raise InputError(f"{table.shape[1]} settings cannot tell {len(names)} parameters apart")

        def estimate(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to some questions."""
            means = table[rows].mean(axis=0)
            fits = [_fit_logits(design, means) for design in designs]
            best = int(np.argmin([loss for _, loss in fits]))
            found = dict(zip(names, fits[best][0].tolist(), strict=True))
            return {**found, "turn": float(starts[best])} if len(starts) else found

        found = bound_by_resampling(estimate, len(table), seed=seed, n_resamples=n_resamples)
        return cls(
            found["intercept"].value,
            {axis: found[axis].value for axis in amounts},
            {(one, other): found[f"{one} x {other}"].value for one, other in pairs},
            turn=found["turn"].value if len(starts) else None,
            fall=found["fall"].value if len(starts) else 0.0,
            estimates=found,
        )


def _check_axes(
    axes: Iterable[str], pairs: Iterable[tuple[str, str]], load: tuple[str, ...]
) -> None:
    """Refuse no axes, and names that are none of them."""
    known = tuple(axes)
    if not known:
        raise InputError("slopes is empty: at least one axis is needed")
    for name in (*load, *(name for pair in pairs for name in pair)):
        if name not in known:
            raise InputError(f"{name!r} is no axis: there are {', '.join(known)}")


def _read_logs(
    amounts: Mapping[str, ArrayLike], axes: Iterable[str]
) -> dict[str, NDArray[np.float64]]:
    """Read the logarithms of amounts, one array for each axis."""
    missing = [axis for axis in axes if axis not in amounts]
    if missing:
        raise InputError(f"amounts lacks {missing[0]!r}: every axis is needed")
    return {axis: np.log(read_amounts(axis, amounts[axis])) for axis in axes}


def _fit_logits(
    design: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Fit coefficients by iteratively reweighted least squares; give them and their loss."""
    beta = np.zeros(design.shape[1])
    for _ in range(N_ROUNDS):
        share = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30.0, 30.0)))
        weights = np.maximum(share * (1.0 - share), 1e-9)
        hessian = design.T @ (weights[:, None] * design) + RIDGE * np.eye(len(beta))
        step = np.linalg.solve(hessian, design.T @ (means - share) - RIDGE * beta)
        beta = beta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    logits = design @ beta
    return beta, float((np.logaddexp(0.0, logits) - means * logits).sum())
