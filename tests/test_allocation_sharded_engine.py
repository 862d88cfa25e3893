"""Engines: loky and a Dask cluster of two processes give one plan, also when a worker is killed."""

from __future__ import annotations

import os
import re
import runpy
import signal
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
from distributed import Client, LocalCluster

from router.allocation import allocate_sharded
from router.allocation.sharded import allocate, search, settlement
from router.allocation.sharded.engine import run_tasks
from router.exceptions import AllocationError
from tests.contracts.shards import NARROW, TIED, check_sharded, float_rows, shared_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.allocation import ShardedSolution
    from router.allocation.sharded.search import Limits

N_ROWS, N_OPTIONS, N_SHARDS = 6000, 8, 6
BUDGET = 900_000


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Start a Dask cluster of two worker processes whose nannies replace the dead."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write the shards as files."""
    directory = tmp_path_factory.mktemp("shards")
    quality = float_rows(N_ROWS, N_OPTIONS, seed=0)
    paths = [directory / f"{number}.npy" for number in range(N_SHARDS)]
    for path, part in zip(paths, np.split(quality, N_SHARDS), strict=True):
        np.save(path, part)
    return paths


def allocate_all(shards: list[Path], **settings: Any) -> ShardedSolution:
    """Allocate over all shards."""
    return allocate_sharded(shards, BUDGET, cost=shared_rows(N_OPTIONS), **settings)


def same(one: ShardedSolution, other: ShardedSolution) -> bool:
    """Say whether two plans agree to the bit."""
    choices = zip(one.choices, other.choices, strict=True)
    return all(np.array_equal(a, b) for a, b in choices) and (
        (one.value, one.spend, one.bound, one.shadow_price)
        == (other.value, other.spend, other.bound, other.shadow_price)
    )


def deadly(task: Callable[..., Any], number: int, flag: Path) -> Callable[..., Any]:
    """Make a task kill its worker at one shard, the first time only."""

    def run(source: Any, *arguments: Any) -> Any:
        """Die, or do the work."""
        if source.number == number and not flag.exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return task(source, *arguments)

    return run


def plant(monkeypatch: pytest.MonkeyPatch, stage: str, flag: Path) -> None:
    """Let one worker die at a stage of the run."""
    module = {
        "sample_shard": search,
        "scan_shard": search,
        "survey_shard": search,
        "collect_rows": settlement,
        "settle_shard": allocate,
    }[stage]
    monkeypatch.setattr(module, stage, deadly(getattr(module, stage), 3, flag))


def set_limits(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    """Use other limits than a user's."""
    monkeypatch.setattr(allocate, "Limits", lambda: limits)


@pytest.mark.parametrize("limits", [NARROW, TIED], ids=["narrow", "tied"])
def test_engines_give_the_same_plan(
    monkeypatch: pytest.MonkeyPatch, client: Client, shards: list[Path], limits: Limits
) -> None:
    """One process, two of loky and two Dask workers agree to the bit."""
    set_limits(monkeypatch, limits)
    alone = allocate_all(shards)
    quality = np.concatenate([np.load(path) for path in shards])
    check_sharded(alone, quality, shared_rows(N_OPTIONS), BUDGET)
    with joblib.parallel_config("loky", n_jobs=2):
        assert same(allocate_all(shards), alone)
    with joblib.parallel_config("dask"):
        assert same(allocate_all(shards), alone)
    assert len(client.scheduler_info()["workers"]) == 2


@pytest.mark.parametrize("stage", ["scan_shard", "survey_shard", "settle_shard"])
def test_dask_survives_a_killed_worker(
    monkeypatch: pytest.MonkeyPatch, client: Client, shards: list[Path], tmp_path: Path, stage: str
) -> None:
    """A worker killed in the middle of a round costs time, not the plan."""
    set_limits(monkeypatch, NARROW)
    alone = allocate_all(shards)
    plant(monkeypatch, stage, tmp_path / "flag")
    before = set(client.run(os.getpid).values())
    with joblib.parallel_config("dask"):
        plan = allocate_all(shards, output_directory=tmp_path / "out")
    assert (tmp_path / "flag").exists()
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != before
    written = np.concatenate([np.load(path) for path in plan.paths])
    assert written.tolist() == np.concatenate(alone.choices).tolist()
    assert (plan.value, plan.bound) == (alone.value, alone.bound)


def test_loky_survives_a_killed_worker(
    monkeypatch: pytest.MonkeyPatch, shards: list[Path], tmp_path: Path
) -> None:
    """A local pool that lost a process starts the round anew."""
    set_limits(monkeypatch, NARROW)
    alone = allocate_all(shards)
    plant(monkeypatch, "collect_rows", tmp_path / "flag")
    with joblib.parallel_config("loky", n_jobs=2), warnings.catch_warnings():
        # loky may tell that a worker stopped while it still had work.
        warnings.filterwarnings("ignore", "A worker stopped", UserWarning)
        plan = allocate_all(shards)
    assert (tmp_path / "flag").exists()
    assert same(plan, alone)


def test_the_example_of_the_page_prints_what_is_shown(
    capsys: pytest.CaptureFixture[str], repository_root: Path, tmp_path: Path
) -> None:
    """The Python in the section on shards runs as it stands and prints the text below it."""
    page = (repository_root / "docs" / "how-it-works.md").read_text("utf-8")
    found = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "example.py").write_text(found[1])
    runpy.run_path(str(tmp_path / "example.py"))
    assert capsys.readouterr().out == found[2]


def test_scratch_out_of_reach_costs_reading_only(
    monkeypatch: pytest.MonkeyPatch, shards: list[Path]
) -> None:
    """Where no worker sees the scratch directory all shards are read again, to the same plan."""
    set_limits(monkeypatch, NARROW)
    alone = allocate_all(shards)
    seen = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: "router-" not in path.name and seen(path))
    assert same(allocate_all(shards), alone)


@pytest.mark.parametrize("backend", ["sequential", "loky"])
def test_the_first_bad_shard_is_named(backend: str, tmp_path: Path) -> None:
    """Of several bad shards the first one is named, whichever worker is done first."""
    quality = float_rows(3000, N_OPTIONS, seed=1)
    for number, part in enumerate(np.split(quality, 3)):
        if number:
            part[700 - number, 2] = np.nan
        np.save(tmp_path / f"{number}.npy", part)
    paths = [tmp_path / f"{number}.npy" for number in range(3)]
    with (
        joblib.parallel_config(backend, n_jobs=2),
        pytest.raises(AllocationError, match=r"shard 1 \(.*1.npy\): quality\[699, 2\] is nan"),
    ):
        allocate_sharded(paths, 900_000, cost=shared_rows(N_OPTIONS))


def test_results_come_in_the_order_of_tasks() -> None:
    """Results stand in the order of arguments, and other errors go through."""
    assert run_tasks(divmod, [(7, 2), (9, 4)], 1) == [(3, 1), (2, 1)]
    with pytest.raises(ZeroDivisionError):
        run_tasks(divmod, [(7, 0)], 1)
