r"""Thinking longer inside one answer: quality rises, peaks, and falls where answers are spoiled.

A question that can be solved is solved after an exponential number of tokens and, if the model goes
on, talked out of it after another. The share in between is :math:`S(t) = \frac{\lambda}{\lambda -
\mu} (e^{-\mu t} - e^{-\lambda t})` with rates :math:`\lambda, \mu` of solving and spoiling; quality
is what guessing gives plus the gain times S. Nothing spoiled (:math:`\mu = 0`) is the saturating
curve; else it peaks at :math:`\ln(\lambda / \mu) / (\lambda - \mu)`. Models differ in how much
thinking gives them: a model's responsiveness is its gain as a part of the most responsive one's.

References
----------
.. [1] Ghosal, S. S. et al., "Does thinking more always help? Mirage of test-time scaling in
   reasoning models", arXiv:2506.04210: accuracy rises and then falls with thinking.
.. [2] Bateman, H., "The solution of a system of differential equations occurring in the theory of
   radioactive transformations", 1910: the share in the middle of two exponential steps.
.. [3] Golub, G. and Pereyra, V., "The differentiation of pseudo-inverses and nonlinear least
   squares problems whose variables separate", 1973: only the rates need a search.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.options import Option
from router.strategies.estimates import Estimate, bound_by_resampling, read_amounts, read_shares
from router.strategies.offers import Offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["EffortCurve", "compare_responsiveness"]

N_POINTS = 17
N_ZOOMS = 6


@dataclass(frozen=True)
class EffortCurve:
    """Quality of one answer against the tokens that it thinks.

    Parameters
    ----------
    guess : float
        Quality without thinking.
    gain : float
        What thinking would add if every question that can be solved was, and stayed so.
    solve_tokens : float
        Mean tokens until a question that can be solved is.
    spoil_tokens : float, default=inf
        Mean further tokens until the answer is talked out of; never by default.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If guess and gain are not shares with a sum up to 1, or tokens not above 0.

    Examples
    --------
    >>> curve = EffortCurve(0.5, 0.4, solve_tokens=200, spoil_tokens=2000)
    >>> curve.predict([0, 200, 500, 5000]).round(3).tolist(), round(curve.peak_tokens)
    ([0.5, 0.739, 0.81, 0.536], 512)
    """

    guess: float
    gain: float
    solve_tokens: float
    spoil_tokens: float = math.inf
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "internal"

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        read_shares("guess and gain", [self.guess, self.gain])
        if self.guess + self.gain > 1 + 1e-12:
            raise InputError(f"guess + gain is {self.guess + self.gain}: at most 1 is allowed")
        read_amounts("solve_tokens", self.solve_tokens)
        if not self.spoil_tokens > 0:
            raise InputError(f"spoil_tokens is {self.spoil_tokens}: a number above 0 is needed")

    @classmethod
    def fit(
        cls, tokens: ArrayLike, quality: ArrayLike, *, seed: int = 0, n_resamples: int = 200
    ) -> EffortCurve:
        """Fit to answers of many questions at several lengths of thinking, by least squares.

        Parameters
        ----------
        tokens : array_like of float, shape (m,)
            Tokens thought, at least 4 different numbers.
        quality : array_like of float, shape (n, m)
            Quality of n questions.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        EffortCurve
            With estimates of ``guess``, ``gain``, ``solve_tokens``, ``spoil_share`` (solving over
            spoiling tokens; 0 is never) and ``peak_tokens``, which is at most the longest one.

        Raises
        ------
        InputError
            If shapes disagree or there are too few lengths.
        """
        lengths = read_amounts("tokens", tokens, above=-1e-12)
        table = read_shares("quality", quality)
        if table.ndim != 2 or lengths.shape != table.shape[1:] or len(np.unique(lengths)) < 4:
            raise InputError(f"tokens {lengths.shape}, quality {table.shape}: (m,), (n, m), m >= 4")
        longest = float(lengths.max())

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to the questions drawn."""
            means = table[rows].mean(axis=0)
            solve, share, line = _fit_rates(lengths[None, :], means[None, :])
            spoil = solve / share if share else math.inf
            curve = cls(float(line[0, 0]), float(line[0, 1]), solve, spoil)
            return {
                "guess": curve.guess,
                "gain": curve.gain,
                "solve_tokens": solve,
                "spoil_share": share,
                "peak_tokens": min(curve.peak_tokens, longest),
            }

        found = bound_by_resampling(measure, len(table), seed=seed, n_resamples=n_resamples)
        solve, share = found["solve_tokens"].value, found["spoil_share"].value
        spoil = solve / share if share else math.inf
        return cls(found["guess"].value, found["gain"].value, solve, spoil, found)

    def predict(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """Compute the expected quality after so many tokens.

        Parameters
        ----------
        tokens : array_like of float
            From 0 up.

        Returns
        -------
        ndarray of float64
        """
        t = read_amounts("tokens", tokens, above=-1e-12)
        share = self.solve_tokens / self.spoil_tokens
        return np.asarray(self.guess + self.gain * _stay(t / self.solve_tokens, share))

    @property
    def peak_tokens(self) -> float:
        """Tokens at which quality is highest; infinite where nothing is spoiled."""
        if math.isinf(self.spoil_tokens):
            return math.inf
        share = self.solve_tokens / self.spoil_tokens
        if abs(share - 1) < 1e-9:
            return self.solve_tokens
        return self.solve_tokens * math.log(share) / (share - 1)

    def respond(self, responsiveness: float) -> EffortCurve:
        """Scale the gain to a model that thinking helps less.

        Parameters
        ----------
        responsiveness : float
            From 0, thinking does nothing, to 1, it does as much as here.

        Returns
        -------
        EffortCurve
        """
        scale = float(read_shares("responsiveness", responsiveness))
        return replace(self, gain=self.gain * scale, estimates={})

    def offer(
        self, tokens: ArrayLike, *, tokens_per_second: float = 50.0, model: str | None = None
    ) -> Offer:
        """Put lengths of thinking on the menu.

        Parameters
        ----------
        tokens : array_like of float, shape (m,)
            Tokens thought under each option.
        tokens_per_second : float, default=50
            How fast they are written.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
            Of one question.
        """
        lengths = np.atleast_1d(read_amounts("tokens", tokens, above=-1e-12))
        seconds = lengths / float(read_amounts("tokens_per_second", tokens_per_second))
        prefix = "effort" if model is None else f"{model}|effort"
        options = tuple(
            Option(
                f"{prefix}|t{length:g}",
                model=model,
                strategy="effort",
                search_steps=0.0,
                reasoning_tokens=length,
                output_tokens=length,
                searches=0.0,
                seconds=wait,
            )
            for length, wait in zip(lengths.tolist(), seconds.tolist(), strict=True)
        )
        quality = self.predict(lengths)[None, :]
        return Offer(options, quality, np.ones_like(quality), seconds[None, :])

    def simulate(
        self, rng: np.random.Generator, tokens: ArrayLike, n_runs: int
    ) -> NDArray[np.bool_]:
        """Let questions be solved and spoiled, and see which are right at some lengths.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        tokens : array_like of float, shape (m,)
            Tokens at which each question is looked at.
        n_runs : int
            How many questions.

        Returns
        -------
        ndarray of bool, shape (n_runs, m)
        """
        t = np.atleast_1d(read_amounts("tokens", tokens, above=-1e-12))
        guessed = rng.random((n_runs, 1)) < self.guess
        # Of what guessing misses, so much can be solved that the gain comes out.
        reachable = self.gain / max(1 - self.guess, 1e-300)
        can = rng.random((n_runs, 1)) < reachable
        solved = rng.exponential(self.solve_tokens, (n_runs, 1))
        lasting = np.full((n_runs, 1), np.inf)
        if not math.isinf(self.spoil_tokens):
            lasting = rng.exponential(self.spoil_tokens, (n_runs, 1))
        return np.asarray(guessed | (can & (solved <= t) & (t < solved + lasting)), dtype=bool)


def compare_responsiveness(
    tokens: ArrayLike, quality: ArrayLike, *, seed: int = 0, n_resamples: int = 200
) -> tuple[Estimate, ...]:
    """Compare how much thinking gives several models, which share the pace of solving and spoiling.

    Parameters
    ----------
    tokens : array_like of float, shape (k, m)
        Tokens that k models think at each of m settings.
    quality : array_like of float, shape (k, n, m)
        Quality of the same n questions.
    seed : int, default=0
        Seed of the resamples.
    n_resamples : int, default=200
        Number of resamples of questions.

    Returns
    -------
    tuple of Estimate
        Each model's gain as a part of the largest, which is 1 on the questions at hand.

    Raises
    ------
    InputError
        If shapes disagree, or thinking gives no model anything.

    Examples
    --------
    >>> t = np.array([[0.0, 100, 300, 900]] * 2)
    >>> strong = EffortCurve(0.4, 0.5, 200)
    >>> curves = np.stack([strong.predict(t[0]), strong.respond(0.2).predict(t[1])])
    >>> found = compare_responsiveness(t, curves[:, None, :], n_resamples=1)
    >>> [round(estimate.value, 3) for estimate in found]
    [1.0, 0.2]
    """
    lengths = read_amounts("tokens", tokens, above=-1e-12)
    table = read_shares("quality", quality)
    if table.ndim != 3 or lengths.shape != (table.shape[0], table.shape[2]):
        raise InputError(f"tokens {lengths.shape}, quality {table.shape}: (k, m) and (k, n, m)")
    best = int(np.argmax(_fit_rates(lengths, table.mean(axis=1))[2][:, 1]))

    def measure(rows: NDArray[np.int64]) -> dict[str, float]:
        """Fit to the questions drawn."""
        gains = _fit_rates(lengths, table[:, rows].mean(axis=1))[2][:, 1]
        return {str(k): float(g / max(gains[best], 1e-9)) for k, g in enumerate(gains.tolist())}

    if _fit_rates(lengths, table.mean(axis=1))[2][best, 1] <= 0:
        raise InputError("quality rises with tokens for no model: there is nothing to compare with")
    found = bound_by_resampling(measure, table.shape[1], seed=seed, n_resamples=n_resamples)
    return tuple(found[str(k)] for k in range(len(table)))


def _stay(time: NDArray[np.float64], share: ArrayLike) -> NDArray[np.float64]:
    """Compute the share solved and not spoiled; time in mean times of solving, rates' ratio."""
    ratio = np.asarray(share, dtype=np.float64)
    # Where both rates are nearly equal the quotient loses its digits; a nudge costs 1e-7.
    ratio = np.where(np.abs(ratio - 1) < 1e-7, 1 + 1e-7, ratio)
    stay: NDArray[np.float64] = (np.exp(-ratio * time) - np.exp(-time)) / (1 - ratio)
    return stay


def _fit_rates(
    tokens: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[float, float, NDArray[np.float64]]:
    """Search the rates that all curves share; guess and gain of each follow by regression."""
    lasting, spoiled = (_search(tokens, means, is_spoiled=flag) for flag in (False, True))
    # Never spoiling is the simpler curve, and stays unless the other one fits better.
    found = spoiled if spoiled[0] < lasting[0] - 1e-12 else lasting
    return found[1:]


def _search(
    tokens: NDArray[np.float64], means: NDArray[np.float64], *, is_spoiled: bool
) -> tuple[float, float, float, NDArray[np.float64]]:
    """Find the least squared error on grids that narrow around the best point so far."""
    positive = tokens[tokens > 0]
    low, high = np.log([positive.min() / 20, positive.max() * 2]).tolist()
    lowest, highest = np.log([1e-4, 2.0]).tolist()
    found: tuple[float, float, float, NDArray[np.float64]] = (math.inf, 1.0, 0.0, np.empty(0))
    for _ in range(N_ZOOMS):
        solves = np.exp(np.linspace(low, high, N_POINTS))
        shares = np.exp(np.linspace(lowest, highest, N_POINTS)) if is_spoiled else np.zeros(1)
        time = tokens[None, None] / solves[:, None, None, None]
        lines, errors = _regress(_stay(time, shares[None, :, None, None]), means)
        one, two = np.unravel_index(int(np.argmin(errors)), errors.shape)
        found = (float(errors[one, two]), float(solves[one]), float(shares[two]), lines[one, two])
        step, stride = (high - low) / (N_POINTS - 1), (highest - lowest) / (N_POINTS - 1)
        low, high = math.log(found[1]) - step, math.log(found[1]) + step
        if is_spoiled:
            lowest, highest = math.log(found[2]) - stride, math.log(found[2]) + stride
    return found


def _regress(
    shape: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit guess and gain of each curve, within their limits, and sum the squared errors."""
    centred = shape - shape.mean(axis=-1, keepdims=True)
    level = means.mean(axis=-1)
    slope = (centred * (means - level[:, None])).sum(axis=-1)
    slope = slope / np.maximum((centred**2).sum(axis=-1), 1e-12)
    slope = np.clip(slope, 0.0, 1.0)
    guess = np.clip(level - slope * shape.mean(axis=-1), 0.0, 1.0)
    slope = np.minimum(slope, 1.0 - guess)
    errors = (guess[..., None] + slope[..., None] * shape - means) ** 2
    return np.stack((guess, slope), axis=-1), errors.sum(axis=(-1, -2))
