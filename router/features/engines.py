"""Which engine reads texts: NumPy, or kernels compiled with Numba (extra ``[fast]``).

Both give the same features, bit for bit. Loading the kernels takes about a second, the first time
on a machine longer because they are compiled, so it is left to processes that live long.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from router.kernel_loading import KernelSet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_compiled", "warm_up", "without_kernels"]


def _load() -> None:
    """Compile everything for the types it is called with."""
    from router.features.compiled import TextReader
    from router.features.shape import SHAPE_NAMES
    from router.features.vocabulary import Vocabulary
    from router.features.weights import Lexicon

    known = Vocabulary("word", np.zeros(1, np.uint64), np.ones(1, np.float32))
    features = np.zeros((1, len(SHAPE_NAMES)), np.float32)
    TextReader(Lexicon((known,))).read(["Does it work?"], features)


class _Kernels(KernelSet):
    """The kernels that read texts."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_load, "the compiled reading of texts")


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
    return _KERNELS.warm_up()


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
