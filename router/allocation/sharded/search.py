"""The driver: adds up what the shards answer and narrows the price until one machine can finish."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.allocation.sharded.candidates import sample_prices, secant_prices, wider_prices
from router.allocation.sharded.engine import run_tasks
from router.allocation.sharded.joining import join_problems
from router.allocation.sharded.tasks import (
    Answer,
    sample_shard,
    scan_shard,
    survey_shard,
)
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.allocation.sharded.pieces import Bracket, Setting
    from router.allocation.sharded.shard import Source
    from router.allocation.sharded.tasks import Outline
    from router.allocation.sharded.totals import Total

__all__ = ["Found", "Limits", "Run", "find_price"]


class Limits(NamedTuple):
    """Sizes that decide when the driver takes over.

    Parameters
    ----------
    sample_rows : int
        Rows that the first prices come from.
    gather_elements : int
        Entries of undecided rows that are solved on one machine: 16 mebibytes of gains.
    window_rows : int
        Tied rows that compete for what is left where the others are split in their order.
    tolerance : float
        Share of the bound by which splitting undecided rows may miss it.
    """

    sample_rows: int = 16_384
    gather_elements: int = 1 << 21
    window_rows: int = 4096
    tolerance: float = 1e-9


@dataclass(slots=True)
class Run:
    """Everything that one allocation over shards knows.

    Parameters
    ----------
    sources : list of Source
        The shards.
    outlines : list of Outline
        Their shapes.
    budget : int
        Budget in micro-units.
    setting : Setting
        What all tasks share.
    limits : Limits
        When the driver takes over.
    n_jobs : int or None
        Processes, as joblib counts them.
    rows_read : list of int
        Rows looked at, round by round.
    """

    sources: list[Source]
    outlines: list[Outline]
    budget: int
    setting: Setting
    limits: Limits
    n_jobs: int | None
    rows_read: list[int] = field(default_factory=list)

    @property
    def n_options(self) -> int:
        """Number of options."""
        return self.outlines[0].n_options

    def ask(self, task: Any, *arguments: Any) -> list[Any]:
        """Run a task for all shards."""
        calls = [(source, self.setting, *arguments) for source in self.sources]
        return run_tasks(task, calls, self.n_jobs)


class Found(NamedTuple):
    """The bracket that the driver takes over from.

    Parameters
    ----------
    chain : tuple of tuple of float
        The brackets of all rounds, each within the one before.
    answers : list of Answer
        Every shard's answer at both ends of the last one.
    dual : float
        Least value of the dual function at the prices asked.
    kind : str
        ``"slack"``, ``"dual"`` (the undecided rows fit one machine) or ``"ties"``.
    least : int
        Cheapest total in micro-units.
    """

    chain: tuple[Bracket, ...]
    answers: list[Answer]
    dual: float
    kind: str
    least: int


def find_price(run: Run) -> Found:
    """Narrow the price until the undecided rows fit one machine or hardly differ in price.

    Raises
    ------
    BudgetError
        The budget is below the cheapest plan.
    """
    prices = _first_prices(run)
    chain: tuple[Bracket, ...] = ()
    least, dual = -1, math.inf
    while True:
        answers = run.ask(survey_shard, chain, prices) if chain else run.ask(scan_shard, prices)
        answer = Answer.of_all(answers)
        run.rows_read.append(answer.n_rows)
        dual = min(dual, *_duals(run, prices, answer.totals))
        if not chain:
            least = answer.least
            _check_reach(run, least)
        chain = chain or ((prices[0], prices[-1]),)
        place = _first_within(answer.totals, run.budget)
        if place == 0 and prices[0] == 0.0:
            return Found((*chain, (0.0, 0.0)), _between(answers, 0, 0), dual, "slack", least)
        if place in {0, len(prices)}:
            # The sample missed: all rows are asked again beyond the end of the bracket.
            prices, chain = wider_prices(prices[-1 if place else 0], upward=place > 0), ()
            continue
        low, high, kind = _choose_bracket(run, prices, answer, place, dual)
        bracket = prices[low], prices[high]
        chain = chain if chain[-1] == bracket else (*chain, bracket)
        ends = (bracket[0], answer.totals[low]), (bracket[1], answer.totals[high])
        prices = secant_prices(*ends, run.setting.scale)
        if kind or len(prices) == 2:
            return Found(chain, _between(answers, low, high), dual, kind or "ties", least)


def _first_prices(run: Run) -> tuple[float, ...]:
    """Choose the first prices from rows spread evenly over all, wherever the shards begin."""
    n_rows = run.setting.n_rows
    if n_rows * run.n_options <= run.limits.gather_elements:
        return 0.0, math.inf
    wanted = min(run.limits.sample_rows, n_rows)
    rows = np.linspace(0, n_rows - 1, wanted).astype(np.int64)
    starts = np.cumsum([0, *(outline.n_rows for outline in run.outlines)])
    calls = [
        (source, run.setting, rows[(rows >= start) & (rows < stop)] - start)
        for source, start, stop in zip(run.sources, starts[:-1], starts[1:], strict=True)
    ]
    sample = join_problems(run_tasks(sample_shard, calls, run.n_jobs), run.n_options)
    run.rows_read.append(len(sample))
    return sample_prices(sample, run.budget * len(sample) / n_rows)


def _check_reach(run: Run, least: int) -> None:
    """Refuse a budget below the cheapest plan."""
    if least > run.budget:
        raise BudgetError(
            f"a budget of {run.budget} micro-units does not reach the cheapest plan of "
            f"{run.setting.n_rows} rows, which costs {least}"
        )


def _duals(run: Run, prices: Sequence[float], totals: Sequence[Total]) -> list[float]:
    """Evaluate the dual function at the finite prices: each value is an upper bound."""
    scale = run.setting.scale
    return [
        total.units / scale + price * (run.budget - total.spend)
        for price, total in zip(prices, totals, strict=True)
        if price < math.inf
    ]


def _first_within(totals: Sequence[Total], budget: int) -> int:
    """Find the lowest price at which the plan is within the budget."""
    within = [total.spend <= budget for total in totals]
    return within.index(True) if any(within) else len(within)


def _choose_bracket(
    run: Run, prices: Sequence[float], answer: Answer, place: int, dual: float
) -> tuple[int, int, str]:
    """Choose the ends of the next bracket, and what ends the search where it ends.

    Where the rows fit one machine the bracket is as wide as still fits, as rows further from the
    price can use up what is left of the budget.
    """
    low, high = place - 1, place
    room = run.limits.gather_elements // run.n_options - answer.moving[low]
    if room >= 0:
        while True:
            sides = [(answer.moving[low - 1], -1)] if low > 0 else []
            sides += [(answer.moving[high], 1)] if high < len(prices) - 1 else []
            count, side = min(sides, default=(room + 1, 0))
            if count > room:
                return low, high, "dual"
            room -= count
            low, high = (low - 1, high) if side < 0 else (low, high + 1)
    missing = (prices[high] - prices[low]) * (run.budget - answer.totals[high].spend)
    return low, high, "ties" if missing <= run.limits.tolerance * dual else ""


def _between(answers: Sequence[Answer], low: int, high: int) -> list[Answer]:
    """Keep every shard's answer at two prices."""
    return [
        Answer((a.totals[low], a.totals[high]), (sum(a.moving[low:high]),), a.n_rows)
        for a in answers
    ]
