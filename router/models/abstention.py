"""Abstention: questions unlike the training questions are planned by the options' means."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.models.calibration import WIDTH_UNKNOWN

if TYPE_CHECKING:
    from router.models.predictor import Predictor
    from router.models.surface import Surface

__all__ = ["ABSTAIN_BELOW", "abstain", "check_level"]

# One in a hundred questions like those of training is planned by the options' means for nothing.
ABSTAIN_BELOW = 0.01


def check_level(level: float) -> None:
    """Check that a level of familiarity is one.

    Parameters
    ----------
    level : float
        From 0 (never abstain) to 1 (always).

    Raises
    ------
    InputError
        If it is outside.

    Examples
    --------
    >>> check_level(2.0)
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: abstain_below is 2.0: a familiarity from 0 to 1 is needed
    """
    if not 0.0 <= level <= 1.0:
        raise InputError(f"abstain_below is {level}: a familiarity from 0 to 1 is needed")


def abstain(surface: Surface, predictor: Predictor, level: float = ABSTAIN_BELOW) -> Surface:
    """Give questions of low familiarity what is known of the options without their text.

    Parameters
    ----------
    surface : Surface
        As predicted, shape (n, m).
    predictor : Predictor
        Knows the neutral surface of the menu.
    level : float, default=0.01
        Questions whose familiarity is below are planned by the options' means, with intervals as
        wide as those of an option nobody measured; 0 switches it off.

    Returns
    -------
    Surface
        The same where no question is below the level or the bundle cannot tell.
    """
    if surface.familiarity is None:
        return surface
    strange = surface.familiarity < level
    if not strange.any():
        return surface
    neutral = predictor.predict_neutral(surface.menu)
    width = np.array([0.0 if kind == "none" else WIDTH_UNKNOWN for kind in surface.evidence])
    quality, low, high = surface.quality.copy(), surface.low.copy(), surface.high.copy()
    quality[strange] = neutral
    low[strange] = np.maximum(neutral - width, 0.0)
    high[strange] = np.minimum(neutral + width, 1.0)
    # What the text would say of cost is trusted no more than what it would say of quality.
    consumption = surface.consumption and surface.consumption.neutralise(strange)
    return replace(
        surface, quality=quality, low=low, high=high, abstained=strange, consumption=consumption
    )
