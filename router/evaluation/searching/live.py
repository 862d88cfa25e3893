"""Live search driven by `router.Policy`: options become searches, and reports come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.exceptions import InputError
from router.options import Menu, Option
from router.reports import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from router.evaluation.searching.environment import SearchAction, SearchEnvironment
    from router.evaluation.searching.trail import SearchTrail
    from router.questions import Question
    from router.replan_decisions import Decision

__all__ = ["LiveSearch"]


@dataclass
class LiveSearch:
    """An environment for :meth:`router.Policy.run` that really searches.

    Parameters
    ----------
    search : SearchEnvironment
        The corpus and its questions, which have the ids of the plan's.
    options : mapping of str to sequence of SearchAction
        What each option does, search by search; the first asks the question as it stands. Options
        whose names differ only in a number after ``@`` continue each other where their searches do.
    judge : callable, optional
        How surely a search has found what is needed, from 0 to 1: a check, or what a model makes of
        its signals. Nothing is reported of quality without one.
    shows_signals : bool, default=False
        Whether reports bring the signals of the search as context, for bundles trained with them.
    trails : dict of str to SearchTrail
        By question, the search that ran last.
    read : dict of str to set of int
        By question, places of all passages that were read.
    searches : dict of str to int
        By question, searches that were made and paid.

    Raises
    ------
    InputError
        If an option makes no search, or its first does not ask the question as it stands.

    Examples
    --------
    >>> from router import Policy, Router
    >>> from router.evaluation.searching import (
    ...     Bm25Index, Passage, SearchAction, SearchCorpus, SearchEnvironment, SearchQuestion)
    >>> index = Bm25Index.build([Passage("Lotus", "A car of Colin."), Passage("Colin", "Born.")])
    >>> asked = SearchQuestion("a", "Who made the car Lotus?", frozenset([0, 1]))
    >>> first, more = SearchAction("question", 1), SearchAction("name", 1)
    >>> live = LiveSearch(
    ...     SearchEnvironment(SearchCorpus(index, (asked,))),
    ...     {"names@1": [first], "names@2": [first, more]},
    ... )
    >>> questions = [{"id": "a", "text": asked.text}]
    >>> plan = Router.load().allocate(questions, {"searches": 2}, menu=live.menu)
    >>> end = Policy(plan).run(live)
    >>> live.searches["a"] == end.spent["searches"], live.recall("a") >= 0.5
    (True, True)
    """

    search: SearchEnvironment
    options: Mapping[str, Sequence[SearchAction]]
    judge: Callable[[SearchTrail], float] | None = None
    shows_signals: bool = False
    trails: dict[str, SearchTrail] = field(default_factory=dict)
    read: dict[str, set[int]] = field(default_factory=dict)
    searches: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options and number the questions."""
        for name, actions in self.options.items():
            if not actions or actions[0].query != "question":
                raise InputError(
                    f"option {name!r} begins with {actions[0].query if actions else 'nothing'!r}: "
                    "its first search asks 'question', the question as it stands"
                )
        self._places = {one.query_id: at for at, one in enumerate(self.search.corpus.questions)}
        self._made: dict[str, tuple[SearchAction, ...]] = {}

    @property
    def menu(self) -> Menu:
        """The options, with the searches that they make."""
        return Menu(
            tuple(
                Option(
                    name,
                    strategy=name,
                    search_steps=float(len(actions)),
                    searches=float(len(actions)),
                )
                for name, actions in self.options.items()
            ),
            "live search",
        )

    def run(self, question: Question, decision: Decision) -> Report:
        """Search as an option says.

        Parameters
        ----------
        question : Question
            One of the corpus, by its id.
        decision : Decision
            With one of the options.

        Returns
        -------
        Report
            With the searches really made: where the decision is to continue, those that the option
            adds to what ran before, else all of its own.

        Raises
        ------
        InputError
            If the corpus has no such question, or there is no such option.
        """
        name, option = question.id, str(decision.option)
        if name not in self._places:
            raise InputError(f"question {name!r} is not one of the corpus")
        if option not in self.options:
            raise InputError(f"option {option!r} is not one of {', '.join(self.options)}")
        actions, made = tuple(self.options[option]), self._made.get(name, ())
        if decision.action != "continue" or actions[: len(made)] != made:
            made = ()
        to_do = actions[len(made) :]
        if not made:
            self.trails[name] = self.search.start(self._places[name], width=to_do[0].width)
        trail = self.trails[name]
        for action in to_do if made else to_do[1:]:
            self.search.step(trail, action)
        self._made[name] = actions
        self.read.setdefault(name, set()).update(trail.read)
        self.searches[name] = self.searches.get(name, 0) + len(to_do)
        signals = zip(self.search.signals, self.search.look(trail).tolist(), strict=True)
        return Report(
            name,
            option,
            {"searches": float(len(to_do))},
            None if self.judge is None else float(self.judge(trail)),
            context=dict(signals) if self.shows_signals else {},
        )

    def recall(self, name: str) -> float:
        """Give the share of a question's needed passages that was read.

        Parameters
        ----------
        name : str
            Its id.

        Returns
        -------
        float
            0 where nothing ran.
        """
        return self.search.corpus.questions[self._places[name]].recall(self.read.get(name, set()))
