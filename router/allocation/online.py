"""Questions that arrive one at a time: each is decided at once, against what is left of a pool.

The default is dual mirror descent: every budget has a price, an option is worth its quality minus
the price of its cost, and each decision moves the price up where it spent more than the question's
even share of what is left, and down where it spent less. Nothing is learnt about the questions to
come, so an order that drifts or turns against the pool costs some value but never breaks it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from router.allocation.pool import Pool, check_prices
from router.allocation.question import Question, check_question
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["DualMirrorDescent", "OnlinePolicy", "best_score"]

# Step of the logarithm of a price per even share spent, over the root of the questions expected.
# Half of the textbook's one: measured best on bursts, and no worse elsewhere.
STEP = 0.5
# The first guess of a price may be far off, so early steps are larger, by this over their number.
FIRST_STEP = 0.3
# One question moves a price by this factor's logarithm at most, however dear it is.
STEP_MAX = 1.0
# A price this share of the first guess no longer moves a choice, and falling further would only
# take longer to come back from.
FLOOR_SHARE = 1e-3
# The first guess counts on this gain where the first question gains less.
GAIN_MIN = 0.01


class OnlinePolicy:
    """What every policy shares: check a question, see what fits, choose, take it off the pool.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    horizon : int, optional
        Number of questions expected.
    """

    name: ClassVar[str]

    def __init__(self, budget: int | Sequence[int], horizon: int | None = None) -> None:
        self.pool = Pool(budget, horizon)

    def decide(
        self, quality_row: ArrayLike, cost_row: ArrayLike, allowed: ArrayLike | None = None
    ) -> int:
        """Choose an option for the next question and take its cost off the pool.

        Parameters
        ----------
        quality_row : array_like of shape (m,)
            Expected quality of every option, in [0, 1].
        cost_row : array_like of shape (m,), integer
            Cost in micro-units; of shape (m, k) where a sequence of k budgets was given.
        allowed : array_like of shape (m,), bool, optional
            Options that may be taken; all by default.

        Returns
        -------
        int
            The option, or -1 where none that is allowed fits into what is left of all budgets. An
            option that costs nothing always fits, so with one a question is never turned away.

        Raises
        ------
        AllocationError
            A row has a wrong shape, type or entry; nothing was changed then.
        """
        question = check_question(quality_row, cost_row, allowed, self.pool.n_budgets)
        fits = self.pool.fitting(question)
        self._observe(question)
        if not fits.any():
            self.pool.skip()
            return -1
        choice = self._choose(question, fits)
        cost = question.cost[choice].tolist()
        shares = self.pool.allowances()
        self.pool.reserve(cost)
        self._learn(cost, shares)
        return choice

    def settle(
        self,
        real_cost: int | Sequence[int],
        *,
        planned_cost: int | Sequence[int] | None = None,
    ) -> None:
        """Correct the pool by what a decision really cost.

        Where the real cost was higher than the rest of the pool, `spent` says so, and only options
        that cost nothing fit from then on.

        Parameters
        ----------
        real_cost : int or sequence of int
            Micro-units really spent, one figure per budget.
        planned_cost : int or sequence of int, optional
            Cost by which the decision was made; that of the latest one by default, which can be
            settled once. Has to be named where other decisions were made in between.

        Raises
        ------
        AllocationError
            The latest decision is settled already, or more would flow back than was spent.
        BudgetError
            A cost is no whole number of micro-units, negative, or not one per budget.
        """
        shares = self.pool.allowances()
        excess = self.pool.settle(real_cost, planned_cost)
        self._correct(excess, shares)

    @property
    def remaining(self) -> tuple[int, ...]:
        """Micro-units left of every budget, never negative."""
        return self.pool.remaining

    @property
    def spent(self) -> tuple[int, ...]:
        """Micro-units spent of every budget, real costs where they are known."""
        return self.pool.spent

    def export_state(self) -> dict[str, Any]:
        """Write the policy into a dict of numbers, strings, lists and None, as JSON can hold it."""
        return {"policy": self.name, "pool": self.pool.export_state(), **self._export()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Continue where an exported state left off, with the same decisions from there on.

        Raises
        ------
        AllocationError
            The state is another policy's, or an entry is missing or cannot be used.
        BudgetError
            A budget in it cannot be used.
        """
        try:
            policy, pool = state["policy"], state["pool"]
            if policy != cls.name:
                raise AllocationError(f"the state is of policy {policy!r}; {cls.name!r} is needed")
            restored = cls.__new__(cls)
            restored.pool = Pool.from_state(pool)
            restored._restore(state)  # noqa: SLF001 - an instance of this class itself
        except KeyError as error:
            raise AllocationError(f"the state has no entry {error}") from error
        except TypeError as error:
            raise AllocationError(f"the state cannot be read: {error}") from error
        return restored

    def _observe(self, question: Question) -> None:
        """Look at a question before it is decided."""

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose one of the options that fit."""
        raise NotImplementedError

    def _learn(self, cost: Sequence[int], shares: Sequence[float]) -> None:
        """Take note of a decision and of the even shares it was made with."""

    def _correct(self, excess: Sequence[int], shares: Sequence[float]) -> None:
        """Take note of by how much a decision really cost more than planned."""

    def _export(self) -> dict[str, Any]:
        """Write what the policy itself has to remember."""
        return {}

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Read back what the policy itself has to remember."""


