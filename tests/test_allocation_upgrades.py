"""The cheapest upgrade of every option, against a search over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.upgrades import measure_upgrades
from tests.contracts.allocators import KINDS, draw


@pytest.mark.parametrize("kind", KINDS)
def test_no_upgrade_is_cheaper_than_said(kind: str) -> None:
    """The figure is exact where no two gains are equal, and else never above the true one."""
    x = draw(kind, 20, 9, seed=4)
    steps = measure_upgrades(x.quality, x.cost)
    for row in range(20):
        distinct = len(set(x.quality[row].tolist())) == 9
        for option in range(9):
            better = x.quality[row] > x.quality[row, option]
            least = (x.cost[row, better] - x.cost[row, option]).min(initial=np.iinfo(np.int64).max)
            assert steps[row, option] <= least
            assert not distinct or steps[row, option] == least
