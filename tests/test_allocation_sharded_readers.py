"""What a shard may be: arrays, memory maps, files; and what is said of one that cannot be used."""

from __future__ import annotations

import pickle
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.allocation import Shard, allocate_sharded
from router.allocation.sharded import readers
from router.allocation.sharded.arrays import FileRegion, Rows, describe_array
from router.allocation.sharded.readers import open_shard
from router.allocation.sharded.shard import describe_shards
from router.exceptions import AllocationError
from tests.contracts.allocators import draw
from tests.contracts.shards import NARROW, allocate_within, cut, float_rows, shared_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def save(path: Path, array: NDArray[Any]) -> Path:
    """Save an array and give its path."""
    np.save(path, array)
    return path


def test_files_and_maps_equal_arrays(tmp_path: Path) -> None:
    """Paths, memory maps, slices of maps and columns in the other order give the same plan."""
    x = draw("noisy", 900, 5, seed=1)
    told = allocate_within(cut(x.quality, x.cost, 3), x.budget, NARROW)
    whole = np.load(save(tmp_path / "whole.npy", x.quality), mmap_mode="r")
    cost = save(tmp_path / "cost.npy", x.cost[:300].astype(np.int32))
    other = np.asfortranarray(x.quality[600:])
    shards = [
        Shard(save(tmp_path / "first.npy", x.quality[:300]), str(cost)),
        Shard(whole[300:600], x.cost[300:600]),
        Shard(save(tmp_path / "other.npy", other), np.asfortranarray(x.cost[600:])),
    ]
    plan = allocate_within(shards, x.budget, NARROW)
    assert np.concatenate(plan.choices).tolist() == np.concatenate(told.choices).tolist()
    assert (plan.value, plan.bound) == (told.value, told.bound)


def test_memory_maps_travel_as_regions_of_files(tmp_path: Path) -> None:
    """A map, or rows of one, is described by its place in the file; a private map by its values."""
    path = save(tmp_path / "q.npy", np.arange(24.0).reshape(8, 3) / 24)
    rows = np.load(path, mmap_mode="r")[2:5]
    described = describe_array(rows)
    assert isinstance(described, FileRegion)
    assert described.path == str(path)
    assert described.shape == (3, 3)
    assert len(pickle.dumps(described)) < 1000
    (source,) = describe_shards([rows], np.array([1, 2, 3]))
    read = open_shard(source)
    assert read.take(np.array([0, 2])).quality.tolist() == rows[[0, 2]].tolist()
    (start, problem), *_ = read.blocks()
    assert (start, problem.quality.tolist()) == (0, rows.tolist())
    private = np.load(path, mmap_mode="c")
    private[0, 0] = 1.0
    assert not isinstance(describe_array(private), FileRegion)
    assert not isinstance(describe_array(rows[:, :2]), FileRegion)


@pytest.mark.parametrize("elements", [1, 7, 64, 1 << 20])
def test_size_of_blocks_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, elements: int
) -> None:
    """However few rows are read at a time, the plan stays."""
    quality, cost = float_rows(90, 4, seed=3), shared_rows(4)
    weights = np.linspace(0.5, 2.0, 90)
    limits = NARROW._replace(gather_elements=40)
    shards = cut(quality, cost, 2, weights=weights)
    told = allocate_within(shards, 9000, limits)
    monkeypatch.setattr(readers, "READ_ELEMENTS", elements)
    shards[0] = Shard(
        save(tmp_path / "q.npy", quality[:45]), cost, save(tmp_path / "w.npy", weights[:45])
    )
    plan = allocate_within(shards, 9000, limits)
    assert np.concatenate(plan.choices).tolist() == np.concatenate(told.choices).tolist()
    assert (plan.value, plan.bound) == (told.value, told.bound)


def spoil(array: NDArray[Any], place: tuple[int, ...], value: float) -> NDArray[Any]:
    """Copy an array with one other entry."""
    copy = array.copy()
    copy[place] = value
    return copy


GOOD = np.full((1000, 3), 0.5)
COST = np.tile(np.array([1, 2, 3]), (1000, 1))
CLOSED = np.ones((1000, 3), dtype=np.bool_)

