"""Plans under the protocol's budgets, scored on the outcomes that really followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from router.evaluation.baselines import choose_cheapest, choose_uniform
from router.evaluation.protocol import compute_budgets, iterate_folds
from router.scoring import best_mixture, knapsack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView, Fold

__all__ = ["Allocator", "Scores", "plan_in_integers", "score_plans"]

# Totals of this size keep every product of the allocator exact in float64.
TOTAL_MAX = 2**52
# Plans of the surface that is evaluated: they alone pay for asking the router.
ROUTER_PLANS = frozenset({"router", "router_knapsack", "router_by_question"})


class Allocator(Protocol):
    """Anything that plans in integers within a budget."""

    def __call__(
        self,
        quality: NDArray[np.float64],
        cost: NDArray[np.int64],
        budget: int,
        /,
        *,
        allowed: NDArray[np.bool_] | None,
    ) -> NDArray[np.int64]:
        """Choose one option a question.

        Parameters
        ----------
        quality : ndarray of float64, shape (n, m)
            Predicted quality in [0, 1].
        cost : ndarray of int64, shape (m,) or (n, m)
            Cost of every option, by question where questions differ.
        budget : int
            Total that the plan may cost; the cheapest plan is within it.
        allowed : ndarray of bool, shape (n, m), or None
            Options that a question may take; None is all.

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """What every plan gained and spent on every question.

    Parameters
    ----------
    quality, spend : dict of str to ndarray of float64, shape (b, n)
        Quality reached and cost really incurred, by plan, budget and question.
    budget : ndarray of float64, shape (b, n)
        The budget of the question's fold, as mean cost a question.
    choices : ndarray of int64, shape (b, n), optional
        What the router's plan chose.
    """

    quality: dict[str, NDArray[np.float64]]
    spend: dict[str, NDArray[np.float64]]
    budget: NDArray[np.float64]
    choices: NDArray[np.int64] | None = None


def score_plans(
    view: DenseView,
    surfaces: Mapping[str, NDArray[np.float64]],
    *,
    router: NDArray[np.float64] | None = None,
    allocator: Allocator | None = None,
    router_cost: float = 0.0,
    question_costs: NDArray[np.float64] | None = None,
    budgets: NDArray[np.float64] | None = None,
) -> Scores:
    """Plan every surface under every budget and score the plans.

    Parameters
    ----------
    view : DenseView
        The questions.
    surfaces : mapping of str to ndarray of float64, shape (n, m)
        Predicted qualities, planned with the protocol's knapsack.
    router : ndarray of float64, shape (n, m), optional
        A surface planned with `allocator` instead, under the name ``router``.
    allocator : Allocator, optional
        Default is ``router.allocation.solve``.
    router_cost : float, default=0
        What asking the router costs a question, in the unit of costs. ``router`` and
        ``router_knapsack`` pay it out of the budget; where that leaves less than the cheapest
        plan needs, they take the cheapest plan, and their spend shows the excess.
    question_costs : ndarray of float64, shape (n, m), optional
        What every question is expected to cost under every option, margin included. The surface
        `router` is then planned with them too, under the name ``router_by_question``.
    budgets : ndarray of float64, shape (b,), optional
        Mean cost a question; by default the protocol's five.

    Returns
    -------
    Scores
        Of ``cheapest``, ``uniform``, ``blind``, ``hindsight``, the surfaces, ``router`` and
        ``oracle``.
    """
    names = ["cheapest", "uniform", "blind", "hindsight", *surfaces, "oracle"]
    names += [] if router is None else ["router"]
    names += [] if router is None or question_costs is None else ["router_by_question"]
    amounts = compute_budgets(view) if budgets is None else budgets
    shape = (len(amounts), len(view.quality))
    scores = Scores(
        {name: np.zeros(shape) for name in names},
        {name: np.zeros(shape) for name in names},
        np.zeros(shape),
        None if router is None else np.zeros(shape, dtype=np.int64),
    )
    folds = list(iterate_folds(view))
    for position, budget in enumerate(amounts):
        _score_overall(view, float(budget), position, scores)
        for fold in folds:
            within = max(float(budget), fold.floor)
            scores.budget[position, fold.test] = within
            shares = _plan_fixed(view, fold, within)
            for name, surface in (*surfaces.items(), ("oracle", view.quality)):
                left = max(within - router_cost, fold.floor) if name in ROUTER_PLANS else within
                choices = knapsack(
                    surface[fold.test], fold.mean_cost, left, allowed=_mask(view, fold)
                )
                shares[name] = (choices, choices, 0.0)
            if router is not None and scores.choices is not None:
                left = max(within - router_cost, fold.floor)
                planned = _plan_router(
                    view, fold, router, left, question_costs=question_costs, allocator=allocator
                )
                shares |= {name: (choices, choices, 0.0) for name, choices in planned.items()}
                scores.choices[position, fold.test] = planned["router"]
            for name, plan in shares.items():
                _record(view, fold.test, plan, scores, (name, position))
    for name in ROUTER_PLANS & scores.spend.keys():
        scores.spend[name] += router_cost
    return scores


def _plan_router(
    view: DenseView,
    fold: Fold,
    router: NDArray[np.float64],
    budget: float,
    *,
    question_costs: NDArray[np.float64] | None,
    allocator: Allocator | None,
) -> dict[str, NDArray[np.int64]]:
    """Plan the router's surface in integers, by options' costs and where known by questions'."""
    surface, allowed = router[fold.test], view.allowed[fold.test]
    costs = {"router": fold.mean_cost}
    if question_costs is not None:
        costs["router_by_question"] = question_costs[fold.test]
    return {
        name: plan_in_integers(surface, cost, budget, allowed, allocator)
        for name, cost in costs.items()
    }


