"""Live search under a policy: what is decided is searched, and what was searched is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router import Policy, Question, Router
from router.evaluation.searching import (
    Bm25Index,
    LiveSearch,
    Passage,
    SearchAction,
    SearchCorpus,
    SearchEnvironment,
    SearchQuestion,
    SearchTrail,
)
from router.exceptions import InputError
from router.replan_decisions import Decision
from router.strategies import Offer

if TYPE_CHECKING:
    from router.replan_decisions import Action

PASSAGES = (
    Passage("Lotus", "The Lotus is a car of Colin Chapman."),
    Passage("Colin Chapman", "Born in Richmond."),
    Passage("Zurich", "A town on a lake, ruled by Brun."),
    Passage("Bern", "Another town."),
)
# The first needs a second search by name, the second only one, the third is never answered.
QUESTIONS = (
    SearchQuestion("far", "Where was the maker of the Lotus car born?", frozenset([0, 1])),
    SearchQuestion("near", "Who ruled Zurich on its lake?", frozenset([2])),
    SearchQuestion("lost", "Who ruled Zurich on its lake then?", frozenset([3])),
)
FIRST, MORE = SearchAction("question", 1), SearchAction("name", 1)
OPTIONS = {"names@1": [FIRST], "names@2": [FIRST, MORE], "again@2": [FIRST, FIRST]}


def make(*, is_checked: bool = True) -> LiveSearch:
    """Make an environment that checks what was read, or does not."""
    environment = SearchEnvironment(SearchCorpus(Bm25Index.build(PASSAGES), QUESTIONS))
    needed = {one.text: one for one in QUESTIONS}

    def judge(trail: SearchTrail) -> float:
        """Say whether all that is needed was read."""
        return float(needed[trail.question].recall(trail.read) == 1.0)

    return LiveSearch(environment, OPTIONS, judge if is_checked else None)


def test_policy_searches_on_where_it_has_to() -> None:
    """A question that was answered stops, one that was not goes on, and every search is paid."""
    live = make()
    expected = np.array([[0.5, 0.9, 0.2]])
    offer = Offer(live.menu.options, expected, np.ones((1, 3)), np.ones((1, 3)))
    questions = [{"id": one.query_id, "text": one.text} for one in QUESTIONS]
    budget = {"searches": 5}
    plan = Router.load().allocate(questions, budget, menu=live.menu, offers=[offer])
    end = Policy(plan, is_checked=True, reserve=0.0).run(live)
    assert [live.recall(one.query_id) for one in QUESTIONS[:2]] == [1.0, 1.0]
    assert live.searches["far"] == 2
    assert live.searches["near"] == 1
    assert end.spent["searches"] == sum(live.searches.values()) <= 5


def test_continuing_pays_what_it_adds() -> None:
    """Going on searches once more, switching anew and from the start; what was read stays read."""
    live, question = make(is_checked=False), Question("far", QUESTIONS[0].text)

    def run(action: Action, option: str) -> float:
        """Carry out one decision."""
        report = live.run(question, Decision("far", action, option, {}, 0.5, ""))
        assert report.quality is None
        return report.cost["searches"]

    assert run("start", "names@1") == 1.0
    assert run("continue", "names@2") == 1.0
    assert live.trails["far"].n_searches == 2
    assert live.recall("far") == 1.0
    assert run("switch", "again@2") == 2.0
    assert live.recall("far") == 1.0
    assert run("continue", "names@2") == 2.0
    assert live.searches["far"] == 6


def test_signals_come_as_context() -> None:
    """Where it is asked for, reports bring what can be seen of a search."""
    live = make()
    live.shows_signals = True
    decision = Decision("far", "start", "names@2", {}, 0.5, "")
    report = live.run(Question("far", QUESTIONS[0].text), decision)
    assert report.context["searches"] == 2.0
    assert set(report.context) == set(live.search.signals)
    assert report.quality == 1.0


def test_what_is_not_there_is_refused() -> None:
    """Unknown questions and options, and options that begin otherwise, are refused."""
    live = make()
    decision = Decision("far", "start", "deep@9", {}, 0.5, "")
    with pytest.raises(InputError, match="not one of names@1"):
        live.run(Question("far", "Where?"), decision)
    with pytest.raises(InputError, match="not one of the corpus"):
        live.run(Question("other", "Where?"), decision)
    for actions in ([], [MORE]):
        with pytest.raises(InputError, match="its first search asks 'question'"):
            LiveSearch(live.search, {"odd": actions})
    assert live.recall("far") == 0.0
