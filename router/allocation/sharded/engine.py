"""Tasks on whatever engine joblib is set to, with one answer a shard in the order of shards."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from router.exceptions import MissingExtraError, RouterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["run_tasks"]

Result = TypeVar("Result")

# Dask and Ray start lost tasks anew by themselves; a local pool that lost a process breaks as a
# whole, and the round is started anew, though not for ever where the round itself kills them.
ATTEMPTS_MAX = 3


def run_tasks(
    task: Callable[..., Result], arguments: Iterable[tuple[Any, ...]], n_jobs: int | None
) -> list[Result]:
    """Run a task for every tuple of arguments and give the results in their order.

    Raises
    ------
    RouterError
        The error of the first task in order that failed, whichever failed first.
    MissingExtraError
        joblib is not installed.
    """
    try:
        from joblib import Parallel, delayed
    except ImportError:
        raise MissingExtraError.for_extra("sharded", "allocating over shards") from None
    calls = [delayed(_attempt)(task, own) for own in arguments]
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            results = Parallel(n_jobs=n_jobs)(calls)
            break
        except BrokenExecutor:
            if attempt == ATTEMPTS_MAX:
                raise
    for result in results:
        if isinstance(result, RouterError):
            raise result
    return list(results)


def _attempt(task: Callable[..., Result], arguments: tuple[Any, ...]) -> Result | RouterError:
    """Run one task and hand an error on purpose back as a result.

    Which of several errors a pool raises depends on its timing; a result has its place.
    """
    try:
        return task(*arguments)
    except RouterError as error:
        return error
