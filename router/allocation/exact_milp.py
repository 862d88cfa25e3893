"""The rows left in doubt handed to HiGHS, the mixed-integer solver inside SciPy."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block_many import ManyBlock
from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.problem import Problem
    from router.allocation.solution import Solution

__all__ = ["solve_milp"]


def solve_milp(problem: Problem, budgets: tuple[int, ...], start: Solution) -> Solution:
    """Improve a plan to the best one with HiGHS, over the options that its bound leaves open.

    Raises
    ------
    MissingExtraError
        SciPy is not installed.
    """
    if start.proven:
        return start
    block = _widen(problem)
    ceilings = np.array(budgets, dtype=np.int64)
    scores = block.scores(np.atleast_1d(np.asarray(start.shadow_price, dtype=np.float64)))
    # An option that loses more at the shadow prices than the plan may still gain is out.
    top = scores.max(axis=1)
    loss = top[:, None] - scores
    still_open = loss <= (start.bound - start.value) * (1.0 + 1e-9)
    still_open[np.arange(len(block)), start.choices] = True
    doubtful = np.flatnonzero(np.count_nonzero(still_open, axis=1) > 1)
    settled = np.ones(len(block), dtype=np.bool_)
    settled[doubtful] = False
    best = scores.argmax(axis=1)
    room = ceilings - block.cost_of(best)[settled].sum(axis=0)
    fixed = float(block.gain_of(best)[settled].sum())
    picked, bound = _run_highs(block.take(doubtful), still_open[doubtful], room)
    if picked is None:
        return start
    choices = best.copy()
    choices[doubtful] = picked
    plan = block.plan(choices)
    # HiGHS keeps rows within a tolerance; a plan that spends too much in integers is refused.
    if (plan.spend > ceilings).any() or plan.gain < start.value:
        return start
    spend = int(plan.spend[0]) if isinstance(start.spend, int) else tuple(plan.spend.tolist())
    return dataclasses.replace(
        start,
        choices=choices,
        value=plan.gain,
        spend=spend,
        bound=min(start.bound, max(plan.gain, fixed + bound)),
        method="milp",
    )


def _widen(problem: Problem) -> ManyBlock:
    """Read a problem with one or several budgets as rows with k costs."""
    cost = problem.costs()
    return ManyBlock(problem.gains(), cost[..., None] if problem.n_budgets is None else cost)


def _run_highs(
    block: ManyBlock, still_open: np.ndarray[tuple[int, int], np.dtype[np.bool_]], room: IntArray
) -> tuple[IntArray | None, float]:
    """Choose one open option per row within the room; return the choices and the proven bound."""
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_matrix
    except ImportError as error:
        raise MissingExtraError("the method milp needs SciPy: pip install scipy") from error
    row, option = np.nonzero(still_open)
    n_columns = len(row)
    one = csr_matrix((np.ones(n_columns), (row, np.arange(n_columns))))
    scale = np.maximum(room, 1).astype(np.float64)
    cost: FloatArray = block.costs()[row, option] / scale
    result = milp(
        -block.gain[row, option],
        constraints=[
            LinearConstraint(one, 1.0, 1.0),
            LinearConstraint(cost.T, -np.inf, room / scale),
        ],
        integrality=np.ones(n_columns),
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 0.0},
    )
    if result.x is None:
        return None, np.inf
    weight = np.zeros(still_open.shape)
    weight[row, option] = result.x
    return weight.argmax(axis=1), -float(result.mip_dual_bound)
