"""The crew: threads that ask the model, one at a time, and are left behind when they do not return.

A thread cannot be stopped from outside. One whose work takes too long is told to end its runs of
the model, is no longer waited for, and is replaced; of such threads there are a few at most.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from router.models.interruption import Interruption

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Crew", "Job"]


class Job:
    """A piece of work for the model, and the future of whoever waits for it.

    Parameters
    ----------
    work : callable
        Does it, on a thread of the crew.
    future : asyncio.Future
        Gets what the work returns or raises, unless it was settled before.
    allowed_seconds : float
        How long the work may take once it has begun.
    """

    __slots__ = (
        *("allowed_seconds", "asked_at", "begun_at", "context", "future", "interruption", "work"),
    )

    def __init__(
        self, work: Callable[[], Any], future: asyncio.Future[Any], allowed_seconds: float
    ) -> None:
        self.work = work
        self.future = future
        self.allowed_seconds = allowed_seconds
        self.asked_at = time.monotonic()
        self.begun_at: float | None = None
        self.interruption = Interruption()
        # A trace of the request goes on in the thread.
        self.context = copy_context()

    def run(self) -> None:
        """Do the work and let the future know, by the loop that it belongs to."""
        value, error = None, None
        try:
            value = self.context.run(self._work)
        except Exception as raised:  # noqa: BLE001 - Whoever waits judges it.
            error = raised
        # The loop is gone where the server has stopped meanwhile; then nobody waits.
        with suppress(RuntimeError):
            self.future.get_loop().call_soon_threadsafe(self._settle, value, error)

    def _work(self) -> object:
        """Do the work so that its runs of the model can be ended."""
        with self.interruption.cover():
            return self.work()

    def _settle(self, value: object, error: Exception | None) -> None:
        """Settle the future, unless whoever waited has gone on."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(value)
        else:
            self.future.set_exception(error)


class _Member:
    """A thread of the crew, and what it works on."""

    __slots__ = ("job",)

    def __init__(self) -> None:
        self.job: Job | None = None


class Crew:
    """One thread that works, and a few that were left behind.

    Parameters
    ----------
    lost_max : int
        How many threads may be left behind before nobody works until one of them returns.
    """

    def __init__(self, lost_max: int) -> None:
        self._lost_max = lost_max
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._active: _Member | None = None
        self.n_lost = 0

    @property
    def is_working(self) -> bool:
        """Whether there is a thread that takes work, or there may be one."""
        return self._active is not None or self.n_lost < self._lost_max

    @property
    def current(self) -> Job | None:
        """What is being worked on."""
        member = self._active
        return None if member is None else member.job

    def submit(self, job: Job) -> None:
        """Put a job behind all others.

        Parameters
        ----------
        job : Job
            One whose future is settled when its turn comes is passed over.
        """
        self._jobs.put(job)
        if self._active is None:
            with self._lock:
                self._hire()

    def leave_behind(self, job: Job) -> bool:
        """Stop waiting for the thread that works on a job, and put another in its place.

        Parameters
        ----------
        job : Job
            The current one.

        Returns
        -------
        bool
            False where the job has just ended.
        """
        with self._lock:
            if self._active is None or self._active.job is not job:
                return False
            self._active = None
            self.n_lost += 1
            self._hire()
        job.interruption.interrupt()
        return True

    def close(self) -> None:
        """Let the thread end once it has nothing to do; the next job gets a new one."""
        self._jobs.put(None)

    def _hire(self) -> None:
        """Put a new thread to work where there is none and may be one; the lock is held."""
        if self._active is not None or self.n_lost >= self._lost_max:
            return
        member = self._active = _Member()
        # No process waits for a thread that never returns.
        threading.Thread(target=self._serve, args=(member,), name="planning", daemon=True).start()

    def _serve(self, member: _Member) -> None:
        """Work until the crew is closed, or until somebody else has taken the place."""
        while True:
            job = self._jobs.get()
            if job is None:
                with self._lock:
                    self._active = None
                    if not self._jobs.empty():
                        self._hire()
                return
            if job.future.done():
                continue
            with self._lock:
                job.begun_at = time.monotonic()
                member.job = job
            job.run()
            with self._lock:
                member.job = None
                if self._active is member:
                    continue
                # Left behind, and back: the place is free where too many others are still away.
                self.n_lost -= 1
                if self._active is not None:
                    return
                self._active = member
