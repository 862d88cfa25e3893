"""Re-planning over HTTP: the open part of a plan, inside what is held for it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from router.budgets import MICRO, from_micro, to_micro_ceil
from router.exceptions import ConflictError, OverloadError
from router.replanning import Replanner
from router.service.crew import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.plan import Plan
    from router.replan_decisions import Replan
    from router.reports import Report
    from router.service.replan_routes import ReplanBody
    from router.service.sidecar import Sidecar

__all__ = ["Replanning"]

Held = dict[str, dict[str, int]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Replanning:
    """Answers requests to re-plan.

    Parameters
    ----------
    sidecar : Sidecar
        What remembers plans, predicts and keeps pools.
    """

    sidecar: Sidecar
    _waiting: set[Job] = field(default_factory=set, init=False, repr=False)

    async def answer(self, body: ReplanBody, tenant: str) -> dict[str, Any]:
        """Allocate what is left of a plan.

        Parameters
        ----------
        body : ReplanBody
            The request.
        tenant : str
            Whose.

        Returns
        -------
        dict
            The document of a :class:`router.Replan`.

        Raises
        ------
        UnknownError
            If the plan is not known (any more).
        InputError
            If a report is of no question or option of the plan.
        ConflictError
            If what was held for the plan is held no longer.
        OverloadError
            If too much is asked at once.
        """
        plan, pool = self.sidecar.shelf.take(tenant, body.plan_id)
        held = None if pool is None else self._read_held(tenant, plan)
        anew = await self._predict_anew(plan, body)
        document, needed = await self._work(partial(_work_out, plan, body, held, anew))
        if needed is not None:
            with self.sidecar.traces.span("ledger"):
                ledger = self.sidecar.require_ledger()
                move = ledger.move_reserved(tenant, plan.plan_id, needed)
                await asyncio.wrap_future(move)
        self.sidecar.metrics.count("plan", "replanned")
        return document

    async def _work(self, work: Callable[[], Result]) -> Result:
        """Work in the one thread for it: a long plan takes seconds, of which others lose little."""
        waiting, limits = self._waiting, self.sidecar.desk.limits
        if len(waiting) >= limits.in_flight_max:
            self.sidecar.metrics.count("shed", "overload")
            raise OverloadError(
                f"{len(waiting)} plans are being re-planned, which is all that is allowed at once: "
                "ask again"
            )
        job = Job(work, asyncio.get_running_loop().create_future(), math.inf)
        waiting.add(job)
        try:
            self.sidecar.replanners.submit(job)
            found: Result = await job.future
        finally:
            waiting.discard(job)
        return found

    def _read_held(self, tenant: str, plan: Plan) -> Held:
        """Read what a pool holds for each open question."""
        held = self.sidecar.require_ledger().read_open(tenant, plan.plan_id)
        if not held:
            raise ConflictError(
                f"nothing is held for plan {plan.plan_id!r} any more: allocate anew"
            )
        return held

    async def _predict_anew(
        self, plan: Plan, body: ReplanBody
    ) -> Mapping[str, NDArray[np.float64]]:
        """Predict questions anew of which reports bring context."""
        added: dict[str, dict[str, float]] = {}
        for report in body.reports:
            if report.context:
                added.setdefault(report.id, {}).update(report.context)
        # Once a question, whose numbers are all looked at each time.
        changed = {
            question.id: question.with_context(added[question.id])
            for question in (plan.questions if added else ())
            if question.id in added
        }
        if not changed:
            return {}
        outcome = await self.sidecar.desk.predict(tuple(changed.values()), menu=plan.surface.menu)
        if outcome.degraded is not None:
            # What was expected before is worth more than the options' means.
            return {}
        return dict(zip(changed, outcome.value.quality, strict=True))


def _work_out(
    plan: Plan, body: ReplanBody, held: Held | None, anew: Mapping[str, NDArray[np.float64]]
) -> tuple[dict[str, Any], Held | None]:
    """Allocate what is left given all reports; tell what each open question needs to be held."""
    reports = _state_costs(plan, [report.to_report() for report in body.reports])
    spent = _round_costs(plan, reports)
    limited, taken = plan, reports
    if held is not None:
        limited = _limit(plan, reports, spent, held)
        # A question that is settled has given back what it left.
        taken = [
            report if report.id in held else replace(report, is_done=True) for report in reports
        ]
    replanner = Replanner(limited, is_checked=body.is_checked, may_give_up=body.may_give_up)
    for report in taken:
        replanner.report(report, quality=anew.get(report.id))
    if held is not None:
        replanner.close([question.id for question in plan.questions if question.id not in held])
    found = replanner.plan(body.running)
    needed = None if held is None else _sum_needed(plan, found, reports, spent, held)
    return found.to_dict(), needed


def _state_costs(plan: Plan, reports: Sequence[Report]) -> list[Report]:
    """State in every report what was consumed in each unit: what is left out counts as planned."""
    rows = {question.id: row for row, question in enumerate(plan.questions)}
    columns = {name: column for column, name in enumerate(plan.surface.menu.names)}
    stated = []
    for report in reports:
        row, column = rows.get(report.id), columns.get(report.option)
        if row is not None and column is not None and any(u not in report.cost for u in plan.units):
            is_open = plan.closed is None or plan.closed[row, column] == 0
            planned = plan.plan_micro(np.array([row]), np.array([column]))[0] * is_open
            amounts = dict(zip(plan.units, map(from_micro, planned.tolist()), strict=True))
            stated.append(replace(report, cost={**amounts, **report.cost}))
        else:
            stated.append(report)
    return stated


def _round_costs(plan: Plan, reports: Sequence[Report]) -> list[dict[str, int]]:
    """Give the costs of reports by unit of the plan, in micro-units rounded up, all at once."""
    costs = [[report.cost.get(unit, 0.0) for unit in plan.units] for report in reports]
    amounts = to_micro_ceil(np.array(costs).reshape(len(reports), len(plan.units)))
    return [dict(zip(plan.units, row, strict=True)) for row in amounts.tolist()]


def _limit(
    plan: Plan, reports: Sequence[Report], spent: Sequence[Mapping[str, int]], held: Held
) -> Plan:
    """Plan with what is held now, and with what settled questions have taken of it before."""
    budget = {unit: sum(row.get(unit, 0) for row in held.values()) for unit in plan.units}
    for report, amounts in zip(reports, spent, strict=True):
        if report.id not in held:
            for unit in plan.units:
                budget[unit] += amounts[unit]
    return replace(plan, budget_micro=budget)


def _sum_needed(
    plan: Plan,
    found: Replan,
    reports: Sequence[Report],
    spent: Sequence[Mapping[str, int]],
    held: Held,
) -> Held | None:
    """Sum what each open question has taken and is to take; None where more is than is held."""
    needed: Held = {name: dict.fromkeys(row, 0) for name, row in held.items()}
    for report, amounts in zip(reports, spent, strict=True):
        if report.id in needed:
            for unit in needed[report.id]:
                needed[report.id][unit] += amounts[unit]
    for decision in found:
        if decision.id in needed:
            for unit in needed[decision.id]:
                needed[decision.id][unit] += round(decision.cost.get(unit, 0.0) * MICRO)
    for unit in plan.units:
        total = sum(row.get(unit, 0) for row in needed.values())
        if total > sum(row.get(unit, 0) for row in held.values()):
            # More was spent than is held: the settlement will charge it as overrun.
            return None
    return needed
