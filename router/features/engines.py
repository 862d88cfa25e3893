"""Which engine reads texts: NumPy, or kernels compiled with Numba (extra ``[fast]``).

Both give the same features, bit for bit. Loading the kernels takes about a second, the first time
on a machine longer because they are compiled, so it is left to processes that live long.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_compiled", "warm_up", "without_kernels"]


class _Kernels:
    """What is known of the kernels in this process."""

    __slots__ = ("loaded", "lock")

    def __init__(self) -> None:
        self.lock = Lock()
        self.loaded: bool | None = None


_KERNELS = _Kernels()


def is_compiled() -> bool:
    """Say whether texts are read by compiled kernels in this process."""
    return _KERNELS.loaded is True


def warm_up() -> bool:
    """Load the compiled kernels now; from then on they read all texts in this process.

    Returns
    -------
    bool
        Whether they are loaded; without the extra ``[fast]``, or where it does not work, NumPy goes
        on reading.

    Examples
    --------
    >>> warm_up(), is_compiled()
    (True, True)
    """
    with _KERNELS.lock:
        if _KERNELS.loaded is None:
            _KERNELS.loaded = _load()
        return _KERNELS.loaded


@contextmanager
def without_kernels() -> Iterator[None]:
    """Let NumPy read texts for a while, in the whole process, to compare the two.

    Examples
    --------
    >>> with without_kernels():
    ...     is_compiled()
    False
    """
    with _KERNELS.lock:
        before, _KERNELS.loaded = _KERNELS.loaded, False
    try:
        yield
    finally:
        with _KERNELS.lock:
            _KERNELS.loaded = before


def _load() -> bool:
    """Compile everything for the types it is called with, or find that this cannot be done."""
    try:
        from router.features.compiled import TextReader
        from router.features.shape import SHAPE_NAMES
        from router.features.vocabulary import Vocabulary
        from router.features.weights import Lexicon

        known = Vocabulary("word", np.zeros(1, np.uint64), np.ones(1, np.float32))
        features = np.zeros((1, len(SHAPE_NAMES)), np.float32)
        TextReader(Lexicon((known,))).read(["Does it work?"], features)
    except Exception:  # noqa: BLE001
        # What a broken installation raises depends on where it is broken; NumPy works anyway.
        return False
    return True
