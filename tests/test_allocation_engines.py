"""When the compiled allocator is loaded, and what happens where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.allocation import engines, solve, warm_up
from router.allocation.engines import CALL_ELEMENTS, LOAD_ELEMENTS, uses_kernels
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from router.allocation import solve, warm_up
print(warm_up(), solve([[0.0, 1.0]], [0, 3], 3).choices)
try:
    solve([[0.0, 1.0]], [0, 3], 3, engine="numba")
except ImportError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> engines._Kernels:
    """Forget that the kernels were loaded."""
    kernels = engines._Kernels()
    monkeypatch.setattr(engines, "_KERNELS", kernels)
    return kernels


def test_without_the_extra_numpy_solves(repository_root: Path) -> None:
    """Where Numba is missing nothing changes, and asking for it names the extra."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert first == "False [1]"
    assert second.startswith("MissingExtraError the engine 'numba' needs the extra [fast]: pip ")


def test_kernels_that_are_not_compiled_are_not_used(repository_root: Path) -> None:
    """Where compiling is switched off for debugging, NumPy solves."""
    done = subprocess.run(
        [sys.executable, "-c", "from router.allocation import warm_up; print(warm_up())"],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert done.stdout == "False\n"


def test_small_batches_do_not_wait_for_numba(fresh: engines._Kernels) -> None:
    """A process that plans one batch never loads the kernels; one that asks for them does."""
    assert not uses_kernels("auto", 1000)
    assert not uses_kernels("numpy", LOAD_ELEMENTS)
    assert fresh.loaded is None
    assert uses_kernels("numba", 1)
    assert uses_kernels("auto", 1)
    assert not uses_kernels("numpy", 1)


def test_kernels_are_loaded_once_that_pays(fresh: engines._Kernels) -> None:
    """Many small batches together are as good a reason as one large one."""
    assert uses_kernels("auto", LOAD_ELEMENTS)
    fresh.loaded, fresh.solved = None, 0
    calls = 1
    while not uses_kernels("auto", 0):
        calls += 1
    assert calls == LOAD_ELEMENTS // CALL_ELEMENTS


def test_no_thread_waits_for_another_that_loads(fresh: engines._Kernels) -> None:
    """While one thread compiles, what the others solve is solved by NumPy."""
    with fresh.lock:
        assert not uses_kernels("auto", LOAD_ELEMENTS)
    assert fresh.loaded is None


def test_warming_up_twice_is_the_same(fresh: engines._Kernels) -> None:
    """What is loaded is not loaded again."""
    assert warm_up()
    assert warm_up()
    assert fresh.loaded


def test_unknown_engines_are_refused() -> None:
    """A misspelt engine is refused, naming the known ones."""
    with pytest.raises(AllocationError, match="engine is 'fast'; known are auto, numpy, numba"):
        solve(np.ones((1, 1)), np.array([0]), 1, engine="fast")  # type: ignore[arg-type]
