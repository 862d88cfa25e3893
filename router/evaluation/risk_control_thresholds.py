"""Two thresholds on a predicted score: above one a question is good enough, below one hopeless.

The dear option goes only to questions between them. A question predicted to succeed cheaply does
not need it, and one predicted to fail would waste it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.risk_control import choose_with_floor
from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.evaluation.risk_control import Certificate, TestMethod

__all__ = ["Thresholds", "choose_thresholds", "list_thresholds"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When the dear option is taken.

    Parameters
    ----------
    give_up : float
        Below this score it is not: the question is thought hopeless.
    upper : float
        At this score or above it is not: the cheap option will do.
    """

    give_up: float
    upper: float

    def choose_dear(self, score: ArrayLike) -> NDArray[np.bool_]:
        """Say which questions get the dear option.

        Parameters
        ----------
        score : array_like of float, shape (n,)
            Predicted quality, or any other score that rises with it.

        Returns
        -------
        ndarray of bool, shape (n,)

        Examples
        --------
        >>> Thresholds(0.2, 0.8).choose_dear([0.1, 0.2, 0.5, 0.8]).tolist()
        [False, True, True, False]
        """
        values = np.asarray(score, dtype=np.float64)
        chosen: NDArray[np.bool_] = (values >= self.give_up) & (values < self.upper)
        return chosen


def list_thresholds(
    score: ArrayLike, *, n_upper: int = 20, give_up_shares: Sequence[float] = (0.0, 0.05, 0.1, 0.2)
) -> tuple[list[Thresholds], list[NDArray[np.int64]]]:
    """List pairs of thresholds at quantiles of scores, and the orders in which to test them.

    Parameters
    ----------
    score : array_like of float, shape (n,)
        Scores of questions; outcomes play no part, so the calibration questions themselves will do
        (the promise is exact for thresholds from other questions, and for these in large numbers).
    n_upper : int, default=20
        Upper thresholds for every give-up threshold.
    give_up_shares : sequence of float
        Shares of the questions below the give-up thresholds.

    Returns
    -------
    thresholds : list of Thresholds
    sequences : list of ndarray of int64
        One for each give-up threshold, from the upper threshold that spends most.

    Raises
    ------
    InputError
        If there is no score, or a share or a number is not allowed.

    Examples
    --------
    >>> thresholds, sequences = list_thresholds([0.1, 0.5, 0.9], n_upper=2, give_up_shares=[0.0])
    >>> [(pair.give_up, round(pair.upper, 2)) for pair in thresholds], sequences[0].tolist()
    ([(-inf, inf), (-inf, 0.5)], [0, 1])
    """
    values = np.asarray(score, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise InputError(f"score has shape {values.shape}: (n,) of finite numbers is needed")
    if n_upper < 1 or not all(0 <= share < 1 for share in give_up_shares) or not give_up_shares:
        msg = f"n_upper {n_upper} and give_up_shares {list(give_up_shares)}: 1 or more, and shares "
        raise InputError(msg + "from 0 to below 1 are needed")
    thresholds: list[Thresholds] = []
    sequences = []
    for share in give_up_shares:
        give_up = float(np.quantile(values, share)) if share else -np.inf
        kept = np.linspace(1.0, share, n_upper, endpoint=False)
        uppers = [np.inf, *(float(np.quantile(values, part)) for part in kept[1:])]
        start = len(thresholds)
        thresholds += [Thresholds(give_up, upper) for upper in uppers]
        sequences.append(np.arange(start, len(thresholds)))
    return thresholds, sequences


def choose_thresholds(
    score: ArrayLike,
    cheap: tuple[ArrayLike, ArrayLike],
    dear: tuple[ArrayLike, ArrayLike],
    *,
    share: float,
    delta: float,
    n_upper: int = 20,
    give_up_shares: Sequence[float] = (0.0, 0.05, 0.1, 0.2),
    method: TestMethod = "betting",
    seed: int = 0,
) -> tuple[Thresholds, Certificate]:
    """Choose the thresholds that keep a share of the dear option's quality at the lowest spend.

    Parameters
    ----------
    score : array_like of float, shape (n,)
        Predicted quality of the cheap option, by a model that did not see the calibration outcomes.
    cheap, dear : tuple of array_like of float, shape (n,)
        Quality in [0, 1] and cost of both options on the calibration questions.
    share : float
        Of the dear option's mean quality, above 0 and below 1.
    delta : float
        Probability, at most, with which the floor is missed.
    n_upper : int, default=20
        As in `list_thresholds`.
    give_up_shares : sequence of float
        As in `list_thresholds`.
    method : str, default="betting"
        As in `certify`.
    seed : int, default=0
        As in `certify`.

    Returns
    -------
    thresholds : Thresholds
        Infinite on both sides where the dear option has to be kept for all.
    certificate : Certificate

    Raises
    ------
    InputError
        If shapes differ or a number is not allowed.

    Examples
    --------
    >>> score = np.linspace(0, 1, 500)
    >>> solved = (score > 0.4).astype(float)
    >>> found, certificate = choose_thresholds(score, (solved, np.ones(500)),
    ...     (np.ones(500), np.full(500, 5.0)), share=0.9, delta=0.1)
    >>> found.give_up, 0.3 < found.upper < 0.6, certificate.spend < 4
    (-inf, True, True)
    """
    thresholds, sequences = list_thresholds(score, n_upper=n_upper, give_up_shares=give_up_shares)
    taken = np.stack([pair.choose_dear(score) for pair in thresholds], axis=1)
    quality, cost = (
        np.where(taken, np.asarray(high)[:, None], np.asarray(low)[:, None])
        for low, high in zip(cheap, dear, strict=True)
    )
    certificate = choose_with_floor(
        quality,
        cost,
        *dear,
        share=share,
        delta=delta,
        sequences=sequences,
        method=method,
        seed=seed,
    )
    if certificate.setting is None:
        return Thresholds(-np.inf, np.inf), certificate
    return thresholds[certificate.setting], certificate
