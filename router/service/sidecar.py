"""The sidecar: what all routes share, in one object."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from router.exceptions import UnknownError
from router.service.crew import Crew
from router.service.desk import PlanningDesk
from router.service.metrics import Metrics
from router.service.plan_shelf import PlanShelf
from router.service.repetitions import Repetitions
from router.service.traces import Traces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from router.ledger import Ledger
    from router.planner import Router
    from router.service.desk import DeskLimits

__all__ = ["TENANT", "Sidecar", "find_tenant"]

# Whose everything is where no keys tell tenants apart.
TENANT = "default"
LEASE_SECONDS = 300.0


@dataclass(frozen=True)
class Sidecar:
    """What all routes share.

    Parameters
    ----------
    router : Router
        Predicts and plans.
    ledger : Ledger, optional
        Keeps pools, plans and outcomes; without one plans are forgotten once they are answered.
    metrics : Metrics
        Where everything is counted.
    traces : Traces
        Where requests are traced; nowhere by default.
    shadow : bool, default=False
        Whether plans are made and written down but nothing is reserved, whatever requests say.
    explore : float, default=0
        Probability with which a question draws its option by chance, where a request does not say.
    store_texts : bool, default=False
        Whether questions themselves are written down, and not only their keyed hashes.
    store_features : bool, default=True
        Whether what the model reads of a text is written down, so that one can train on it.
    lease_seconds : float, default=300
        For how long a pool holds what a plan costs when the request does not say.
    limits : DeskLimits, optional
        How long the model may take, and how much is planned at once.
    """

    router: Router
    ledger: Ledger | None = None
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)
    shadow: bool = False
    explore: float = 0.0
    store_texts: bool = False
    store_features: bool = True
    lease_seconds: float = LEASE_SECONDS
    limits: DeskLimits | None = None
    desk: PlanningDesk = field(init=False)
    repetitions: Repetitions = field(init=False)
    shelf: PlanShelf = field(default_factory=PlanShelf, init=False)
    replanners: Crew = field(default_factory=partial(Crew, 1), init=False)
    _locks: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Make what plans, and what remembers repeated requests."""
        desk = PlanningDesk(self.router, self.limits, self._note)
        object.__setattr__(self, "desk", desk)
        object.__setattr__(self, "repetitions", Repetitions(self.ledger, self.metrics))
        if self.ledger is not None:
            self.ledger.writer.watch = self._watch_commit
            self.ledger.watch_expired = partial(self.metrics.count, "ledger", "expired")

    def _watch_commit(self, seconds: float, n_waiting: int) -> None:
        """Record how the ledger's writer does."""
        self.metrics.observe("ledger_commit", seconds)
        self.metrics.set_level("ledger_queue_depth", n_waiting)

    def _note(self, event: str) -> None:
        """Count what the planning desk tells."""
        if event == "overload":
            self.metrics.count("shed", event)
        else:
            self.metrics.count("fallback", event)

    def require_ledger(self) -> Ledger:
        """Give the ledger.

        Raises
        ------
        UnknownError
            If the service was started without one.
        """
        if self.ledger is None:
            raise UnknownError("the service keeps no ledger: start it with --data DIR")
        return self.ledger

    @asynccontextmanager
    async def lock_pool(self, tenant: str, name: str) -> AsyncIterator[None]:
        """Hold the lock under which a pool is looked at and drawn on.

        Two plans that look at the same rest would both count on it; the second would be refused
        by the store and be made again. Who waits here waits to be planned, and so takes a place at
        the desk.

        Raises
        ------
        OverloadError
            If there is none.
        """
        lock = self._locks.setdefault((tenant, name), asyncio.Lock())
        with self.desk.room.take_place():
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def check_store(self) -> str | None:
        """Say why the store cannot be used, or None."""
        if self.ledger is not None and self.ledger.writer.failing:
            return "the store cannot be written"
        return None


def find_tenant(request: Request) -> str:
    """Find whose a request is.

    Parameters
    ----------
    request : Request
        The door has left the caller in its state, where there is one.

    Returns
    -------
    str
    """
    caller = getattr(request.state, "caller", None)
    return TENANT if caller is None else str(caller.tenant)
