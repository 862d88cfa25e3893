r"""A small model with more compute against a large one: what a further success costs on each side.

Each side is a list of options with a cost and, by difficulty, a quality. Between two options a side
mixes, so that its curve is the upper hull of its options; the slope of the hull is what one more
success costs there. A budget at which one curve passes the other is a crossing, and they differ by
difficulty: on easy questions the small side is ahead for long, on hard ones no number of samples
makes up for what it cannot do. With a verifier that never errs, samples of the small model match
one of the large one when :math:`1 - (1 - p_s)^n = 1 - (1 - p_l)^m`.

References
----------
.. [1] Snell, C. et al., "Scaling LLM test-time compute optimally can be more effective than scaling
   model parameters", arXiv:2408.03314, section 7: which side wins depends on difficulty.
.. [2] Cobbe, K. et al., "Training verifiers to solve math word problems", arXiv:2110.14168: a 6B
   model with a verifier against a 175B model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import (
    Estimate,
    bound_by_resampling,
    read_amounts,
    read_counts,
    read_shares,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ModelExchange", "ModelSide", "count_samples_to_match"]


def count_samples_to_match(
    p_small: ArrayLike, p_large: ArrayLike, n_large: ArrayLike = 1
) -> NDArray[np.float64]:
    """Count the samples of a small model that do what samples of a large one do.

    Parameters
    ----------
    p_small, p_large : array_like of float
        Probabilities that one sample is right, with a verifier that never errs.
    n_large : array_like of int, default=1
        Samples of the large model.

    Returns
    -------
    ndarray of float64
        Not rounded; infinite where the small model never succeeds and the large one may.

    Examples
    --------
    The harder the question, the more samples it takes, in proportion and beyond it.

    >>> count_samples_to_match([0.5, 0.1, 0.01], [0.75, 0.3, 0.1]).round(1).tolist()
    [2.0, 3.4, 10.5]
    """
    small, large = read_shares("p_small", p_small), read_shares("p_large", p_large)
    n = read_counts("n_large", n_large, least=1)
    with np.errstate(divide="ignore"):
        wanted, given = n * np.log1p(-large), np.log1p(-small)
    wanted, given = np.broadcast_arrays(wanted, given)
    matched = np.where(wanted == 0, 0.0, np.inf)
    usable = (wanted < 0) & (given < 0)
    with np.errstate(invalid="ignore"):
        ratio = np.divide(wanted, given, out=matched, where=usable)
    # Two sides that always succeed match sample by sample: infinity by itself says nothing.
    return np.asarray(np.where(np.isinf(wanted) & np.isinf(given), 1.0, ratio), dtype=np.float64)


@dataclass(frozen=True)
class ModelSide:
    """The options of one model, from cheap to dear, with their quality by difficulty.

    Parameters
    ----------
    costs : ndarray of shape (m,) or (g, m)
        Cost of one question, above 0: dollars where prices have met quantities, else the unit of
        both sides.
    quality : ndarray of shape (g, m)
        Quality in g classes of difficulty.

    Raises
    ------
    InputError
        If a number is out of range or shapes disagree.

    Examples
    --------
    >>> side = ModelSide(np.array([1.0, 3.0]), np.array([[0.2, 0.6]]))
    >>> side.reach([0.5, 2.0, 9.0]).round(2).tolist()
    [[0.1, 0.4, 0.6]]
    >>> side.price_success([0.5, 2.0, 9.0]).round(2).tolist()
    [[5.0, 5.0, inf]]
    """

    costs: NDArray[np.float64]
    quality: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse costs and qualities that are none."""
        quality = read_shares("quality", self.quality)
        costs = read_amounts("costs", self.costs)
        if quality.ndim != 2 or not quality.size:
            raise InputError(f"quality has shape {quality.shape}: (g, m) is needed")
        if costs.shape not in {quality.shape, quality.shape[1:]}:
            raise InputError(
                f"costs have shape {costs.shape}: {quality.shape} or its end is needed"
            )
        object.__setattr__(self, "quality", quality)
        object.__setattr__(self, "costs", np.broadcast_to(costs, quality.shape))

    def find_hull(self, group: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Find the options worth mixing in one class of difficulty, nothing at no cost included.

        Parameters
        ----------
        group : int
            Position of the class.

        Returns
        -------
        costs : ndarray of float64
            Rising, from 0.
        quality : ndarray of float64
            Rising, by less and less a cost.
        """
        hull = [(0.0, 0.0)]
        for cost, value in sorted(zip(self.costs[group], self.quality[group], strict=True)):
            if value <= hull[-1][1]:
                continue
            while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-1], (cost, value)):
                hull.pop()
            hull.append((float(cost), float(value)))
        points = np.array(hull)
        return points[:, 0], points[:, 1]

    def reach(self, budgets: ArrayLike) -> NDArray[np.float64]:
        """Compute the quality that a mean budget buys by mixing options.

        Parameters
        ----------
        budgets : array_like of float, shape (k,)
            Cost of a question on average.

        Returns
        -------
        ndarray of float64, shape (g, k)
        """
        spent = np.atleast_1d(read_amounts("budgets", budgets, above=-1e-12))
        return np.array([np.interp(spent, *self.find_hull(g)) for g in range(len(self.quality))])

    def price_success(self, budgets: ArrayLike) -> NDArray[np.float64]:
        """Compute what one more success costs at a mean budget.

        Parameters
        ----------
        budgets : array_like of float, shape (k,)
            Cost of a question on average.

        Returns
        -------
        ndarray of float64, shape (g, k)
            Infinite where more buys nothing.
        """
        spent = np.atleast_1d(read_amounts("budgets", budgets, above=-1e-12))
        rows = []
        for group in range(len(self.quality)):
            costs, quality = self.find_hull(group)
            prices = np.append(np.diff(costs) / np.diff(quality), np.inf)
            rows.append(prices[np.searchsorted(costs, spent, side="right") - 1])
        return np.array(rows)


def _slope(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Compute the quality gained a cost between two points."""
    return (end[1] - start[1]) / max(end[0] - start[0], 1e-300)


@dataclass(frozen=True)
class ModelExchange:
    """Two sides on questions of the same classes of difficulty.

    Parameters
    ----------
    small, large : ModelSide
        The sides, in as many classes and one unit of cost.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If the sides have different numbers of classes.

    Examples
    --------
    >>> exchange = ModelExchange(
    ...     ModelSide(np.array([1.0, 10.0]), np.array([[0.5, 0.9], [0.05, 0.2]])),
    ...     ModelSide(np.array([8.0]), np.array([[0.8], [0.6]])),
    ... )
    >>> exchange.compare([1.0, 10.0]).round(2).tolist()
    [[0.4, 0.1], [-0.02, -0.4]]
    >>> exchange.find_crossings()
    [[], []]
    """

    small: ModelSide
    large: ModelSide
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse sides of different classes."""
        if len(self.small.quality) != len(self.large.quality):
            raise InputError(
                f"small has {len(self.small.quality)} classes and large {len(self.large.quality)}: "
                "equal is needed"
            )

    @classmethod
    def fit(
        cls,
        small: tuple[ArrayLike, ArrayLike],
        large: tuple[ArrayLike, ArrayLike],
        groups: ArrayLike,
        *,
        budgets: ArrayLike,
        seed: int = 0,
        n_resamples: int = 200,
    ) -> ModelExchange:
        """Average outcomes within classes of difficulty.

        The classes must not be made from the outcomes handed in: a question is easy in hindsight
        because a side got it right, and would then count for that side.

        Parameters
        ----------
        small, large : pair of array_like of float, shapes (n, m)
            Costs and qualities of n questions under the side's options.
        groups : array_like of int, shape (n,)
            Class of each question, from 0 up, none of them empty.
        budgets : array_like of float, shape (k,)
            Budgets at which the sides are compared.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        ModelExchange
            With estimates ``lead_g_k``: quality of the small side above the large one in class g at
            the k-th budget.

        Raises
        ------
        InputError
            If shapes disagree or a class is empty.
        """
        classes = read_counts("groups", groups)
        sides = [(np.asarray(c, float), np.asarray(q, float)) for c, q in (small, large)]
        for costs, quality in sides:
            if quality.ndim != 2 or costs.shape != quality.shape or len(quality) != len(classes):
                raise InputError(f"costs {costs.shape}, quality {quality.shape}: (n, m) is needed")
        n_groups = int(classes.max(initial=0)) + 1
        if len(np.unique(classes)) != n_groups:
            raise InputError(f"groups name {len(np.unique(classes))} of {n_groups} classes")
        members = [np.flatnonzero(classes == g) for g in range(n_groups)]
        spent = np.atleast_1d(read_amounts("budgets", budgets))

        def build(rows: list[NDArray[np.int64]]) -> ModelExchange:
            """Average each class over its rows."""
            means = [[np.array([a[r].mean(axis=0) for r in rows]) for a in side] for side in sides]
            one, other = (ModelSide(costs, quality) for costs, quality in means)
            return cls(one, other)

        def measure(drawn: NDArray[np.int64]) -> dict[str, float]:
            """Compare the sides on the questions drawn; a class never runs empty."""
            rows = [drawn[classes[drawn] == g] for g in range(n_groups)]
            kept = [r if len(r) else members[g] for g, r in enumerate(rows)]
            lead = build(kept).compare(spent)
            return {f"lead_{g}_{k}": float(lead[g, k]) for g, k in np.ndindex(lead.shape)}

        whole = build(members)
        found = bound_by_resampling(measure, len(classes), seed=seed, n_resamples=n_resamples)
        return cls(whole.small, whole.large, found)

    def compare(self, budgets: ArrayLike) -> NDArray[np.float64]:
        """Compute how much more quality the small side has than the large one.

        Parameters
        ----------
        budgets : array_like of float, shape (k,)
            Cost of a question on average.

        Returns
        -------
        ndarray of float64, shape (g, k)
            Below 0 where the large side wins.
        """
        return self.small.reach(budgets) - self.large.reach(budgets)

    def find_crossings(self) -> list[list[float]]:
        """Find the budgets at which the lead changes, class by class.

        Returns
        -------
        list of list of float
            Rising; none where one side leads at every budget.
        """
        crossings = []
        for group in range(len(self.small.quality)):
            sides = [side.find_hull(group) for side in (self.small, self.large)]
            knots = np.unique(np.concatenate([costs for costs, _ in sides]))
            lead = np.interp(knots, *sides[0]) - np.interp(knots, *sides[1])
            # Equal up to rounding is no lead; the last one counts until the other side has it.
            held = np.flatnonzero(np.abs(lead) > 1e-12)
            found = []
            for one, two in pairwise(held.tolist()):
                if lead[one] * lead[two] < 0:
                    # Where the sides were equal in between, the other leads from the last such
                    # budget on.
                    last = two - 1
                    part = lead[last] / (lead[last] - lead[two]) if last == one else 0.0
                    found.append(float(knots[last] + part * (knots[two] - knots[last])))
            crossings.append(found)
        return crossings

    def simulate(
        self, rng: np.random.Generator, n_questions: int, budget: float
    ) -> NDArray[np.float64]:
        """Answer questions of each class with either side's mix for a budget.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        n_questions : int
            Questions of each class.
        budget : float
            Cost of a question on average.

        Returns
        -------
        ndarray of float64, shape (g, 2, 2)
            By class and side: share of successes, and cost of a question.
        """
        found = np.zeros((len(self.small.quality), 2, 2))
        for place in np.ndindex(len(found), 2):
            costs, quality = (self.small, self.large)[place[1]].find_hull(place[0])
            low = min(int(np.searchsorted(costs, budget, side="right")) - 1, len(costs) - 1)
            high = min(low + 1, len(costs) - 1)
            share = (budget - costs[low]) / (costs[high] - costs[low]) if high > low else 0.0
            taken = np.where(rng.random(n_questions) < share, high, low)
            found[place] = (rng.random(n_questions) < quality[taken]).mean(), costs[taken].mean()
        return found
