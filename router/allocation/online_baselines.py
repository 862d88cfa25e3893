"""Simpler policies for a stream of questions, and the bound that hindsight sets to all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.block import INT64_MAX
from router.allocation.checks import is_many
from router.allocation.online import OnlinePolicy, best_score
from router.allocation.pool import check_count, check_prices
from router.allocation.question import check_question
from router.allocation.solve import solve
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.allocation.question import Question

__all__ = ["EvenSplit", "FixedThreshold", "Greedy", "Resolving", "bound_hindsight"]

# A new solve is due when the history has grown by this share since the last one.
GROWTH = 0.05


class Greedy(OnlinePolicy):
    """Take the best option that the pool still pays for, the cheapest of equally good ones.

    What an agent without a budget per question does: early questions take all.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    horizon : int, optional
        Makes no difference.

    Examples
    --------
    >>> Greedy(100).decide([0.1, 0.6, 0.7], [0, 30, 120])
    1
    """

    name = "greedy"

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose the highest quality that fits."""
        return _best_within(question, fits)


class EvenSplit(OnlinePolicy):
    """Give every question at most its even share of what is left; unused shares go on to the next.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    horizon : int, optional
        Number of questions expected; as for :class:`DualMirrorDescent` where it is wrong or absent.

    Examples
    --------
    >>> EvenSplit(100, horizon=4).decide([0.1, 0.3, 0.7], [0, 20, 60])
    1
    """

    name = "even_split"

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose the highest quality within the share, or the cheapest option where none is."""
        within = fits & (question.cost <= np.array(self.pool.allowances())).all(axis=1)
        if within.any():
            return _best_within(question, within)
        return int(np.where(fits, question.cost[:, 0], INT64_MAX).argmin())


class FixedThreshold(OnlinePolicy):
    """Decide by prices that never move, such as those of a plan for earlier questions.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    price : float or sequence of float
        Value of a micro-unit, one per budget.
    horizon : int, optional
        Makes no difference.

    Examples
    --------
    >>> FixedThreshold(100, 0.01).decide([0.1, 0.6, 0.7], [0, 30, 60])
    1
    """

    name = "fixed_threshold"

    def __init__(
        self,
        budget: int | Sequence[int],
        price: float | Sequence[float],
        horizon: int | None = None,
    ) -> None:
        super().__init__(budget, horizon)
        self.prices = check_prices("price", price, len(self.pool.budgets))

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose the option that is worth most after its cost is paid at the prices."""
        return best_score(question.quality, question.cost, self.prices, fits)

    def _export(self) -> dict[str, Any]:
        """Write the prices."""
        return {"prices": list(self.prices)}

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Read the prices."""
        self.prices = check_prices("state['prices']", state["prices"], len(self.pool.budgets))


class Resolving(OnlinePolicy):
    """Decide by the dual prices of the questions seen, solved anew as their number grows.

    The questions to come are taken to be like those seen: best where they are, and wrong for as
    long as the past misleads. A new solve is due whenever the history has grown by a twentieth, so
    a few questions take milliseconds. All questions must have the same number of options.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    horizon : int, optional
        Number of questions expected; as for :class:`DualMirrorDescent` where it is wrong or absent.

    References
    ----------
    .. [1] Agrawal, S., Wang, Z., Ye, Y., "A dynamic near-optimal algorithm for online linear
       programming", Operations Research 62 (2014), 876-890: Section 4, here with what is left.

    Examples
    --------
    >>> Resolving(400, horizon=4).decide([0.1, 0.3, 0.7], [0, 20, 60])
    2
    """

    name = "resolving"

    def __init__(self, budget: int | Sequence[int], horizon: int | None = None) -> None:
        super().__init__(budget, horizon)
        self.prices = (0.0,) * len(self.pool.budgets)
        self._history: list[Question] = []
        self._due = 1

    def _observe(self, question: Question) -> None:
        """Add the question to the history and solve it where that is due."""
        if self._history and len(self._history[0].quality) != len(question.quality):
            raise AllocationError(
                f"quality_row has {len(question.quality)} options; the questions before had "
                f"{len(self._history[0].quality)}"
            )
        self._history.append(question)
        if len(self._history) < self._due:
            return
        n_seen = len(self._history)
        self._due = max(n_seen + 1, int(n_seen * (1.0 + GROWTH)))
        shares = self.pool.allowances()
        self.prices = _solve_prices(self._history, [int(share * n_seen) for share in shares])

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose the option that is worth most after its cost is paid at the prices."""
        return best_score(question.quality, question.cost, self.prices, fits)

    def _export(self) -> dict[str, Any]:
        """Write the prices and the whole history."""
        return {
            "prices": list(self.prices),
            "due": self._due,
            "history": [
                {
                    "quality": row.quality.tolist(),
                    "cost": (row.cost if self.pool.many else row.cost[:, 0]).tolist(),
                    "allowed": None if row.allowed is None else row.allowed.tolist(),
                }
                for row in self._history
            ],
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Read the prices and the whole history."""
        self.prices = check_prices("state['prices']", state["prices"], len(self.pool.budgets))
        self._due = check_count("state['due']", state["due"], least=1)
        self._history = [
            check_question(row["quality"], row["cost"], row["allowed"], self.pool.n_budgets)
            for row in state["history"]
        ]


def bound_hindsight(
    quality: ArrayLike,
    cost: ArrayLike,
    budget: int | Sequence[int],
    *,
    allowed: ArrayLike | None = None,
) -> float:
    """Bound the value of every policy by the dual of the whole stream, known in advance.

    A question may also be turned away, at no cost and quality 0, as a policy may have to.

    Parameters
    ----------
    quality : array_like of shape (n, m)
        Expected quality of every option of every question, in [0, 1].
    cost : array_like of shape (n, m) or (m,), integer
        Cost in micro-units; with k budgets (n, m, k) or (m, k).
    budget : int or sequence of int
        Micro-units to spend in all, or several such budgets.
    allowed : array_like of shape (n, m), bool, optional
        Options that may be taken; all by default.

    Returns
    -------
    float
        Upper bound on the total quality within the budget.

    Raises
    ------
    AllocationError
        An array has a wrong shape, type or entry.
    BudgetError
        A budget is no whole number or negative.

    Examples
    --------
    >>> bound_hindsight([[0.0, 0.5], [0.0, 0.9]], [0, 10], 10)
    0.9
    """
    gains, costs = np.asarray(quality), np.asarray(cost)
    if gains.ndim == 2 and costs.ndim:
        gains = np.pad(gains, ((0, 0), (0, 1)))
        axis = 1 if costs.ndim > (2 if is_many(budget) else 1) else 0
        costs = np.pad(costs, [(0, int(place == axis)) for place in range(costs.ndim)])
    if allowed is not None and np.ndim(allowed) == 2:
        allowed = np.pad(np.asarray(allowed), ((0, 0), (0, 1)), constant_values=True)
    return solve(gains, costs, budget, allowed=allowed, method="dual").bound


def _best_within(question: Question, fits: NDArray[np.bool_]) -> int:
    """Choose the highest quality that fits, the cheapest of equal ones."""
    quality = np.where(fits, question.quality, -1.0)
    best = quality == quality.max()
    return int(np.where(best, question.cost[:, 0], INT64_MAX).argmin())


def _solve_prices(history: list[Question], budgets: list[int]) -> tuple[float, ...]:
    """Find the dual prices of the questions seen, each of which may also be turned away."""
    quality = np.array([np.append(row.quality, 0.0) for row in history])
    cost = np.array([np.append(row.cost, [[0] * len(budgets)], axis=0) for row in history])
    allowed = np.ones(quality.shape, dtype=np.bool_)
    for place, row in enumerate(history):
        if row.allowed is not None:
            allowed[place, :-1] = row.allowed
    single = len(budgets) == 1
    plan = solve(
        quality,
        cost[:, :, 0] if single else cost,
        budgets[0] if single else budgets,
        allowed=allowed,
        method="dual",
    )
    return plan.shadow_prices
