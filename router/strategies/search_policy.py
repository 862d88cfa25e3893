r"""Whether to search on, and by which query: learned from searches, read by NumPy alone.

In a state s, an action a (a query and how many passages to read) brings a gain g and leads to s'.
Its worth at a price c of cost is fitted as :math:`Q(s, a) = E[g - c \cdot \mathrm{cost}_a + \max(0,
\max_{a'} Q_0(s', a'))]`, where Q_0 looks at the gain alone; the policy takes the best action, or
stops where none is worth its price. Sweeping the price gives the policies of all budgets.

References
----------
.. [1] Ernst, D., Geurts, P. and Wehenkel, L., "Tree-based batch mode reinforcement learning",
   Journal of Machine Learning Research 6, 2005: fitted Q iteration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import read_amounts
from router.strategies.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["SearchExperience", "SearchPolicy"]


class SearchExperience(NamedTuple):
    """Searches that were made, one row for each action taken.

    Parameters
    ----------
    states : ndarray of float64, shape (r, d)
        Signals before it.
    action : ndarray of int64, shape (r,)
        Its position among the actions.
    gain : ndarray of float64, shape (r,)
        Quality after it minus quality before.
    next_states : ndarray of float64, shape (r, d)
        Signals after it.
    is_last : ndarray of bool, shape (r,)
        Whether nothing could follow.
    group : ndarray of int64, shape (r,)
        Which question it was made for.
    """

    states: NDArray[np.float64]
    action: NDArray[np.int64]
    gain: NDArray[np.float64]
    next_states: NDArray[np.float64]
    is_last: NDArray[np.bool_]
    group: NDArray[np.int64]

    def select(self, rows: NDArray[np.bool_]) -> SearchExperience:
        """Keep some rows."""
        return SearchExperience(
            self.states[rows],
            self.action[rows],
            self.gain[rows],
            self.next_states[rows],
            self.is_last[rows],
            self.group[rows],
        )


@dataclass(frozen=True)
class SearchPolicy:
    """What to do next in a search.

    Parameters
    ----------
    actions : tuple of str
        What may be done besides stopping.
    cost : tuple of float
        Of each action, in any unit: searches, passages, tokens, dollars.
    signals : tuple of str
        Names of what a state holds, in their order.
    price : float
        Quality that a unit of cost has to bring at least.
    forests : tuple of Forest
        By action, its worth.
    """

    actions: tuple[str, ...]
    cost: tuple[float, ...]
    signals: tuple[str, ...]
    price: float
    forests: tuple[Forest, ...]

    def value(self, states: ArrayLike) -> NDArray[np.float64]:
        """Give the worth of every action, its price and what may follow included.

        Parameters
        ----------
        states : array_like of shape (n, n_signals)
            Finite.

        Returns
        -------
        ndarray of float64, shape (n, n_actions)

        Raises
        ------
        InputError
            If there are other signals, or one is not finite.
        """
        table = np.asarray(states, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != len(self.signals):
            raise InputError(f"states have shape {table.shape}: n x {len(self.signals)} are needed")
        if not np.isfinite(table).all():
            name = self.signals[int(np.argwhere(~np.isfinite(table))[0, 1])]
            raise InputError(f"signal {name!r} has a value that is not finite")
        return np.stack([forest.predict(table) for forest in self.forests], axis=1)

    def ask_all(self, states: ArrayLike) -> NDArray[np.int64]:
        """Say what to do in many states: the position of an action, -1 to stop."""
        value = self.value(states)
        best = value.argmax(axis=1)
        return np.where(value.max(axis=1) > 0.0, best, -1).astype(np.int64)

    def ask(self, state: ArrayLike) -> str | None:
        """Say what to do next.

        Parameters
        ----------
        state : array_like of shape (n_signals,)
            Signals so far.

        Returns
        -------
        str or None
            An action; None to stop.
        """
        position = int(self.ask_all(np.asarray(state, dtype=np.float64)[None])[0])
        return None if position < 0 else self.actions[position]

    @classmethod
    def fit(
        cls,
        experience: SearchExperience,
        prices: ArrayLike,
        *,
        actions: Sequence[str],
        cost: ArrayLike,
        signals: Sequence[str],
        seed: int = 0,
    ) -> tuple[SearchPolicy, ...]:
        """Learn one policy for each price, by one round of fitted Q.

        Parameters
        ----------
        experience : SearchExperience
            Of many questions, every action taken in many states.
        prices : array_like of float, shape (p,)
            From 0 up.
        actions : sequence of str, length a
            By the positions of the experience.
        cost : array_like of float, shape (a,)
            Of each, above 0.
        signals : sequence of str, length d
            What states hold.
        seed : int, default=0
            Of the trees.

        Returns
        -------
        tuple of SearchPolicy, length p

        Raises
        ------
        InputError
            If shapes do not agree, or an action was never taken.
        MissingExtraError
            If the extra ``[train]`` is not installed.
        """
        costs, levels = read_amounts("cost", cost).ravel(), np.atleast_1d(np.asarray(prices, float))
        _check(experience, actions, costs, signals)
        if not (np.isfinite(levels) & (levels >= 0.0)).all():
            raise InputError(f"prices are {levels.tolist()}: finite numbers from 0 up are needed")
        taken = [experience.action == position for position in range(len(actions))]
        at_once = [
            Forest.fit(experience.states[rows], experience.gain[rows], seed=seed) for rows in taken
        ]
        ahead = np.stack([forest.predict(experience.next_states) for forest in at_once], axis=1)
        found = []
        for price in levels.tolist():
            after = np.maximum((ahead - price * costs).max(axis=1), 0.0)
            worth = experience.gain - price * costs[experience.action]
            worth = worth + np.where(experience.is_last, 0.0, after)
            forests = tuple(
                Forest.fit(experience.states[rows], worth[rows], seed=seed) for rows in taken
            )
            policy = cls(tuple(actions), tuple(costs.tolist()), tuple(signals), price, forests)
            found.append(policy)
        return tuple(found)

    def to_json(self) -> str:
        """Write the policy as one line of JSON."""
        entry = {
            "actions": self.actions,
            "cost": self.cost,
            "signals": self.signals,
            "price": self.price,
            "forests": [forest.to_dict() for forest in self.forests],
        }
        return json.dumps(entry)

    @classmethod
    def from_json(cls, text: str) -> SearchPolicy:
        """Read what :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
            One object of JSON.

        Returns
        -------
        SearchPolicy

        Raises
        ------
        InputError
            If it is no policy.
        """
        try:
            entry = json.loads(text)
            forests = tuple(Forest.from_dict(forest) for forest in entry["forests"])
            names = tuple(map(str, entry["actions"])), tuple(map(str, entry["signals"]))
            cost = tuple(float(value) for value in entry["cost"])
            price = float(entry["price"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"this is no search policy: {error!r}") from None
        if not len(forests) == len(names[0]) == len(cost):
            raise InputError(f"a search policy has {len(forests)} forests for {names[0]}")
        return cls(names[0], cost, names[1], price, forests)


def _check(
    experience: SearchExperience,
    actions: Sequence[str],
    costs: NDArray[np.float64],
    signals: Sequence[str],
) -> None:
    """Refuse shapes that do not agree, and actions nothing is known of."""
    shape = (len(experience.action), len(signals))
    if experience.states.shape != shape or experience.next_states.shape != shape:
        raise InputError(
            f"states have shape {experience.states.shape} and {experience.next_states.shape}: "
            f"{shape[0]} x {shape[1]} are needed"
        )
    if len(costs) != len(actions):
        raise InputError(f"{len(costs)} costs are given for {len(actions)} actions")
    for position, name in enumerate(actions):
        if not (experience.action == position).any():
            raise InputError(f"action {name!r} was never taken")
