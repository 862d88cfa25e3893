"""Parquet shards: columns in, columns out, and errors that name the column."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.allocation import Shard, allocate_sharded
from router.exceptions import AllocationError, MissingExtraError
from tests.contracts.allocators import draw
from tests.contracts.shards import NARROW, allocate_within, cut, float_rows, shared_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OPTIONS = ("skip", "search-1", "search-3", "think")


def write(
    path: Path, quality: NDArray[Any], group: int | None = None, **columns: NDArray[Any]
) -> Path:
    """Write a shard with further columns, two-dimensional ones as one column an option."""
    names = dict(zip(OPTIONS, range(quality.shape[1]), strict=False))
    table = {"question_id": np.arange(len(quality))}
    table |= {f"quality_{name}": quality[:, place] for name, place in names.items()}
    for column, array in columns.items():
        if array.ndim == 1:
            table[column] = array
        else:
            table |= {f"{column}_{name}": array[:, place] for name, place in names.items()}
    pq.write_table(pa.table(table), path, row_group_size=group)
    return path


def test_parquet_equals_arrays(tmp_path: Path) -> None:
    """Quality, costs, weights and masks in columns give the plan of the same arrays."""
    x = draw("noisy", 800, 4, seed=2)
    chance = np.random.default_rng(2)
    weights = chance.uniform(0.1, 2.0, 800)
    allowed = chance.random(x.quality.shape) < 0.8
    allowed[:, 0] = True
    told = allocate_within(
        cut(x.quality, x.cost, 2, weights=weights, allowed=allowed), x.budget, NARROW
    )
    for number, rows in enumerate((slice(400), slice(400, 800))):
        write(
            tmp_path / f"part-{number}.parquet",
            x.quality[rows],
            150,
            cost=x.cost[rows],
            weight=weights[rows],
            allowed=allowed[rows],
        )
    (tmp_path / "notes.txt").write_text("no shard")
    paths = sorted(tmp_path.glob("*.parquet"))
    plan = allocate_within(list(paths), x.budget, NARROW)
    assert np.concatenate(plan.choices).tolist() == np.concatenate(told.choices).tolist()
    assert (plan.value, plan.bound) == (told.value, told.bound)
    whole = allocate_sharded(tmp_path, x.budget)
    assert [len(choices) for choices in whole.choices] == [400, 400]


def test_choices_are_written_with_their_names(tmp_path: Path) -> None:
    """The file of choices has one row a question: the number of its option and the name."""
    quality, cost = float_rows(500, 4, seed=1), shared_rows(4)
    (tmp_path / "in").mkdir()
    path = write(tmp_path / "in" / "questions.parquet", quality)
    told = allocate_sharded([quality], 60_000, cost=cost)
    plan = allocate_sharded(tmp_path / "in", 60_000, cost=cost, output_directory=tmp_path / "out")
    assert [written.name for written in plan.paths] == ["00000-questions.parquet"]
    table = pq.read_table(plan.paths[0])
    assert table.column("choice").to_pylist() == told.choices[0].tolist()
    assert table.column("option").to_pylist() == [OPTIONS[c] for c in told.choices[0]]
    assert pq.read_table(path).num_rows == 500


def test_empty_files_are_shards(tmp_path: Path) -> None:
    """A file without rows is a shard without choices."""
    quality, cost = float_rows(300, 4, seed=1), shared_rows(4)
    paths = [
        write(tmp_path / "0.parquet", quality[:0]),
        write(tmp_path / "1.parquet", quality),
    ]
    plan = allocate_within(list(paths), 30_000, NARROW, cost)
    assert [len(choices) for choices in plan.choices] == [0, 300]


def test_bad_files_are_named(tmp_path: Path) -> None:
    """The message names the shard and the column, or the row where one entry is wrong."""
    quality, cost = np.full((9, 2), 0.5), np.ones((9, 2), dtype=np.int64)

    def refused(message: str, path: Path, shared: Any = None) -> None:
        """Assert that a file is refused."""
        with pytest.raises(AllocationError, match=message):
            allocate_sharded([path], 9, cost=shared)

    bad = tmp_path / "bad.parquet"
    bad.write_text("no parquet")
    refused(r"shard 0 \(.*bad.parquet\) cannot be read", bad)
    refused("no column cost_skip", write(bad, quality))
    refused("has 2 options; the cost has shape", write(bad, quality), [1, 2, 3])
    refused("no column quality_<option>", write(bad, quality[:, :0]), [1])
    refused("cost_skip has type double; a integer", write(bad, quality, cost=quality))
    refused("quality_skip has type int64", write(bad, cost), [1, 2])
    refused("allowed_skip has type int64", write(bad, quality, allowed=cost), [1, 2])
    quality[7, 1] = np.nan
    refused(r"quality\[7, 1\] is nan", write(bad, quality), [1, 2])
    gap = pa.table({"quality_a": [0.1, 0.2], "cost_a": pa.array([1, None])})
    pq.write_table(gap, bad)
    refused(r"cost_a\[1\] is empty", bad)
    with pytest.raises(AllocationError, match="columns of its file"):
        allocate_sharded([Shard(bad, weights=[1.0, 2.0])], 9)
    other = write(tmp_path / "b.parquet", np.ones((2, 1)), cost=np.ones((2, 1), dtype=np.int64))
    with pytest.raises(AllocationError, match="has the options skip; shard 0 has a"):
        allocate_sharded([bad, other], 9)


def test_a_missing_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the error says which extra to install."""
    path = write(tmp_path / "0.parquet", np.ones((2, 2)))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"\[sharded\]"):
        allocate_sharded([path], 9, cost=[1, 2])
