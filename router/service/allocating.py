"""Allocating over HTTP: a plan within a budget, or within what a pool has left.

Plans fail open and budgets fail closed. A plan that takes nothing from a pool is given even where
the store cannot be written; one that would is not, because nobody could hold it to the pool then.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from router.budgets import from_micro, to_micro_ceil
from router.exceptions import BudgetError, PoolExhaustedError, StoreError, UnknownError
from router.ledger.records import Answer
from router.service.allowances import decide_allowance, explain_share, raise_allowance
from router.service.answers import write_json
from router.service.plan_answers import PlanAnswer
from router.service.recording import Recorder
from router.service.schemas import choose_exploration, make_budget, make_menu, make_questions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from router.ledger.records import PlanRecord, RequestKey
    from router.plan import Plan
    from router.questions import Question
    from router.service.allowances import Allowance
    from router.service.schemas import AllocateBody
    from router.service.sidecar import Sidecar

__all__ = ["Allocating"]

# A pool that others draw on between the look and the grant is looked at again this often.
TRIES = 3


@dataclass(frozen=True)
class Allocating:
    """Answers requests for plans.

    Parameters
    ----------
    sidecar : Sidecar
        What plans, and what keeps pools.
    """

    sidecar: Sidecar
    _recorder: Recorder | None = field(init=False)
    _pending: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Make what turns plans into records."""
        sidecar, recorder = self.sidecar, None
        if sidecar.ledger is not None:
            recorder = Recorder(
                sidecar.ledger,
                store_texts=sidecar.store_texts,
                store_features=sidecar.store_features,
            )
        object.__setattr__(self, "_recorder", recorder)

    async def answer(self, body: AllocateBody, tenant: str, key: RequestKey | None) -> Answer:
        """Plan, reserve where there is a pool, and write down.

        Parameters
        ----------
        body : AllocateBody
            The request.
        tenant : str
            Whose.
        key : RequestKey or None
            By which it would be known again.

        Returns
        -------
        Answer

        Raises
        ------
        RouterError
            If the request cannot be answered; nothing was reserved then.
        """
        questions = make_questions(body.questions)
        shadow = body.shadow or self.sidecar.shadow
        if body.pool is None:
            budget = make_budget(body.budget)
            amounts = None if budget is None else budget.to_dict()
            added = {"shadow": True} if shadow else {}
            write = partial(PlanAnswer.write, added=added)
            written = await self._plan(
                body, questions, amounts, {}, write, whole=body.all_or_nothing
            )
            self.sidecar.shelf.keep(tenant, written.plan)
            return await self._give(written, tenant, key, shadow=shadow)
        for _ in range(TRIES):
            answer = await self._draw(body, questions, tenant, key, shadow=shadow)
            if answer is not None:
                return answer
        self.sidecar.metrics.count("ledger", "refused")
        raise PoolExhaustedError(
            f"pool {body.pool!r} was drawn on by others each time a plan was made: ask again"
        )

    async def _plan(
        self,
        body: AllocateBody,
        questions: Sequence[Question],
        amounts: Mapping[str, float] | None,
        prices: Mapping[str, float],
        write: Callable[[Plan], PlanAnswer],
        *,
        whole: bool,
    ) -> PlanAnswer:
        """Make and write a plan within amounts, away from the loop that answers others."""
        with self.sidecar.traces.span("plan") as spot:
            written = await self.sidecar.desk.plan(
                write,
                questions,
                amounts,
                menu=make_menu(body.menu),
                allow_skip=body.allow_skip,
                cost_margin=body.cost_margin,
                target_quality=body.target_quality,
                allow_unfunded=not whole,
                shadow_price=prices or None,
                explore=choose_exploration(body, self.sidecar.explore, shadow=self.sidecar.shadow),
            )
            spot.note("n_questions", len(questions))
            spot.note("is_fallback", written.plan.degraded is not None)
            return written

    async def _give(
        self, written: PlanAnswer, tenant: str, key: RequestKey | None, *, shadow: bool
    ) -> Answer:
        """Give a plan that takes nothing from a pool, and write it down behind it."""
        plan, document = written.plan, written.document
        recorder, ledger = self._recorder, self.sidecar.ledger
        answer = Answer(200, written.content)
        self._count(document, "shadow" if shadow else _name_kind(plan))
        if recorder is None or ledger is None:
            return answer
        record = recorder.record(plan, self._fingerprint, tenant=tenant, shadow=shadow)
        try:
            future = ledger.record(record, key=key, answer=answer)
            if key is not None:
                with self.sidecar.traces.span("ledger"):
                    await asyncio.wrap_future(future)
            else:
                future.add_done_callback(self._note_failure)
        except StoreError:
            # The plan is good for all that; only what comes of it cannot be reported.
            self.sidecar.metrics.count("ledger", "failed")
            return Answer(200, write_json({**document, "recorded": False}))
        return answer

    async def _draw(
        self,
        body: AllocateBody,
        questions: Sequence[Question],
        tenant: str,
        key: RequestKey | None,
        *,
        shadow: bool,
    ) -> Answer | None:
        """Plan within what a pool has left and reserve it; None where others were quicker."""
        ledger, name = self.sidecar.require_ledger(), str(body.pool)
        if (tenant, name) not in self._pending:
            # Nothing is kept of names that are none.
            ledger.read_pool(tenant, name)
        pending = self._pending.setdefault((tenant, name), {})
        async with self.sidecar.lock_pool(tenant, name):
            state = ledger.read_pool(tenant, name)
            budget = make_budget(body.budget)
            cap = {} if budget is None else budget.to_micro()
            allowance = decide_allowance(state, pending, cap, len(questions))
            lease_seconds = body.lease_s or self.sidecar.lease_seconds
            added = {"shadow": True} if shadow else {"pool": name, "lease_s": lease_seconds}
            note = explain_share(state, allowance, cap)
            write = partial(PlanAnswer.write, added=added, unfunded_note=note)
            try:
                allowance, written = await self._plan_share(
                    body, questions, allowance, partial(raise_allowance, state, pending, cap), write
                )
            except BudgetError as error:
                raise self._blame(error, body, allowance.amounts_micro, cap, note) from error
            if shadow:
                # Nothing is held, so it is re-planned within what it was given.
                self.sidecar.shelf.keep(tenant, written.plan)
                return await self._give(written, tenant, key, shadow=True)
            recorder = self._require_recorder()
            plan, answer = written.plan, Answer(200, written.content)
            record = recorder.record(plan, self._fingerprint, tenant=tenant)
            future = ledger.reserve(
                record,
                name,
                lease_seconds=lease_seconds,
                opening_price=plan.shadow_price,
                key=key,
                answer=answer,
            )
            self._add(pending, record, 1)
        if not await self._wait(future, pending, record):
            return None
        self._count(written.document, _name_kind(plan))
        self.sidecar.shelf.keep(tenant, plan, pool=name)
        return answer

    async def _plan_share(
        self,
        body: AllocateBody,
        questions: Sequence[Question],
        allowance: Allowance,
        raise_to: Callable[[Allowance, Mapping[str, int]], Allowance | None],
        write: Callable[[Plan], PlanAnswer],
    ) -> tuple[Allowance, PlanAnswer]:
        """Plan within an allowance, raised where an even share of the pool does not reach."""

        async def plan(within: Allowance, *, whole: bool) -> PlanAnswer:
            """Plan within amounts."""
            amounts = {unit: from_micro(amount) for unit, amount in within.amounts_micro.items()}
            return await self._plan(body, questions, amounts, within.prices, write, whole=whole)

        if body.target_quality is None and raise_to(allowance, {}) is not None:
            written = await plan(allowance, whole=False)
            if (written.plan.choice_index >= 0).all():
                return allowance, written
            least = written.document["totals"]["minimum_required"]
            amounts = to_micro_ceil(list(least.values())).tolist()
            raised = raise_to(allowance, dict(zip(least, amounts, strict=True)))
            if raised is None and not body.all_or_nothing:
                return allowance, written
            allowance = raised or allowance
        return allowance, await plan(allowance, whole=body.all_or_nothing)

    def _blame(
        self,
        error: BudgetError,
        body: AllocateBody,
        amounts_micro: Mapping[str, int],
        cap: Mapping[str, int],
        note: str,
    ) -> BudgetError:
        """Say that a pool is exhausted where it, and not the request itself, asks too much."""
        bound = any(unit not in cap or amount < cap[unit] for unit, amount in amounts_micro.items())
        if not (bound and body.all_or_nothing and body.target_quality is None):
            return error
        self.sidecar.metrics.count("ledger", "refused")
        return PoolExhaustedError(f"pool {body.pool!r}: {error}{note and '; '}{note}")

    async def _wait(
        self, future: Future[None], pending: dict[str, int], record: PlanRecord
    ) -> bool:
        """Wait until a grant is on disk; say whether it was made."""
        try:
            with self.sidecar.traces.span("ledger"):
                await asyncio.wrap_future(future)
        except PoolExhaustedError:
            return False
        finally:
            self._add(pending, record, -1)
        self.sidecar.metrics.count("ledger", "granted")
        return True

    def _require_recorder(self) -> Recorder:
        """Give what turns plans into records."""
        if self._recorder is None:
            raise UnknownError("the service keeps no ledger: start it with --data DIR")
        return self._recorder

    @staticmethod
    def _add(pending: dict[str, int], record: PlanRecord, sign: int) -> None:
        """Note what is on its way to the disk, or no longer."""
        for unit, amount in record.totals_micro.items():
            pending[unit] = pending.get(unit, 0) + sign * amount

    def _note_failure(self, future: Future[None]) -> None:
        """Count a plan that could not be written down; its answer is out already."""
        if future.exception() is not None:
            self.sidecar.metrics.count("ledger", "failed")

    def _count(self, document: Mapping[str, Any], kind: str) -> None:
        """Count a plan and its choices."""
        self.sidecar.metrics.count("plan", kind)
        for status, count in document["totals"]["statuses"].items():
            if count:
                self.sidecar.metrics.count("choice", status, count)

    @property
    def _fingerprint(self) -> str:
        """Of what turns texts into features."""
        return self.sidecar.router.predictor.encoder.fingerprint


def _name_kind(plan: Plan) -> str:
    """Name the kind of a plan by which it is counted."""
    return "planned" if plan.degraded is None else "fallback"
