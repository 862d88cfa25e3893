r"""Splitting a budget of tokens over sub-questions whose errors fall as powers.

With sub-question j still wrong at a rate of :math:`c_j b_j^{-\beta_j}` after :math:`b_j` tokens,
the sum of errors under :math:`\sum_j b_j = B` is least where every further token helps alike:
:math:`b_j = (c_j \beta_j / \lambda)^{1 / (1 + \beta_j)}`, with the one :math:`\lambda` that spends
the budget. With equal exponents that is :math:`b_j \propto c_j^{1 / (1 + \beta)}`: hard parts get
more, but less than in proportion.

References
----------
.. [1] Lin, J. et al., "Plan and budget: effective and efficient test-time scaling on large language
   model reasoning", arXiv:2505.16122: errors that fall as powers of a sub-question's tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.options import Option
from router.strategies.estimates import Estimate, bound_by_resampling, read_amounts, read_shares
from router.strategies.offers import Offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["TokenSplit"]

N_STEPS = 200


@dataclass(frozen=True)
class TokenSplit:
    """Sub-questions of one question, all of which have to come out right.

    Parameters
    ----------
    scales : tuple of float
        Error of each after one token, by its law; above 0 and often above 1.
    exponents : tuple of float
        How fast each error falls, above 0.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a number is not above 0 or the lengths differ.

    Examples
    --------
    >>> split = TokenSplit((2.0, 16.0), (0.5, 0.5))
    >>> split.divide(1000).round(1).tolist()
    [200.0, 800.0]
    >>> split.predict([[500, 500], [200, 800]]).sum(axis=1).round(3).tolist()
    [0.805, 0.707]
    """

    scales: tuple[float, ...]
    exponents: tuple[float, ...]
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "internal"

    def __post_init__(self) -> None:
        """Refuse laws that do not fall."""
        read_amounts("scales", self.scales)
        read_amounts("exponents", self.exponents)
        if len(self.scales) != len(self.exponents) or not self.scales:
            raise InputError(
                f"{len(self.scales)} scales, {len(self.exponents)} exponents: equal is needed"
            )

    @classmethod
    def fit(
        cls, tokens: ArrayLike, errors: ArrayLike, *, seed: int = 0, n_resamples: int = 200
    ) -> TokenSplit:
        """Fit lines to the logarithms of mean errors.

        Parameters
        ----------
        tokens : array_like of float, shape (m,)
            Tokens spent on a sub-question, at least 2 different numbers.
        errors : array_like of float, shape (n, s, m)
            Errors of s kinds of sub-questions of n questions.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        TokenSplit
            With estimates ``scale_j`` and ``exponent_j``.

        Raises
        ------
        InputError
            If shapes disagree or a mean error does not fall.
        """
        lengths, table = read_amounts("tokens", tokens), read_shares("errors", errors)
        if table.ndim != 3 or lengths.shape != table.shape[2:] or len(np.unique(lengths)) < 2:
            raise InputError(f"tokens {lengths.shape}, errors {table.shape}: (m,) and (n, s, m)")

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to the questions drawn."""
            # Where none erred, half an error keeps the logarithm.
            means = np.maximum(table[rows].mean(axis=0), 0.5 / len(rows))
            found = {}
            for part, line in enumerate(means):
                # A mean of shares is known on the logarithm to about the root of its odds.
                weight = np.sqrt(line / np.maximum(1 - line, 1e-3))
                slope, level = np.polyfit(np.log(lengths), np.log(line), 1, w=weight)
                found[f"exponent_{part}"] = max(-float(slope), 1e-6)
                found[f"scale_{part}"] = math.exp(min(float(level), 600.0))
            return found

        found = bound_by_resampling(measure, len(table), seed=seed, n_resamples=n_resamples)
        parts = range(table.shape[1])
        for part in parts:
            if found[f"exponent_{part}"].value <= 1e-6:
                raise InputError(f"errors of part {part} do not fall with tokens")
        return cls(
            tuple(found[f"scale_{part}"].value for part in parts),
            tuple(found[f"exponent_{part}"].value for part in parts),
            found,
        )

    def predict(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """Compute the error of each sub-question.

        Parameters
        ----------
        tokens : array_like of float, shape (..., s)
            Tokens of each, above 0.

        Returns
        -------
        ndarray of float64, shape (..., s)
            At most 1.
        """
        spent = read_amounts("tokens", tokens)
        if spent.shape[-1:] != (len(self.scales),):
            raise InputError(f"tokens have shape {spent.shape}: the last is {len(self.scales)}")
        errors = np.array(self.scales) * spent ** -np.array(self.exponents)
        return np.asarray(np.minimum(errors, 1.0), dtype=np.float64)

    def divide(self, budget: float) -> NDArray[np.float64]:
        """Divide a budget so that the sum of errors is least.

        Parameters
        ----------
        budget : float
            Tokens altogether, above 0.

        Returns
        -------
        ndarray of float64, shape (s,)
            Sums to the budget.
        """
        total = float(read_amounts("budget", budget))
        power = 1.0 / (1.0 + np.array(self.exponents))
        level = power * np.log(np.array(self.scales) * np.array(self.exponents))
        # On this bracket every part lies below, or one alone above, the budget.
        edges = (level - math.log(total)) / power
        low, high = (
            float(edges.min()) - 1.0,
            float(edges.max()) + math.log(len(edges)) / power.min(),
        )
        for _ in range(N_STEPS):
            middle = (low + high) / 2
            spent = np.exp(np.minimum(level - power * middle, 700.0)).sum()
            low, high = (middle, high) if spent > total else (low, middle)
        parts = np.exp(level - power * (low + high) / 2)
        return np.asarray(parts * (total / parts.sum()), dtype=np.float64)

    def offer(
        self, budgets: ArrayLike, *, tokens_per_second: float = 50.0, model: str | None = None
    ) -> Offer:
        """Put budgets of tokens, each divided best, on the menu.

        Parameters
        ----------
        budgets : array_like of float, shape (m,)
            Tokens of the whole question.
        tokens_per_second : float, default=50
            How fast they are written, one sub-question after another.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
            Of one question; quality is the chance that every sub-question is right.
        """
        totals = np.atleast_1d(read_amounts("budgets", budgets))
        seconds = totals / float(read_amounts("tokens_per_second", tokens_per_second))
        prefix = "token_split" if model is None else f"{model}|token_split"
        options = tuple(
            Option(
                f"{prefix}|t{total:g}",
                model=model,
                strategy="token_split",
                search_steps=0.0,
                reasoning_tokens=total,
                output_tokens=total,
                searches=0.0,
                seconds=wait,
            )
            for total, wait in zip(totals.tolist(), seconds.tolist(), strict=True)
        )
        parts = np.array([self.divide(total) for total in totals.tolist()])
        quality = (1 - self.predict(parts)).prod(axis=1)[None, :]
        return Offer(options, quality, np.ones_like(quality), seconds[None, :])

    def simulate(
        self, rng: np.random.Generator, tokens: ArrayLike, n_runs: int
    ) -> NDArray[np.bool_]:
        """Draw how many tokens sub-questions take, and see which are wrong.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        tokens : array_like of float, shape (s,)
            Tokens of each.
        n_runs : int
            How many questions.

        Returns
        -------
        ndarray of bool, shape (n_runs, s)
            Whether each is still wrong.
        """
        spent = read_amounts("tokens", tokens)
        scales, exponents = np.array(self.scales), np.array(self.exponents)
        # Tokens needed follow Pareto's law, whose tail is the error.
        uniform = 1.0 - rng.random((n_runs, len(scales)))
        needed = (uniform / scales) ** (-1.0 / exponents)
        return np.asarray(needed > spent, dtype=bool)
