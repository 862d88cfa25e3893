"""Eight options at a time: the choices of NumPy, ties, checks and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.allocation.compiled.lanes import LANES, prefetch_row, search_lanes
from router.compilation import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = np.uint64(2**63 - 1)


@kernel
def _search(
    quality: NDArray[Any], cost: NDArray[Any], rows: tuple[int, int], terms: tuple[Any, ...]
) -> Any:
    """Search one row from Python."""
    prefetch_row(quality, rows[0])
    return search_lanes(quality, cost, rows, terms)


@pytest.mark.parametrize("n_options", [LANES, 9, 15, 16, 17, 32, 33])
@pytest.mark.parametrize("dtypes", [(np.float64, np.int64), (np.float32, np.int32)])
@pytest.mark.parametrize("decimals", [1, 9])
def test_choices_are_those_of_numpy(
    n_options: int, dtypes: tuple[type[Any], type[Any]], decimals: int
) -> None:
    """The first of the best scores is found in any number of options, at both prices."""
    chance = np.random.default_rng([n_options, decimals])
    quality = chance.random((40, n_options)).round(decimals).astype(dtypes[0])
    cost = chance.integers(0, 5, (40, n_options)).astype(dtypes[1])
    scores = [0.7 * quality.astype(np.float64) - cost * price for price in (0.1, 0.25)]
    for row in range(40):
        *best, least, faulty = _search(quality, cost, (row, row), (0.7, 0.1, 0.25, 1.0, MOST))
        assert best == [score[row].argmax() for score in scores]
        assert least == cost[row].min()
        assert not faulty


@pytest.mark.parametrize("place", [0, 7, 8, 12])
@pytest.mark.parametrize("dtypes", [(np.float64, np.int64), (np.float32, np.int32)])
def test_entries_beyond_their_limits_are_seen(
    place: int, dtypes: tuple[type[Any], type[Any]]
) -> None:
    """A NaN, an infinity, what is negative and what is too large is a fault wherever it stands."""
    for entry in (np.nan, np.inf, -np.inf, -0.5, 1.0001):
        quality, cost = np.ones((1, 13), dtype=dtypes[0]), np.full((1, 13), 9, dtype=dtypes[1])
        quality[0, place] = entry
        assert _search(quality, cost, (0, 0), (1.0, 0.1, 0.2, 1.0, MOST))[3]
    quality, cost = np.ones((1, 13), dtype=dtypes[0]), np.full((1, 13), 9, dtype=dtypes[1])
    quality[0, place] = -0.0
    assert not _search(quality, cost, (0, 0), (1.0, 0.1, 0.2, 1.0, MOST))[3]
    for amount in (-1, 10):
        quality, cost = np.ones((1, 13), dtype=dtypes[0]), np.full((1, 13), 9, dtype=dtypes[1])
        cost[0, place] = amount
        assert _search(quality, cost, (0, 0), (1.0, 0.1, 0.2, 1.0, np.uint64(9)))[3]
        cost[0, place] = 9
        assert not _search(quality, cost, (0, 0), (1.0, 0.1, 0.2, 1.0, np.uint64(9)))[3]


def test_a_nan_chooses_no_place_outside() -> None:
    """A row of NaN alone still has choices within the row, as its total is gathered before it."""
    quality, cost = np.full((1, 11), np.nan), np.zeros((1, 11), dtype=np.int64)
    first, second, _, faulty = _search(quality, cost, (0, 0), (1.0, 0.1, 0.2, 1.0, MOST))
    assert 0 <= first < 11
    assert 0 <= second < 11
    assert faulty
