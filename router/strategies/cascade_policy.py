"""Whom to ask next, how often, and when to stop: answers of several models, looked at as they come.

At a price, going backwards from the last call, every state is worth the better of stopping with the
answer that is likeliest right and of every call that may follow. Asking a large model at once,
asking a small one first, and stopping where both agree are states of one plan, so that a first look
is paid only where it is worth it. Lowering the price for a whole batch until its budget is used up
gives the next call to the questions where it brings most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError
from router.strategies.cascade_calls import read_leader

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.strategies.cascade_calls import CascadeCall
    from router.strategies.cascade_prior import CascadePrior

__all__ = ["CascadeEnd", "CascadePolicy", "find_cascade_price"]

# Halvings of the interval of a price, in logarithms.
PRICE_STEPS = 24
PRICE_RANGE = 1e-6


class CascadeEnd(NamedTuple):
    """How a question ended.

    Parameters
    ----------
    answer : hashable
        The answer that is likeliest right; None where there is none, or a guess is likelier.
    calls : tuple of int
        Positions of the calls that were made.
    """

    answer: Hashable
    calls: tuple[int, ...]


class _Place(NamedTuple):
    """Where a question stands: its state, -1 past the last, and how far answers are right."""

    state: int
    right: NDArray[np.float64]
    letters: tuple[Hashable, ...]


@dataclass(frozen=True, eq=False)
class CascadePolicy:
    """What to ask next of n questions, after everything that may have come.

    Parameters
    ----------
    prior : CascadePrior
        What to expect.
    weights : ndarray of float64, shape (g, n)
        Of its groups, by question.
    action : ndarray of int64, shape (s, n)
        The call to make in every state; -1 to stop.
    quality : ndarray of float64, shape (n,)
        Expected quality, if the policy is followed.
    cost : ndarray of float64, shape (n,)
        Expected cost.
    may_guess : bool, default=False
        Whether a choice that nobody gave may be the answer.

    Examples
    --------
    The small model is right where its answers agree; the large one always is.

    >>> from router.strategies import CascadeCall, CascadePrior
    >>> calls = [CascadeCall("small", 3), CascadeCall("large", 1)]
    >>> small = [[0] * 10, [0, 1, 2, 1, 2, 0, 1, 2, 2, 0]] * 8
    >>> answers = {("small", ""): small, ("large", ""): [[0] * 10] * 16}
    >>> prior = CascadePrior.fit(answers, [0] * 16, ["a"] * 16, calls, n_choices=3)
    >>> policy = CascadePolicy.plan(prior, prior.weigh(["a"]), [0.1, 1.0], price=0.3)
    >>> policy.ask(0, [])
    CascadeCall(model='small', samples=3, strategy='')
    >>> policy.ask(0, [(calls[0], ["B", "B", "B"])])
    >>> policy.ask(0, [(calls[0], ["B", "C", "A"])])
    CascadeCall(model='large', samples=1, strategy='')
    >>> policy.answer(0, [(calls[0], ["B", "C", "A"]), (calls[1], ["A"])])
    'A'
    """

    prior: CascadePrior
    weights: NDArray[np.float64]
    action: NDArray[np.int64]
    quality: NDArray[np.float64]
    cost: NDArray[np.float64]
    may_guess: bool = False

    @classmethod
    def plan(
        cls,
        prior: CascadePrior,
        weights: ArrayLike,
        cost: ArrayLike,
        price: float,
        *,
        may_guess: bool = False,
    ) -> CascadePolicy:
        """Find the best policy at a price.

        Parameters
        ----------
        prior : CascadePrior
            What to expect.
        weights : array_like of float, shape (g, n)
            Of its groups, by question, as :meth:`CascadePrior.weigh` gives them.
        cost : array_like of float, shape (n, m) or (m,)
            What each call costs, in any unit; by question where questions are longer or shorter.
        price : float
            Quality that a unit of cost has to bring at least.
        may_guess : bool, default=False
            Whether one of the choices that nobody gave may be taken, by lot, where that is likelier
            right; without it no answer is worth nothing.

        Returns
        -------
        CascadePolicy

        Raises
        ------
        InputError
            If shapes do not match, or a cost or the price is negative or not finite.
        """
        share, paid = _read(prior, weights, cost)
        if not (np.isfinite(price) and price >= 0.0):
            raise InputError(f"price is {price}: a finite number from 0 up is needed")
        n_states, n_questions = len(prior.states), share.shape[1]
        action = np.full((n_states, n_questions), -1, dtype=np.int64)
        quality = np.zeros((n_states, n_questions))
        spend = np.zeros((n_states, n_questions))
        for place in range(n_states - 1, -1, -1):
            state = prior.states[place]
            mass = state.mass @ share
            quality[place] = _rate(state.right, share, may_guess=may_guess).max(axis=0)
            best = quality[place].copy()
            for call, branches in state.branches.items():
                reached, total = np.zeros(n_questions), mass * paid[:, call]
                for branch in branches:
                    if branch.state < 0:
                        right = _rate(branch.right, share, may_guess=may_guess)
                        reached += right.max(axis=0)
                    else:
                        reached += quality[branch.state]
                        total = total + spend[branch.state]
                value = reached - price * total
                better = value > best
                best = np.where(better, value, best)
                action[place] = np.where(better, call, action[place])
                quality[place] = np.where(better, reached, quality[place])
                spend[place] = np.where(better, total, spend[place])
        return cls(prior, share, action, quality[0], spend[0], may_guess)

    def ask(
        self, question: int, history: Sequence[tuple[CascadeCall, Sequence[Hashable]]]
    ) -> CascadeCall | None:
        """Say what to ask next of a question.

        Parameters
        ----------
        question : int
            Its position.
        history : sequence of (CascadeCall, sequence of hashable)
            Calls made so far with all of their answers, None for what is no answer.

        Returns
        -------
        CascadeCall or None
            None to stop.

        Raises
        ------
        InputError
            If a call was not one of the plan's, or had another number of answers.
        """
        at = self._walk(history).state
        call = -1 if at < 0 else int(self.action[at, question])
        return None if call < 0 else self.prior.calls[call]

    def answer(
        self, question: int, history: Sequence[tuple[CascadeCall, Sequence[Hashable]]]
    ) -> Hashable:
        """Give the answer that is likeliest right.

        Parameters
        ----------
        question : int
            Its position.
        history : sequence of (CascadeCall, sequence of hashable)
            Calls made so far with all of their answers, None for what is no answer.

        Returns
        -------
        hashable
            One of the answers; None where there is none, or a guess is likelier and allowed.

        Raises
        ------
        InputError
            If a call was not one of the plan's, or had another number of answers.
        """
        return self._choose(question, self._walk(history))

    def follow(
        self, question: int, answers: Mapping[tuple[str, str], Sequence[Hashable]]
    ) -> CascadeEnd:
        """Follow the policy on answers that are known already.

        Parameters
        ----------
        question : int
            Its position.
        answers : mapping of (str, str) to sequence of hashable
            By model and strategy, answers in the order in which they would come; each is used once.

        Returns
        -------
        CascadeEnd
        """
        made: list[int] = []
        used: dict[tuple[str, str], int] = {}
        at = self._begin()
        while at.state >= 0 and (call := int(self.action[at.state, question])) >= 0:
            asked = self.prior.calls[call]
            key = asked.model, asked.strategy
            first = used.get(key, 0)
            used[key] = first + asked.samples
            at = self._advance(at, call, answers[key][first : first + asked.samples])
            made.append(call)
        return CascadeEnd(self._choose(question, at), tuple(made))

    def _begin(self) -> _Place:
        """Stand where nothing is known."""
        return _Place(0, self.prior.states[0].right, ())

    def _walk(self, history: Sequence[tuple[CascadeCall, Sequence[Hashable]]]) -> _Place:
        """Go to where a history leads."""
        at = self._begin()
        for call, answers in history:
            if call not in self.prior.calls:
                raise InputError(f"{call} is none of the {len(self.prior.calls)} calls of the plan")
            at = self._advance(at, self.prior.calls.index(call), answers)
        return at

    def _advance(self, at: _Place, call: int, answers: Sequence[Hashable]) -> _Place:
        """Take in the answers of a call."""
        asked = self.prior.calls[call]
        if len(answers) != asked.samples:
            raise InputError(f"{asked} brought {len(answers)} answers: {asked.samples} are needed")
        branches = [] if at.state < 0 else self.prior.states[at.state].branches.get(call, [])
        if not branches:
            raise InputError(f"{asked} comes after the last call that was planned")
        leader, level = read_leader(answers)
        letters = at.letters
        if leader is None:
            letter = -1
        elif leader in letters:
            letter = letters.index(leader)
        else:
            letter, letters = len(letters), (*letters, leader)
        for branch in branches:
            if branch.letter == letter and branch.level == level:
                return _Place(branch.state, branch.right, letters)
        raise InputError(f"{leader!r} is one answer more than {self.prior.n_choices} choices")

    def _choose(self, question: int, at: _Place) -> Hashable:
        """Choose the answer that is likeliest right."""
        share = self.weights[:, [question]]
        best = int(_rate(at.right, share, may_guess=self.may_guess).argmax())
        return at.letters[best] if best < len(at.letters) else None


def find_cascade_price(
    prior: CascadePrior, weights: ArrayLike, cost: ArrayLike, budget: float
) -> float:
    """Find the price at which questions are expected to spend their budget.

    Parameters
    ----------
    prior : CascadePrior
        What to expect.
    weights : array_like of float, shape (g, n)
        Of its groups, by question.
    cost : array_like of float, shape (n, m) or (m,)
        What each call costs.
    budget : float
        For all questions together, in the unit of the cost, above 0.

    Returns
    -------
    float
        The lowest price found at which no more than the budget is expected to be spent.

    Raises
    ------
    InputError
        If shapes do not match or the budget is not above 0.
    """
    share, paid = _read(prior, weights, cost)
    if not (np.isfinite(budget) and budget > 0.0):
        raise InputError(f"budget is {budget}: a finite number above 0 is needed")
    # At this price not even a certain gain would be worth the cheapest call.
    high = 1.0 / max(float(paid[paid > 0.0].min(initial=np.inf)), 1e-300)
    low = high * PRICE_RANGE
    if float(CascadePolicy.plan(prior, share, paid, low).cost.sum()) <= budget:
        return low
    for _ in range(PRICE_STEPS):
        middle = float(np.sqrt(low * high))
        if float(CascadePolicy.plan(prior, share, paid, middle).cost.sum()) <= budget:
            high = middle
        else:
            low = middle
    return high


def _rate(
    right: NDArray[np.float64], share: NDArray[np.float64], *, may_guess: bool
) -> NDArray[np.float64]:
    """Say how likely each answer seen is right, and at last a guess among the others."""
    rated: NDArray[np.float64] = right @ share
    if not may_guess:
        rated[-1] = 0.0
    return rated


def _read(
    prior: CascadePrior, weights: ArrayLike, cost: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read weights and costs of every question."""
    share, paid = np.asarray(weights, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    if share.ndim != 2 or len(share) != len(prior.size):
        raise InputError(f"weights have shape {share.shape}: {len(prior.size)} x n are needed")
    shape = (share.shape[1], len(prior.calls))
    if paid.shape not in {shape, shape[1:]}:
        raise InputError(f"costs have shape {paid.shape}: {shape} or {shape[1:]} is needed")
    if not (np.isfinite(paid) & (paid >= 0.0)).all():
        raise InputError("costs are finite and not negative")
    return share, np.broadcast_to(paid, shape)
