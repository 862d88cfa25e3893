"""Interruption: ending a run of the model from outside, where whoever asked has stopped waiting."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import onnxruntime

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Interruption", "enter_run"]

# The interruption under which the work of this thread stands, if anyone may interrupt it.
_CURRENT: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


class Interruption:
    """A way to end the runs of the model that one piece of work makes, from another thread.

    A run that is under way is told to stop at its graph's next node; one that has not begun does
    not begin.

    Examples
    --------
    >>> interruption = Interruption()
    >>> interruption.interrupt()
    >>> with interruption.cover(), enter_run():
    ...     pass
    Traceback (most recent call last):
    ...
    router.exceptions.BundleError: the run was interrupted
    """

    def __init__(self) -> None:
        """Begin with nothing to interrupt."""
        self._lock = threading.Lock()
        self._options: Any = None
        self._is_interrupted = False

    @contextmanager
    def cover(self) -> Iterator[None]:
        """Put the work of this thread under the interruption, as a context."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def interrupt(self) -> None:
        """End the run under way, and let no other begin."""
        with self._lock:
            self._is_interrupted = True
            if self._options is not None:
                self._options.terminate = True

    def enter(self, options: Any) -> None:
        """Note the options of a run that begins.

        Raises
        ------
        BundleError
            If there was an interruption before.
        """
        with self._lock:
            if self._is_interrupted:
                raise BundleError("the run was interrupted")
            self._options = options

    def leave(self) -> None:
        """Note that the run has ended."""
        with self._lock:
            self._options = None


@contextmanager
def enter_run() -> Iterator[Any]:
    """Give the options of a run, as a context of its length.

    Returns
    -------
    onnxruntime.RunOptions or None
        None where nobody may interrupt it.

    Raises
    ------
    BundleError
        If the work under way was interrupted.
    """
    interruption = _CURRENT.get()
    if interruption is None:
        yield None
        return
    options = onnxruntime.RunOptions()
    interruption.enter(options)
    try:
        yield options
    finally:
        interruption.leave()
