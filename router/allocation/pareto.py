"""Points of cost and product: which are dominated, and how to do with fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["find_undominated", "thin_points"]

# Points compared at a time with all that were kept before.
CHUNK = 256
# Under several budgets buckets may hold many points however wide they are.
WIDENINGS_MAX = 5


def find_undominated(cost: IntArray, product: FloatArray) -> IntArray:
    """Find the points that no other matches in product at no higher cost.

    Parameters
    ----------
    cost : ndarray of shape (s, k), int64
        Costs in micro-units.
    product : ndarray of shape (s,), float64
        What they buy.

    Returns
    -------
    ndarray of int64
        Positions of the undominated points by rising product; the first of equal points stays.

    Examples
    --------
    >>> find_undominated(np.array([[3], [1], [2], [2]]), np.array([0.5, 0.2, 0.2, 0.4])).tolist()
    [1, 3, 0]
    """
    if cost.shape[1] == 1:
        order = np.lexsort((-product, cost[:, 0]))
        sorted_product = product[order]
        keep = np.ones(len(order), dtype=np.bool_)
        keep[1:] = sorted_product[1:] > np.maximum.accumulate(sorted_product)[:-1]
        return order[keep]
    return _filter_many(cost, np.lexsort((*cost.T[::-1], -product)))[::-1]


def _filter_many(cost: IntArray, order: IntArray) -> IntArray:
    """Keep, of points from the best product down, those that none before undercuts everywhere."""
    kept = np.empty_like(cost)
    positions: list[IntArray] = []
    n_kept = 0
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]
        part = part[~_find_covered(cost[part], kept[:n_kept])]
        # What an undercut point undercuts is undercut as well, so all that come before may count.
        earlier = np.tri(len(part), k=-1, dtype=np.bool_)
        part = part[~_find_covered(cost[part], cost[part], earlier)]
        kept[n_kept : n_kept + len(part)] = cost[part]
        n_kept += len(part)
        positions.append(part)
    return np.concatenate(positions)


def _find_covered(
    cost: IntArray, other: IntArray, counts: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Mark the points that some of the others undercut in all costs, of pairs that count."""
    covered = np.ones((len(cost), len(other)), dtype=np.bool_)
    for unit in range(cost.shape[1]):
        covered &= other[:, unit] <= cost[:, unit, None]
    if counts is not None:
        covered &= counts
    found: NDArray[np.bool_] = np.asarray(covered.any(axis=1))
    return found


def thin_points(cost: IntArray, product: FloatArray, points_max: int) -> tuple[IntArray, float]:
    """Thin undominated points until at most so many are left.

    Points of nearly the same product are put together, and of those only the ones stay that no
    other undercuts; the best point always stays.

    Parameters
    ----------
    cost : ndarray of shape (s, k), int64
        Costs in micro-units.
    product : ndarray of shape (s,), float64
        Rising.
    points_max : int
        How many points may stay, at least 2.

    Returns
    -------
    kept : ndarray of int64
        Their positions, rising.
    loss : float
        For every point given there is one kept that costs no more in any unit and whose product is
        lower by no more than this.

    Examples
    --------
    >>> kept, loss = thin_points(np.arange(5)[:, None], np.linspace(0.0, 0.4, 5), 3)
    >>> kept.tolist(), round(loss, 3)
    ([0, 2, 4], 0.1)
    """
    n_points = len(product)
    if n_points <= points_max:
        return np.arange(n_points), 0.0
    width = float(product[-1] - product[0]) / (points_max - 1)
    for _ in range(WIDENINGS_MAX if width > 0.0 else 0):
        bucket = ((product - product[0]) / width).astype(np.int64)
        # The best point stands alone, so that what is reachable stays reachable.
        bucket[-1] = bucket[-1] + 1
        kept, loss = _undercut(cost, product, bucket)
        if len(kept) <= points_max:
            return kept, loss
        width *= 2.0
    return _spread_out(cost, product, points_max)


def _undercut(cost: IntArray, product: FloatArray, bucket: IntArray) -> tuple[IntArray, float]:
    """Keep of every bucket the points that no other undercuts, and bound what the rest is worth."""
    if cost.shape[1] == 1:
        # Costs rise with products, so the first point of a bucket is its cheapest.
        first = np.append(True, bucket[1:] != bucket[:-1])
        kept = np.flatnonzero(first)
        floor = product[kept][first.cumsum() - 1]
        return kept, float((product - floor).max())
    first, end = bucket.searchsorted(bucket), bucket.searchsorted(bucket, side="right")
    undercut = np.zeros(len(bucket), dtype=np.bool_)
    for start in range(0, len(bucket), CHUNK):
        stop = min(start + CHUNK, len(bucket))
        near = np.arange(first[start], end[stop - 1])
        # No two undominated points cost the same, so of each pair one side at most is undercut.
        same = (bucket[near] == bucket[start:stop, None]) & (
            near != np.arange(start, stop)[:, None]
        )
        undercut[start:stop] = _find_covered(cost[start:stop], cost[near], same)
    return np.flatnonzero(~undercut), float((product - product[first]).max())


def _spread_out(cost: IntArray, product: FloatArray, points_max: int) -> tuple[IntArray, float]:
    """Keep points at even places, the cheapest in every unit and the best among them.

    With several costs nothing better than the whole product bounds what the others are worth.
    """
    last = len(product) - 1
    ends = {int(column.argmin()) for column in cost.T} | {last}
    even = np.linspace(0, last, max(0, points_max - len(ends))).astype(np.int64)
    return np.array(sorted(ends | set(even.tolist())), dtype=np.int64), float(product[-1])