def _mask(view: DenseView, fold: Fold) -> NDArray[np.bool_] | None:
    """Return what the fold's questions may take, None where that is everything."""
    return None if view.is_complete else view.allowed[fold.test]


Shares = tuple["NDArray[np.int64]", "NDArray[np.int64]", float]


def _record(
    view: DenseView,
    rows: NDArray[np.int64],
    plan: Shares,
    scores: Scores,
    place: tuple[str, int],
) -> None:
    """Enter what a plan of two options and a share gained and spent."""
    (low, high, share), (name, position) = plan, place
    for table, values in ((scores.quality, view.quality), (scores.spend, view.cost)):
        blended = (1 - share) * values[rows, low] + share * values[rows, high]
        table[name][position, rows] = blended


def _score_overall(view: DenseView, budget: float, position: int, scores: Scores) -> None:
    """Score what is chosen once for all folds: cheapest and hindsight."""
    rows = np.arange(len(view.quality))
    cost, quality = view.mean_by_option(view.cost), view.mean_by_option(view.quality)
    cheapest = choose_cheapest(view, cost)
    _record(view, rows, (cheapest, cheapest, 0.0), scores, ("cheapest", position))
    plan = _plan_blindly(view, rows, cost, quality, max(budget, float(cost[cheapest].mean())))
    _record(view, rows, plan, scores, ("hindsight", position))


def _plan_fixed(view: DenseView, fold: Fold, budget: float) -> dict[str, Shares]:
    """Plan what looks at no question: the best single option and the best fixed mix."""
    uniform = choose_uniform(view, fold, budget)
    blind = _plan_blindly(view, fold.test, fold.mean_cost, fold.mean_quality, budget)
    return {"uniform": (uniform, uniform, 0.0), "blind": blind}


def _plan_blindly(
    view: DenseView,
    rows: NDArray[np.int64],
    cost: NDArray[np.float64],
    quality: NDArray[np.float64],
    budget: float,
) -> Shares:
    """Plan by the options' means alone.

    Where questions saw different options no fixed mix exists; the same means then go through the
    knapsack, which chooses for every question among what it saw.
    """
    if view.is_complete:
        low, high, share = best_mixture(cost, quality, budget)
        return np.full(len(rows), low), np.full(len(rows), high), share
    allowed = view.allowed[rows]
    choices = knapsack(np.broadcast_to(quality, allowed.shape), cost, budget, allowed=allowed)
    return choices, choices, 0.0


def plan_in_integers(
    quality: NDArray[np.float64],
    cost: NDArray[np.float64],
    budget: float,
    allowed: NDArray[np.bool_],
    allocator: Allocator | None = None,
) -> NDArray[np.int64]:
    """Plan with the project's own allocator, on a grid so fine that nothing is lost to it.

    Costs are rounded up to the grid and the budget down, so the plan never exceeds the budget.
    The grid is a power of two below the costs' own resolution: whole costs stay exact.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        Predicted quality, any finite numbers.
    cost : ndarray of float64, shape (m,) or (n, m)
        Mean cost of every option, or what each question is expected to cost.
    budget : float
        Mean cost a question, at least that of the cheapest plan.
    allowed : ndarray of bool, shape (n, m)
        Options that a question may take.
    allocator : Allocator, optional
        Default is ``router.allocation.solve``.

    Returns
    -------
    ndarray of int64, shape (n,)
        Choices.

    Examples
    --------
    >>> quality = np.array([[0.1, 0.9], [0.5, 0.6]])
    >>> plan_in_integers(quality, np.array([1.0, 3.0]), 2.0, np.ones((2, 2), dtype=bool)).tolist()
    [1, 0]
    """
    units, budget_units = _to_grid(cost, budget, len(quality))
    open_units = np.where(allowed, units, np.iinfo(np.int64).max)
    least = open_units.min(1)
    if budget_units < int(least.sum()):
        # Rounding may put the cheapest plan one grid step above a budget that equals its cost.
        plan: NDArray[np.int64] = np.where(open_units == least[:, None], quality, -np.inf).argmax(1)
        return plan
    mask = None if allowed.all() else allowed
    return (allocator or _solve)(_to_unit_range(quality), units, budget_units, allowed=mask)


def _to_grid(
    cost: NDArray[np.float64], budget: float, n_questions: int
) -> tuple[NDArray[np.int64], int]:
    """Scale costs up and the budget down to integers, by a power of two."""
    dearest = float(cost.max())
    scale = 1.0 if dearest == 0 else 2.0 ** np.floor(np.log2(TOTAL_MAX / n_questions / dearest))
    return np.ceil(cost * scale).astype(np.int64), int(np.floor(budget * n_questions * scale))


def _to_unit_range(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shift rows and shrink all by one factor into [0, 1], which changes no plan.

    Clipping would: it makes ties out of differences.
    """
    if quality.min() >= 0 and quality.max() <= 1:
        return quality
    shifted = quality - quality.min(1, keepdims=True)
    shrunk: NDArray[np.float64] = shifted / max(float(shifted.max()), 1.0)
    return shrunk


def _solve(
    quality: NDArray[np.float64],
    cost: NDArray[np.int64],
    budget: int,
    /,
    *,
    allowed: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Plan with the allocator of this library."""
    from router.allocation import solve

    return solve(quality, cost, budget, allowed=allowed).choices
