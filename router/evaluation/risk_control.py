r"""A floor under quality, kept with stated confidence at the lowest spend that the evidence allows.

"At least a share q of the full budget's quality, with confidence 1 - delta": candidates (budgets,
prices, thresholds) are tested on calibration questions one by one, in an order fixed beforehand
that starts at the safest, until one fails (Learn then Test [1]_, fixed sequences). Whatever passed
holds, all together, with probability 1 - delta over the calibration questions, so the cheapest of
them may be taken. Nothing is assumed of how quality moves with spend: a candidate in the middle may
be worse than a cheaper one. Where nothing passes the full budget is kept, which needs no evidence.

References
----------
.. [1] A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei, "Learn then Test:
   calibrating predictive algorithms to achieve risk control", arXiv 2110.01052, section 2 and
   algorithm 1.
.. [2] A. N. Angelopoulos, S. Bates, A. Fisch, L. Lei, T. Schuster, "Conformal risk control", arXiv
   2208.02814 (ICLR 2024), equation 4 and theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from router.evaluation.risk_control_bounds import (
    find_betting_p_values,
    find_hoeffding_bentkus_p_values,
)
from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Certificate",
    "TestMethod",
    "certify",
    "choose_with_floor",
    "control_expected_loss",
]

TestMethod = Literal["betting", "hoeffding_bentkus"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a floor under quality allows.

    Parameters
    ----------
    setting : int or None
        The cheapest candidate that passed; None says: keep the full budget.
    passed : ndarray of bool, shape (k,)
        Candidates that keep the floor, all of them with the one confidence.
    share : float
        Of the full budget's mean quality that is kept at least.
    delta : float
        Probability, at most, with which that is wrong.
    spend, spend_full : float
        Mean cost a calibration question of what was chosen, and of the full budget.
    quality, quality_full : float
        Mean quality of both on the calibration questions.
    """

    setting: int | None
    passed: NDArray[np.bool_]
    share: float
    delta: float
    spend: float
    spend_full: float
    quality: float
    quality_full: float


