r"""Majority vote: the answer given most often among n samples, ties split evenly.

The right answer wins with v votes when no other has more. With :math:`p_j` the share of answer j,
that is the coefficient of :math:`x^n` in :math:`n! \sum_v \frac{(p_r x)^v}{v!} \int_0^1 \prod_j
\left(\sum_{i<v} \frac{(p_j x)^i}{i!} + y \frac{(p_j x)^v}{v!}\right) dy`, since an answer tied with
t others counts :math:`1 / (1 + t) = \int_0^1 y^t dy`. Drawing without replacement from answers that
were really given has binomial coefficients in place of the powers, and needs no shares at all.
With two answers this is Condorcet's sum. As n grows a question is right if its most frequent answer
is, so that quality converges to the share of questions whose mode is right, however many samples.

References
----------
.. [1] Condorcet, N. de, "Essai sur l'application de l'analyse a la probabilite des
   decisions", 1785.
.. [2] Wang, X. et al., "Self-consistency improves chain of thought reasoning in language models",
   arXiv:2203.11171.
.. [3] Brown, B. et al., "Large language monkeys", arXiv:2407.21787, section 4: votes level off
   while coverage still grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import Estimate, bound_by_resampling, read_counts, read_shares
from router.strategies.offers import Consumption, Offer, offer_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MajorityVote", "count_votes"]

N_SAMPLES_MAX = 150
CHUNK_QUESTIONS = 256


def count_votes(right: ArrayLike, others: ArrayLike, n_samples: ArrayLike) -> NDArray[np.float64]:
    """Average the vote over all draws of n without replacement from answers that were given.

    Parameters
    ----------
    right : array_like of int, shape (n,)
        How often the right answer was given to each question.
    others : array_like of int, shape (n, c)
        How often each other answer was; votes that none counts, as unparsed ones, in columns of
        their own count as answers.
    n_samples : array_like of int, shape (m,)
        Votes, at most those given to any question.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Probability that the vote is right, without bias towards the sample at hand.

    Raises
    ------
    InputError
        If shapes disagree or more votes are asked for than there are.

    Examples
    --------
    Of two right answers and one wrong, three votes are right, and one or two in 2 of 3 draws.

    >>> count_votes([2], [[1]], [1, 2, 3]).round(3).tolist()
    [[0.667, 0.667, 1.0]]
    """
    good, bad = read_counts("right", right), read_counts("others", others)
    if good.ndim != 1 or bad.ndim != 2 or len(good) != len(bad):
        raise InputError(f"right {good.shape} and others {bad.shape}: (n,) and (n, c) are needed")
    counts = np.atleast_1d(read_counts("n_samples", n_samples, least=1))
    most, least = int(counts.max()), int((good + bad.sum(axis=1)).min(initial=2**31))
    if most > min(least, N_SAMPLES_MAX):
        raise InputError(f"n_samples has {most}: allowed are up to {min(least, N_SAMPLES_MAX)}")
    totals = good + bad.sum(axis=1)
    # Shares of ways instead of ways, which are too many for a float where answers are thousands.
    wins = _win(_count_ways(good, totals, most), _count_ways(bad, totals[:, None], most), most)
    return np.asarray(wins[:, counts] / _count_ways(totals, totals, most)[:, counts])


def _count_ways(
    counts: NDArray[np.int64], totals: NDArray[np.int64], most: int
) -> NDArray[np.float64]:
    """Give the ways of taking i of each count, over the i-th power of its total."""
    left = np.maximum(counts[..., None] - np.arange(most), 0) / totals[..., None]
    ways = np.ones((*counts.shape, most + 1))
    ways[..., 1:] = np.cumprod(left / np.arange(1.0, most + 1), axis=-1)
    return ways


def _win(right: NDArray[np.float64], others: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """Find the weight of draws in which the right answer leads, for every number of votes."""
    n_questions, n_others = others.shape[:2]
    nodes, weights = np.polynomial.legendre.leggauss(n_others // 2 + 1)
    total = np.zeros((n_questions, most + 1))
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        for votes in range(1, most + 1):
            if not right[:, votes].any():
                break
            product = np.zeros((n_questions, most + 1 - votes))
            product[:, 0] = right[:, votes]
            for other in range(n_others):
                product = _multiply(product, others[:, other], votes, float(node))
            total[:, votes:] += weight * product
    return total


def _multiply(
    product: NDArray[np.float64], factor: NDArray[np.float64], votes: int, node: float
) -> NDArray[np.float64]:
    """Multiply by the polynomial of one answer that has at most so many votes."""
    grown = np.zeros_like(product)
    room = product.shape[1]
    for taken in range(min(votes, room - 1) + 1):
        share = factor[:, taken : taken + 1] * (node if taken == votes else 1.0)
        grown[:, taken:] += share * product[:, : room - taken]
    return grown


@dataclass(frozen=True)
class MajorityVote:
    """Questions with the shares of their answers, and the vote over samples of them.

    Parameters
    ----------
    right : ndarray of shape (n,)
        Share of each question's right answer.
    others : ndarray of shape (n, c)
        Shares of every other answer; with `right` they sum to 1.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If shares do not sum to 1.

    Examples
    --------
    The second question's most frequent answer is wrong: votes make it worse.

    >>> vote = MajorityVote(np.array([0.6, 0.4]), np.array([[0.4, 0.0], [0.6, 0.0]]))
    >>> vote.predict([1, 3, 101]).round(3).tolist()
    [[0.6, 0.648, 0.979], [0.4, 0.352, 0.021]]
    >>> vote.limit
    0.5
    """

    right: NDArray[np.float64]
    others: NDArray[np.float64]
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        good, bad = read_shares("right", self.right), read_shares("others", self.others)
        if good.ndim != 1 or bad.ndim != 2 or len(good) != len(bad) or not good.size:
            raise InputError(f"right {good.shape}, others {bad.shape}: (n,) and (n, c) are needed")
        if np.abs(good + bad.sum(axis=1) - 1).max() > 1e-9:
            raise InputError("right and others have to sum to 1 for every question")
        object.__setattr__(self, "right", good)
        object.__setattr__(self, "others", bad)

    @classmethod
    def fit(
        cls, right: ArrayLike, others: ArrayLike, *, seed: int = 0, n_resamples: int = 200
    ) -> MajorityVote:
        """Take the shares of answers that were given to each question.

        Parameters
        ----------
        right : array_like of int, shape (n,)
            How often the right answer was given.
        others : array_like of int, shape (n, c)
            How often each other answer was.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        MajorityVote
            With estimates of ``limit`` and of ``vote_1``, ``vote_2``, ``vote_4``, ... up to the
            answers at hand, the latter without bias (:func:`count_votes`).

        Raises
        ------
        InputError
            If a question has no answers or shapes disagree.
        """
        good, bad = read_counts("right", right), read_counts("others", others)
        if good.ndim != 1 or bad.ndim != 2 or len(good) != len(bad) or not good.size:
            raise InputError(f"right {good.shape}, others {bad.shape}: (n,) and (n, c) are needed")
        totals = good + bad.sum(axis=1)
        if not totals.all():
            raise InputError("every question needs an answer to be fitted to")
        vote = cls(good / totals, bad / totals[:, None])
        most = min(int(totals.min()), 64)
        sizes = 2 ** np.arange(int(np.log2(most)) + 1)
        curve, modes = count_votes(good, bad, sizes), vote.find_modes()

        def average(rows: NDArray[np.int64]) -> dict[str, float]:
            """Average over the questions drawn."""
            means = curve[rows].mean(axis=0)
            votes = {f"vote_{size}": means[i] for i, size in enumerate(sizes.tolist())}
            return {"limit": modes[rows].mean(), **votes}

        found = bound_by_resampling(average, len(good), seed=seed, n_resamples=n_resamples)
        return cls(vote.right, vote.others, found)

    def find_modes(self) -> NDArray[np.float64]:
        """Say for each question whether its most frequent answer is right; ties are split."""
        tied = np.isclose(self.others, self.right[:, None], rtol=0, atol=1e-12)
        beaten = (self.others > self.right[:, None] + 1e-12).any(axis=1)
        return np.where(beaten, 0.0, 1.0 / (1.0 + tied.sum(axis=1)))

    @property
    def limit(self) -> float:
        """Share of questions whose mode is right: what no number of votes passes."""
        return float(self.find_modes().mean())

    def predict(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the probability that the vote over n samples is right.

        Parameters
        ----------
        n_samples : array_like of int, shape (m,)
            Votes, up to 150.

        Returns
        -------
        ndarray of float64, shape (n, m)

        Raises
        ------
        InputError
            If there are more than 150 votes.
        """
        counts = np.atleast_1d(read_counts("n_samples", n_samples, least=1))
        most = int(counts.max())
        if most > N_SAMPLES_MAX:
            raise InputError(f"n_samples has {most}: allowed are up to {N_SAMPLES_MAX}")
        powers = np.arange(most + 1)
        factorials = np.concatenate(([1.0], np.cumprod(np.arange(1.0, most + 1))))
        parts = []
        for start in range(0, len(self.right), CHUNK_QUESTIONS):
            rows = slice(start, start + CHUNK_QUESTIONS)
            right = self.right[rows, None] ** powers / factorials
            others = self.others[rows, :, None] ** powers / factorials
            parts.append(_win(right, others, most)[:, counts] * factorials[counts])
        return np.concatenate(parts)

    def offer(
        self, n_samples: ArrayLike, consumption: Consumption, model: str | None = None
    ) -> Offer:
        """Put numbers of votes on the menu.

        Parameters
        ----------
        n_samples : array_like of int, shape (m,)
            Votes of each option.
        consumption : Consumption
            What one sample consumes.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
        """
        quality = self.predict(n_samples)
        return offer_samples("majority_vote", n_samples, quality, consumption, model=model)

    def simulate(
        self, rng: np.random.Generator, n_samples: int, n_runs: int
    ) -> NDArray[np.float64]:
        """Draw answers and let them vote.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        n_samples : int
            Votes of each question.
        n_runs : int
            How often.

        Returns
        -------
        ndarray of float64, shape (n_runs, n)
            1 where the right answer leads, its part where it is tied.
        """
        shares = np.column_stack((self.right, self.others))
        votes = rng.multinomial(
            n_samples, shares / shares.sum(1, keepdims=True), (n_runs, len(shares))
        )
        leads = votes == votes.max(axis=2, keepdims=True)
        return np.asarray(leads[..., 0] / leads.sum(axis=2), dtype=np.float64)
