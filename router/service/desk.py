"""The planning desk: whatever becomes of the model, every question that can be planned is planned.

Planning fails open: where the model is missing, fails, takes too long or answers with what is no
number, the plan is made by the options' means and says so. What a caller has got wrong stays the
caller's error, and budgets hold either way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from router.exceptions import AllocationError, InputError, NonFiniteError
from router.fallback import Fallback
from router.planner import Router
from router.service.crew import Crew, Job
from router.service.desk_limits import DeskLimits
from router.service.desk_outcome import Outcome
from router.service.desk_room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router.budgets import Budget
    from router.curves import CurvePoint
    from router.models.surface import Surface
    from router.options import Menu
    from router.plan import Plan
    from router.questions import Question

__all__ = ["DeskLimits", "Outcome", "PlanningDesk"]

logger = logging.getLogger(__name__)
Value = TypeVar("Value")

# How often it is looked whether the model takes too long.
WATCH_SECONDS = 0.005
# A model that fails at every request is not written about at every request.
LOG_SECONDS = 10.0
# How long nobody asks a model that took too long twice in a row.
REST_SECONDS = 0.5


DEFAULT_LIMITS = DeskLimits()


class PlanningDesk:
    """Asks the model on a thread of its own, under a deadline, and goes on without it if need be.

    Parameters
    ----------
    router : Router or None
        Whose model is asked; None where there is none yet. Then plans are made by the means of the
        bundle that ships.
    limits : DeskLimits, optional
        How long and how much.
    on_event : callable, optional
        Told each time the model was gone without, by one of :data:`router.choices.DEGRADED`, and
        each time a request was refused, by ``"overload"``.

    Examples
    --------
    >>> desk = PlanningDesk(Router.load(), DeskLimits(deadline_ms=60_000.0))
    >>> plan = asyncio.run(desk.allocate(["Who ruled Zurich in 1336?"], {"usd": 0.01}))
    >>> plan.degraded is None
    True
    >>> desk.close()
    """

    def __init__(
        self,
        router: Router | None,
        limits: DeskLimits | None = None,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        self.limits = DEFAULT_LIMITS if limits is None else limits
        self.events: Counter[str] = Counter()
        self.room = Room(self.limits.in_flight_max, partial(self._note, "overload"))
        self._router = router
        self._fallback = Fallback(Router.load() if router is None else router)
        self._on_event = on_event
        self._waiting: dict[Job, None] = {}
        self._silent_until = 0.0
        self._is_suspect = False
        self._resting_until = 0.0
        self._watching: asyncio.AbstractEventLoop | None = None
        self._crew = Crew(self.limits.lost_max)
        self._spare = _open_spare()

    @property
    def router(self) -> Router | None:
        """Whose model is asked."""
        return self._router

    def adopt(self, router: Router | None) -> None:
        """Ask another model from now on, or none.

        Parameters
        ----------
        router : Router or None
            Requests under way are still answered by the one before. Without any, plans go by the
            means of the last one.
        """
        if router is not None:
            self._fallback = Fallback(router)
        self._router = router

    def check_model(self) -> str | None:
        """Say in fixed words why the model does not answer, or None; nothing is asked of it."""
        if self._router is None:
            return "the model is not loaded"
        return "the model does not answer" if self._is_resting() else None

    def close(self) -> None:
        """Let idle threads end; whoever asks again gets new ones."""
        self._crew.close()
        self._spare.shutdown(wait=False)
        self._spare = _open_spare()

    async def allocate(
        self,
        questions: Sequence[Question],
        budget: Budget | Mapping[str, float] | None = None,
        *,
        menu: Menu | None = None,
        **options: Any,
    ) -> Plan:
        """Give every question an option, together within the budget.

        Parameters
        ----------
        questions, budget, menu, **options
            As for :meth:`Router.allocate`.

        Returns
        -------
        Plan
            One that was made without the model says so (``degraded``).

        Raises
        ------
        InputError
            If something handed in cannot be used.
        OverloadError
            If too much is asked at once.
        """
        return await self.plan(lambda plan: plan, questions, budget, menu=menu, **options)

    async def plan(
        self,
        finish: Callable[[Plan], Value],
        questions: Sequence[Question],
        budget: Budget | Mapping[str, float] | None = None,
        *,
        menu: Menu | None = None,
        **options: Any,
    ) -> Value:
        """Plan as :meth:`allocate` does, and finish the plan on the thread that made it.

        Parameters
        ----------
        finish : callable
            Makes of a plan what is given back. Done elsewhere, its work and that for the next
            request would take turns at the interpreter, some ten times a request.
        questions, budget, menu, **options
            As for :meth:`Router.allocate`.

        Returns
        -------
        object
            What `finish` made.
        """

        def plan(router: Router) -> Value:
            """Plan with the model."""
            return finish(router.allocate(questions, budget, menu=menu, **options))

        def fall_back(fallback: Fallback, cause: str) -> Value:
            """Plan without it."""
            return finish(fallback.allocate(cause, questions, budget, menu=menu, **options))

        return (await self._ask(plan, fall_back, questions, menu)).value

    async def predict(
        self, questions: Sequence[Question], *, menu: Menu | None = None
    ) -> Outcome[Surface]:
        """Predict the quality of every question under every option.

        Parameters
        ----------
        questions, menu
            As for :meth:`Router.predict`.

        Returns
        -------
        Outcome of Surface

        Raises
        ------
        InputError
            If something handed in cannot be used.
        OverloadError
            If too much is asked at once.
        """

        def predict(router: Router) -> Surface:
            """Ask the model."""
            return router.predict(questions, menu=menu)

        def fall_back(fallback: Fallback, _: str) -> Surface:
            """Expect of each what options reach on average."""
            return fallback.predict(questions, menu=menu)

        return await self._ask(predict, fall_back, questions, menu)

    async def curve(
        self, questions: Sequence[Question], *, menu: Menu | None = None, **options: Any
    ) -> Outcome[tuple[CurvePoint, ...]]:
        """Draw expected quality against budget.

        Parameters
        ----------
        questions, menu, **options
            As for :meth:`Router.curve`.

        Returns
        -------
        Outcome of tuple of CurvePoint

        Raises
        ------
        InputError
            If something handed in cannot be used.
        OverloadError
            If too much is asked at once.
        """

        def curve(router: Router) -> tuple[CurvePoint, ...]:
            """Ask the model."""
            return router.curve(questions, menu=menu, **options)

        def fall_back(fallback: Fallback, _: str) -> tuple[CurvePoint, ...]:
            """Take every question for an average one."""
            return fallback.curve(questions, menu=menu, **options)

        return await self._ask(curve, fall_back, questions, menu)

    async def _ask(
        self,
        work: Callable[[Router], Value],
        fall_back: Callable[[Fallback, str], Value],
        questions: Sequence[Question],
        menu: Menu | None,
    ) -> Outcome[Value]:
        """Ask the model in time, else do without; refuse where too much is asked at once."""
        with self.room.take_place():
            fallback = self._fallback
            value, cause = await self._try_model(work, fallback, questions, menu)
            if cause is None:
                return Outcome(value)
            self._note(cause)
            loop = asyncio.get_running_loop()
            call = partial(copy_context().run, fall_back, fallback, cause)
            return Outcome(await loop.run_in_executor(self._spare, call), cause)

    async def _try_model(
        self,
        work: Callable[[Router], Value],
        fallback: Fallback,
        questions: Sequence[Question],
        menu: Menu | None,
    ) -> tuple[Any, str | None]:
        """Give what the model says, or why it says nothing."""
        router = self._router
        if router is None:
            return None, "model_missing"
        # A model that has just taken too long is tried by one request, behind which nobody waits.
        if self._is_resting() or (self._is_suspect and self._waiting):
            return None, "model_slow"
        offered = router.bundle.menu if menu is None else menu

        def do() -> Value:
            """Do the work, and note what the fallback may need of the menu one day."""
            value = work(router)
            fallback.remember(offered)
            return value

        loop, cells = asyncio.get_running_loop(), len(questions) * len(offered)
        allowed_ms = self.limits.deadline_ms + self.limits.allowance_ms * cells / 1000.0
        if not fallback.remembers(offered):
            allowed_ms += self.limits.menu_ms * len(offered)
        job = Job(do, loop.create_future(), (allowed_ms + self._encoder_ms()) / 1000.0)
        self._waiting[job] = None
        self._crew.submit(job)
        self._watch(loop)
        try:
            value = await job.future
        except TimeoutError:
            return None, "model_slow"
        except NonFiniteError:
            return None, "model_nonfinite"
        except Exception as error:
            # Arrays handed to the allocator are the model's; all else that is refused the caller's.
            if isinstance(error, InputError) and not isinstance(error, AllocationError):
                raise
            self._log_failure(type(error).__name__)
            return None, "model_failed"
        else:
            self._is_suspect = False
            return value, None
        finally:
            self._waiting.pop(job, None)

    def _encoder_ms(self) -> float:
        """Give the time for a sentence encoder, which has deadlines of its own; 0 without one."""
        uses_one = self._router is not None and self._router.bundle.encoder is not None
        return self.limits.encoder_ms if uses_one else 0.0

    def _is_resting(self) -> bool:
        """Tell whether nobody asks the model now."""
        return not self._crew.is_working or time.monotonic() < self._resting_until

    def _log_failure(self, kind: str) -> None:
        """Log what kind of error a model failed with, now and then while it goes on failing."""
        now = time.monotonic()
        if now >= self._silent_until:
            # What the error says is left out, as it may hold words of a question.
            logger.warning("the model failed with %s", kind)
            self._silent_until = now + LOG_SECONDS

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that somebody looks for jobs that take too long while there are any."""
        # Of a loop that has ended nobody looks any more, whatever was agreed with it.
        if self._watching is not loop:
            self._watching = loop
            loop.call_later(WATCH_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give up jobs that have taken or waited too long."""
        self._watching = None
        now, crew = time.monotonic(), self._crew
        current = crew.current
        if current is not None and current.begun_at is not None:
            too_long = now - current.begun_at > current.allowed_seconds
            if too_long:
                # First those behind it, so that the thread in its place takes up none of them.
                for job in self._waiting:
                    if job is not current:
                        _give_up(job)
                self._leave_behind(current, now)
        longest = (self.limits.wait_ms + self._encoder_ms()) / 1000.0
        for job in self._waiting:
            if job.begun_at is None and now - job.asked_at > longest:
                _give_up(job)
        if self._waiting:
            self._watch(loop)

    def _leave_behind(self, job: Job, now: float) -> None:
        """Stop waiting for a job that has taken too long, and be wary of the model."""
        if self._crew.leave_behind(job):
            _give_up(job)
            if self._is_suspect:
                self._resting_until = now + REST_SECONDS
            self._is_suspect = True

    def _note(self, event: str) -> None:
        """Count an event and tell whoever wants to know."""
        self.events[event] += 1
        if self._on_event is not None:
            self._on_event(event)


def _open_spare() -> ThreadPoolExecutor:
    """Make room for what needs no model, and so cannot get stuck: long plans stall nobody there."""
    return ThreadPoolExecutor(1, thread_name_prefix="fallback")


def _give_up(job: Job) -> None:
    """Let whoever waits for a job go on without it."""
    if not job.future.done():
        job.future.set_exception(TimeoutError("the model took too long"))