def certify(
    losses: ArrayLike,
    level: float,
    *,
    delta: float,
    low: float = 0.0,
    high: float = 1.0,
    sequences: Iterable[ArrayLike] | None = None,
    method: TestMethod = "betting",
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Say which settings have a mean loss of at most the level, all together with confidence.

    Parameters
    ----------
    losses : array_like of float, shape (n, k)
        Loss of every setting on every calibration question, one row each: runs of the same question
        are averaged before, since rows that repeat each other would count as evidence.
    level : float
        The mean loss that is allowed.
    delta : float
        Probability, at most, that any setting is certified wrongly.
    low, high : float, default=0 and 1
        Bounds of every loss.
    sequences : iterable of array_like of int, optional
        Orders in which settings are tested, each until it fails, at an equal part of `delta`;
        chosen before these losses were seen. One by default, in the order of the columns.
    method : str, default="betting"
        ``betting`` or ``hoeffding_bentkus``.
    seed : int, default=0
        Of the order in which questions are looked at; bets depend on it.

    Returns
    -------
    ndarray of bool, shape (k,)

    Raises
    ------
    InputError
        If a number is not allowed or a method is unknown.

    Examples
    --------
    >>> losses = np.tile([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], (200, 1))
    >>> certify(losses, 0.1, delta=0.05).tolist()
    [True, True, False]
    """
    table = np.asarray(losses, dtype=np.float64)
    if not 0 < delta < 1:
        raise InputError(f"delta is {delta}: a number between 0 and 1 is needed")
    if method not in get_args(TestMethod):
        allowed = ", ".join(get_args(TestMethod))
        raise InputError(f"method {method!r} is unknown: allowed are {allowed}")
    orders = _read_sequences(sequences, table.shape[-1] if table.ndim else 0)
    part = delta / len(orders)
    if table.ndim == 2:
        # A log sorted by task or score is no sample in its own order, and bets are made in turn.
        table = np.random.default_rng(seed).permutation(table)
    if method == "betting":
        p_values = find_betting_p_values(table, level, low=low, high=high, delta=part)
    else:
        p_values = find_hoeffding_bentkus_p_values(table, level, low=low, high=high)
    passed = np.zeros(table.shape[1], dtype=bool)
    for order in orders:
        failed = p_values[order] > part
        n_passed = int(failed.argmax()) if failed.any() else len(order)
        passed[order[:n_passed]] = True
    return passed


def _read_sequences(
    sequences: Iterable[ArrayLike] | None, n_settings: int
) -> list[NDArray[np.int64]]:
    """Read the orders in which settings are tested; by default one, that of the columns."""
    if sequences is None:
        return [np.arange(n_settings)]
    orders = [np.asarray(order, dtype=np.int64).ravel() for order in sequences]
    for order in orders:
        wrong = order[(order < 0) | (order >= n_settings)]
        if len(wrong):
            raise InputError(f"sequences name setting {wrong[0]}: 0 to {n_settings - 1} are there")
    if not orders:
        raise InputError("sequences is empty: one order of settings at least is needed")
    return orders


def choose_with_floor(
    quality: ArrayLike,
    cost: ArrayLike,
    full_quality: ArrayLike,
    full_cost: ArrayLike,
    *,
    share: float,
    delta: float,
    sequences: Iterable[ArrayLike] | None = None,
    method: TestMethod = "betting",
    seed: int = 0,
) -> Certificate:
    r"""Choose the cheapest setting that keeps a share of the full budget's quality.

    The loss of a question is :math:`q\, y_i^{\text{full}} - y_i^{\lambda}`, which lies in [-1, q];
    the floor holds where its mean is at most 0.

    Parameters
    ----------
    quality, cost : array_like of float, shape (n, k)
        What every setting brought and cost on every calibration question; quality in [0, 1], cost
        finite. One row a question, as in `certify`.
        Columns run from the safest setting to the least safe, unless `sequences` says otherwise.
    full_quality, full_cost : array_like of float, shape (n,)
        The same of the full budget.
    share : float
        q, above 0 and below 1.
    delta : float
        Probability, at most, with which the floor is missed.
    sequences : iterable of array_like of int, optional
        As in `certify`.
    method : str, default="betting"
        As in `certify`.
    seed : int, default=0
        As in `certify`.

    Returns
    -------
    Certificate

    Raises
    ------
    InputError
        If shapes differ or a number is not allowed.

    Examples
    --------
    >>> quality = np.tile([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], (200, 1))
    >>> found = choose_with_floor(quality, np.tile([3.0, 2.0, 1.0], (400, 1)), quality[:, 0],
    ...     np.full(400, 4.0), share=0.9, delta=0.1)
    >>> found.setting, found.spend, found.spend_full
    (1, 2.0, 4.0)
    """
    gained, spent = np.asarray(quality, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    full, dear = np.asarray(full_quality, np.float64), np.asarray(full_cost, np.float64)
    if gained.ndim != 2 or spent.shape != gained.shape:
        msg = f"quality and cost have shapes {gained.shape} and {spent.shape}: (n, k) is needed"
        raise InputError(msg)
    if full.shape != gained.shape[:1] or dear.shape != full.shape:
        msg = f"full_quality and full_cost have shapes {full.shape} and {dear.shape}: "
        raise InputError(msg + f"{gained.shape[:1]} is needed")
    if not all(((part >= 0) & (part <= 1)).all() for part in (gained, full)):
        raise InputError("a quality is outside [0, 1], or NaN")
    if not all(np.isfinite(part).all() for part in (spent, dear)):
        raise InputError("a cost is not finite: every setting needs one on every question")
    if not 0 < share < 1:
        raise InputError(f"share is {share}: a number between 0 and 1 is needed")
    losses = share * full[:, None] - gained
    bounds = {"low": -1.0, "high": share}
    passed = certify(
        losses, 0.0, delta=delta, **bounds, sequences=sequences, method=method, seed=seed
    )
    spend = spent.mean(0)
    setting = int(np.where(passed, spend, np.inf).argmin()) if passed.any() else None
    if setting is not None and spend[setting] >= dear.mean():
        setting = None
    return Certificate(
        setting=setting,
        passed=passed,
        share=share,
        delta=delta,
        spend=float(dear.mean() if setting is None else spend[setting]),
        spend_full=float(dear.mean()),
        quality=float(full.mean() if setting is None else gained[:, setting].mean()),
        quality_full=float(full.mean()),
    )


def control_expected_loss(losses: ArrayLike, level: float, *, high: float = 1.0) -> int | None:
    r"""Choose a setting whose loss on the next question is at most the level on average.

    Conformal risk control: the last column, safest first, with

    .. math:: \frac{n}{n + 1} \hat R(\lambda) + \frac{B}{n + 1} \le \alpha .

    The theorem needs losses that never fall along the columns, so each is replaced by the largest
    up to it, which can only err on the safe side. There is no delta: the mean is over calibration
    questions too.

    Parameters
    ----------
    losses : array_like of float, shape (n, k)
        Loss of every setting on every calibration question, from the safest setting on.
    level : float
        The mean loss that is allowed.
    high : float, default=1
        B, the upper bound of every loss.

    Returns
    -------
    int or None
        Position of the setting; None where not even the first will do.

    Raises
    ------
    InputError
        If the shape or a number is not allowed.

    Examples
    --------
    >>> control_expected_loss(np.tile([0.0, 0.1, 0.0, 1.0], (99, 1)), 0.11)
    2
    """
    table = np.asarray(losses, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise InputError(f"losses have shape {table.shape}: (n, k) of 1 or more is needed")
    if not (table <= high).all():
        raise InputError(f"a loss is above its bound {high}, or NaN")
    n = len(table)
    risk = (np.maximum.accumulate(table, axis=1).sum(0) + high) / (n + 1)
    allowed = np.flatnonzero(risk <= level)
    return int(allowed[-1]) if len(allowed) else None
