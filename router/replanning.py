"""Re-planning: after each report the open part of a plan is allocated anew, in what is left.

Stop, go on, try once more, try something else and give up are options of one knapsack, as the
options of the first plan were; what an answer has shown moves what all of them are expected to
bring. What was spent is never revoked, and what is still to be paid never exceeds what is left.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.allocation import solve
from router.allocation.reallocation import Reallocation
from router.budgets import MICRO, to_micro_ceil
from router.exceptions import BudgetError, InputError
from router.replan_decisions import Decision, Replan, average_expected, explain_end, explain_next
from router.replan_menu import MenuKinship
from router.replan_rows import OUT_OF_REACH, Pairs, Progress, Steps, round_costs, weigh_steps
from router.strategies.outcome_kinship import OutcomeKinship

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from router.plan import Plan
    from router.reports import Report

__all__ = ["Replanner"]

# Of one question.
TRIES_MAX = 64


class Replanner:
    """Allocates the open part of a plan, again and again.

    Parameters
    ----------
    plan : Plan
        As it was made, with a budget.
    is_checked : bool, default=False
        Whether every answer will be reported with its quality. A second try then only counts, and
        is only paid, where the first failed, so that pairs of a cheap and a dear option are options
        too.
    may_give_up : bool, default=True
        Whether a question may get nothing where nothing is worth its price.
    kinship : OutcomeKinship, optional
        How far outcomes of options go together; the default one where nothing was fitted.

    Raises
    ------
    InputError
        If the plan has no budget, or explores: its draws would be lost, their propensities wrong.

    Examples
    --------
    >>> from router import Report, Router
    >>> router = Router.load()
    >>> plan = router.allocate(["What is 2 + 2?", "Who ruled Zurich in 1336?"], {"usd": 0.01})
    >>> replanner = Replanner(plan)
    >>> first = plan.choices[0]
    >>> replanner.report(Report(first.id, first.option, {"usd": 0.001}, quality=1.0))
    >>> [decision.action for decision in replanner.plan()]
    ['stop', 'start']
    """

    def __init__(
        self,
        plan: Plan,
        *,
        is_checked: bool = False,
        may_give_up: bool = True,
        kinship: OutcomeKinship | None = None,
    ) -> None:
        if not plan.budget_micro:
            raise BudgetError("the plan has a target and no budget: re-planning needs one")
        if plan.exploration is not None:
            raise InputError(f"plan {plan.plan_id} explores: re-planned are plans with explore 0")
        self._plan = plan
        self._kinship = kinship or OutcomeKinship()
        self._menu = MenuKinship(plan.surface.menu)
        self._quality = plan.surface.quality.copy()
        shape = (*self._quality.shape, len(plan.units))
        cost = np.broadcast_to(plan.cost_micro, shape).astype(np.float64)
        if plan.closed is not None:
            cost = np.where(plan.closed[..., None] == 0, cost, np.inf)
        self._cost = cost
        self._places = {question.id: row for row, question in enumerate(plan.questions)}
        self._columns = {name: place for place, name in enumerate(plan.surface.menu.names)}
        self._budget = [plan.budget_micro[unit] for unit in plan.units]
        self._progress = [Progress(spent_micro=[0] * shape[2]) for _ in range(shape[0])]
        self._pairs = self._choose_pairs() if is_checked else None
        self._may_give_up = may_give_up
        self._steps = self._begin()
        # Until something is decided anew, the plan's own choices stand.
        self._chosen = np.where(plan.choice_index >= 0, plan.choice_index, shape[1])
        self._changed: set[int] = set()
        self._unweighed: set[int] = set()
        self._running: frozenset[int] = frozenset()
        self._decisions: list[Decision] = []
        self._written = self._chosen

    def _choose_pairs(self) -> Pairs:
        """Choose pairs of a first and a second try by what is expected on average."""
        cost = np.where(np.isfinite(self._cost[..., 0]), self._cost[..., 0], np.nan)
        known = np.isfinite(self._cost[..., 0]).any(axis=0)
        mean = np.full(cost.shape[1], np.inf)
        mean[known] = np.nanmean(cost[:, known], axis=0)
        firsts = self._menu.choose_firsts(self._quality.mean(axis=0), mean)
        firsts = firsts[np.isfinite(mean[firsts])]
        return Pairs.make(firsts, self._kinship.correlate(self._menu.models))

    def _begin(self) -> Steps:
        """Weigh all next steps of questions of which nothing has run."""
        n_questions, _, n_units = self._cost.shape
        nothing = 0.0 if self._may_give_up else np.inf
        qualities = [self._quality, np.zeros((n_questions, 1))]
        costs = [self._cost, np.full((n_questions, 1, n_units), nothing)]
        if self._pairs is not None:
            pairs = self._pairs.weigh(self._quality, self._cost)
            qualities.append(pairs.quality)
            costs.append(pairs.cost)
        return Steps(np.concatenate(qualities, axis=1), np.concatenate(costs, axis=1))

    def report(self, report: Report, *, quality: NDArray[np.float64] | None = None) -> None:
        """Take in what came of an option.

        Parameters
        ----------
        report : Report
            Of a question of the plan that is not done.
        quality : ndarray of float64, shape (m,), optional
            What is now predicted of the question, where its context says more than before.

        Raises
        ------
        InputError
            If the plan has no such question or option, or the question is done.
        """
        row, column = self._locate(report)
        progress = self._progress[row]
        if quality is not None:
            self._quality[row] = self._menu.check_quality(report.id, quality)
        planned = progress.charge(self._cost[row], self._menu)[column]
        for place, unit in enumerate(self._plan.units):
            known = unit in report.cost
            fallback = planned[place] if np.isfinite(planned[place]) else 0.0
            paid = to_micro_ceil(report.cost[unit]) if known else np.ceil(fallback)
            progress.spent_micro[place] += int(paid)
        progress.tried.append((column, report.quality))
        progress.is_done = report.is_done
        self._unweighed.add(row)

    def _weigh_anew(self) -> set[int]:
        """Weigh the next steps of questions that were reported on, once each, and list them."""
        weighed = self._unweighed | self._changed
        for row in self._unweighed:
            progress = self._progress[row]
            steps = weigh_steps(
                self._quality[row],
                self._cost[row],
                progress,
                self._menu,
                self._pairs,
                kinship=self._kinship,
            )
            self._steps.quality[row], self._steps.cost[row] = steps
            self._changed.add(row)
            # What is free and never right would be tried for ever.
            if progress.is_done or len(progress.tried) >= TRIES_MAX:
                self._leave_stopping(row)
        self._unweighed = set()
        return weighed

    def _leave_stopping(self, row: int) -> None:
        """Leave a question nothing but to stop."""
        self._steps.cost[row] = np.inf
        self._steps.cost[row, self._stop] = 0.0
        self._changed.add(row)

    def close(self, ids: Iterable[str]) -> None:
        """Leave questions out that are over, without a report.

        Parameters
        ----------
        ids : iterable of str
            Questions of the plan.

        Raises
        ------
        InputError
            If the plan has no such question; none is left out then.
        """
        names = list(ids)
        for name in names:
            if name not in self._places:
                raise InputError(f"{name!r} is no question of plan {self._plan.plan_id}")
        for name in names:
            row = self._places[name]
            self._progress[row].is_done = True
            if self._progress[row].tried:
                self._unweighed.add(row)
            else:
                self._leave_stopping(row)

    def _locate(self, report: Report) -> tuple[int, int]:
        """Find question and option of a report."""
        if report.id not in self._places:
            raise InputError(f"report on {report.id!r}: plan {self._plan.plan_id} has no such id")
        if report.option not in self._columns:
            raise InputError(
                f"report on {report.id!r}: option {report.option!r} is not one of the menu "
                f"{self._plan.surface.menu.name!r}"
            )
        row = self._places[report.id]
        if self._progress[row].is_done:
            raise InputError(f"report on {report.id!r}: the question is done already")
        return row, self._columns[report.option]

    def plan(self, running: Collection[str] = (), *, reserve: float = 0.0) -> Replan:
        """Allocate what is left.

        Parameters
        ----------
        running : collection of str, optional
            Questions whose last decision is being carried out: it stands, and stays paid for.
        reserve : float, default=0
            Share of the whole budget that is not planned with, from 0 to below 1.

        Returns
        -------
        Replan

        Raises
        ------
        InputError
            If something is said to be running that no decision asked for.
        """
        at_work = self._find_running(running)
        anew = self._weigh_anew() | (at_work ^ self._running)
        whole = [int(budget * (1.0 - reserve)) for budget in self._budget]
        choices, price = self._solve(at_work, whole)
        self._chosen = np.array(choices)
        self._running = at_work
        self._write_anew(anew)
        spent = self._spent
        taken = np.maximum(self._chosen, 0)
        costs = self._steps.cost[np.arange(len(taken)), taken]
        costs = np.where((self._chosen >= 0)[:, None], costs, 0.0)
        units = self._plan.units
        return Replan(
            self._plan.plan_id,
            tuple(self._decisions),
            {unit: amount / MICRO for unit, amount in zip(units, spent, strict=True)},
            {
                unit: max(0, whole - amount) / MICRO
                for unit, whole, amount in zip(units, self._budget, spent, strict=True)
            },
            dict(zip(units, (np.ceil(costs).sum(axis=0) / MICRO).tolist(), strict=True)),
            {unit: value * MICRO for unit, value in zip(units, price, strict=True)},
            average_expected(self._decisions, self._weights),
        )

    @property
    def _stop(self) -> int:
        """The column of stopping."""
        return len(self._columns)

    @property
    def _spent(self) -> list[int]:
        """Micro-units really spent so far, by unit."""
        return [
            sum(column) for column in zip(*(p.spent_micro for p in self._progress), strict=True)
        ]

    def _find_running(self, running: Collection[str]) -> frozenset[int]:
        """Find the questions that are at work."""
        rows = []
        for name in running:
            row = self._places.get(name, -1)
            if row < 0 or self._chosen[row] < 0 or self._chosen[row] == self._stop:
                raise InputError(f"{name!r} is said to be running, and no decision asks for that")
            rows.append(row)
        return frozenset(rows)

    def _solve(self, at_work: frozenset[int], budget: list[int]) -> tuple[list[int], list[float]]:
        """Choose a column for every question; -1 where not even the cheapest is reached."""
        if len(self._plan.units) == 1 and not self._depends_on:
            return self._solve_again(at_work, budget[0])
        cost = self._steps.cost
        allowed = np.isfinite(cost[..., 0])
        for row in at_work:
            allowed[row] = np.arange(allowed.shape[1]) == self._chosen[row]
        left = [max(0, b - s) for b, s in zip(budget, self._spent, strict=True)]
        units = np.where(np.isfinite(cost), np.ceil(cost), 0.0).astype(np.int64)
        one = len(left) == 1
        solution = solve(
            self._steps.quality,
            units[..., 0] if one else units,
            left[0] if one else left,
            weights=self._weights,
            allowed=allowed,
            depends_on=self._depends_on or None,
            unfunded="mark",
        )
        price = np.atleast_1d(np.asarray(solution.shadow_price, dtype=np.float64))
        return solution.choices.tolist(), price.tolist()

    def _solve_again(self, at_work: frozenset[int], budget: int) -> tuple[list[int], list[float]]:
        """Choose from hulls that are kept, of which only those of changed questions are new."""
        batch = self._batch
        batch.budget = budget
        rows = sorted(self._changed | (at_work ^ self._running))
        self._changed = set()
        if rows:
            costs = round_costs(self._steps.cost[rows, :, 0], len(self._places))
            for place, row in enumerate(rows):
                if row in at_work:
                    kept = costs[place, self._chosen[row]]
                    costs[place] = OUT_OF_REACH // (len(self._places) + 1)
                    costs[place, self._chosen[row]] = kept
            spent = np.array([self._progress[row].spent_micro[0] for row in rows])
            for row, amount in zip(rows, spent.tolist(), strict=True):
                batch.advance(row, amount)
            batch.update(rows, self._steps.quality[rows], costs + spent[:, None])
        solution = batch.solve()
        return solution.choices.tolist(), [float(np.atleast_1d(solution.shadow_price)[0])]

    @cached_property
    def _batch(self) -> Reallocation:
        """Hulls of all questions, as they are before anything is reported."""
        spent = [progress.spent_micro[0] for progress in self._progress]
        costs = round_costs(self._steps.cost[..., 0], len(self._places)) + np.array(spent)[:, None]
        batch = Reallocation(self._steps.quality, costs, self._budget[0], weights=self._weights)
        for row, amount in enumerate(spent):
            if amount:
                batch.advance(row, amount)
        self._changed = set()
        return batch

    @cached_property
    def _weights(self) -> NDArray[np.float64] | None:
        """Weights of the questions, where they differ."""
        weights = np.array([question.weight for question in self._plan.questions])
        return None if (weights == 1.0).all() else weights

    @cached_property
    def _depends_on(self) -> list[list[int]]:
        """By question the positions of those it depends on; empty where none does."""
        questions = self._plan.questions
        needed = [[self._places[name] for name in question.depends_on] for question in questions]
        return needed if any(needed) else []

    def _write_anew(self, rows: set[int]) -> None:
        """Put choices in words, where they are not as they were."""
        if not self._decisions:
            rows = set(range(len(self._chosen)))
            self._decisions = [None] * len(rows)  # type: ignore[list-item]  # Filled at once.
        else:
            rows |= set(np.flatnonzero(self._chosen != self._written).tolist())
        for row in rows:
            self._decisions[row] = self._write(row, int(self._chosen[row]))
        self._written = self._chosen

    def _write(self, row: int, column: int) -> Decision:
        """Write a decision."""
        progress, units = self._progress[row], self._plan.units
        name = self._plan.questions[row].id
        nothing = dict.fromkeys(units, 0.0)
        held = float(self._steps.quality[row, self._stop])
        if column in {-1, self._stop}:
            ended, reason = explain_end(progress.tried, held, is_done=progress.is_done)
            return Decision(name, ended, None, nothing, held if progress.tried else 0.0, reason)
        first, second = column, None
        if column > self._stop and self._pairs is not None:
            place = column - self._stop - 1
            first, second = int(self._pairs.first[place]), int(self._pairs.second[place])
        names = self._plan.surface.menu.names
        cost = np.ceil(self._steps.cost[row, column]) / MICRO
        expected = float(self._steps.quality[row, column])
        tried = [option for option, _ in progress.tried]
        action = self._menu.name_action(tried, first)
        then = None if second is None else names[second]
        reason = explain_next(expected, held if progress.tried else None, then)
        return Decision(
            name,
            "running" if row in self._running else action,
            names[first],
            dict(zip(units, cost.tolist(), strict=True)),
            expected,
            reason,
            then,
        )
