r"""When to stop a search that goes one way only: least squares on what going on really brought.

Going backwards from the last step, what searching on has brought from step t on is regressed on
what could be seen at t: recall where the policy already found for later steps would have stopped,
minus recall at t, minus the price of the searches between. Where the regression is not above 0, it
stops. Payoffs are those that came about, never predicted ones, so that no maximum of predictions
inflates them.

References
----------
.. [1] Longstaff, F. and Schwartz, E., "Valuing American options by simulation: a simple
   least-squares approach", Review of Financial Studies 14(1), 2001.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import read_shares
from router.strategies.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["StopPolicy"]


@dataclass(frozen=True)
class StopPolicy:
    """Whether to go on, after each step but the last.

    Parameters
    ----------
    signals : tuple of str
        Names of what a state holds, in their order.
    price : float
        Quality that a step has to bring at least.
    forests : tuple of Forest
        By step, what going on is worth.
    """

    signals: tuple[str, ...]
    price: float
    forests: tuple[Forest, ...]

    def ask(self, state: ArrayLike, n_steps: int) -> bool:
        """Say whether to go on.

        Parameters
        ----------
        state : array_like of shape (n_signals,)
            Signals so far.
        n_steps : int
            Steps made so far, at least 1.

        Returns
        -------
        bool
            False once the last step that was learned of is made.
        """
        return bool(self.ask_all(np.asarray(state, dtype=np.float64)[None], n_steps)[0])

    def ask_all(self, states: ArrayLike, n_steps: int) -> NDArray[np.bool_]:
        """Say of many searches after as many steps whether to go on.

        Parameters
        ----------
        states : array_like of shape (n, n_signals)
            Signals so far.
        n_steps : int
            Steps made so far, at least 1.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        InputError
            If there are other signals, one is not finite, or no step was made.
        """
        table = np.asarray(states, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.signals):
            raise InputError(f"states have shape {table.shape}: n x {len(self.signals)} are needed")
        if not np.isfinite(table).all():
            raise InputError("states hold a number that is not finite")
        if n_steps < 1:
            raise InputError(f"n_steps is {n_steps}: at least 1 is needed")
        if n_steps > len(self.forests):
            return np.zeros(len(table), dtype=np.bool_)
        return self.forests[n_steps - 1].predict(table) > 0.0

    def stop_all(self, states: ArrayLike) -> NDArray[np.int64]:
        """Say after how many steps searches stop that are known to their end.

        Parameters
        ----------
        states : array_like of shape (n, t, n_signals)
            Signals after each step.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        table = np.asarray(states, dtype=np.float64)
        steps = np.ones(len(table), dtype=np.int64)
        going = np.ones(len(table), dtype=np.bool_)
        for step in range(1, table.shape[1]):
            going &= self.ask_all(table[:, step - 1], step)
            steps += going
        return steps

    @classmethod
    def fit(
        cls,
        states: ArrayLike,
        quality: ArrayLike,
        price: float,
        *,
        signals: Sequence[str],
        seed: int = 0,
    ) -> StopPolicy:
        """Learn from searches that were followed to their end.

        Parameters
        ----------
        states : array_like of shape (n, t, n_signals)
            Signals after each of t steps.
        quality : array_like of shape (n, t)
            From 0 to 1, were it stopped there.
        price : float
            Quality that a step has to bring at least.
        signals : sequence of str
            What states hold.
        seed : int, default=0
            Of the trees.

        Returns
        -------
        StopPolicy

        Raises
        ------
        InputError
            If shapes do not agree, or a number is out of range.
        MissingExtraError
            If the extra ``[train]`` is not installed.
        """
        table = np.asarray(states, dtype=np.float64)
        reached = read_shares("quality", quality)
        if table.shape != (*reached.shape, len(signals)) or reached.ndim != 2:
            raise InputError(
                f"states have shape {table.shape}, quality {reached.shape}: n x t x "
                f"{len(signals)} and n x t are needed"
            )
        if not (np.isfinite(price) and price >= 0.0):
            raise InputError(f"price is {price}: a finite number from 0 up is needed")
        n_steps = reached.shape[1]
        paid_off = reached[:, -1].copy()
        stopped = np.full(len(reached), n_steps - 1)
        forests: list[Forest] = []
        for step in range(n_steps - 2, -1, -1):
            worth = paid_off - reached[:, step] - price * (stopped - step)
            forest = Forest.fit(table[:, step], worth, seed=seed)
            stops = forest.predict(table[:, step]) <= 0.0
            paid_off = np.where(stops, reached[:, step], paid_off)
            stopped = np.where(stops, step, stopped)
            forests.insert(0, forest)
        return cls(tuple(signals), float(price), tuple(forests))

    def to_json(self) -> str:
        """Write the policy as one line of JSON."""
        forests = [forest.to_dict() for forest in self.forests]
        return json.dumps({"signals": self.signals, "price": self.price, "forests": forests})

    @classmethod
    def from_json(cls, text: str) -> StopPolicy:
        """Read what :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
            One object of JSON.

        Returns
        -------
        StopPolicy

        Raises
        ------
        InputError
            If it is no policy.
        """
        try:
            entry = json.loads(text)
            forests = tuple(Forest.from_dict(forest) for forest in entry["forests"])
            return cls(tuple(map(str, entry["signals"])), float(entry["price"]), forests)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no stop policy: {error!r}") from None
