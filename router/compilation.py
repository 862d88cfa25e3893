"""The decorator of every kernel: compiled once a machine, kept on disk where that is possible.

Kernels follow IEEE 754 to the last bit (no reordering, no fused operations), so that they decide as
NumPy does. They release the interpreter's lock while they run. Only rooms named ``compiled`` import
this module, as it loads Numba (extra ``[fast]``).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

__all__ = ["kernel"]

Function = TypeVar("Function", bound=Callable[..., Any])

SETTINGS: Any = numba.config
if SETTINGS.DISABLE_JIT:
    raise ImportError("NUMBA_DISABLE_JIT is set, and kernels that are not compiled are slow")


@cache
def _digest_sources(folder: Path) -> str:
    """Digest the sources of a folder's kernels, and those of the folder that they take words of."""
    digest = hashlib.sha256()
    sources = (*sorted(folder.glob("*.py")), *sorted(folder.parent.glob("*.py")), Path(__file__))
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Cache(FunctionCache):
    """Numba's cache on disk, made safe to have and safe to lose.

    Numba looks at the file of a kernel only, although a kernel contains all that it calls; here a
    change of any file starts afresh. And whatever goes wrong on the disk costs time, not the plan.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load a kernel, or nothing where the file cannot be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001
            # What a damaged file raises depends on where it is damaged.
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a kernel where the disk lets us; where not, the next process compiles again."""
        try:
            super().save_overload(sig, data)
        except Exception:  # noqa: BLE001
            # A damaged index, or one of other sources, is in the way of every later one.
            with contextlib.suppress(Exception):
                self.flush()
                super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """Name a kernel by all sources beside what Numba names it by."""
        folder = Path(self._py_func.__code__.co_filename).parent
        return (*super()._index_key(sig, codegen), _digest_sources(folder))


def kernel(function: Function) -> Function:
    """Compile a function at its first call for the types that it is called with.

    Raises
    ------
    TypeError
        At the first call, where the function does something that cannot be compiled.

    Examples
    --------
    >>> @kernel
    ... def double(number):
    ...     return 2 * number
    >>> double(21)
    42
    """
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    # Beside the source, else in the user's own cache directory; an error where neither is.
    with contextlib.suppress(RuntimeError, OSError):
        dispatcher._cache = _Cache(dispatcher.py_func)  # noqa: SLF001
    return cast("Function", dispatcher)
