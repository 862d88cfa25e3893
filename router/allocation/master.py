"""The small linear program behind several budgets, solved by a hand-written simplex.

Known plans are mixed with weights that sum to one so that the mix keeps every budget and has the
highest value. The dual prices of that mix are the next prices to try. There are k + 1 rows, so
every pivot solves a system of at most five unknowns and needs no solver library.

References
----------
.. [1] Dantzig, G. B., Wolfe, P., "Decomposition principle for linear programs", Operations
   Research 8 (1960), 101-111.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["Master"]

PIVOTS_MAX = 500
ROUNDING = 1e-12


class Master:
    """Mix of known plans within all budgets.

    Parameters
    ----------
    ceiling : float
        Highest price allowed in any dimension: the penalty for a missing unit of budget.
    gain : float
        Gain of the first plan.
    slack : ndarray of shape (k,), float64
        What the first plan leaves of every budget; negative where it overspends.
    """

    __slots__ = ("basis", "column", "gain", "n_budgets")

    def __init__(self, ceiling: float, gain: float, slack: FloatArray) -> None:
        k = self.n_budgets = len(slack)
        # Columns: k of unused budget, k of missing budget at a penalty, then one per plan.
        eye = np.vstack([np.eye(k), np.zeros((1, k))])
        self.column = np.hstack([-eye, eye, np.append(slack, 1.0)[:, None]])
        self.gain = np.concatenate([np.zeros(k), np.full(k, -ceiling), [gain]])
        unused = np.arange(k) + np.where(slack >= 0.0, 0, k)
        self.basis: IntArray = np.append(unused, 2 * k)

    def add(self, gain: float, slack: FloatArray) -> None:
        """Add a plan to the mix."""
        self.column = np.hstack([self.column, np.append(slack, 1.0)[:, None]])
        self.gain = np.append(self.gain, gain)

    def raise_ceiling(self, ceiling: float) -> None:
        """Allow higher prices."""
        self.gain[self.n_budgets : 2 * self.n_budgets] = -ceiling

    def solve(self) -> tuple[FloatArray, float]:
        """Find the prices of the best mix and the lower bound that it puts on the dual.

        Returns
        -------
        prices : ndarray of shape (k,), float64
            Price of every budget.
        height : float
            Value of the mix: no price gives a lower dual on the known plans.
        """
        target = np.zeros(self.n_budgets + 1)
        target[-1] = 1.0
        for _ in range(PIVOTS_MAX):
            square = self.column[:, self.basis]
            duals = np.linalg.solve(square.T, self.gain[self.basis])
            reduced = self.gain - duals @ self.column
            reduced[self.basis] = 0.0
            entering = int(reduced.argmax())
            if reduced[entering] <= ROUNDING * abs(float(duals[-1])):
                break
            weights = np.linalg.solve(square, target)
            direction = np.linalg.solve(square, self.column[:, entering])
            falling = direction > ROUNDING
            if not falling.any():
                break
            ratio = np.full(len(target), np.inf)
            np.divide(weights.clip(0.0), direction, out=ratio, where=falling)
            self.basis[int(ratio.argmin())] = entering
        return np.maximum(-duals[:-1], 0.0), float(duals[-1])

    def mixed(self) -> IntArray:
        """List the plans of the mix by their number in the order in which they were added."""
        plans: IntArray = np.sort(self.basis[self.basis >= 2 * self.n_budgets])
        return plans - 2 * self.n_budgets
