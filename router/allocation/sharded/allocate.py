"""The door of allocation past one machine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.checks import check_budget
from router.allocation.sharded.engine import run_tasks
from router.allocation.sharded.pieces import Setting
from router.allocation.sharded.search import Limits, Run, find_price
from router.allocation.sharded.settlement import settle_rows
from router.allocation.sharded.settling import settle_shard
from router.allocation.sharded.shard import describe_shards
from router.allocation.sharded.solution import ShardedSolution
from router.allocation.sharded.tasks import outline_shard
from router.allocation.sharded.totals import Total
from router.allocation.units import find_scale
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike

    from router.allocation.sharded.shard import Shard, Source
    from router.allocation.sharded.tasks import Outline

__all__ = ["allocate_described", "allocate_sharded"]


def allocate_sharded(
    shards: Iterable[Shard | ArrayLike | str | Path] | str | Path,
    budget: int,
    *,
    cost: ArrayLike | None = None,
    output_directory: str | Path | None = None,
    scratch_directory: str | Path | None = None,
    n_jobs: int | None = None,
) -> ShardedSolution:
    """Choose one option per row of many shards so that the total quality is highest.

    The work runs on the engine that joblib is set to: ``joblib.parallel_config(backend="loky",
    n_jobs=8)`` for the cores of one machine, ``backend="dask"`` for a cluster that is already
    there, ``backend="ray"`` likewise after ``ray.util.joblib.register_ray()``. A round asks every
    shard at about twenty prices and gets totals back. The first prices come from a sample; one
    round over all rows leaves those that are still undecided, and later rounds read only these.
    When few enough are left they are solved exactly in this process.

    Parameters
    ----------
    shards : iterable of Shard, array_like or path; or path of a directory
        The rows, in an order of shards. A bare array or path stands for its qualities; a path ends
        in ``.npy`` or ``.parquet``, and a directory stands for all parquet files below it, sorted
        by path. Paths and memory maps travel lightly; other arrays are sent with every task.

        A parquet file has a floating column ``quality_<option>`` for every option, integer columns
        ``cost_<option>`` in micro-units unless `cost` is given, and may have boolean columns
        ``allowed_<option>`` and a column ``weight``; other columns are ignored. All shards have the
        same options in the same order.
    budget : int
        Ceiling on the total cost of all shards in micro-units.
    cost : array_like of shape (m,), integer, optional
        Cost in micro-units of shards that bring none of their own.
    output_directory : path, optional
        Where every worker writes the choices of its shards, created where missing: per shard a
        ``.npy`` array of the smallest unsigned type, or for a parquet shard a parquet file with the
        columns ``choice`` and ``option``. By default they are returned.
    scratch_directory : path, optional
        Where undecided rows are kept between rounds, by default in the directory for temporary
        files. A worker that cannot see it reads its shards again instead, so on several machines
        a shared directory saves reading. It is left as it was.
    n_jobs : int, optional
        Processes; by default what joblib is set to, and one where it is not.

    Returns
    -------
    ShardedSolution
        Choices shard by shard, exact spend, value, proven bound and shadow price. They depend on
        the rows in their order only, not on where shards begin, on workers or on timing. Among tied
        rows the cheaper step is taken first, then the earlier row; where tied rows are too many for
        one machine, rows move in the order of shards and rows as far as the budget goes, and the
        next few thousand compete for what is left.

    Raises
    ------
    AllocationError
        A shard has a wrong shape, type or entry; the message names shard, row and column.
    BudgetError
        The budget is no whole number, negative, or does not reach the cheapest plan.
    MissingExtraError
        joblib, or for parquet files pyarrow, is not installed.

    Notes
    -----
    Gains are added up in whole units, a power of two as small as 64 bits allow for all rows, so
    that totals do not depend on the order of their terms. The bound allows for the rounding.

    From a parquet file the sample can only be read in whole row groups, which mostly costs a read
    of its own.

    Examples
    --------
    >>> import numpy as np
    >>> shards = [np.array([[0.1, 0.6, 0.7]]), np.array([[0.0, 0.2, 0.9]])]
    >>> plan = allocate_sharded(shards, budget=40, cost=np.array([0, 10, 30]))
    >>> plan.choices, plan.spend, plan.value
    ((array([1]), array([2])), 40, 1.5)
    """
    return allocate_described(
        describe_shards(shards, cost),
        check_budget(budget),
        output_directory=None if output_directory is None else os.fspath(output_directory),
        scratch_directory=None if scratch_directory is None else os.fspath(scratch_directory),
        n_jobs=n_jobs,
    )


def allocate_described(
    sources: list[Source],
    budget: int,
    *,
    output_directory: str | None = None,
    scratch_directory: str | None = None,
    n_jobs: int | None = None,
    limits: Limits | None = None,
) -> ShardedSolution:
    """Run all rounds over described shards, with other limits where they are given."""
    outlines = run_tasks(outline_shard, [(source,) for source in sources], n_jobs)
    n_rows = _count_rows(sources, outlines)
    scale = find_scale(n_rows, max(outline.largest_weight for outline in outlines))
    with _scratch(scratch_directory) as scratch:
        setting = Setting(scale, n_rows, scratch, output_directory)
        run = Run(sources, outlines, budget, setting, limits or Limits(), n_jobs)
        found = find_price(run)
        verdict = settle_rows(run, found)
        calls = [
            (source, setting, found.chain, orders, outline)
            for source, orders, outline in zip(sources, verdict.orders, outlines, strict=True)
        ]
        settled = run_tasks(settle_shard, calls, n_jobs)
    total = Total(0, 0)
    for own, _ in settled:
        total = total.plus(own)
    # Every gain was rounded by half a unit at most.
    value, rounding = total.units / scale, 0.5 * n_rows / scale
    return ShardedSolution(
        choices=tuple(c.astype(np.int64) for _, c in settled if isinstance(c, np.ndarray)),
        paths=tuple(path for _, path in settled if isinstance(path, Path)),
        value=value,
        spend=total.spend,
        bound=value if found.kind == "slack" else max(value, verdict.bound + rounding),
        shadow_price=verdict.price,
        method=found.kind,
        minimum_required=found.least,
        rows_read=tuple(run.rows_read),
    )


def _count_rows(sources: list[Source], outlines: list[Outline]) -> int:
    """Check that all shards offer the same options, and count their rows."""
    first = outlines[0]
    for source, outline in zip(sources, outlines, strict=True):
        if outline.n_options != first.n_options:
            raise AllocationError(
                f"{source.place} has {outline.n_options} options, shard 0 has {first.n_options}"
            )
        if outline.options and first.options and outline.options != first.options:
            raise AllocationError(
                f"{source.place} has the options {', '.join(outline.options)}; "
                f"shard 0 has {', '.join(first.options)}"
            )
    n_rows = sum(outline.n_rows for outline in outlines)
    if not n_rows:
        raise AllocationError(f"{len(outlines)} shards have no rows; at least one row is needed")
    return n_rows


@contextmanager
def _scratch(directory: str | None) -> Iterator[str]:
    """Make a directory of this run's own and clear it away; a late task may still write there."""
    with TemporaryDirectory(prefix="router-", dir=directory, ignore_cleanup_errors=True) as own:
        yield own
