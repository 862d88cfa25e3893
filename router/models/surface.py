"""The gain surface: expected quality of every question under every option of a menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError, NonFiniteError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.calibration import BatchError
    from router.models.quantities import Consumption
    from router.options import Menu

__all__ = ["EVIDENCE_KINDS", "Surface", "shift_into_range"]

# What a column of the surface rests on: outcomes of this very option; outcomes of other options
# through descriptors; or nothing at all, as the option to answer nothing needs none.
EVIDENCE_KINDS = ("outcomes", "descriptors", "none")


@dataclass(frozen=True, slots=True, repr=False)
class Surface:
    """Predictions for n questions and the m options of a menu.

    Parameters
    ----------
    menu : Menu
        The options, m of them.
    quality : ndarray of float64, shape (n, m)
        Expected quality, from 0 to 1.
    low, high : ndarray of float64, shape (n, m)
        The interval in which nine of ten groups of alike predictions had their mean quality.
    evidence : tuple of str, length m
        For each option ``outcomes``, ``descriptors`` or ``none``.
    familiarity : ndarray of float64, shape (n,), optional
        Share of held-out training questions at least as unlike the others as each question is;
        None where the bundle cannot tell.
    abstained : ndarray of bool, shape (n,), optional
        Which questions got the options' means because their familiarity is low.
    batch_error : BatchError, optional
        How far the mean of many expectations may be off; None where it was not measured.
    doubt : ndarray of float64, shape (m,), optional
        How far all expectations of an option may be off together for want of outcomes; None where
        every option has enough.
    consumption : Consumption, optional
        By what factor each question consumes more or less than its options do on average; None
        where the bundle cannot tell.
    encoder_failure : str, optional
        Why every question counts as having the average embedding; None where none does.
    features : ndarray of float32, shape (n, d), optional
        What the texts were turned into, so that whoever keeps no texts can keep this.
    """

    menu: Menu
    quality: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    evidence: tuple[str, ...]
    familiarity: NDArray[np.float64] | None = None
    abstained: NDArray[np.bool_] | None = None
    batch_error: BatchError | None = None
    doubt: NDArray[np.float64] | None = None
    consumption: Consumption | None = None
    encoder_failure: str | None = None
    features: NDArray[np.float32] | None = None

    def require_sound(self, n_questions: int, menu: Menu) -> None:
        """Refuse predictions that nothing may be planned by, whatever model they come from.

        Parameters
        ----------
        n_questions : int
            How many questions were asked.
        menu : Menu
            The options asked about.

        Raises
        ------
        BundleError
            If they are not of those questions and options.
        NonFiniteError
            If a quality, an interval or a consumption is not finite or out of range.
        """
        shape = (n_questions, len(menu))
        for table in (self.quality, self.low, self.high):
            if table.shape != shape:
                raise BundleError(
                    f"the model answered with {table.shape} values, asked for {shape}"
                )
            # A comparison with what is no number is false.
            if not (table.min() >= 0.0 and table.max() <= 1.0):
                raise NonFiniteError("the model gave a quality that is not from 0 to 1")
        if self.consumption is not None:
            for factor in self.consumption.factor.values():
                if not (factor.min() >= 0.0 and factor.max() < np.inf):
                    raise NonFiniteError("the model gave a consumption that is not finite")

    def bound_total(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[float, float] | None:
        """Bound the sum of the outcomes of chosen options.

        Parameters
        ----------
        rows, columns : ndarray of int64, shape (k,)
            Questions and their options.

        Returns
        -------
        tuple of float or None
            Expectations without outcomes behind them, of strange questions and of options known by
            descriptors, count with the full width of their own intervals; None where it was not
            measured how far plans are off. Options with few outcomes count with their doubt, which
            does not fade with the number of questions.
        """
        if self.batch_error is None:
            return None
        quality = self.quality[rows, columns]
        evidence = np.array(self.evidence)[columns]
        guessed = evidence == "descriptors"
        if self.abstained is not None:
            guessed |= self.abstained[rows]
        answered = evidence != "none"
        measured = quality[answered & ~guessed]
        width = len(measured) * self.batch_error.measure_width(measured) if len(measured) else 0.0
        if self.doubt is not None:
            width = float(np.hypot(width, self.doubt[columns][answered & ~guessed].sum()))
        low = quality.sum() - width - (quality - self.low[rows, columns])[guessed].sum()
        high = quality.sum() + width + (self.high[rows, columns] - quality)[guessed].sum()
        return max(float(low), 0.0), min(float(high), float(answered.sum()))

    def __repr__(self) -> str:
        """Sum up the surface in one line."""
        n, m = self.quality.shape
        return f"<Surface of {n} questions x {m} options of {self.menu.name!r}>"


def shift_into_range(surface: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring every row into [0, 1] by shifting it, so that differences between options survive.

    Parameters
    ----------
    surface : ndarray of float64, shape (n, m)
        Unbounded predictions.

    Returns
    -------
    ndarray of float64, shape (n, m)
        A row that spans more than 1 is clipped as well.

    Examples
    --------
    >>> shift_into_range(np.array([[0.9, 1.1], [-0.25, 0.5]])).round(2).tolist()
    [[0.8, 1.0], [0.0, 0.75]]
    """
    shifted = surface - np.maximum(surface.max(axis=1, keepdims=True) - 1.0, 0.0)
    shifted = shifted - np.minimum(shifted.min(axis=1, keepdims=True), 0.0)
    bounded: NDArray[np.float64] = np.clip(shifted, 0.0, 1.0)
    return bounded
