"""The decorator of the allocator's kernels, which all rooms with kernels share."""

from __future__ import annotations

from router.compilation import kernel

__all__ = ["kernel"]
