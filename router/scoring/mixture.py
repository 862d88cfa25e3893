"""The best fixed mix: what a budget buys when every question is treated alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import BudgetError, InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Mixture", "best_mixture", "check_means"]


class Mixture(NamedTuple):
    """A mix of at most two options, drawn blindly for every question.

    Parameters
    ----------
    low : int
        Position of the option that gets the share ``1 - share``.
    high : int
        Position of the option that gets `share`; equal to `low` for a single option.
    share : float
        From 0 to 1.
    """

    low: int
    high: int
    share: float

    def blend(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Blend values of options into the values of the mix.

        Parameters
        ----------
        values : ndarray of float64, shape (..., m)
            One value an option along the last axis.

        Returns
        -------
        ndarray of float64, shape (...)

        Examples
        --------
        >>> Mixture(0, 1, 0.25).blend(np.array([[0.0, 1.0], [1.0, 1.0]])).tolist()
        [0.25, 1.0]
        """
        blended: NDArray[np.float64] = (1 - self.share) * values[..., self.low] + (
            self.share * values[..., self.high]
        )
        return blended


def best_mixture(cost: ArrayLike, quality: ArrayLike, budget: float) -> Mixture:
    r"""Find the fixed mix of highest mean quality whose mean cost is within a budget.

    Some best mix always holds at most two options: one, `i`, that the budget affords, and one,
    `j`, that it does not, mixed so that the budget is spent exactly:

    .. math:: t = \frac{B - c_i}{c_j - c_i}, \qquad q = (1 - t)\, q_i + t\, q_j .

    Of equally good mixes the first is taken, in the order of `i`, the single option before its
    mixes, then in the order of `j`.

    Parameters
    ----------
    cost : array_like of float, shape (m,)
        Mean cost of every option.
    quality : array_like of float, shape (m,)
        Mean quality of every option, not negative.
    budget : float
        Mean cost that the mix may have, in the unit of `cost`.

    Returns
    -------
    Mixture

    Raises
    ------
    InputError
        If the arrays are not two equally long rows of finite numbers.
    BudgetError
        If not even the cheapest option is within the budget.

    Examples
    --------
    >>> best_mixture([1.0, 3.0], [0.4, 0.8], 2.0)
    Mixture(low=0, high=1, share=0.5)
    >>> best_mixture([1.0, 3.0], [0.9, 0.8], 2.0)
    Mixture(low=0, high=0, share=0.0)
    """
    costs, qualities = check_means(cost, quality)
    affordable, dear = np.flatnonzero(costs <= budget), np.flatnonzero(costs > budget)
    if not affordable.size:
        msg = f"budget {budget} is below the cheapest option's mean cost {costs.min()}"
        raise BudgetError(msg)
    low_cost, low_quality = costs[affordable, None], qualities[affordable, None]
    share = (budget - low_cost) / (costs[dear] - low_cost)
    mixed = (1 - share) * low_quality + share * qualities[dear]
    # Column 0 is the single option, so that the first maximum in reading order is the protocol's.
    candidates = np.hstack([low_quality, mixed])
    row, column = divmod(int(candidates.argmax()), candidates.shape[1])
    low = int(affordable[row])
    if column == 0:
        return Mixture(low, low, 0.0)
    return Mixture(low, int(dear[column - 1]), float(share[row, column - 1]))


def check_means(
    cost: ArrayLike, quality: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check that costs and qualities of options are two equally long rows of finite numbers.

    Parameters
    ----------
    cost, quality : array_like of float, shape (m,)
        Mean cost and mean quality of every option.

    Returns
    -------
    tuple of ndarray of float64, shape (m,)
        Both as arrays.

    Raises
    ------
    InputError
        If they are not.

    Examples
    --------
    >>> check_means([1.0], [0.5, 0.6])
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: cost and quality have shapes (1,) and (2,): (m,) twice is needed
    """
    costs = np.asarray(cost, dtype=np.float64)
    qualities = np.asarray(quality, dtype=np.float64)
    if costs.ndim != 1 or costs.shape != qualities.shape or not costs.size:
        msg = f"cost and quality have shapes {costs.shape} and {qualities.shape}: "
        raise InputError(msg + "(m,) twice is needed")
    if not (np.isfinite(costs).all() and np.isfinite(qualities).all()):
        position = int(np.argmin(np.isfinite(costs) & np.isfinite(qualities)))
        msg = f"option {position} has mean cost {costs[position]} and mean quality "
        raise InputError(msg + f"{qualities[position]}: both must be finite")
    return costs, qualities
