"""Inquiries: calls for which there is no substitute, so that they fail where the service does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.client.calls import (
    ask_curve,
    ask_pool,
    ask_pools,
    ask_prediction,
    ask_replan,
    choose_key,
    create_pool,
)
from router.questions import parse_questions
from router.reports import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from router.client.calls import BudgetLike, MenuLike
    from router.client.results import ClientPlan, Curve, Pool, Prediction
    from router.client.session import Session
    from router.planner import QuestionLike
    from router.replan_decisions import Replan

__all__ = ["Inquiries"]


class Inquiries:
    """Calls that raise `ServiceError` where the service cannot be had in time.

    Parameters
    ----------
    session : Session
        Makes them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def predict(
        self, questions: Iterable[QuestionLike], *, menu: MenuLike | None = None
    ) -> Prediction:
        """Predict the quality of every question under every option.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            What is asked.
        menu : Menu or mapping, optional
            In place of the bundle's own.

        Returns
        -------
        Prediction

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        """
        return await self._session.perform(ask_prediction(parse_questions(questions), menu))

    async def curve(
        self,
        questions: Iterable[QuestionLike],
        *,
        unit: str | None = None,
        menu: MenuLike | None = None,
        n_points: int | None = None,
        cost_margin: float | None = None,
    ) -> Curve:
        """Draw expected quality against budget.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            What is asked.
        unit : str, optional
            Of the budget; dollars where they are known.
        menu : Menu or mapping, optional
            In place of the bundle's own.
        n_points : int, optional
            How many budgets at most.
        cost_margin : float, optional
            As for :meth:`router.Router.curve`.

        Returns
        -------
        Curve

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        """
        terms = {"unit": unit, "n_points": n_points, "cost_margin": cost_margin}
        call = ask_curve(parse_questions(questions), menu, terms)
        return await self._session.perform(call)

    async def replan(
        self,
        plan: ClientPlan | str,
        reports: Iterable[Report | Mapping[str, Any]],
        *,
        running: Iterable[str] = (),
        is_checked: bool = False,
        may_give_up: bool = True,
    ) -> Replan:
        """Ask what to do next with a plan under way, given all that has been reported so far.

        Parameters
        ----------
        plan : ClientPlan or str
            A plan of the service, or its identifier.
        reports : iterable of Report or mapping
            All of them, in the order in which it happened.
        running : iterable of str, optional
            Questions whose last decision is being carried out.
        is_checked, may_give_up : bool
            As for :class:`router.Policy`.

        Returns
        -------
        Replan

        Raises
        ------
        ServiceError
            If the service cannot be had in time; to go on with the plan as it is does no harm.
        UnknownError
            If the service does not know the plan (any more).
        ConflictError
            If what was held for it is held no longer.
        InputError
            If a report is malformed or of nothing in the plan.
        """
        plan_id = plan if isinstance(plan, str) else plan.plan_id
        known = [one if isinstance(one, Report) else Report.from_mapping(one) for one in reports]
        terms = {
            "running": list(running),
            "is_checked": is_checked,
            "may_give_up": may_give_up,
        }
        return await self._session.perform(ask_replan(plan_id, known, terms))

    async def create_pool(
        self,
        name: str,
        capacity: BudgetLike,
        *,
        share_max: float | None = None,
        expected_questions: int | None = None,
        idempotency_key: str | None = None,
    ) -> Pool:
        """Create a pool of budget; one of the same name and terms that is there will do.

        Parameters
        ----------
        name : str
            How it is called.
        capacity : Budget or mapping
            What it holds, by unit.
        share_max : float, optional
            What part of the free rest one call without a budget of its own may take.
        expected_questions : int, optional
            How many questions the pool is meant for in all.
        idempotency_key : str, optional
            A new one by default.

        Returns
        -------
        Pool

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        ConflictError
            If there is one of that name with other terms.
        """
        terms = {"share_max": share_max, "expected_questions": expected_questions}
        call = create_pool(name, capacity, terms, choose_key(idempotency_key))
        return await self._session.perform(call)

    async def list_pools(self) -> tuple[Pool, ...]:
        """List the caller's pools.

        Returns
        -------
        tuple of Pool

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        """
        return await self._session.perform(ask_pools())

    async def get_pool(self, name: str) -> Pool:
        """Look at a pool.

        Parameters
        ----------
        name : str
            How it is called.

        Returns
        -------
        Pool

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        UnknownError
            If the caller has none of that name.
        """
        return await self._session.perform(ask_pool(name))

    async def ready(self) -> bool:
        """Ask once whether the service is ready for work, also while the breaker is open.

        Returns
        -------
        bool
            False where it is not, or cannot be had.
        """
        return await self._session.ask_whether_ready()
