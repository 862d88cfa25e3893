"""What is left of a pool of one to four budgets, and how many questions it still has to serve."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.checks import check_budget, check_budgets, is_many, read_whole
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.allocation.question import Question

__all__ = ["Pool", "check_count", "check_prices", "check_whole"]

BUDGETS_MAX = 4
# Questions expected where nobody said how many there will be: at the least, and for each that has
# come.
UNKNOWN_MIN = 300
UNKNOWN_FACTOR = 3
# Past its horizon the rest of a pool is made to last for this part of the horizon again.
OVERRUN = 0.1


class Pool:
    """Budgets that are spent question by question, never below zero by a decision.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend in all, or up to four such budgets.
    horizon : int, optional
        Number of questions that are expected.

    Examples
    --------
    >>> pool = Pool(100, horizon=4)
    >>> pool.reserve((30,))
    >>> pool.remaining, pool.expected
    ((70,), 3)
    >>> pool.settle(40)
    (10,)
    >>> pool.remaining
    (60,)
    """

    __slots__ = ("_balance", "_ceiling", "_reserved", "budgets", "horizon", "many", "n_questions")

    def __init__(self, budget: int | Sequence[int], horizon: int | None = None) -> None:
        self.many = is_many(budget)
        self.budgets = check_budgets(budget) if is_many(budget) else (check_budget(budget),)
        if len(self.budgets) > BUDGETS_MAX:
            raise BudgetError(
                f"budget has {len(self.budgets)} entries; at most {BUDGETS_MAX} are possible"
            )
        self.horizon = None if horizon is None else check_count("horizon", horizon, least=1)
        self.n_questions = 0
        self._balance = list(self.budgets)
        self._reserved: tuple[int, ...] | None = None
        self._limit()

    @property
    def n_budgets(self) -> int | None:
        """Number of budgets, None for one that was given as a plain number."""
        return len(self.budgets) if self.many else None

    @property
    def remaining(self) -> tuple[int, ...]:
        """Micro-units left of every budget, never negative."""
        return tuple(max(0, balance) for balance in self._balance)

    @property
    def spent(self) -> tuple[int, ...]:
        """Micro-units spent of every budget; above it where real costs exceeded the last of it."""
        return tuple(
            total - balance for total, balance in zip(self.budgets, self._balance, strict=True)
        )

    @property
    def expected(self) -> int:
        """How many further questions the rest of the pool is meant to serve, at least one."""
        if self.horizon is None:
            return max(UNKNOWN_MIN, UNKNOWN_FACTOR * self.n_questions)
        to_come = self.horizon - self.n_questions
        return to_come if to_come > 0 else max(1, int(self.horizon * OVERRUN))

    def allowances(self) -> list[float]:
        """Split what is left of every budget evenly over the questions expected."""
        expected = self.expected
        return [max(0, balance) / expected for balance in self._balance]

    def fitting(self, question: Question) -> NDArray[np.bool_]:
        """Mark the options that are allowed and that all budgets still pay for."""
        if len(self.budgets) == 1:
            fits = np.asarray(question.cost[:, 0] <= self._ceiling[0])
        else:
            fits = np.asarray((question.cost <= self._ceiling).all(axis=1))
        return fits if question.allowed is None else fits & question.allowed

    def reserve(self, cost: Sequence[int]) -> None:
        """Take the planned cost of the next question out of the pool."""
        self.n_questions += 1
        self._reserved = tuple(cost)
        self._pay(self._reserved)

    def skip(self) -> None:
        """Count a question that nothing was spent on."""
        self.reserve((0,) * len(self.budgets))

    def settle(
        self, real_cost: int | Sequence[int], planned_cost: int | Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Replace a planned cost by the real one; return by how much it was above the plan.

        Raises
        ------
        AllocationError
            No planned cost was given, and the latest question is settled or there was none.
        BudgetError
            A cost is no whole number of micro-units, negative, or not one per budget.
        """
        real = self._check_costs(real_cost, "real_cost")
        if planned_cost is not None:
            planned = self._check_costs(planned_cost, "planned_cost")
        elif self._reserved is not None:
            planned = self._reserved
        else:
            raise AllocationError(
                "the latest question is already settled or there was none; "
                "name the planned_cost of the one meant"
            )
        excess = tuple(map(operator.sub, real, planned))
        for spent, extra in zip(self.spent, excess, strict=True):
            if spent + extra < 0:
                raise AllocationError(
                    f"planned_cost is {planned_cost}; only {spent} micro-units were spent so far"
                )
        if planned_cost is None:
            self._reserved = None
        self._pay(excess)
        return excess

    def export_state(self) -> dict[str, Any]:
        """Write everything the pool knows into a dict of numbers, lists and None."""
        return {
            "budgets": list(self.budgets) if self.many else self.budgets[0],
            "horizon": self.horizon,
            "n_questions": self.n_questions,
            "balance": list(self._balance),
            "reserved": None if self._reserved is None else list(self._reserved),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Pool:
        """Read a pool back from its dict.

        Raises
        ------
        AllocationError
            An entry is missing or cannot be used; the message names it.
        """
        try:
            pool = cls(state["budgets"], state["horizon"])
            pool.n_questions = check_count("state['n_questions']", state["n_questions"])
            balance = [check_whole("state['balance']", entry) for entry in state["balance"]]
            reserved = state["reserved"]
        except (KeyError, TypeError) as error:
            raise AllocationError(f"the state of the pool cannot be read: {error!r}") from error
        if len(balance) != len(pool.budgets):
            raise AllocationError(
                f"state['balance'] has {len(balance)} entries for {len(pool.budgets)} budgets"
            )
        for total, left in zip(pool.budgets, balance, strict=True):
            if left > total:
                raise AllocationError(f"state['balance'] is {left}, above its budget of {total}")
        pool._balance = balance
        if reserved is not None:
            costs = reserved if pool.many else reserved[0]
            pool._reserved = pool._check_costs(costs, "state['reserved']")
        pool._limit()
        return pool

    def _check_costs(self, cost: int | Sequence[int], name: str) -> tuple[int, ...]:
        """Check that a cost is a whole number per budget and not negative."""
        costs = check_budgets(cost, name) if is_many(cost) else (check_budget(cost, name),)
        if is_many(cost) != self.many or len(costs) != len(self.budgets):
            raise BudgetError(f"{name} is {cost!r}; {len(self.budgets)} budgets have to be settled")
        return costs

    def _pay(self, cost: Sequence[int]) -> None:
        """Take micro-units out of every budget."""
        for place, amount in enumerate(cost):
            self._balance[place] -= amount
        self._limit()

    def _limit(self) -> None:
        """Hold what is left as an array, so that a decision need not build it."""
        self._ceiling = np.array(self.remaining, dtype=np.int64)


def check_whole(name: str, value: object) -> int:
    """Check that a value is a whole number."""
    whole = read_whole(value)
    if whole is None:
        raise AllocationError(f"{name} is {value!r}; a whole number is needed")
    return whole


def check_count(name: str, value: object, least: int = 0) -> int:
    """Check that a value is a whole number, and not below the least one."""
    count = check_whole(name, value)
    if count < least:
        raise AllocationError(f"{name} is {count}; it must be at least {least}")
    return count


def check_prices(name: str, value: float | Sequence[float], n_budgets: int) -> tuple[float, ...]:
    """Check that there is one finite price per budget and none is negative."""
    try:
        prices = tuple(float(price) for price in np.atleast_1d(np.asarray(value, dtype=float)))
    except (TypeError, ValueError) as error:
        raise AllocationError(f"{name} cannot be read as numbers: {error}") from error
    if len(prices) != n_budgets:
        raise AllocationError(f"{name} has {len(prices)} entries for {n_budgets} budgets")
    for price in prices:
        if not 0.0 <= price < math.inf:
            raise AllocationError(f"{name} is {price}; prices must be finite and not negative")
    return prices
