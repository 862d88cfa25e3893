r"""Retrieval chains: one, the best of several, or a tree of them, and what each costs.

A search finds a passage that is still missing with a probability p, which differs between passages
as a beta variable. One chain of L searches, the first of which asks the question itself, misses it
with :math:`(1 - p)^{L - 1}`. Where several chains or ways to go on are at hand, a score chooses: it
is normal, and lies d standard deviations higher where the passage was found, so that among N
candidates, found with probability s each, a found one is chosen with :math:`\int N s \phi(x - d)
F(x)^{N - 1} dx`, F being the distribution of a candidate's score. A tree does so at every step, by
the mean score of R rollouts in place of one score.

Cost counts every search: L for one chain, 1 + N (L - 1) for the best of N that share the first, and
for a tree :math:`1 + \sum_{t=2}^{L} E (1 + R \min(D, L - t))` with E ways tried at each step, and D
searches at most in a rollout.

References
----------
.. [1] Wang, L. et al., "Chain-of-retrieval augmented generation", arXiv:2501.14342: greedy, best of
   N and tree search; the tree's accounting follows its published code, in which of E expansions the
   one with the best mean score of R rollouts is kept. The law of recall is this project's own.
.. [2] Green, D. and Swets, J., "Signal detection theory and psychophysics", 1966: the choice among
   N by a normal score.
.. [3] Golub, G. and Welsch, J., "Calculation of Gauss quadrature rules", Mathematics of Computation
   23, 1969.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.options import Option
from router.strategies.beta_fitting import maximise_likelihood
from router.strategies.estimates import (
    Estimate,
    bound_by_resampling,
    read_amounts,
    read_counts,
    read_shares,
)
from router.strategies.offers import Offer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.strategies.chain_plan import ChainPlan

__all__ = ["RetrievalChains"]

N_NODES = 40
SCORES = np.linspace(-9.0, 15.0, 1201)


@dataclass(frozen=True)
class RetrievalChains:
    """How probably further searches find what the first has missed.

    Parameters
    ----------
    first : float
        Recall after the first search.
    a, b : float
        Of the beta population of chances, above 0.
    separation : float, default=0
        Standard deviations by which the score of a chain that found a passage lies higher.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> from router.strategies import ChainPlan
    >>> chains = RetrievalChains(0.6, 0.8, 1.6, separation=1.5)
    >>> plans = [ChainPlan(4), ChainPlan(4, chains=4), ChainPlan(4, expansions=4, rollouts=2)]
    >>> chains.predict(plans).round(2).tolist(), [plan.searches for plan in plans]
    ([0.83, 0.9, 0.91], [4, 13, 37])
    """

    first: float
    a: float
    b: float
    separation: float = 0.0
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        read_shares("first", self.first)
        read_amounts("a", self.a)
        read_amounts("b", self.b)
        read_amounts("separation", self.separation, above=-np.inf)

    def predict(self, plans: Sequence[ChainPlan]) -> NDArray[np.float64]:
        """Expect the recall of plans.

        Parameters
        ----------
        plans : sequence of ChainPlan, length m
            Which chains to search by.

        Returns
        -------
        ndarray of float64, shape (m,)
        """
        chance, weight = _place_nodes(self.a, self.b)
        missed = [float(weight @ self._miss(plan, chance)) for plan in plans]
        return 1.0 - (1.0 - self.first) * np.array(missed)

    def _miss(self, plan: ChainPlan, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the probability to miss a passage, by its chance to be found by one search."""
        if plan.expansions == 1:
            found = 1.0 - (1.0 - chance) ** (plan.depth - 1)
            return 1.0 - self._choose(found, np.zeros_like(chance), plan.chains, 1)
        missed = np.ones_like(chance)
        for ahead in plan.rollout_depths:
            later = 1.0 - (1.0 - chance) ** ahead
            chosen = self._choose(chance, later, plan.expansions, plan.rollouts or 1)
            missed = missed * (1.0 - chosen)
        return missed

    def _choose(
        self, found: NDArray[np.float64], later: NDArray[np.float64], n: int, rollouts: int
    ) -> NDArray[np.float64]:
        """Give the probability that the best score of n belongs to one that has found.

        A candidate that has not may find in a rollout, with probability `later`, and score for it.
        """
        if n == 1:
            return found
        spread = 1.0 / math.sqrt(rollouts)
        grid = SCORES * spread + np.where(SCORES > 0, self.separation * SCORES / SCORES[-1], 0.0)
        step = np.gradient(grid)
        missed_below = np.zeros((len(found), len(grid)))
        for hits in range(rollouts + 1):
            share = math.comb(rollouts, hits) * later**hits * (1.0 - later) ** (rollouts - hits)
            centre = self.separation * hits / rollouts
            missed_below += share[:, None] * _cover((grid - centre) / spread)
        found_below = _cover((grid - self.separation) / spread)
        density = np.exp(-0.5 * ((grid - self.separation) / spread) ** 2)
        density /= spread * math.sqrt(2.0 * math.pi)
        below = found[:, None] * found_below + (1.0 - found[:, None]) * missed_below
        chosen = n * found * ((below ** (n - 1)) @ (density * step))
        return np.clip(chosen, 0.0, 1.0)

    def simulate(
        self, chance: np.random.Generator, plan: ChainPlan, n_passages: int
    ) -> NDArray[np.bool_]:
        """Let chains search for passages that the first search has missed.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        plan : ChainPlan
            Which chains.
        n_passages : int
            How many are missing.

        Returns
        -------
        ndarray of bool, shape (n_passages,)
            Whether the chain that was chosen found it.
        """
        read_counts("n_passages", n_passages, least=1)
        p = chance.beta(self.a, self.b, n_passages)
        if plan.expansions == 1:
            tries = chance.random((n_passages, plan.chains, plan.depth - 1)) < p[:, None, None]
            found: NDArray[np.bool_] = np.asarray(tries.any(axis=2))
            score = chance.normal(size=found.shape) + self.separation * found
            return _take(found, score)
        done = np.zeros(n_passages, dtype=np.bool_)
        for ahead in plan.rollout_depths:
            found = done[:, None] | (chance.random((n_passages, plan.expansions)) < p[:, None])
            shape = (n_passages, plan.expansions, max(plan.rollouts, 1))
            seen = chance.random((*shape, max(ahead, 1))) < p[:, None, None, None]
            seen_later = seen.any(axis=3) & (ahead > 0)
            score = self.separation * (found[:, :, None] | seen_later) + chance.normal(size=shape)
            done = _take(found, score.mean(axis=2))
        return done

    @classmethod
    def fit(
        cls,
        first: ArrayLike,
        found_at: ArrayLike,
        question: ArrayLike,
        *,
        depth: int,
        weight: ArrayLike = 1,
        separation: ArrayLike | None = None,
        seed: int = 0,
    ) -> RetrievalChains:
        """Fit to chains that were followed for some questions, with intervals over questions.

        Parameters
        ----------
        first : array_like of shape (n,)
            Recall of each question after the first search.
        found_at : array_like of int, shape (u, c)
            Of each passage that was missing then, in each of c chains: which of the further
            searches found it, from 1; 0 where none did.
        question : array_like of int, shape (u,)
            Position of its question.
        depth : int
            Searches of a chain, the first included.
        weight : array_like of int, shape (u,), default=1
            How much each counts: where questions need different numbers of passages, a common
            multiple of these numbers over the question's own, so that every question counts alike.
        separation : array_like of shape (k, 3), optional
            Pairs of chains of one question with different recall: the question's position, the
            score of the one that found more, and the score of the other.
        seed : int, default=0
            Of the draws of questions.

        Returns
        -------
        RetrievalChains

        Raises
        ------
        InputError
            If shapes do not agree, or nothing was missing.
        """
        begun = read_shares("first", first).ravel()
        times = read_counts("found_at", found_at)
        owner = read_counts("question", question).ravel()
        read_counts("depth", depth, least=2)
        if times.ndim != 2 or len(owner) != len(times) or not times.size:
            raise InputError(f"found_at has shape {times.shape}, question {owner.shape}")
        if owner.max() >= len(begun) or times.max() > depth - 1:
            raise InputError(
                f"question goes up to {owner.max()} of {len(begun)}, found_at up to {times.max()} "
                f"of {depth - 1}"
            )
        counted = np.broadcast_to(read_counts("weight", weight, least=1), owner.shape)
        pairs = np.zeros((0, 3)) if separation is None else np.asarray(separation, np.float64)
        right = (times > 0).sum(axis=1)
        trials = np.where(times > 0, times, depth - 1).sum(axis=1)

        def estimate(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to some questions."""
            often = np.bincount(rows, minlength=len(begun))
            units = np.repeat(np.arange(len(owner)), often[owner] * counted)
            a, b = maximise_likelihood(right[units], trials[units])
            figures = {"first": float(begun[rows].mean()), "a": a, "b": b}
            if len(pairs):
                weight = often[pairs[:, 0].astype(np.int64)].astype(np.float64)
                figures["separation"] = _separate(pairs[:, 1] - pairs[:, 2], weight)
            return figures

        found = bound_by_resampling(estimate, len(begun), seed=seed)
        values = {name: figure.value for name, figure in found.items()}
        return cls(**values, estimates=found)

    def offer(
        self,
        name: str,
        plans: Sequence[ChainPlan],
        n_questions: int,
        *,
        tokens_per_search: float = 0.0,
        seconds_per_search: float = 0.0,
    ) -> Offer:
        """Put plans on a menu.

        Parameters
        ----------
        name : str
            What the options' strategy is called.
        plans : sequence of ChainPlan, length m
            Which.
        n_questions : int
            Questions they are offered for; the law does not tell them apart.
        tokens_per_search : float, default=0
            Tokens read by each search.
        seconds_per_search : float, default=0
            How long one takes; searches that do not need each other run side by side.

        Returns
        -------
        Offer
            With searches in place of samples.
        """
        searches = np.array([float(plan.searches) for plan in plans])
        seconds = np.array([plan.steps * seconds_per_search for plan in plans])
        options = tuple(
            Option(
                f"{name}|{plan.name}",
                strategy=name,
                search_steps=float(plan.searches),
                input_tokens=tokens_per_search * plan.searches,
                output_tokens=0.0,
                searches=float(plan.searches),
                seconds=float(taken),
            )
            for plan, taken in zip(plans, seconds, strict=True)
        )
        quality, drawn, latency = (
            np.tile(row, (n_questions, 1)) for row in (self.predict(plans), searches, seconds)
        )
        return Offer(options, quality, drawn, latency)


def _take(found: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Take the candidate with the best score in each row."""
    best = score.argmax(axis=1)[:, None]
    return np.asarray(np.take_along_axis(found, best, axis=1)[:, 0])


def _cover(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the distribution of the standard normal variable."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in z.tolist()])


def _separate(margins: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Turn how often the better one scores higher into a distance of two normal scores."""
    share = float(((margins > 0) + 0.5 * (margins == 0)) @ weight) / max(float(weight.sum()), 1e-9)
    low, high = -8.0, 8.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if 0.5 * math.erfc(-middle / 2.0) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _place_nodes(a: float, b: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Place nodes and weights of Gauss and Jacobi for a beta variable."""
    k = np.arange(N_NODES, dtype=np.float64)
    one, other = a - 1.0, b - 1.0
    total = 2.0 * k + one + other
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (one**2 - other**2) / (total * (total + 2.0))
    middle[0] = (one - other) / (one + other + 2.0)
    m = k[1:]
    size = 2.0 * m + one + other
    square = 4.0 * m * (m + one) * (m + other) * (m + one + other)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = square / (size**2 * (size + 1.0) * (size - 1.0))
    square[0] = 4.0 * (1.0 + one) * (1.0 + other) / ((2.0 + one + other) ** 2 * (3.0 + one + other))
    beside = np.sqrt(square)
    values, vectors = np.linalg.eigh(np.diag(middle) + np.diag(beside, 1) + np.diag(beside, -1))
    return np.clip((values + 1.0) / 2.0, 0.0, 1.0), vectors[0] ** 2
