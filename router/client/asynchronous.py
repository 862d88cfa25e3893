"""The client for programs that wait with ``await``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from router.budgets import Budget
from router.client.breaker import Breaker
from router.client.calls import ask_plan, choose_key, write_outcomes
from router.client.fallback import LOCAL, Fallback, PlanRequest
from router.client.inquiries import Inquiries
from router.client.outbox import Outbox, Report
from router.client.results import ClientPlan, Receipt
from router.client.session import Session
from router.client.settings import URL, Settings
from router.exceptions import AccessError
from router.questions import parse_questions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    import httpx2

    from router.client.calls import BudgetLike, MenuLike
    from router.client.results import Delivery
    from router.options import Option
    from router.planner import QuestionLike, Router

__all__ = ["AsyncClient"]


class AsyncClient(Inquiries):
    """Asks the sidecar, and does without it when it cannot be had.

    No call takes longer than `timeout_s` with all its attempts and pauses. Plans then come from the
    fallback and say so, never drawing on a pool; reports are kept and delivered later, once;
    everything else raises `ServiceError`. What the service refuses is an error of the caller:
    `InputError` and its kind, or `AccessError` where the key is not known.

    To be used in one event loop, and closed in it (or used with ``async with``).

    Parameters
    ----------
    url : str, default="http://127.0.0.1:8088"
        Where the sidecar listens.
    key : str, optional
        By which it knows the caller; the environment's ``ROUTER_SERVICE_KEY`` by default.
    timeout_s : float, default=2.0
        Seconds that a call may take in all.
    n_attempts : int, default=3
        Attempts of one call, at most.
    socket_path : str, optional
        A Unix domain socket to connect to instead of the address.
    allow_plain_http : bool, default=False
        Whether a key may go to another machine unencrypted.
    fallback_option : str or Option, optional
        What every question is given without the service; see
        :class:`router.client.fallback.Fallback`.
    fallback_router : Router, optional
        Plans without the service; a quarter of each call's time is kept back for it.
    spool : str or Path, optional
        A directory in which reports lie until they are delivered, also over the end of the process.
    n_reports_max : int, default=1000
        How many undelivered reports are kept.
    breaker : Breaker, optional
        Shared by clients of the same service; its own by default.
    transport : httpx2.AsyncBaseTransport, optional
        For certificates and proxies of one's own.
    clock : callable, default=time.monotonic
        Tells seconds.
    sleep : callable, default=asyncio.sleep
        Waits so many seconds.

    Raises
    ------
    InputError
        If one of them cannot be used.
    MissingExtraError
        If the extra ``[client]`` is not installed.

    Examples
    --------
    >>> async def plan() -> str:
    ...     async with AsyncClient("http://127.0.0.1:9", fallback_option="small") as client:
    ...         plan = await client.allocate(["Who ruled Zurich in 1336?"], {"usd": 0.01})
    ...     return f"{plan.source}: {plan.choices[0].option}"
    >>> asyncio.run(plan())  # nobody listens there
    'fallback: small'
    """

    def __init__(
        self,
        url: str = URL,
        *,
        key: str | None = None,
        timeout_s: float = 2.0,
        n_attempts: int = 3,
        socket_path: str | None = None,
        allow_plain_http: bool = False,
        fallback_option: str | Option | None = None,
        fallback_router: Router | None = None,
        spool: str | Path | None = None,
        n_reports_max: int = 1000,
        breaker: Breaker | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        settings = Settings(
            url, key, timeout_s, n_attempts, socket_path, allow_plain_http=allow_plain_http
        )
        session = Session(
            settings,
            fallback=Fallback(fallback_option, fallback_router),
            outbox=Outbox(n_reports_max, spool),
            breaker=breaker if breaker is not None else Breaker(clock=clock),
            transport=transport,
            clock=clock,
            sleep=sleep,
        )
        super().__init__(session)

    def __repr__(self) -> str:
        """Say whom it asks, never with which key."""
        return f"<{type(self).__name__} of {self.settings.url}>"

    async def __aenter__(self) -> Self:
        """Give the client, to be closed at the end."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    @property
    def settings(self) -> Settings:
        """Whom it asks, and for how long."""
        return self._session.settings

    @property
    def breaker(self) -> Breaker:
        """Whether attempts go out at the moment."""
        return self._session.breaker

    @property
    def outbox(self) -> Outbox:
        """Reports that are not delivered yet."""
        return self._session.outbox

    def reconnect(self) -> None:
        """Leave all connections as they are and use new ones, as a forked process has to."""
        self._session.reconnect()

    async def close(self) -> None:
        """Try once more to deliver what is queued, within the time of a call, and disconnect."""
        if len(self.outbox) > 0:
            with contextlib.suppress(AccessError):
                await self.flush()
        await self._session.close()

    async def allocate(
        self,
        questions: Iterable[QuestionLike],
        budget: BudgetLike | None = None,
        *,
        pool: str | None = None,
        menu: MenuLike | None = None,
        lease_s: float | None = None,
        all_or_nothing: bool | None = None,
        shadow: bool | None = None,
        explore: float | None = None,
        allow_skip: bool | None = None,
        cost_margin: float | None = None,
        target_quality: float | None = None,
        idempotency_key: str | None = None,
    ) -> ClientPlan:
        """Plan an option for every question, together within the budget, the pool or both.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            As for :meth:`router.Router.allocate`.
        budget : Budget or mapping, optional
            Ceilings over the whole batch, by unit.
        pool : str, optional
            The pool to draw on; what is planned is reserved in it. Without the service nothing is
            granted and every choice is ``unfunded``.
        menu : Menu or mapping, optional
            In place of the bundle's own.
        lease_s : float, optional
            Seconds for which the pool keeps the reservation.
        all_or_nothing : bool, optional
            Whether to refuse where budget or pool do not reach for all questions, instead of
            leaving some ``unfunded``.
        shadow : bool, optional
            Whether to plan and log, but enforce nothing.
        explore : float, optional
            Probability with which a question draws its option by chance; by default as the service
            is set. Without the service nothing is explored.
        allow_skip, cost_margin, target_quality : optional
            As for :meth:`router.Router.allocate`.
        idempotency_key : str, optional
            By which the service knows the request again after a restart of the caller; a new one
            by default.

        Returns
        -------
        ClientPlan
            Of ``source`` ``service``, or ``fallback`` with the reason.

        Raises
        ------
        InputError
            If something handed in cannot be used or met.
        AccessError
            If the service does not know the key.
        """
        deadline_s = self._session.start()
        asked = parse_questions(questions)
        terms = {
            "lease_s": lease_s,
            "all_or_nothing": all_or_nothing,
            "shadow": shadow,
            "explore": explore,
            "allow_skip": allow_skip,
            "cost_margin": cost_margin,
            "target_quality": target_quality,
        }
        key = choose_key(idempotency_key)
        call = ask_plan(asked, budget, pool=pool, menu=menu, terms=terms, key=key)
        given = Budget.from_mapping(budget) if isinstance(budget, Mapping) else budget
        request = PlanRequest(asked, given, pool, menu, terms)
        return await self._session.plan(call, request, deadline_s)

    async def report(
        self,
        plan: ClientPlan | str,
        outcomes: Iterable[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Report what questions really consumed and gained; what cannot be delivered is queued.

        Parameters
        ----------
        plan : ClientPlan or str
            The plan, or its identifier.
        outcomes : iterable of mapping
            Each with ``id``, ``cost`` by unit and ``quality`` from 0 to 1; quality may be None and
            come in a second report.
        idempotency_key : str, optional
            A new one by default.

        Returns
        -------
        Receipt

        Raises
        ------
        InputError
            If the service would never take it; it is not queued.
        AccessError
            If the service does not know the key; the report stays queued.
        """
        deadline_s = self._session.start()
        plan_id = plan.plan_id if isinstance(plan, ClientPlan) else plan
        report = Report(choose_key(idempotency_key), write_outcomes(plan_id, outcomes))
        is_known = not isinstance(plan, ClientPlan) or plan.document.get("recorded", True)
        if plan_id.startswith(LOCAL) or not is_known:
            return Receipt("local", report.key)
        return await self._session.report(report, deadline_s)

    async def flush(self) -> Delivery:
        """Deliver queued reports, as many as the time of one call allows.

        Returns
        -------
        Delivery

        Raises
        ------
        AccessError
            If the service does not know the key; everything stays queued.
        """
        session = self._session
        return await session.deliver_queued(session.start(), len(session.outbox))
