"""The client for programs that wait without ``await``.

It is the other one, run by one thread for all clients of a process: only an event loop can bound a
whole call. Blocking sockets time out when nothing comes for so long, so that a peer which sends a
byte a second, or a name that is looked up in vain, would hold an agent for ever.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from router.client.asynchronous import AsyncClient
from router.client.settings import URL
from router.exceptions import ServiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
    from pathlib import Path

    import httpx2

    from router.client.breaker import Breaker
    from router.client.calls import BudgetLike, MenuLike
    from router.client.outbox import Outbox
    from router.client.results import ClientPlan, Curve, Delivery, Pool, Prediction, Receipt
    from router.client.settings import Settings
    from router.options import Option
    from router.planner import QuestionLike, Router
    from router.replan_decisions import Replan
    from router.reports import Report

__all__ = ["Client"]

Result = TypeVar("Result")

# How much later than its time a call may be taken back from a thread that does not get to run.
GRACE_S = 1.0


class _LoopThread:
    """One event loop in a thread of its own, made when first asked for, and anew after a fork."""

    def __init__(self) -> None:
        """Start without a loop."""
        self.forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Forget the loop: in a forked process nobody runs it."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Give the running loop."""
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="router-client", daemon=True).start()
                self._loop = loop
            return self._loop


_LOOP_THREAD = _LoopThread()


class Client:
    """Asks the sidecar, and does without it when it cannot be had; see :class:`AsyncClient`.

    Safe to use from several threads; to be closed, or used with ``with``. A process that is forked
    may go on with it.

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
        What every question is given without the service.
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
        Waits so many seconds, in the thread of all clients.

    Raises
    ------
    InputError
        If one of them cannot be used.
    MissingExtraError
        If the extra ``[client]`` is not installed.

    Examples
    --------
    >>> with Client("http://127.0.0.1:9", fallback_option="small") as client:  # nobody is there
    ...     plan = client.allocate(["Who ruled Zurich in 1336?"], {"usd": 0.01})
    >>> plan.source, plan.degraded, plan.choices[0].option
    ('fallback', True, 'small')
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
        self._remote = AsyncClient(
            url,
            key=key,
            timeout_s=timeout_s,
            n_attempts=n_attempts,
            socket_path=socket_path,
            allow_plain_http=allow_plain_http,
            fallback_option=fallback_option,
            fallback_router=fallback_router,
            spool=spool,
            n_reports_max=n_reports_max,
            breaker=breaker,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        """Say whom it asks, never with which key."""
        return f"<{type(self).__name__} of {self.settings.url}>"

    def __enter__(self) -> Self:
        """Give the client, to be closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def settings(self) -> Settings:
        """Whom it asks, and for how long."""
        return self._remote.settings

    @property
    def breaker(self) -> Breaker:
        """Whether attempts go out at the moment."""
        return self._remote.breaker

    @property
    def outbox(self) -> Outbox:
        """Reports that are not delivered yet."""
        return self._remote.outbox

    def close(self) -> None:
        """Try once more to deliver what is queued, within the time of a call, and disconnect."""
        self._run(self._remote.close())

    def allocate(
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
        """Plan an option for every question; see :meth:`AsyncClient.allocate`."""
        planning = self._remote.allocate(
            questions,
            budget,
            pool=pool,
            menu=menu,
            lease_s=lease_s,
            all_or_nothing=all_or_nothing,
            shadow=shadow,
            explore=explore,
            allow_skip=allow_skip,
            cost_margin=cost_margin,
            target_quality=target_quality,
            idempotency_key=idempotency_key,
        )
        return self._run(planning)

    def predict(
        self, questions: Iterable[QuestionLike], *, menu: MenuLike | None = None
    ) -> Prediction:
        """Predict the quality of every question; see :meth:`AsyncClient.predict`."""
        return self._run(self._remote.predict(questions, menu=menu))

    def curve(
        self,
        questions: Iterable[QuestionLike],
        *,
        unit: str | None = None,
        menu: MenuLike | None = None,
        n_points: int | None = None,
        cost_margin: float | None = None,
    ) -> Curve:
        """Draw expected quality against budget; see :meth:`AsyncClient.curve`."""
        drawing = self._remote.curve(
            questions, unit=unit, menu=menu, n_points=n_points, cost_margin=cost_margin
        )
        return self._run(drawing)

    def replan(
        self,
        plan: ClientPlan | str,
        reports: Iterable[Report | Mapping[str, Any]],
        *,
        running: Iterable[str] = (),
        is_checked: bool = False,
        may_give_up: bool = True,
    ) -> Replan:
        """Ask what to do next with a plan under way; see :meth:`AsyncClient.replan`."""
        asking = self._remote.replan(
            plan, reports, running=running, is_checked=is_checked, may_give_up=may_give_up
        )
        return self._run(asking)

    def report(
        self,
        plan: ClientPlan | str,
        outcomes: Iterable[Mapping[str, Any]],
        *,
        idempotency_key: str | None = None,
    ) -> Receipt:
        """Report what questions really consumed and gained; see :meth:`AsyncClient.report`."""
        return self._run(self._remote.report(plan, outcomes, idempotency_key=idempotency_key))

    def flush(self) -> Delivery:
        """Deliver queued reports; see :meth:`AsyncClient.flush`."""
        return self._run(self._remote.flush())

    def create_pool(
        self,
        name: str,
        capacity: BudgetLike,
        *,
        share_max: float | None = None,
        expected_questions: int | None = None,
        idempotency_key: str | None = None,
    ) -> Pool:
        """Create a pool of budget; see :meth:`AsyncClient.create_pool`."""
        creating = self._remote.create_pool(
            name,
            capacity,
            share_max=share_max,
            expected_questions=expected_questions,
            idempotency_key=idempotency_key,
        )
        return self._run(creating)

    def list_pools(self) -> tuple[Pool, ...]:
        """List the caller's pools; see :meth:`AsyncClient.list_pools`."""
        return self._run(self._remote.list_pools())

    def get_pool(self, name: str) -> Pool:
        """Look at a pool; see :meth:`AsyncClient.get_pool`."""
        return self._run(self._remote.get_pool(name))

    def ready(self) -> bool:
        """Ask once whether the service is ready for work; see :meth:`AsyncClient.ready`."""
        return self._run(self._remote.ready())

    def _run(self, task: Coroutine[Any, Any, Result]) -> Result:
        """Have the loop do it, and wait until it is done or the time of a call is well over."""
        loop = _LOOP_THREAD.get()
        if self._loop is not loop:
            # Connections belong to the loop that opened them, which a fork has left behind.
            if self._loop is not None:
                self._remote.reconnect()
            self._loop = loop
        future = asyncio.run_coroutine_threadsafe(task, loop)
        try:
            return future.result(self.settings.timeout_s + GRACE_S)
        except TimeoutError:
            raise ServiceError("the client's thread did not get to run in time") from None
        finally:
            # Also where the caller is interrupted; what is done already takes no notice.
            future.cancel()
