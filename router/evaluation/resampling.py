"""Figures that are functions of means, with intervals from one set of paired resamples.

Every figure of a report is a function of means over questions. The same function, given a table of
resampled means instead, gives the draws that its interval is cut from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from router.scoring import bootstrap_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Estimate", "Figure", "ResampledMeans", "resample_means"]

CONFIDENCE_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its bootstrap 95 % interval over questions.

    Parameters
    ----------
    value : float or None
        None where it does not exist or is infinite, such as a cost that reaches a goal never
        reached.
    low, high : float or None
        Ends of the interval; None for an infinite end, or where no resample has the figure.
    """

    value: float | None
    low: float | None
    high: float | None


class Figure(Protocol):
    """A function of named means; NaN says undefined, infinity says never reached."""

    def __call__(self, means: Mapping[str, NDArray[np.float64]], /) -> NDArray[np.float64]:
        """Compute the figure.

        Parameters
        ----------
        means : mapping of str to ndarray of float64, shape (..., k)
            Means by name; leading axes are resamples.

        Returns
        -------
        ndarray of float64, shape (...)
        """
        ...


@dataclass(frozen=True, slots=True)
class ResampledMeans:
    """Named means over questions, and the same over every resample.

    Parameters
    ----------
    means : dict of str to ndarray of float64, shape (k,)
        Over the questions themselves.
    draws : dict of str to ndarray of float64, shape (r, k)
        Over the resamples.
    """

    means: dict[str, NDArray[np.float64]]
    draws: dict[str, NDArray[np.float64]]

    def estimate(self, figure: Figure) -> Estimate:
        """Compute a figure and its interval.

        Parameters
        ----------
        figure : Figure
            A function of the means.

        Returns
        -------
        Estimate

        Examples
        --------
        >>> table = resample_means({"score": np.array([[1.0, 1.0]])}, n_resamples=5)
        >>> table.estimate(lambda means: means["score"][..., 0])
        Estimate(value=1.0, low=1.0, high=1.0)
        """
        value = float(figure(self.means))
        drawn = np.sort(figure(self.draws))
        drawn = drawn[~np.isnan(drawn)]
        if not len(drawn) or np.isnan(value):
            return Estimate(_finite(value), None, None)
        # Between a finite and an infinite draw there is no number: the outer one is taken.
        method: Literal["linear", "nearest"] = "linear" if np.isfinite(drawn).all() else "nearest"
        low, high = np.quantile(drawn, [CONFIDENCE_TAIL, 1 - CONFIDENCE_TAIL], method=method)
        return Estimate(_finite(value), _finite(float(low)), _finite(float(high)))


def resample_means(
    rows: Mapping[str, NDArray[np.float64]], *, seed: int = 0, n_resamples: int = 2000
) -> ResampledMeans:
    """Average named rows over the questions and over resamples that all rows share.

    Parameters
    ----------
    rows : mapping of str to ndarray of float64, shape (k, n)
        One column a question; k may differ by name.
    seed : int, default=0
        Seed of the resamples.
    n_resamples : int, default=2000
        Number of resamples.

    Returns
    -------
    ResampledMeans

    Raises
    ------
    InputError
        If a number is not finite or `n_resamples` is below 1.

    Examples
    --------
    >>> resample_means({"score": np.array([[0.0, 1.0]])}, n_resamples=5).draws["score"].shape
    (5, 1)
    """
    drawn = bootstrap_means(np.vstack(list(rows.values())), seed=seed, n_resamples=n_resamples)
    parts = np.split(drawn, np.cumsum([len(row) for row in rows.values()])[:-1], axis=1)
    return ResampledMeans(
        {name: row.mean(1) for name, row in rows.items()},
        dict(zip(rows, parts, strict=True)),
    )


def _finite(value: float) -> float | None:
    """Return a number that JSON knows, or None."""
    # Draws carry the rounding of a matrix product: -0.0 and 1e-17 would be printed as such.
    return float(np.round(value, 15)) + 0.0 if np.isfinite(value) else None
