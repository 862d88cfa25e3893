"""The prior of a log of which few questions have been tried: what other logs let expect of it.

A pooled bundle guesses from descriptors how far options are apart. The guess is blended into the
own means by how sure either is, so that it counts for little where the own outcomes say otherwise.
Nothing else that was tried carried over from log to log: neither which questions gain by an option
nor how strongly gains hang on task and text brought better plans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError
from router.models.contrasts import estimate_option_means
from router.models.log_encoding import encode_log
from router.models.smoothing import OPTIONS_MIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.models.bundle import Bundle
    from router.options import Option
    from router.outcomes import OutcomeLog

__all__ = ["Prior", "blend_means"]


@dataclass(frozen=True)
class Prior:
    """What a prior brings to training on a log of one's own.

    Parameters
    ----------
    guess_means : callable, optional
        Takes a log and options and gives the options' expected mean qualities on its questions,
        shape (m,).
    deviation : float, default=0.1
        How far such guesses were off on logs left out: standard deviation of the differences
        between options, .02 to .13 by log.
    """

    guess_means: Callable[[OutcomeLog, Sequence[Option]], NDArray[np.float64]] | None = None
    deviation: float = 0.1

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Prior:
        """Take from a bundle what it says of options in general.

        Parameters
        ----------
        bundle : Bundle
            One trained with ``--pooled``, or any that predicts options from their descriptors.

        Returns
        -------
        Prior

        Raises
        ------
        BundleError
            If the bundle cannot predict options from their descriptors.
        """
        descriptors, encoder = bundle.predictor.descriptors, bundle.predictor.encoder
        if descriptors is None:
            raise BundleError(
                f"bundle {bundle.bundle_id} has no model of descriptors, so that it says nothing "
                "of another log's options: a prior needs one, as `router train --pooled` makes it"
            )

        def guess_means(log: OutcomeLog, options: Sequence[Option]) -> NDArray[np.float64]:
            """Average over questions what descriptors say."""
            return np.asarray(descriptors.predict(encode_log(log, encoder), options).mean(axis=0))

        return cls(guess_means)

    def adjust_means(
        self,
        means: NDArray[np.float64],
        quality: NDArray[np.float64],
        level: NDArray[np.float64],
        log: OutcomeLog,
    ) -> NDArray[np.float64]:
        """Blend the guess into options' means, where there are too few options to smooth.

        From six options on, each lends the others more strength than the guess would.

        Parameters
        ----------
        means : ndarray of float64, shape (m,)
            Own estimates.
        quality : ndarray of float64, shape (n, m)
            NaN where not tried.
        level : ndarray of float64, shape (n,)
            What the text says of a question's difficulty.
        log : OutcomeLog
            The questions, and the options' descriptors.

        Returns
        -------
        ndarray of float64, shape (m,)

        Raises
        ------
        LogError
            If the log holds features that the prior's encoder did not make.
        """
        if self.guess_means is None or len(means) >= OPTIONS_MIN:
            return means
        covariance = estimate_option_means(quality, level)[1]
        return blend_means(means, covariance, self.guess_means(log, log.options), self.deviation)


def blend_means(
    means: NDArray[np.float64],
    covariance: NDArray[np.float64],
    guess: NDArray[np.float64],
    deviation: float,
) -> NDArray[np.float64]:
    """Blend a guess into estimates by how sure each is, differences between options only.

    Parameters
    ----------
    means : ndarray of float64, shape (m,)
        Estimates.
    covariance : ndarray of float64, shape (m, m)
        Of the estimates.
    guess : ndarray of float64, shape (m,)
        What was expected beforehand, up to a constant.
    deviation : float
        Standard deviation of the guess about the truth; positive.

    Returns
    -------
    ndarray of float64, shape (m,)
        The level of all options together stays that of the estimates.

    Examples
    --------
    >>> sure, unsure = 1e-9 * np.eye(2), 1e9 * np.eye(2)
    >>> means, guess = np.array([0.4, 0.6]), np.array([0.9, 0.1])
    >>> blend_means(means, sure, guess, 0.1).round(3).tolist()
    [0.4, 0.6]
    >>> blend_means(means, unsure, guess, 0.1).round(3).tolist()
    [0.9, 0.1]
    """
    centre = np.eye(len(means)) - 1.0 / len(means)
    doubt = centre @ covariance @ centre
    step = centre @ (guess - means)
    moved = doubt @ np.linalg.solve(doubt + deviation**2 * np.eye(len(means)), step)
    blended: NDArray[np.float64] = means + centre @ moved
    return blended
