"""What a way to spend compute puts on the menu: options with quality, quantities and latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.options import Option
from router.strategies.estimates import read_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Consumption", "Offer", "offer_samples"]


@dataclass(frozen=True, slots=True)
class Consumption:
    """What one sample of one question consumes; dollars come in when plans are made.

    Parameters
    ----------
    input_tokens, output_tokens : float, default=0
        Tokens read and written.
    seconds : float, default=0
        How long one sample takes.
    is_parallel : bool, default=True
        Whether samples run side by side, so that a question takes as long as one of them, and the
        input is read once for all.

    Raises
    ------
    InputError
        If an amount is negative or not finite.
    """

    input_tokens: float = 0.0
    output_tokens: float = 0.0
    seconds: float = 0.0
    is_parallel: bool = True

    def __post_init__(self) -> None:
        """Refuse impossible amounts."""
        for name in ("input_tokens", "output_tokens", "seconds"):
            if not (0 <= getattr(self, name) < float("inf")):
                raise InputError(
                    f"{name} is {getattr(self, name)}: allowed are finite numbers from 0 up"
                )


@dataclass(frozen=True)
class Offer:
    """Options with what is expected of them on every question.

    Parameters
    ----------
    options : tuple of Option
        With descriptors and typical quantities; `kind` says whether compute goes into thinking
        inside one answer or into samples and searches.
    quality : ndarray of shape (n, m)
        Expected quality of n questions under m options.
    samples : ndarray of shape (n, m)
        Samples expected to be drawn, fewer than an option's `samples` where it stops early.
    latency_seconds : ndarray of shape (n, m)
        Expected seconds until the answer.
    """

    options: tuple[Option, ...]
    quality: NDArray[np.float64]
    samples: NDArray[np.float64]
    latency_seconds: NDArray[np.float64]


def offer_samples(
    name: str,
    n_samples: ArrayLike,
    quality: NDArray[np.float64],
    consumption: Consumption,
    *,
    drawn: NDArray[np.float64] | None = None,
    model: str | None = None,
) -> Offer:
    """Turn numbers of samples and their quality into options.

    Parameters
    ----------
    name : str
        What the options' strategy is called.
    n_samples : array_like of int, shape (m,)
        Samples of each option.
    quality : ndarray of shape (n, m)
        Expected quality.
    consumption : Consumption
        What one sample consumes.
    drawn : ndarray of shape (n, m), optional
        Samples really drawn on average; all of them by default.
    model : str, optional
        Who answers.

    Returns
    -------
    Offer

    Raises
    ------
    InputError
        If a number of samples is not at least 1.

    Examples
    --------
    >>> offer = offer_samples("vote", [1, 4], np.array([[0.5, 0.6]]), Consumption(100, 50, 2.0))
    >>> [(option.name, option.kind, option.output_tokens) for option in offer.options]
    [('vote|n1', 'internal', 50.0), ('vote|n4', 'external', 200.0)]
    >>> offer.latency_seconds.tolist()
    [[2.0, 2.0]]
    """
    counts = read_counts("n_samples", n_samples, least=1)
    taken = np.broadcast_to(counts.astype(float), quality.shape) if drawn is None else drawn
    calls = np.ones_like(taken) if consumption.is_parallel else taken
    seconds = consumption.seconds * calls
    prefix = name if model is None else f"{model}|{name}"
    options = tuple(
        Option(
            f"{prefix}|n{count}",
            model=model,
            strategy=name,
            samples=int(count),
            input_tokens=float(consumption.input_tokens * calls[:, column].mean()),
            output_tokens=float(consumption.output_tokens * taken[:, column].mean()),
            searches=0.0,
            seconds=float(seconds[:, column].mean()),
        )
        for column, count in enumerate(counts.tolist())
    )
    return Offer(options, quality, taken, seconds)
