r"""Uplift curves: whether those who gain most are served first.

A curve :math:`U(x) = \frac{1}{n} \sum_{i \le xn} u_i` is the gain a question, averaged over all n,
when the share :math:`x` ranked highest is served. Both outcomes of every question are known here,
so the gain of each is observed and needs no control group.

References
----------
.. [1] N. J. Radcliffe, "Using control groups to target on predicted lift", Direct Marketing
   Analytics Journal, 2007.
.. [2] F. Devriendt et al., "Learning to rank for uplift modeling", IEEE TKDE, 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.scoring.routing import check_curves, compute_area

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compute_auuc", "compute_qini", "normalise_area"]

# Areas below this are rounding.
AREA_MIN = 1e-12


def compute_auuc(share: ArrayLike, gain: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the area under the uplift curve, :math:`\int_0^1 U(x)\, dx`.

    Parameters
    ----------
    share, gain : array_like of float, shape (..., k)
        Share served, from 0 to 1, and gain so far divided by the number of all questions.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    InputError
        If the shapes differ or a curve has fewer than two knots.

    References
    ----------
    .. [1] F. Devriendt et al., "Learning to rank for uplift modeling", IEEE TKDE, 2020.

    Examples
    --------
    >>> float(compute_auuc([0.0, 0.5, 1.0], [0.0, 0.5, 0.25]))
    0.3125
    """
    return compute_area(share, gain)


def compute_qini(share: ArrayLike, gain: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the Qini coefficient: the area between the uplift curve and chance.

    .. math:: Q = \int_0^1 U(x)\, dx - \tfrac{1}{2} U(1)

    0 for a random ranking; the reversed ranking has :math:`-Q`.

    Parameters
    ----------
    share, gain : array_like of float, shape (..., k)
        Share served, from 0 to 1, and gain so far divided by the number of all questions.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    InputError
        If the shapes differ or a curve has fewer than two knots.

    References
    ----------
    .. [1] N. J. Radcliffe, "Using control groups to target on predicted lift", 2007.

    Examples
    --------
    >>> float(compute_qini([0.0, 0.5, 1.0], [0.0, 0.5, 0.25]))
    0.1875
    """
    x, y = check_curves(share, gain)
    return compute_area(x, y) - y[..., -1] / 2


def normalise_area(area: ArrayLike, best: ArrayLike) -> NDArray[np.float64]:
    """Divide an area by that of the perfect ranking, which serves by the true gains.

    Parameters
    ----------
    area, best : array_like of float, shape (...)
        A ranking's area and the perfect one's.

    Returns
    -------
    ndarray of float64, shape (...)
        At most 1; NaN where the perfect ranking has no area, because all gains are alike.

    Examples
    --------
    >>> normalise_area([0.1, 0.1], [0.2, 0.0]).tolist()
    [0.5, nan]
    """
    whole = np.asarray(best, dtype=np.float64)
    ratio: NDArray[np.float64] = np.asarray(area) / np.where(whole > AREA_MIN, whole, np.nan)
    return ratio
