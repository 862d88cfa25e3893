"""Exploration: some questions draw their option by chance, within the budget and with known odds.

A share e of every budget is withheld and the plan made with the rest. Then every question of the
plan is explored with probability e, independently of all others, and an explored one draws, each as
likely, from those of its allowed options that cost at most what its own choice costs and its part
of what is withheld. So no draw ever leaves the budget, and of every option the probability with
which it was chosen (its *propensity*) is known exactly: that is what estimates of other plans from
logged outcomes need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BudgetError, InputError, QuestionError
from router.plan_problem import find_least

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.allocation import Solution
    from router.plan_problem import PlanProblem
    from router.questions import Question

__all__ = [
    "Exploration",
    "check_exploration",
    "count_reach",
    "draw_choices",
    "find_propensities",
    "open_generator",
    "solve_exploring",
    "withhold",
]


def check_exploration(
    explore: float,
    explore_seed: int | None,
    target_quality: float | None,
    questions: Sequence[Question],
) -> None:
    """Check that a batch may explore.

    Parameters
    ----------
    explore : float
        Probability with which a question is explored, and share of the budget withheld for it.
    explore_seed : int or None
        Of the draws.
    target_quality : float or None
        Mean quality that is asked for.
    questions : sequence of Question
        What is asked.

    Raises
    ------
    InputError
        If a number is out of its range, or a question depends on others where any is explored.
    BudgetError
        If a target is asked for where any is explored.

    Examples
    --------
    >>> check_exploration(1.0, None, None, ())
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: explore is 1.0: a share from 0 to below 1 is needed
    """
    is_number = isinstance(explore, int | float | np.integer | np.floating)
    if isinstance(explore, bool) or not is_number or not 0.0 <= explore < 1.0:
        raise InputError(f"explore is {explore!r}: a share from 0 to below 1 is needed")
    if explore_seed is not None and (
        isinstance(explore_seed, bool)
        or not isinstance(explore_seed, int | np.integer)
        or explore_seed < 0
    ):
        raise InputError(f"explore_seed is {explore_seed!r}: a whole number from 0 up is needed")
    if not explore:
        return
    if target_quality is not None:
        raise BudgetError(
            f"explore is {explore:g} beside target_quality {target_quality:g}: a plan for a target "
            "has no budget to explore in; allowed are explore 0, or a budget alone"
        )
    for question in questions:
        if question.depends_on:
            raise QuestionError(
                f"question {question.id!r} depends on {question.depends_on[0]!r} and explore is "
                f"{explore:g}: questions that are explored stand alone; allowed is explore 0"
            )


@dataclass(frozen=True, eq=False)
class Exploration:
    """What was drawn for n questions among m options, and how likely each option was.

    Parameters
    ----------
    rate : float
        With which probability a question was explored.
    base_index : ndarray of int64, shape (n,)
        What the plan gives without exploring; -1 where nothing could be funded.
    choice_index : ndarray of int64, shape (n,)
        What is given: the draw of an explored question, else the same.
    is_explored : ndarray of bool, shape (n,)
        Which questions drew.
    propensities : ndarray of float64, shape (n, m)
        With which probability each option was chosen. Rows sum to 1, or to 0 where nothing could be
        funded. A question that is left unanswered (skip) is not explored and has 1 there.
    """

    rate: float
    base_index: NDArray[np.int64]
    choice_index: NDArray[np.int64]
    is_explored: NDArray[np.bool_]
    propensities: NDArray[np.float64]

    def list_chosen(self) -> list[float]:
        """Give the propensity of what each question is given, 1 where nothing could be funded.

        Returns
        -------
        list of float, length n
        """
        chosen = self.propensities[np.arange(len(self.choice_index)), self.choice_index]
        listed: list[float] = np.where(self.choice_index >= 0, chosen, 1.0).tolist()
        return listed

    def list_known(self) -> list[dict[int, float]]:
        """Give the propensities of all options that could have been chosen, by their positions.

        Returns
        -------
        list of dict of int to float, length n
        """
        found: list[dict[int, float]] = [{} for _ in self.choice_index]
        rows, columns = np.nonzero(self.propensities)
        chances = self.propensities[rows, columns].tolist()
        for row, column, chance in zip(rows.tolist(), columns.tolist(), chances, strict=True):
            found[row][column] = chance
        return found


def withhold(
    problem: PlanProblem, budget_micro: Mapping[str, int], explore: float
) -> dict[str, int]:
    """Say how much of a budget is left to plan with.

    Parameters
    ----------
    problem : PlanProblem
        What is asked.
    budget_micro : mapping of str to int
        Ceilings by unit, in micro-units.
    explore : float
        Share that is withheld, from 0 to below 1.

    Returns
    -------
    dict of str to int
        Never less than the cheapest plan takes, where the budget reaches it: nothing goes without
        an answer for the sake of exploring.
    """
    least = find_least(problem.cost_micro, problem.closed, len(problem.questions))
    return {
        unit: max(amount - math.floor(_read_share(explore) * amount), min(amount, needed))
        for (unit, amount), needed in zip(budget_micro.items(), least, strict=True)
    }


def _read_share(explore: float) -> Fraction:
    """Take a share as it is written: the float nearest to 0.3 is a little less than that."""
    return Fraction(repr(float(explore)))


def count_reach(
    problem: PlanProblem,
    base_index: NDArray[np.int64],
    withheld_micro: Sequence[int],
) -> NDArray[np.int64]:
    """Count for every option with how many explored questions it is still within reach.

    Parameters
    ----------
    problem : PlanProblem
        n questions, m options, k units.
    base_index : ndarray of int64, shape (n,)
        Positions of options in the plan without exploring.
    withheld_micro : sequence of int, length k
        What explored questions share, in even parts rounded down.

    Returns
    -------
    ndarray of int64, shape (n, m)
        From 0, never, to the number of questions that may be explored: always. Those of which
        nothing was funded, or which are left unanswered, have zeros.
    """
    menu, shape = problem.surface.menu, problem.surface.quality.shape
    skips = np.array([option.is_skip for option in menu])
    is_free = (base_index >= 0) & ~skips[base_index]
    n_free = int(is_free.sum())
    cost = np.broadcast_to(problem.cost_micro, (*shape, len(withheld_micro)))
    own = np.take_along_axis(cost, np.maximum(base_index, 0)[:, None, None], axis=1)
    reach = np.full(shape, n_free, dtype=np.int64)
    for place, withheld in enumerate(withheld_micro):
        # An even part W // k reaches what costs d more exactly as long as k is at most W // d.
        extra = cost[..., place] - own[..., place]
        within = np.where(extra > 0, withheld // np.maximum(extra, 1), n_free)
        reach = np.minimum(reach, within)
    is_open = is_free[:, None] & ~skips
    if problem.closed is not None:
        is_open &= problem.closed == 0
    return np.where(is_open, reach, 0)


def find_propensities(
    reach: NDArray[np.int64], base_index: NDArray[np.int64], explore: float
) -> NDArray[np.float64]:
    """Find with which probability every question is given each option.

    Parameters
    ----------
    reach : ndarray of int64, shape (n, m)
        As :func:`count_reach` gives it.
    base_index : ndarray of int64, shape (n,)
        What is given without exploring; -1 for nothing.
    explore : float
        Probability with which a question is explored.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The sum over all numbers of explored questions k of how likely k is, given that this
        question is one of them, divided by the number of options that are within reach then.

    Examples
    --------
    Two questions: the dear option is within reach of one explored question, not of two.

    >>> find_propensities(np.array([[2, 1], [2, 2]]), np.array([0, 1]), 0.5).tolist()
    [[0.875, 0.125], [0.25, 0.75]]
    """
    n_questions, n_options = reach.shape
    rows = np.arange(n_questions)
    is_free = reach.any(axis=1)
    upto = _accumulate_counts(int(is_free.sum()), explore)
    order = np.argsort(-reach, axis=1, kind="stable")
    highest = upto[np.take_along_axis(reach, order, axis=1)]
    # Between the reach of one option and that of the next the number of options stands still.
    steps = (highest - np.pad(highest[:, 1:], ((0, 0), (0, 1)))) / np.arange(1, n_options + 1)
    drawn = np.empty_like(steps)
    np.put_along_axis(drawn, order, np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], axis=1)
    found = explore * drawn
    funded = base_index >= 0
    found[rows[funded], base_index[funded]] += np.where(is_free, 1.0 - explore, 1.0)[funded]
    return found


def _accumulate_counts(n_free: int, explore: float) -> NDArray[np.float64]:
    """Accumulate how likely each number of explored questions is, one being explored for sure.

    Shape (n_free + 1,): entry k is the probability of at most k, a binomial law of the others.
    """
    if n_free == 0:
        return np.zeros(1)
    others = np.arange(1, n_free)
    # By logarithms, as the first of many is too small for any float.
    ratios = np.log((n_free - others) / others) + math.log(explore) - math.log1p(-explore)
    logarithms = np.concatenate(([0.0], np.cumsum(ratios)))
    chances = np.exp(logarithms - logarithms.max())
    total = np.concatenate(([0.0], np.cumsum(chances)))
    accumulated: NDArray[np.float64] = total / total[-1]
    return accumulated


def solve_exploring(
    problem: PlanProblem,
    budget_micro: Mapping[str, int],
    target_quality: float | None,
    explore: float,
    explore_seed: int | None,
    *,
    allow_unfunded: bool,
    shadow_price: Mapping[str, float] | None,
) -> tuple[Solution, Exploration | None]:
    """Find the plan, and draw the options of explored questions where there are to be any.

    Parameters
    ----------
    problem : PlanProblem
        What is asked.
    budget_micro : mapping of str to int
        Ceilings by unit, in micro-units.
    target_quality : float or None
        As for :meth:`router.plan_problem.PlanProblem.solve`.
    explore : float
        Probability with which a question is explored, and share withheld for it. Where a unit has
        a price, as in a pool that others draw on too, the share is of what is worth that price.
    explore_seed : int or None
        Makes the draws again; None for other ones each time.
    allow_unfunded, shadow_price
        As for :meth:`router.plan_problem.PlanProblem.solve`.

    Returns
    -------
    solution : Solution
        The plan without exploring, which does not depend on any draw.
    exploration : Exploration or None
        None where `explore` is 0.

    Raises
    ------
    InputError
        As the problem and :func:`check_exploration` do.
    """
    check_exploration(explore, explore_seed, target_quality, problem.questions)
    planned = dict(budget_micro) if explore == 0 else withhold(problem, budget_micro, explore)
    solution = problem.solve(
        planned, target_quality, allow_unfunded=allow_unfunded, shadow_price=shadow_price
    )
    if explore == 0:
        return solution, None
    withheld = {unit: amount - planned[unit] for unit, amount in budget_micro.items()}
    if shadow_price is not None:
        share = _read_share(explore) / (1 - _read_share(explore))
        for unit, amount in problem.lower_budget(planned, shadow_price).items():
            if unit in shadow_price:
                withheld[unit] = min(withheld[unit], math.floor(share * amount))
    base_index = np.asarray(solution.choices, dtype=np.int64)
    reach = count_reach(problem, base_index, list(withheld.values()))
    generator = open_generator(explore_seed)
    choice_index, is_explored = draw_choices(reach, base_index, explore, generator)
    propensities = find_propensities(reach, base_index, explore)
    return solution, Exploration(explore, base_index, choice_index, is_explored, propensities)


def open_generator(seed: int | None) -> np.random.Generator:
    """Open a source of chance, from the system's own where there is no seed."""
    return np.random.default_rng(seed)


