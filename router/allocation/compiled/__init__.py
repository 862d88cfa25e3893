"""The allocator compiled with Numba (extra ``[fast]``): the same plans as with NumPy, sooner.

Only functions import this package, and only where :func:`router.allocation.engines.uses_kernels`
says so: Numba takes longer to load than NumPy takes to plan a batch.
"""

from __future__ import annotations

from router.allocation.compiled.again import plan_rest
from router.allocation.compiled.arrays import solve_arrays, solve_dense, warm_kernels

__all__ = ["plan_rest", "solve_arrays", "solve_dense", "warm_kernels"]