BAD: list[tuple[Callable[[], Shard], str]] = [
    (lambda: Shard(spoil(GOOD, (983, 1), np.nan), COST), r"shard 1: quality\[983, 1\] is nan"),
    (lambda: Shard(spoil(GOOD, (983, 1), 1.5), COST), r"shard 1: quality\[983, 1\] is 1.5"),
    (lambda: Shard(GOOD, spoil(COST, (77, 2), -4)), r"shard 1: cost\[77, 2\] is -4"),
    (lambda: Shard(GOOD, np.array([1, -2, 3])), r"shard 1: cost\[1\] is -2"),
    (lambda: Shard(GOOD, spoil(COST, (5, 0), 2**60)), r"cost\[5, 0\] is .* above 2\*\*63 - 1"),
    (
        lambda: Shard(GOOD, COST, weights=spoil(np.ones(1000), (9,), np.inf)),
        r"shard 1: weights\[9\] is inf",
    ),
    (
        lambda: Shard(GOOD, COST, allowed=spoil(CLOSED, (640,), False)),  # noqa: FBT003
        r"shard 1: allowed\[640\] forbids all 3 options",
    ),
    (lambda: Shard(np.ones(3), COST), "shard 1: quality has type float64 and shape"),
    (lambda: Shard(np.ones((2, 0)), np.ones(0, dtype=np.int64)), "shard 1: quality has no options"),
    (lambda: Shard(np.array([["a", "b", "c"]]), COST[0]), "shard 1: quality has type <U1"),
    (lambda: Shard(GOOD), "shard 1 has no cost"),
    (lambda: Shard(GOOD, COST.astype(float)), "shard 1: cost has type float64"),
    (lambda: Shard(GOOD, COST[:4]), r"shard 1: cost has shape \(4, 3\)"),
    (lambda: Shard(GOOD, COST, weights=np.ones(4)), "shard 1: weights have type float64"),
    (lambda: Shard(GOOD, COST, allowed=GOOD), "shard 1: allowed has type float64"),
    (lambda: Shard("nowhere.npy", COST), "shard 1 .nowhere.npy.: quality cannot be read"),
]


@pytest.mark.parametrize(("shard", "message"), BAD)
@pytest.mark.parametrize("sampled", [False, True])
def test_bad_shards_are_named(shard: Callable[[], Shard], message: str, *, sampled: bool) -> None:
    """The message names shard, row and column, whether the sample hits the entry or not."""
    limits = NARROW._replace(gather_elements=99, sample_rows=2000 if sampled else 2)
    with pytest.raises(AllocationError, match=message):
        allocate_within([Shard(GOOD, COST), shard()], 5000, limits)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    """A file that is no array, or is shorter than it says, is an error that names it."""
    (tmp_path / "text.npy").write_text("no array")
    path = save(tmp_path / "short.npy", GOOD)
    mapped = describe_array(np.load(path, mmap_mode="r"))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(AllocationError, match=r"text\.npy"):
        allocate_sharded([tmp_path / "text.npy"], 9, cost=COST[0])
    with pytest.raises(AllocationError, match=r"short\.npy"):
        allocate_sharded([path], 9000, cost=COST[0])
    assert isinstance(mapped, FileRegion)
    rows = Rows(mapped)
    with pytest.raises(AllocationError, match="ends before row 1000 of 1000"):
        rows.read(0, 1000)
    with pytest.raises(AllocationError, match="ends before row 1000 of 1000"):
        rows.take(np.array([3, 999]))


def test_memory_does_not_grow_with_the_shard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file of four times the rows, its choices written, takes hardly more memory than one."""
    monkeypatch.setattr(readers, "READ_ELEMENTS", 1 << 14)
    cost, peaks, sizes = shared_rows(8), [], []
    for n_rows in (15_000, 60_000):
        path = save(tmp_path / f"{n_rows}.npy", float_rows(n_rows, 8, seed=8))
        tracemalloc.start()
        plan = allocate_within(
            [path], 150 * n_rows, NARROW, cost, output_directory=str(tmp_path / "out")
        )
        sizes.append(path.stat().st_size)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert plan.spend <= 150 * n_rows
    assert peaks[1] - peaks[0] <= 0.15 * (sizes[1] - sizes[0])


@pytest.mark.parametrize(
    ("shards", "cost", "message"),
    [
        (3, None, "shards are int"),
        ([GOOD], [0.5, 1.0, 2.0], "shared cost has type float64"),
        ([GOOD], COST, r"shared cost has type int64 and shape \(1000, 3\)"),
        ([GOOD], [1, 2], r"shard 0: cost has shape \(2,\)"),
    ],
)
def test_bad_arguments_are_refused(shards: Any, cost: Any, message: str) -> None:
    """What is no sequence of shards, or no row of integers, is an error of the tree."""
    with pytest.raises(AllocationError, match=message):
        allocate_sharded(shards, 9000, cost=cost)
