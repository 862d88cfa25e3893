"""A search under way."""

from __future__ import annotations

from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.trail import SearchTrail

INDEX = Bm25Index.build([Passage(f"Lotus {n}", "car " * n) for n in range(1, 6)])


def test_nothing_is_read_twice() -> None:
    """Each search brings passages that were not read before, until there are none."""
    trail = SearchTrail(INDEX, "Which car?")
    assert trail.newest is None
    brought = [len(trail.search({"car": 1.0}, 2)) for _ in range(4)]
    assert brought == [2, 2, 1, 0]
    assert sorted(trail.read) == [0, 1, 2, 3, 4]
    assert trail.newest == trail.steps[2][0].place
    assert trail.n_searches == 4


def test_branches_do_not_disturb_each_other() -> None:
    """What is read on a branch is not read on the trail it left."""
    trail = SearchTrail(INDEX, "Which car?")
    trail.search({"car": 1.0}, 1)
    branch = trail.branch()
    branch.search({"lotu": 1.0}, 3)
    assert (len(branch.read), len(trail.read)) == (4, 1)
    assert len(trail.queries) == len(trail.steps) == 1