def draw_choices(
    reach: NDArray[np.int64],
    base_index: NDArray[np.int64],
    explore: float,
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw which questions are explored, and what they are given.

    Parameters
    ----------
    reach : ndarray of int64, shape (n, m)
        As :func:`count_reach` gives it.
    base_index : ndarray of int64, shape (n,)
        What is given without exploring.
    explore : float
        Probability with which a question is explored.
    generator : Generator
        Where chance comes from.

    Returns
    -------
    choice_index : ndarray of int64, shape (n,)
    is_explored : ndarray of bool, shape (n,)

    Examples
    --------
    >>> reach, base = np.array([[2, 1], [2, 2]]), np.array([0, 1])
    >>> choice, explored = draw_choices(reach, base, 0.5, np.random.default_rng(0))
    >>> choice.tolist(), explored.tolist()
    ([0, 0], [False, True])
    """
    is_explored = (generator.random(len(reach)) < explore) & reach.any(axis=1)
    rows = np.flatnonzero(is_explored)
    choice_index = base_index.copy()
    if len(rows):
        within = reach[rows] >= len(rows)
        drawn = generator.integers(within.sum(axis=1))
        choice_index[rows] = (np.cumsum(within, axis=1) > drawn[:, None]).argmax(axis=1)
    return choice_index, is_explored
