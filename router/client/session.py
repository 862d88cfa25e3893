"""Sessions: the waiting part of a client. What to wait for is decided by what it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from router.client.breaker import Breaker
from router.client.calls import ask_readiness, send_report
from router.client.exchange import Attempt, Exchange
from router.client.results import Delivery, Receipt
from router.client.transport import Transport
from router.exceptions import AccessError, InputError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx2

    from router.client.calls import Call
    from router.client.fallback import Fallback, PlanRequest
    from router.client.outbox import Outbox, Report
    from router.client.results import ClientPlan
    from router.client.settings import Settings

__all__ = ["Session"]

LOGGER = logging.getLogger(__name__)

Result = TypeVar("Result")

# Of a call's time, what is kept back for the caller's own router where there is one.
ROUTER_SHARE = 0.25
# How many queued reports a report that got through takes with it, within its own time.
COMPANIONS_MAX = 16


class Session:
    """Makes calls within their time and keeps what could not be delivered.

    Parameters
    ----------
    settings : Settings
        Whom to ask, and for how long.
    fallback : Fallback
        What to do without the service.
    outbox : Outbox
        Where reports wait.
    breaker : Breaker
        Whether attempts go out.
    transport : httpx2.AsyncBaseTransport or None
        What carries the requests.
    clock : callable
        Tells seconds.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fallback: Fallback,
        outbox: Outbox,
        breaker: Breaker,
        transport: httpx2.AsyncBaseTransport | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.settings, self.outbox, self.breaker = settings, outbox, breaker
        self._fallback = fallback
        self._clock, self._sleep = clock, sleep
        self._inner = transport
        self._transport = Transport(settings, transport)

    def reconnect(self) -> None:
        """Leave all connections as they are and use new ones."""
        self._transport = Transport(self.settings, self._inner)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    def start(self) -> float:
        """Say when a call that begins now has to be over."""
        return self._clock() + self.settings.timeout_s

    async def perform(self, call: Call[Result], deadline_s: float | None = None) -> Result:
        """Make a call with all its attempts.

        Parameters
        ----------
        call : Call
            What is asked.
        deadline_s : float, optional
            When it has to be over; as long from now as a call may take by default.

        Returns
        -------
        Result
            As the call reads it.

        Raises
        ------
        ServiceError
            If the service cannot be had in time.
        """
        deadline_s = self.start() if deadline_s is None else deadline_s
        n_attempts = self.settings.n_attempts
        return await self._drive(Exchange(call, self.breaker, deadline_s, self._clock, n_attempts))

    async def ask_whether_ready(self) -> bool:
        """Ask once, past the breaker, which is closed by a good answer.

        Returns
        -------
        bool
        """
        exchange = Exchange(ask_readiness(), Breaker(), self.start(), self._clock, 1)
        try:
            is_ready = await self._drive(exchange)
        except ServiceError:
            return False
        self.breaker.record(ok=True)
        return is_ready

    async def plan(
        self, call: Call[ClientPlan], request: PlanRequest, deadline_s: float
    ) -> ClientPlan:
        """Ask for a plan, and make one where the service cannot be had.

        Parameters
        ----------
        call : Call
            The request as it is sent.
        request : PlanRequest
            The same, for the fallback.
        deadline_s : float
            When it has to be over.

        Returns
        -------
        ClientPlan
        """
        has_router = self._fallback.router is not None and request.pool is None
        kept_s = ROUTER_SHARE * self.settings.timeout_s if has_router else 0.0
        try:
            return await self.perform(call, deadline_s - kept_s)
        except ServiceError as error:
            reason = str(error)
        plan = None
        if has_router:
            # A model takes what it takes: in a thread, so that neither the loop nor the caller
            # waits for more than is left.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._count_down(deadline_s)):
                    plan = await asyncio.to_thread(self._fallback.plan_with_router, request, reason)
        return plan if plan is not None else self._fallback.plan(request, reason)

    async def report(self, report: Report, deadline_s: float) -> Receipt:
        """Deliver a report and some that were queued, or queue it.

        Parameters
        ----------
        report : Report
            A new one.
        deadline_s : float
            When it has to be over.

        Returns
        -------
        Receipt
        """
        path = None
        if self.outbox.has_directory:
            # A disk that hangs must not hold the caller; the report is then in memory alone.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._count_down(deadline_s)):
                    path = await asyncio.to_thread(self.outbox.save, report)
        self.outbox.add(report, path, is_taken=True)
        try:
            document = await self._deliver(report, deadline_s)
        except ServiceError:
            return Receipt("queued", report.key)
        with contextlib.suppress(AccessError):
            await self.deliver_queued(deadline_s, COMPANIONS_MAX)
        return Receipt("delivered", report.key, document)

    async def deliver_queued(self, deadline_s: float, n_reports_max: int) -> Delivery:
        """Deliver queued reports until one fails or time is up.

        Parameters
        ----------
        deadline_s : float
            When it has to be over.
        n_reports_max : int
            How many at most.

        Returns
        -------
        Delivery

        Raises
        ------
        AccessError
            If the service does not know the key.
        """
        n_delivered, refused = 0, []
        for _ in range(n_reports_max):
            report = self.outbox.take() if self._clock() < deadline_s else None
            if report is None:
                break
            try:
                await self._deliver(report, deadline_s)
                n_delivered += 1
            except ServiceError:
                break
            except InputError as error:
                LOGGER.warning("a queued report was refused for good: %s", error)
                refused.append(str(error))
        return Delivery(n_delivered, len(self.outbox), tuple(refused))

    async def _deliver(self, report: Report, deadline_s: float) -> Mapping[str, Any]:
        """Deliver a report that was taken, or give it back."""
        try:
            document = await self.perform(send_report(report.content, report.key), deadline_s)
        except InputError:
            self.outbox.settle(report)
            raise
        except BaseException:
            self.outbox.give_back(report)
            raise
        self.outbox.settle(report)
        return document

    async def _drive(self, exchange: Exchange[Result]) -> Result:
        """Do what an exchange says, step by step."""
        steps = exchange.take_steps()
        came = None
        while True:
            try:
                step = steps.send(came)
            except StopIteration as end:
                result: Result = end.value
                return result
            if isinstance(step, Attempt):
                came = await self._transport.send(exchange.call, step.seconds_max)
            else:
                await self._sleep(step.seconds)
                came = None

    def _count_down(self, deadline_s: float) -> float:
        """Say how many seconds are left."""
        return max(deadline_s - self._clock(), 0.0)
