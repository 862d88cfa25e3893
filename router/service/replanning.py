"""Re-planning over HTTP: the open part of a plan, inside what is held for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from router.budgets import MICRO, to_micro_ceil
from router.exceptions import ConflictError
from router.replanning import Replanner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from router.plan import Plan
    from router.replan_decisions import Replan
    from router.reports import Report
    from router.service.replan_routes import ReplanBody
    from router.service.sidecar import Sidecar

__all__ = ["Replanning"]

Held = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Replanning:
    """Answers requests to re-plan.

    Parameters
    ----------
    sidecar : Sidecar
        What remembers plans, predicts and keeps pools.
    """

    sidecar: Sidecar

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
        """
        plan, pool = self.sidecar.shelf.take(tenant, body.plan_id)
        reports = [report.to_report() for report in body.reports]
        held = None if pool is None else self._read_held(tenant, plan)
        anew = await self._predict_anew(plan, reports)
        work = partial(_work_out, plan, reports, body, held, anew)
        found = await asyncio.to_thread(work)
        if held is not None and self.sidecar.ledger is not None:
            needed = _sum_needed(plan, found, reports, held)
            if needed is not None:
                with self.sidecar.traces.span("ledger"):
                    move = self.sidecar.ledger.move_reserved(tenant, plan.plan_id, needed)
                    await asyncio.wrap_future(move)
        self.sidecar.metrics.count("plan", "replanned")
        return found.to_dict()

    def _read_held(self, tenant: str, plan: Plan) -> Held:
        """Read what a pool holds for each open question."""
        held = self.sidecar.require_ledger().read_open(tenant, plan.plan_id)
        if not held:
            raise ConflictError(
                f"nothing is held for plan {plan.plan_id!r} any more: allocate anew"
            )
        return held

    async def _predict_anew(
        self, plan: Plan, reports: Sequence[Report]
    ) -> Mapping[str, NDArray[np.float64]]:
        """Predict questions anew of which reports bring context."""
        known = {question.id: question for question in plan.questions}
        changed = {}
        for report in reports:
            if report.context and report.id in known:
                changed[report.id] = known[report.id].with_context(report.context)
                known[report.id] = changed[report.id]
        if not changed:
            return {}
        outcome = await self.sidecar.desk.predict(tuple(changed.values()), menu=plan.surface.menu)
        if outcome.degraded is not None:
            # What was expected before is worth more than the options' means.
            return {}
        return dict(zip(changed, outcome.value.quality, strict=True))


def _work_out(
    plan: Plan,
    reports: Sequence[Report],
    body: ReplanBody,
    held: Held | None,
    anew: Mapping[str, NDArray[np.float64]],
) -> Replan:
    """Take in all reports and allocate what is left."""
    if held is not None:
        plan = _limit(plan, reports, held)
        # A question that is settled has given back what it left.
        reports = [
            report if report.id in held else replace(report, is_done=True) for report in reports
        ]
    replanner = Replanner(plan, is_checked=body.is_checked, may_give_up=body.may_give_up)
    for report in reports:
        replanner.report(report, quality=anew.get(report.id))
    if held is not None:
        replanner.close([question.id for question in plan.questions if question.id not in held])
    return replanner.plan(body.running)


def _limit(plan: Plan, reports: Sequence[Report], held: Held) -> Plan:
    """Plan with what is held now, and with what settled questions have taken of it before."""
    budget = {unit: sum(row.get(unit, 0) for row in held.values()) for unit in plan.units}
    for report in reports:
        if report.id not in held:
            for unit in plan.units:
                budget[unit] += int(to_micro_ceil(report.cost.get(unit, 0.0)))
    return replace(plan, budget_micro=budget)


def _sum_needed(plan: Plan, found: Replan, reports: Sequence[Report], held: Held) -> Held | None:
    """Sum what each open question has taken and is to take; None where more is than is held."""
    needed: Held = {name: dict.fromkeys(row, 0) for name, row in held.items()}
    for report in reports:
        if report.id in needed:
            for unit in needed[report.id]:
                needed[report.id][unit] += int(to_micro_ceil(report.cost.get(unit, 0.0)))
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
