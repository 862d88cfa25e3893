"""Loading of compiled kernels (extra ``[fast]``): once a process, and never at a result's cost.

Whatever NumPy or the model runtime does, kernels only do sooner. So where they cannot be loaded the
process goes on without them, and says why if it is not simply that the extra is not installed.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KernelSet", "attempt"]

Loaded = TypeVar("Loaded")

logger = logging.getLogger("router")


def attempt(load: Callable[[], Loaded], purpose: str) -> tuple[Loaded | None, Exception | None]:
    """Load something that no result depends on; where that fails, go on without it.

    Parameters
    ----------
    load : callable
        Loads it.
    purpose : str
        What it is, as the warning calls it.

    Returns
    -------
    loaded : object or None
    failure : Exception or None

    Examples
    --------
    >>> attempt(lambda: 3, "a number")
    (3, None)
    """
    try:
        return load(), None
    except ImportError as error:
        # The extra is not installed, or is switched off.
        return None, error
    except Exception as error:  # noqa: BLE001
        # What a broken installation raises depends on where it is broken.
        logger.warning("%s cannot be used; results are the same without: %r", purpose, error)
        return None, error


class KernelSet:
    """Kernels of one room, and whether this process has loaded them.

    Parameters
    ----------
    load : callable
        Imports them and runs each once, so that no later call waits for the compiler.
    purpose : str
        What they do, as a warning calls them.

    Examples
    --------
    >>> kernels = KernelSet(lambda: None, "kernels that do nothing")
    >>> kernels.loaded, kernels.warm_up(), kernels.loaded
    (None, True, True)
    """

    __slots__ = ("_load", "_purpose", "failure", "loaded", "lock")

    def __init__(self, load: Callable[[], None], purpose: str) -> None:
        self._load, self._purpose = load, purpose
        self.lock = Lock()
        self.loaded: bool | None = None
        self.failure: Exception | None = None

    def warm_up(self) -> bool:
        """Load the kernels unless that was tried before; say whether they are there."""
        with self.lock:
            return self._try()

    def warm_up_if_free(self) -> bool:
        """Do the same, but while another thread loads them say that they are not there yet."""
        if self.lock.acquire(blocking=False):
            try:
                return self._try()
            finally:
                self.lock.release()
        return bool(self.loaded)

    def _try(self) -> bool:
        """Load the kernels once."""
        if self.loaded is None:
            _, self.failure = attempt(self._load, self._purpose)
            self.loaded = self.failure is None
        return self.loaded
