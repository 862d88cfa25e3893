"""Exchanges: attempts and pauses of one call, within its time; knows no network and never waits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from router.client.replies import Failure, Refusal, Reply, judge_reply
from router.exceptions import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from router.client.breaker import Breaker
    from router.client.calls import Call

__all__ = ["Attempt", "Exchange", "Pause", "Step"]

Result = TypeVar("Result")

BACKOFF_S, BACKOFF_MAX_S = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send the request and wait for its answer.

    Parameters
    ----------
    seconds_max : float
        How long at most, connecting included.
    """

    seconds_max: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait.

    Parameters
    ----------
    seconds : float
        How long.
    """

    seconds: float


Step = Attempt | Pause


@dataclass(frozen=True)
class Exchange(Generic[Result]):
    """One call with all its attempts.

    Parameters
    ----------
    call : Call
        What is asked; every attempt sends the very same, its key included.
    breaker : Breaker
        Of the service, shared by all calls.
    deadline_s : float
        When it has to be over, on the clock.
    clock : callable
        Tells seconds.
    n_attempts : int, default=3
        How many at most.
    draw : callable, default=random.random
        Gives a number from 0 to 1, so that clients which failed together do not return together.
    """

    call: Call[Result]
    breaker: Breaker
    deadline_s: float
    clock: Callable[[], float]
    n_attempts: int = 3
    draw: Callable[[], float] = random.random

    def take_steps(self) -> Generator[Step, Reply | Failure | None, Result]:
        """Yield what to do next, and take what came of it.

        Returns
        -------
        Result
            As the call reads it.

        Yields
        ------
        Attempt or Pause
            To be answered with a `Reply` or `Failure`, or with None after a pause.

        Raises
        ------
        ServiceError
            If the service cannot be had within the time.
        RouterError
            If it refuses: the caller's error, which another attempt would not mend.
        """
        for attempt in range(1, self.n_attempts + 1):
            left_s = self.deadline_s - self.clock()
            if left_s <= 0:
                raise ServiceError(f"{self.call.what}: no time left, {attempt - 1} attempts made")
            if not self.breaker.admit():
                raise ServiceError(
                    f"{self.call.what}: not asked, as the service failed {self._count(attempt)}"
                )
            # One that hangs leaves the next ones time; the last has all there is.
            seconds_max = left_s if attempt == self.n_attempts else left_s / 2
            came = yield Attempt(seconds_max)
            outcome = self._judge(came)
            if not isinstance(outcome, Failure):
                return outcome
            pause_s = self._choose_pause(outcome, attempt)
            if pause_s is None:
                raise ServiceError(f"{self.call.what}: {outcome.reason}, {attempt} attempts made")
            yield Pause(pause_s)
        raise AssertionError("the last attempt either returns or raises")

    def _judge(self, came: Reply | Failure | None) -> Result | Failure:
        """Read what came of an attempt, tell the breaker, and raise what is a refusal."""
        judged = judge_reply(came, self.call.what) if isinstance(came, Reply) else came
        outcome: Result | Failure
        if judged is None or isinstance(judged, Failure):
            outcome = judged or Failure("no answer")
        elif isinstance(judged, Refusal):
            self.breaker.record(ok=True)
            raise judged.error
        else:
            try:
                outcome = self.call.read(judged)
            except (LookupError, TypeError, ValueError, AttributeError):
                outcome = Failure("an answer of another shape")
        self.breaker.record(ok=not isinstance(outcome, Failure) or outcome.is_answered)
        return outcome

    def _choose_pause(self, failure: Failure, attempt: int) -> float | None:
        """Choose how long to wait for the next attempt; None where there is none."""
        if not failure.is_passing or attempt == self.n_attempts:
            return None
        backoff_s = min(BACKOFF_S * 2 ** (attempt - 1), BACKOFF_MAX_S) * (0.5 + 0.5 * self.draw())
        pause_s = max(backoff_s, failure.wait_s)
        # A pause that outlasts the call would only keep the caller from going on without.
        return pause_s if self.clock() + pause_s < self.deadline_s else None

    def _count(self, attempt: int) -> str:
        """Say since when nobody is asked."""
        return "in a row" if attempt == 1 else f"in a row, {attempt - 1} attempts made"
