"""Which engine solves: NumPy, or kernels compiled with Numba (extra ``[fast]``).

Both give the same plans, to the last digit of value, bound and price; so when to change over is a
question of time alone. Loading the kernels takes about a second, the first time on a machine longer
because they are compiled, and a small batch takes NumPy a millisecond. ``"auto"`` therefore begins
with NumPy and loads the kernels once a process has solved so much that it would have paid: for a
large surface at once, for a command line that plans one batch never.
"""

from __future__ import annotations

from typing import Literal

from router.exceptions import AllocationError, MissingExtraError
from router.kernel_loading import KernelSet

__all__ = ["Engine", "check_engine", "uses_kernels", "warm_up"]

Engine = Literal["auto", "numpy", "numba"]
ENGINES: tuple[Engine, ...] = ("auto", "numpy", "numba")

# About as much as NumPy solves in the second that loading takes; a call is counted as so many.
LOAD_ELEMENTS = 1 << 22
CALL_ELEMENTS = 1 << 12


def _load() -> None:
    """Import all kernels of the allocator and run them once."""
    from router.allocation.compiled import warm_kernels

    warm_kernels()


class _Kernels(KernelSet):
    """The allocator's kernels, and how much this process has solved without them."""

    __slots__ = ("solved",)

    def __init__(self) -> None:
        super().__init__(_load, "the compiled allocator")
        self.solved = 0


_KERNELS = _Kernels()


def warm_up() -> bool:
    """Load the compiled allocator now, so that no plan has to wait for it later.

    For processes that live long, such as a service at its start; thereafter every solve in this
    process whose engine is ``"auto"`` is compiled. Where the package's directory cannot be written
    to, what is compiled is kept in the user's cache directory, or wherever ``NUMBA_CACHE_DIR``
    points to; where nothing can be written it is compiled anew in every process.

    Returns
    -------
    bool
        Whether it is loaded; without the extra ``[fast]`` NumPy goes on solving.

    Examples
    --------
    >>> warm_up()
    True
    """
    return _KERNELS.warm_up()


def check_engine(engine: Engine) -> Engine:
    """Refuse a word that names no engine.

    Raises
    ------
    AllocationError
        The word is not known.
    """
    if engine not in ENGINES:
        raise AllocationError(f"engine is {engine!r}; known are {', '.join(ENGINES)}")
    return engine


def uses_kernels(engine: Engine, n_elements: int) -> bool:
    """Say whether a surface of so many elements is solved by the compiled allocator.

    Raises
    ------
    MissingExtraError
        The engine is ``"numba"`` and the extra ``[fast]`` is not installed or does not work.
    """
    if engine == "numpy":
        return False
    if engine == "numba":
        if not warm_up():
            missing = MissingExtraError.for_extra("fast", "the engine 'numba'")
            raise missing from _KERNELS.failure
        return True
    if _KERNELS.loaded is None:
        _KERNELS.solved += n_elements + CALL_ELEMENTS
        # While one thread loads, the others go on with NumPy.
        return _KERNELS.solved >= LOAD_ELEMENTS and _KERNELS.warm_up_if_free()
    return _KERNELS.loaded
