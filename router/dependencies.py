"""Dependences between parts of one whole: which parts belong together, and whether they can be."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["label_groups"]

NAMES_SHOWN = 6


def label_groups(
    names: Sequence[Hashable],
    depends_on: Sequence[Sequence[Hashable]],
    *,
    error: type[InputError] = InputError,
    noun: str = "question",
) -> NDArray[np.int64]:
    """Label parts that depend on each other, directly or through others, by their first member.

    Parameters
    ----------
    names : sequence of hashable, length n
        The parts, each once.
    depends_on : sequence of sequences, length n
        By part the names of those that have to succeed before it can.
    error : type, default=InputError
        The error to raise.
    noun : str, default="question"
        What messages call a part.

    Returns
    -------
    ndarray of int64, shape (n,)
        The lowest position in each part's group; its own where it stands alone.

    Raises
    ------
    InputError
        (or `error`) If a part depends on itself, on one that is not there, or in a circle; the
        message names the parts.

    Examples
    --------
    >>> label_groups(["a", "b", "c", "d"], [[], ["a"], [], ["b"]]).tolist()
    [0, 0, 2, 0]
    """
    place = {name: position for position, name in enumerate(names)}
    for name, needed in zip(names, depends_on, strict=True):
        for other in needed:
            if other == name:
                raise error(f"{noun} {name!r} depends on itself")
            if other not in place:
                raise error(f"{noun} {name!r} depends on {other!r}, which is not in the batch")
    _refuse_cycle(dict(zip(names, depends_on, strict=True)), error, noun)
    root = list(range(len(names)))
    for position, needed in enumerate(depends_on):
        for other in needed:
            first, second = _find_root(root, position), _find_root(root, place[other])
            root[max(first, second)] = min(first, second)
    return np.array([_find_root(root, position) for position in range(len(root))], dtype=np.int64)


def _find_root(root: list[int], position: int) -> int:
    """Follow a part to the first of its group, halving the path for the next walk."""
    while root[position] != position:
        root[position] = root[root[position]]
        position = root[position]
    return position


def _refuse_cycle(
    graph: Mapping[Hashable, Sequence[Hashable]], error: type[InputError], noun: str
) -> None:
    """Refuse parts that wait for each other."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as problem:
        # The circle is given from what is needed to what needs it, its first part at both ends.
        circle = [repr(name) for name in reversed(problem.args[1])]
        shown = circle if len(circle) <= NAMES_SHOWN else [*circle[:NAMES_SHOWN], "..."]
        raise error(f"{noun}s depend on each other in a circle: {' on '.join(shown)}") from None
