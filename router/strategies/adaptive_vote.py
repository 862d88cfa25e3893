r"""Votes that stop when they agree: three rules, their quality and their samples exactly.

A rule reads the counts of answers and says whether to ask on. *Confidence* (Adaptive-Consistency)
stops when the leader is likely to stay ahead of the second: :math:`1 - I_{1/2}(v_1 + 1, v_2 + 1)`
reaches a level. *Lead* stops when the leader is ahead by k. *Price* looks ahead with a Dirichlet
posterior, to the end and not one vote, since a second vote never changes a majority: it asks on
while the leader's expected share, after asking as long as that pays, grows by more than the votes
cost. Answers with the same counts in another order are alike, so a rule is a table over
:class:`~router.strategies.VoteCounts`, and a question's quality and votes follow by going through
all counts that its own shares can lead to.

References
----------
.. [1] Aggarwal, P. et al., "Let's sample step by step: adaptive-consistency for efficient reasoning
   and coding with LLMs", arXiv:2305.11860: the Beta and the Dirichlet stopping criteria.
.. [2] Wald, A., "Sequential tests of statistical hypotheses", 1945: stopping at a lead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.beta_function import compute_beta_cdf
from router.strategies.estimates import read_shares
from router.strategies.offers import Consumption, Offer, offer_samples
from router.strategies.vote_counts import VoteCounts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["AdaptiveVote"]

CHUNK_ELEMENTS = 1 << 21


@dataclass(frozen=True)
class AdaptiveVote:
    """One answer at a time until a rule stops it or a cap is reached.

    Parameters
    ----------
    n_choices : int
        Answers that a question has, from 2 to 6.
    n_samples_max : int
        Cap of samples.
    confidence : float, optional
        Stop when the leader stays ahead of the second with this probability; between 0 and 1.
    lead : int, optional
        Stop when the leader is this many votes ahead; at least 1.
    price : float, optional
        Stop when no number of further votes is expected to add this much quality a vote; above 0.
    weight : float, default=1
        Votes that each answer has before the first one, for `price`.

    Raises
    ------
    InputError
        If not exactly one rule is given, or a number is out of range.

    Examples
    --------
    >>> vote = AdaptiveVote(3, 8, confidence=0.95)
    >>> vote.should_stop([[4, 0, 0], [3, 1, 0], [3, 0, 0]]).tolist()
    [True, False, False]
    >>> quality, samples = vote.predict([[0.8, 0.1, 0.1]])
    >>> quality.round(3).tolist(), samples.round(2).tolist()
    ([0.99], [6.15])
    """

    n_choices: int
    n_samples_max: int
    confidence: float | None = None
    lead: int | None = None
    price: float | None = None
    weight: float = 1.0

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse rules that are none or several."""
        given = [n for n in ("confidence", "lead", "price") if getattr(self, n) is not None]
        if len(given) != 1:
            raise InputError(f"{given or 'nothing'} is given: one of confidence, lead and price is")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise InputError(f"confidence is {self.confidence}: between 0 and 1 is allowed")
        if self.lead is not None and self.lead < 1:
            raise InputError(f"lead is {self.lead}: at least 1 is needed")
        for name in ("price", "weight"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} is {value}: a finite number above 0 is needed")
        VoteCounts(self.n_choices, 1)
        if self.n_samples_max < 1:
            raise InputError(f"n_samples_max is {self.n_samples_max}: at least 1 is needed")

    @cached_property
    def counts(self) -> VoteCounts:
        """All counts that the votes can come to."""
        return VoteCounts(self.n_choices, self.n_samples_max)

    @cached_property
    def stops(self) -> NDArray[np.bool_]:
        """Whether the rule stops at each of the counts; at the cap it always does."""
        states = self.counts.states
        first, second = states[:, 0], states[:, 1]
        if self.confidence is not None:
            stop = 1.0 - compute_beta_cdf(0.5, first + 1.0, second + 1.0) >= self.confidence
        elif self.lead is not None:
            stop = first - second >= self.lead
        else:
            stop = self._look_ahead(float(self.price or 0.0))
        return np.asarray((stop & (first > 0)) | (self.counts.n_votes >= self.n_samples_max))

    def _look_ahead(self, price: float) -> NDArray[np.bool_]:
        """Compare stopping with asking on as long as it pays, from the cap backwards."""
        states, following = self.counts.states, self.counts.successors
        total = self.counts.n_votes + self.weight * self.n_choices
        value = (states[:, 0] + self.weight) / total
        stop = np.ones(len(states), dtype=bool)
        for votes in range(self.n_samples_max - 1, -1, -1):
            rows = slice(int(self.counts.bounds[votes]), int(self.counts.bounds[votes + 1]))
            chances = (states[rows] + self.weight) / total[rows, None]
            asking = (chances * value[following[rows]]).sum(axis=1) - price
            # Rounding alone never makes another vote worth its price.
            stop[rows] = value[rows] >= asking - 1e-12
            value[rows] = np.maximum(value[rows], asking)
        return stop

    def should_stop(self, votes: ArrayLike) -> NDArray[np.bool_]:
        """Say whether to stop at some counts of answers, in any order.

        Parameters
        ----------
        votes : array_like of int, shape (..., n_choices)
            Votes of each answer.

        Returns
        -------
        ndarray of bool
        """
        return np.asarray(self.stops[self.counts.find(votes)], dtype=bool)

    @cached_property
    def _layers(self) -> list[tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]]:
        """List by votes: which labelled counts stop, how right they are, and what follows them."""
        layers = []
        states = np.zeros((1, self.n_choices), dtype=np.int64)
        base = self.n_samples_max + 1
        digits = base ** np.arange(self.n_choices)
        for _ in range(self.n_samples_max + 1):
            leads = states == states.max(axis=1, keepdims=True)
            grown = states[:, None, :] + np.eye(self.n_choices, dtype=np.int64)
            keys, places = np.unique(grown @ digits, return_inverse=True)
            layers.append(
                (
                    self.should_stop(states),
                    leads[:, 0] / leads.sum(axis=1),
                    places.reshape(len(states), self.n_choices),
                )
            )
            if layers[-1][0].all():
                break
            states = keys[:, None] // digits % base
        return layers

    def predict(self, shares: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute how often the vote is right and how many samples it takes.

        Parameters
        ----------
        shares : array_like of float, shape (n, n_choices)
            Shares of each question's answers, the right one first; each row sums to 1.

        Returns
        -------
        quality : ndarray of float64, shape (n,)
        samples : ndarray of float64, shape (n,)

        Raises
        ------
        InputError
            If shares are not as described.
        """
        table = read_shares("shares", shares)
        if table.ndim != 2 or table.shape[1] != self.n_choices:
            raise InputError(f"shares have shape {table.shape}: (n, {self.n_choices}) is needed")
        if np.abs(table.sum(axis=1) - 1).max(initial=0.0) > 1e-9:
            raise InputError("shares have to sum to 1 for every question")
        widest = max(len(layer[0]) for layer in self._layers)
        step = max(1, CHUNK_ELEMENTS // widest)
        parts = [self._walk(table[i : i + step]) for i in range(0, max(len(table), 1), step)]
        quality, samples = (np.concatenate(part) for part in zip(*parts, strict=True))
        return quality, samples

    def _walk(self, shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Go through all labelled counts, vote by vote."""
        chance = np.ones((len(shares), 1))
        quality, samples = np.zeros(len(shares)), np.zeros(len(shares))
        for votes, (stop, right, following) in enumerate(self._layers):
            ended = chance[:, stop]
            quality += ended @ right[stop]
            samples += votes * ended.sum(axis=1)
            if stop.all():
                break
            later = np.zeros((len(shares), int(following.max()) + 1))
            on = np.flatnonzero(~stop)
            for choice in range(self.n_choices):
                # One answer leads from different counts to different ones.
                later[:, following[on, choice]] += chance[:, on] * shares[:, choice, None]
            chance = later
        return quality, samples

    def replay(self, answers: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Read answers one by one until the rule stops, as they were given.

        Parameters
        ----------
        answers : array_like of int, shape (n, s)
            Answers in their order, 0 the right one; -1 is a sample without a vote, which costs as
            much as any. At least as many as the cap.

        Returns
        -------
        quality : ndarray of float64, shape (n,)
            1 where the right answer leads, its part where it is tied, and an equal part
            without any vote.
        samples : ndarray of int64, shape (n,)

        Raises
        ------
        InputError
            If there are fewer answers than the cap, or one is out of range.
        """
        given = np.asarray(answers, dtype=np.int64)
        if given.ndim != 2 or given.shape[1] < self.n_samples_max:
            raise InputError(
                f"answers have shape {given.shape}: (n, {self.n_samples_max}) at least"
            )
        if given.size and not -1 <= given.min() <= given.max() < self.n_choices:
            raise InputError(f"answers have to be from -1 to {self.n_choices - 1}")
        rows = np.arange(len(given))
        votes = np.zeros((len(given), self.n_choices), dtype=np.int64)
        samples = np.zeros(len(given), dtype=np.int64)
        for step in range(self.n_samples_max):
            on = rows[~self.should_stop(votes)]
            samples[on] += 1
            voting = on[given[on, step] >= 0]
            votes[voting, given[voting, step]] += 1
        leads = votes == votes.max(axis=1, keepdims=True)
        return leads[:, 0] / leads.sum(axis=1), samples

    def offer(self, shares: ArrayLike, consumption: Consumption, model: str | None = None) -> Offer:
        """Put the vote on the menu.

        Parameters
        ----------
        shares : array_like of float, shape (n, n_choices)
            Shares of each question's answers, the right one first.
        consumption : Consumption
            What one sample consumes; samples are drawn one after another, whatever it says.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
        """
        quality, samples = self.predict(shares)
        serial = Consumption(
            consumption.input_tokens,
            consumption.output_tokens,
            consumption.seconds,
            is_parallel=False,
        )
        return offer_samples(
            "adaptive_vote",
            [self.n_samples_max],
            quality[:, None],
            serial,
            drawn=samples[:, None],
            model=model,
        )

    def simulate(
        self, rng: np.random.Generator, shares: ArrayLike, n_runs: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw answers of one question and vote until the rule stops.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        shares : array_like of float, shape (n_choices,)
            Shares of its answers, the right one first.
        n_runs : int
            How often.

        Returns
        -------
        quality : ndarray of float64, shape (n_runs,)
        samples : ndarray of int64, shape (n_runs,)
        """
        answers = rng.choice(self.n_choices, (n_runs, self.n_samples_max), p=np.asarray(shares))
        return self.replay(answers)
