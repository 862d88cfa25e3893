r"""Figures of two-option routers: what a share of strong calls recovers of the quality gap.

A curve is the mean quality of a router that sends the share :math:`x` of questions, those ranked
highest, to the strong option. All functions take curves along the last axis, so that a table of
bootstrap draws is scored in one call.

References
----------
.. [1] I. Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data", 2024,
   arXiv:2406.18665.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_curves",
    "compute_apgr",
    "compute_area",
    "compute_cost_saving",
    "compute_cpt",
    "compute_pgr",
]


def compute_pgr(quality: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the performance gap recovered along a curve.

    .. math:: \mathrm{PGR}(x) = \frac{A(x) - A_\text{weak}}{A_\text{strong} - A_\text{weak}}

    Parameters
    ----------
    quality : array_like of float, shape (..., k)
        Mean quality, from no strong call to strong calls only.

    Returns
    -------
    ndarray of float64, shape (..., k)
        0 at the first knot and 1 at the last; NaN where the strong option is not the better one.

    Raises
    ------
    InputError
        If a curve has fewer than two knots.

    References
    ----------
    .. [1] I. Ong et al., "RouteLLM", 2024, arXiv:2406.18665.

    Examples
    --------
    >>> compute_pgr([0.5, 0.75, 0.7]).round(2).tolist()
    [0.0, 1.25, 1.0]
    """
    (curve,) = check_curves(quality)
    weak, strong = curve[..., :1], curve[..., -1:]
    gap = np.where(strong > weak, strong - weak, np.nan)
    recovered: NDArray[np.float64] = (curve - weak) / gap
    return recovered


def compute_area(share: ArrayLike, value: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the area under a polygon by trapezoids.

    Parameters
    ----------
    share, value : array_like of float, shape (..., k)
        Abscissa, never falling, and ordinate of the knots.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    InputError
        If the shapes differ or a curve has fewer than two knots.

    Examples
    --------
    >>> float(compute_area([0.0, 0.5, 1.0], [0.0, 1.0, 1.0]))
    0.75
    """
    x, y = check_curves(share, value)
    area: NDArray[np.float64] = (np.diff(x) * (y[..., 1:] + y[..., :-1])).sum(-1) / 2
    return area


def compute_apgr(share: ArrayLike, quality: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the average performance gap recovered.

    .. math:: \mathrm{APGR} = \int_0^1 \mathrm{PGR}(x)\, dx

    A random router has 0.5. The published script samples the same curve at ten quantiles.

    Parameters
    ----------
    share, quality : array_like of float, shape (..., k)
        Share of strong calls, from 0 to 1, and mean quality.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where the strong option is not the better one.

    Raises
    ------
    InputError
        If the shapes differ or a curve has fewer than two knots.

    References
    ----------
    .. [1] I. Ong et al., "RouteLLM", 2024, arXiv:2406.18665.

    Examples
    --------
    >>> float(compute_apgr([0.0, 0.5, 1.0], [0.25, 0.75, 0.75]))
    0.75
    """
    return compute_area(share, compute_pgr(quality))


def compute_cpt(share: ArrayLike, quality: ArrayLike, target: float) -> NDArray[np.float64]:
    r"""Compute the call-performance threshold: the least share of strong calls for a PGR.

    .. math:: \mathrm{CPT}(p) = \min \{x : \mathrm{PGR}(x) \ge p\}

    Parameters
    ----------
    share, quality : array_like of float, shape (..., k)
        Share of strong calls, from 0 to 1, and mean quality; linear between knots.
    target : float
        The gap to recover, for example 0.5 for CPT(50 %), from 0 to 1.

    Returns
    -------
    ndarray of float64, shape (...)
        From 0 to 1; NaN where the strong option is not the better one.

    Raises
    ------
    InputError
        If the shapes differ, a curve has fewer than two knots, or `target` is out of range.

    References
    ----------
    .. [1] I. Ong et al., "RouteLLM", 2024, arXiv:2406.18665.

    Examples
    --------
    >>> float(compute_cpt([0.0, 0.5, 1.0], [0.25, 0.75, 0.75], 0.5))
    0.25
    """
    x, y = check_curves(share, quality)
    return _read_at(x, compute_pgr(y), target)


def compute_cost_saving(
    cost: ArrayLike, quality: ArrayLike, target: float, *, router_cost: float = 0.0
) -> NDArray[np.float64]:
    r"""Compute how many times dearer it is to call the strong option always.

    .. math:: \frac{c(\text{always strong})}{c(\text{router at CPT}(p))}

    Parameters
    ----------
    cost, quality : array_like of float, shape (..., k)
        Mean cost of the calls and mean quality, from no strong call to strong calls only.
    target : float
        The gap to recover, from 0 to 1.
    router_cost : float, default=0
        What asking the router costs a question; calling the strong option always goes without.

    Returns
    -------
    ndarray of float64, shape (...)
        NaN where the strong option is not the better one or the router costs nothing.

    Raises
    ------
    InputError
        If the shapes differ, a curve has fewer than two knots, or `target` is out of range.

    References
    ----------
    .. [1] I. Ong et al., "RouteLLM", 2024, arXiv:2406.18665, table 6.

    Examples
    --------
    >>> float(compute_cost_saving([1.0, 2.0, 3.0], [0.25, 0.75, 0.75], 0.5))
    2.0
    """
    spent, y = check_curves(cost, quality)
    paid = _read_at(spent, compute_pgr(y), target) + router_cost
    saving: NDArray[np.float64] = spent[..., -1] / np.where(paid > 0, paid, np.nan)
    return saving


def check_curves(*curves: ArrayLike) -> list[NDArray[np.float64]]:
    """Check that curves have one shape and at least two knots along the last axis.

    Parameters
    ----------
    *curves : array_like of float, shape (..., k)
        The curves.

    Returns
    -------
    list of ndarray of float64, shape (..., k)

    Raises
    ------
    InputError
        If they have not.

    Examples
    --------
    >>> check_curves([1.0])
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: curves have shapes (1,): (..., k) alike, k at least 2, is needed
    """
    arrays = [np.asarray(curve, dtype=np.float64) for curve in curves]
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) != 1 or not shapes[0] or shapes[0][-1] < 2:
        named = ", ".join(str(shape) for shape in shapes)
        msg = f"curves have shapes {named}: (..., k) alike, k at least 2, is needed"
        raise InputError(msg)
    return arrays


def _read_at(
    values: NDArray[np.float64], recovered: NDArray[np.float64], target: float
) -> NDArray[np.float64]:
    """Read a quantity where the recovered gap first reaches the target."""
    if not 0 <= target <= 1:
        msg = f"target is {target}: a share of the gap from 0 to 1 is needed"
        raise InputError(msg)
    # The tolerance lets the last knot count, whose recovered gap is 1 up to rounding.
    reached = recovered >= target - 1e-12
    after = reached.argmax(-1)[..., None]
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(recovered, at, -1) for at in (before, after))
    part = np.where(high > low, (target - low) / np.where(high > low, high - low, 1.0), 1.0)
    first, second = (np.take_along_axis(values, at, -1) for at in (before, after))
    read = first + np.clip(part, 0.0, 1.0) * (second - first)
    return np.where(reached.any(-1), read[..., 0], np.nan)
