"""When to stop asking for votes, at a price: a table over all counts, by backward induction.

Looking one vote ahead would stop at once, as a second vote never changes who leads; so what counts
is the best that any number of further votes can bring. Lowering the price for a whole batch until
the budget is used up gives the next votes to the questions where they bring most, and none where
votes never help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.strategies.vote_prior import VoteOutlook

__all__ = ["VoteCost", "VotePolicy", "find_price"]

# Halvings of the interval of a price, which is then known to a thousandth.
PRICE_STEPS = 20


@dataclass(frozen=True, slots=True)
class VoteCost:
    """What votes cost: every call pays for its input, every answer for its output.

    Parameters
    ----------
    call : float
        Once a call, however many answers it brings; in any unit.
    answer : float
        Each answer, in the same unit.
    batch_max : int, default=1
        Answers a call can bring at most.

    Raises
    ------
    InputError
        If a cost is negative, both are nothing, or no answer may be brought.
    """

    call: float
    answer: float
    batch_max: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        costs = (self.call, self.answer)
        if not all(np.isfinite(cost) and cost >= 0 for cost in costs) or sum(costs) <= 0:
            raise InputError(f"costs {costs} of a call and an answer: not negative, one above 0")
        if self.batch_max < 1:
            raise InputError(f"batch_max is {self.batch_max}: at least 1 is needed")


@dataclass(frozen=True)
class VotePolicy:
    """How many answers to ask for next, after every count of votes.

    Parameters
    ----------
    outlook : VoteOutlook
        What to expect.
    cost : VoteCost
        What it costs.
    batch : ndarray of int64, shape (s,)
        Answers to ask for next; 0 to stop.
    quality : ndarray of float64, shape (s,)
        Expected quality from each count on, if the policy is followed.
    spend : ndarray of float64, shape (s,)
        Expected cost from each count on.

    Examples
    --------
    >>> from router.strategies.vote_prior import VotePrior
    >>> prior = VotePrior.fit([[12, 8], [9, 11], [14, 6]], [0, 1, 0], ["a"] * 3, 9)
    >>> policy = VotePolicy.plan(prior.look("a"), VoteCost(0.0, 1.0), price=0.001)
    >>> policy.ask([0, 0]), policy.ask([1, 8])
    (1, 0)
    """

    outlook: VoteOutlook
    cost: VoteCost
    batch: NDArray[np.int64]
    quality: NDArray[np.float64]
    spend: NDArray[np.float64]

    @classmethod
    def plan(
        cls, outlook: VoteOutlook, cost: VoteCost, price: float, *, n_first: int = 1
    ) -> VotePolicy:
        """Find the best policy at a price.

        Parameters
        ----------
        outlook : VoteOutlook
            What to expect.
        cost : VoteCost
            What it costs.
        price : float
            Quality that a unit of cost has to bring at least.
        n_first : int, default=1
            Answers that are asked for at least before it may stop.

        Returns
        -------
        VotePolicy

        Raises
        ------
        InputError
            If the price is negative or not finite.

        Notes
        -----
        An answer that is no vote is paid for and asked for again, so that a vote costs one answer
        over the share of those that are votes.
        """
        if not (np.isfinite(price) and price >= 0.0):
            raise InputError(f"price is {price}: a finite number from 0 up is needed")
        counts = outlook.counts
        per_vote = cost.answer / (1.0 - outlook.blank)
        per_call = cost.call if cost.batch_max > 1 else cost.call / (1.0 - outlook.blank)
        quality = outlook.leader_right.copy()
        spend = np.zeros(len(counts))
        batch = np.zeros(len(counts), dtype=np.int64)
        # After b more votes: what the policy brings and costs from there, for b = 1, 2, ...
        ahead: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for n_votes in range(counts.n_votes_max - 1, -1, -1):
            rows = slice(*counts.bounds[n_votes : n_votes + 2])
            inner = slice(*counts.bounds[n_votes + 1 : n_votes + 3])
            ahead = [(quality[inner], spend[inner]), *ahead[: cost.batch_max - 1]]
            places = counts.successors[rows] - counts.bounds[n_votes + 1]
            chance = outlook.next_vote[rows]
            ahead = [
                ((chance * after[places]).sum(axis=1), (chance * paid[places]).sum(axis=1))
                for after, paid in ahead
            ]
            best = quality[rows].copy()
            forced = n_votes < n_first
            for more, (after, paid) in enumerate(ahead, start=1):
                total = paid + per_call + more * per_vote
                value = after - price * total
                better = value > best
                if forced and more == 1:
                    better[:] = True
                best = np.where(better, value, best)
                batch[rows] = np.where(better, more, batch[rows])
                quality[rows] = np.where(better, after, quality[rows])
                spend[rows] = np.where(better, total, spend[rows])
        return cls(outlook, cost, batch, quality, spend)

    def ask(self, votes: ArrayLike) -> int:
        """Say how many answers to ask for next.

        Parameters
        ----------
        votes : array_like of int, shape (n_choices,)
            What has been answered, in any order of the choices.

        Returns
        -------
        int
            0 to stop and take the leader.

        Raises
        ------
        InputError
            If there are other choices or more votes than were looked ahead.
        """
        return int(self.batch[self.outlook.counts.find(votes)])

    @property
    def expected_quality(self) -> float:
        """Quality to expect of a question that nobody has answered yet."""
        return float(self.quality[0])

    @property
    def expected_cost(self) -> float:
        """Cost to expect of it."""
        return float(self.spend[0])


def find_price(
    outlooks: Sequence[VoteOutlook],
    n_questions: ArrayLike,
    cost: VoteCost,
    budget: float,
) -> float:
    """Find the price at which the questions of a batch are expected to spend its budget.

    Parameters
    ----------
    outlooks : sequence of VoteOutlook, length t
        One for each kind of question.
    n_questions : array_like of int, shape (t,)
        How many of each kind.
    cost : VoteCost
        What votes cost.
    budget : float
        For all of them together, in the unit of the cost.

    Returns
    -------
    float
        The lowest price at which no more than the budget is expected to be spent; 0 where it
        reaches for all that brings anything.

    Raises
    ------
    InputError
        If it does not reach for one answer a question.

    Examples
    --------
    >>> from router.strategies.vote_prior import VotePrior
    >>> prior = VotePrior.fit([[12, 8], [9, 11], [14, 6]], [0, 1, 0], ["a"] * 3, 9)
    >>> price = find_price([prior.look("a")], [10], VoteCost(0.0, 1.0), budget=30)
    >>> VotePolicy.plan(prior.look("a"), VoteCost(0.0, 1.0), price).expected_cost <= 3.0
    True
    """
    numbers = np.asarray(n_questions, dtype=np.float64)

    def spend(price: float) -> float:
        """Sum what is expected to be spent at a price."""
        costs = [VotePolicy.plan(outlook, cost, price).expected_cost for outlook in outlooks]
        return float(numbers @ costs)

    # No answer is worth more than a right one, and each costs at least this.
    high = 2.0 / max(cost.answer, cost.call / cost.batch_max)
    if spend(high) > budget:
        raise InputError(
            f"budget {budget:g} does not reach for one answer a question, which takes "
            f"{spend(high):g}"
        )
    low = 0.0
    if spend(low) <= budget:
        return low
    for _ in range(PRICE_STEPS):
        middle = 0.5 * (low + high) if low > 0.0 else high / 16.0
        if spend(middle) <= budget:
            high = middle
        else:
            low = middle
    return high