class DualMirrorDescent(OnlinePolicy):
    """Decide by a price per budget that follows the spend, the default for a stream of questions.

    Parameters
    ----------
    budget : int or sequence of int
        Micro-units to spend over all questions, or up to four such budgets.
    horizon : int, optional
        Number of questions expected. Where fewer come, the share of the missing ones is left over.
        Where more come, they are served from what is left, which is then spread over a tenth of the
        horizon at a time. Without a horizon three times as many further questions are expected as
        have come, at least 300: the pool never runs dry at once, but later questions get ever
        smaller shares, and a short stream leaves much of it.
    prior_price : float or sequence of float, optional
        Value of a micro-unit to start from, one per budget, such as the ``shadow_price`` of a plan
        for earlier questions. By default guessed from the first question.

    See Also
    --------
    router.allocation.solve : for questions that are all there at once.

    Notes
    -----
    The mirror map is the entropy, so a price is multiplied by ``exp(step * (cost / share - 1))``.
    The even share is that of what is left, not of the whole pool: what was saved or really cost
    more is spread over the questions to come. Equal scores go to the lower option.

    References
    ----------
    .. [1] Balseiro, S., Lu, H., Mirrokni, V., "The best of many worlds: dual mirror descent for
       online allocation problems", Operations Research 71 (2023), 101-119: Algorithm 1.

    Examples
    --------
    >>> stream = DualMirrorDescent(100, horizon=3, prior_price=0.01)
    >>> stream.decide([0.1, 0.6, 0.7], [0, 30, 60])
    1
    >>> stream.settle(35)
    >>> stream.remaining
    (65,)
    >>> DualMirrorDescent.from_state(stream.export_state()).remaining
    (65,)
    """

    name = "dual_mirror_descent"

    def __init__(
        self,
        budget: int | Sequence[int],
        horizon: int | None = None,
        *,
        prior_price: float | Sequence[float] | None = None,
    ) -> None:
        super().__init__(budget, horizon)
        self._prior: tuple[float, ...] | None = None
        if prior_price is not None:
            self._prior = check_prices("prior_price", prior_price, len(self.pool.budgets))
        self._prices: list[float] | None = None if self._prior is None else list(self._prior)
        self._floors: list[float] | None = None

    @property
    def prices(self) -> tuple[float, ...] | None:
        """Value of a micro-unit of every budget at present, None before the first question."""
        return None if self._prices is None else tuple(self._prices)

    def _observe(self, question: Question) -> None:
        """Guess prices from the first question: half of its gain per even share of the pool."""
        if self._floors is not None:
            return
        base = question.quality[question.cost[:, 0].argmin()]
        gain = max(GAIN_MIN, float(question.quality.max() - base))
        shares = self.pool.allowances()
        guesses = [0.5 * gain / max(share, 1.0) / len(shares) for share in shares]
        self._floors = [FLOOR_SHARE * guess for guess in guesses]
        self._prices = guesses if self._prior is None else list(self._prior)

    def _choose(self, question: Question, fits: NDArray[np.bool_]) -> int:
        """Choose the option that is worth most after its cost is paid at the prices."""
        return best_score(question.quality, question.cost, self._prices or (), fits)

    def _learn(self, cost: Sequence[int], shares: Sequence[float]) -> None:
        """Move the prices by how far the planned cost was from the even shares."""
        number = self.pool.n_questions
        step = STEP / math.sqrt(self.pool.horizon or self.pool.expected)
        if self._prior is None:
            step += FIRST_STEP / number
        self._move([step * (c / s - 1.0) if s else 0.0 for c, s in zip(cost, shares, strict=True)])

    def _correct(self, excess: Sequence[int], shares: Sequence[float]) -> None:
        """Move the prices by how far the real cost was from the planned one."""
        step = STEP / math.sqrt(self.pool.horizon or self.pool.expected)
        self._move([step * e / s if s else 0.0 for e, s in zip(excess, shares, strict=True)])

    def _move(self, steps: Sequence[float]) -> None:
        """Multiply every price, within what one question may move it and not below its floor."""
        if self._prices is None or self._floors is None:
            return
        for place, step in enumerate(steps):
            factor = math.exp(min(STEP_MAX, max(-STEP_MAX, step)))
            self._prices[place] = max(self._floors[place], self._prices[place] * factor)

    def _export(self) -> dict[str, Any]:
        """Write the prices, their floors and the prior ones."""
        prior, prices, floors = self._prior, self._prices, self._floors
        return {
            "prior_price": None if prior is None else list(prior),
            "prices": None if prices is None else list(prices),
            "floors": None if floors is None else list(floors),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Read the prices, their floors and the prior ones."""
        read: list[tuple[float, ...] | None] = []
        for key in ("prior_price", "prices", "floors"):
            value = state[key]
            label = f"state['{key}']"
            n_budgets = len(self.pool.budgets)
            read.append(None if value is None else check_prices(label, value, n_budgets))
        self._prior = read[0]
        self._prices, self._floors = (None if x is None else list(x) for x in read[1:])


def best_score(
    quality: FloatArray,
    cost: IntArray,
    prices: Sequence[float],
    fits: NDArray[np.bool_],
) -> int:
    """Choose the highest quality minus priced cost among the options that fit, the lower of equals.

    Examples
    --------
    >>> fits = np.array([True, True, False])
    >>> best_score(np.array([0.1, 0.6, 0.9]), np.array([[0], [10], [20]]), [0.01], fits)
    1
    """
    paid = cost[:, 0] * prices[0] if len(prices) == 1 else cost @ np.asarray(prices)
    return int(np.where(fits, quality - paid, -np.inf).argmax())
