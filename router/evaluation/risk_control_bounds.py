r"""P-values for "the mean loss is above the level", valid for every sample size.

Losses are bounded, and nothing else is assumed of them. The default bets against the hypothesis
[1]_: a gambler who would lose money on average if it were true multiplies what he has by
:math:`1 + b_i (\alpha - \ell_i)`, and by Ville's inequality holds more than :math:`1/p` at any
time with probability p at most. He bets by the spread seen so far, so that the test is sharp where
most losses are alike, as they are where two plans mostly choose alike.

References
----------
.. [1] I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting",
   Journal of the Royal Statistical Society B 86(1), 2024, equation 27 and theorem 3 (bets).
.. [2] A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei, "Learn then Test:
   calibrating predictive algorithms to achieve risk control", arXiv 2110.01052, proposition 1
   (Hoeffding-Bentkus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_betting_p_values", "find_hoeffding_bentkus_p_values"]

# No bet risks more than this part of what would ruin the gambler.
BET_MAX = 0.5


def find_betting_p_values(
    losses: NDArray[np.float64], level: float, *, low: float, high: float, delta: float
) -> NDArray[np.float64]:
    """Find p-values by betting.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, k)
        Losses of k settings on n exchangeable questions, in an order that does not depend on them.
    level : float
        The mean that must not be exceeded.
    low, high : float
        Bounds of every loss.
    delta : float
        The error for which the bets are sized; p-values are valid whatever it is.

    Returns
    -------
    ndarray of float64, shape (k,)
        Small where the mean loss is at most `level`.

    Raises
    ------
    InputError
        If a loss is out of bounds.

    Examples
    --------
    >>> losses = np.tile([[0.0, 0.0], [0.0, 1.0]], (100, 1))
    >>> find_betting_p_values(losses, 0.1, low=0.0, high=1.0, delta=0.1) < 0.1
    array([ True, False])
    """
    scaled, limit = _scale(losses, level, low, high)
    n = len(scaled)
    count = np.arange(1, n + 1)[:, None]
    mean = (0.5 + scaled.cumsum(0)) / (count + 1)
    spread = (0.25 + ((scaled - mean) ** 2).cumsum(0)) / (count + 1)
    # A bet is made before its loss is seen, so it knows the spread up to the one before.
    before = np.vstack([np.full((1, scaled.shape[1]), 0.25), spread[:-1]])
    largest = BET_MAX / max(1.0 - limit, 1e-12)
    bets = np.minimum(np.sqrt(2 * np.log(1 / delta) / (n * before)), largest)
    wealth = np.log1p(bets * (limit - scaled)).cumsum(0).max(0)
    p_values: NDArray[np.float64] = np.exp(-np.maximum(wealth, 0.0))
    return p_values


def find_hoeffding_bentkus_p_values(
    losses: NDArray[np.float64], level: float, *, low: float, high: float
) -> NDArray[np.float64]:
    r"""Find p-values from the mean loss alone.

    .. math:: p = \min\left(e^{-n\, h(\bar\ell \wedge \alpha, \alpha)},\;
        e\, P(\mathrm{Bin}(n, \alpha) \le \lceil n \bar\ell \rceil)\right)

    with h the relative entropy of two coins.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, k)
        Losses of k settings on n independent questions.
    level : float
        The mean that must not be exceeded.
    low, high : float
        Bounds of every loss.

    Returns
    -------
    ndarray of float64, shape (k,)

    Raises
    ------
    InputError
        If a loss is out of bounds.
    MissingExtraError
        If SciPy is not installed.

    Examples
    --------
    >>> losses = np.zeros((100, 1))
    >>> find_hoeffding_bentkus_p_values(losses, 0.1, low=0.0, high=1.0).round(6).tolist()
    [2.7e-05]
    """
    try:
        from scipy.stats import binom
    except ImportError:
        raise MissingExtraError.for_extra("train", "the Hoeffding-Bentkus test") from None
    scaled, limit = _scale(losses, level, low, high)
    n, mean = len(scaled), scaled.mean(0)
    seen = np.minimum(mean, limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(seen > 0, seen * np.log(seen / limit), 0.0)
        second = np.where(seen < 1, (1 - seen) * np.log((1 - seen) / (1 - limit)), 0.0)
    hoeffding = np.exp(-n * (first + second))
    # Rounding in the mean must not lift a whole number of losses to the next one.
    bentkus = np.e * binom.cdf(np.ceil(n * mean - 1e-9), n, limit)
    p_values: NDArray[np.float64] = np.minimum(np.minimum(hoeffding, bentkus), 1.0)
    return p_values


def _scale(
    losses: NDArray[np.float64], level: float, low: float, high: float
) -> tuple[NDArray[np.float64], float]:
    """Bring losses and level to [0, 1]."""
    if losses.ndim != 2 or not losses.size:
        raise InputError(f"losses have shape {losses.shape}: (n, k) of 1 or more is needed")
    if not low < level < high:
        raise InputError(f"level {level} is not between the bounds {low} and {high}")
    if not ((losses >= low - 1e-12) & (losses <= high + 1e-12)).all():
        raise InputError(f"a loss is outside its bounds {low} and {high}, or NaN")
    scaled: NDArray[np.float64] = np.clip((losses - low) / (high - low), 0.0, 1.0)
    return scaled, (level - low) / (high - low)
