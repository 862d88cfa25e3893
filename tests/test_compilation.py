"""The decorator of kernels: arithmetic to the last bit, and a cache that may fail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numba.core import config
from numba.core.caching import FunctionCache

from router.compilation import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def subtract_product(
    first: NDArray[np.float64], second: NDArray[np.float64], third: float
) -> NDArray[np.float64]:
    """Compute what every score is computed by."""
    out = np.empty_like(first)
    for place in range(len(first)):
        out[place] = first[place] - second[place] * third
    return out


def test_products_are_not_fused(rng: np.random.Generator) -> None:
    """A gain minus a price times a cost is rounded twice, as NumPy rounds it."""
    compiled = kernel(subtract_product)
    first, second = rng.random(2000), rng.random(2000)
    for third in rng.random(20):
        expected = first - second * third
        assert compiled(first, second, third).tobytes() == expected.tobytes()


def fail(*_arguments: Any) -> None:
    """Stand in for a full disk."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("method", ["__init__", "load_overload", "save_overload"])
def test_failing_cache_costs_no_result(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Without a place to write to, with a damaged file or a full disk, kernels still compute."""
    monkeypatch.setattr(FunctionCache, method, fail)
    compiled: Callable[[int], int] = kernel(lambda number: 2 * number)
    assert compiled(21) == 42


def test_damaged_cache_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that cannot be read any more is written anew instead of failing every save."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    compiled: Any = kernel(subtract_product)
    index = Path(compiled._cache._cache_file._index_path)
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes(b"damaged")
    assert compiled(np.ones(1), np.ones(1), 0.5).tolist() == [0.5]
    again: Any = kernel(subtract_product)
    assert again(np.ones(1), np.ones(1), 0.5).tolist() == [0.5]
    assert again.stats.cache_hits


def test_cache_is_named_by_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of any kernel's file starts afresh, as kernels contain those that they call."""
    compiled: Any = kernel(subtract_product)
    monkeypatch.setattr(FunctionCache, "_index_key", lambda *_: ("name",))
    key = compiled._cache._index_key(None, None)
    assert key[0] == "name"
    assert len(key[1]) == 64
