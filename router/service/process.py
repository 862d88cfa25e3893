"""The process of the server: settled before the first request, so that none waits for upkeep."""

from __future__ import annotations

import gc

from threadpoolctl import threadpool_limits

__all__ = ["settle_process"]

# New objects between two looks for cycles among them, and how many of those looks make one among
# the older, and the oldest, objects. A request makes a few thousand objects and no cycles.
GENERATIONS = (20_000, 20, 50)


def settle_process() -> None:
    """Take what is loaded for permanent, and let linear algebra use one thread.

    The collector of cycles then passes over models and code, which it would otherwise go through
    now and then in the middle of a request. A second thread of linear algebra helps matrices far
    larger than ours, and on a busy machine each waits for the other: predicting 32 questions took
    20 times as long there.
    """
    threadpool_limits(1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GENERATIONS)
