"""The gain surface: expected quality of every question under every option of a menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from router.options import Menu

__all__ = ["EVIDENCE_KINDS", "Surface"]

# What a column of the surface rests on: outcomes of this very option; outcomes of other options
# through descriptors; or nothing at all, as the option to answer nothing needs none.
EVIDENCE_KINDS = ("outcomes", "descriptors", "none")


@dataclass(frozen=True, slots=True)
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
    """

    menu: Menu
    quality: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    evidence: tuple[str, ...]
