"""The gain model compiled with Numba (extra ``[fast]``): the same trees, summed sooner.

Only functions import this package, and only after :func:`router.features.engines.warm_up`.
"""

from __future__ import annotations

from router.models.compiled.head import CompiledGain, CompiledMenu

__all__ = ["CompiledGain", "CompiledMenu"]
