"""Live search as an environment: questions, what an agent may do next, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.evaluation.searching.queries import (
    QueryRule,
    ask_chain,
    ask_link,
    ask_name,
    ask_question,
    ask_uncovered,
)
from router.evaluation.searching.signals import LINK_SIGNALS, SIGNALS, read_signals
from router.evaluation.searching.trail import SearchTrail
from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.evaluation.searching.corpus import SearchCorpus
    from router.evaluation.searching.index import Hit
    from router.evaluation.searching.names import TitleDictionary

__all__ = ["SearchAction", "SearchEnvironment"]


class SearchAction(NamedTuple):
    """One way to go on.

    Parameters
    ----------
    query : str
        Name of the rule that makes the query.
    width : int, default=3
        Passages to read.
    """

    query: str
    width: int = 3


@dataclass(frozen=True)
class SearchEnvironment:
    """Questions over a corpus, searched step by step.

    Parameters
    ----------
    corpus : SearchCorpus
        Passages and questions.
    titles : TitleDictionary, optional
        Allows the query ``link`` and the signals of links; what is measured with it has to say so.

    Examples
    --------
    >>> from router.evaluation.searching import Bm25Index, Passage, SearchCorpus, SearchQuestion
    >>> index = Bm25Index.build([Passage("Lotus", "A car of Colin."), Passage("Colin", "Born.")])
    >>> question = SearchQuestion("a", "Who made the car Lotus?", frozenset([0, 1]))
    >>> environment = SearchEnvironment(SearchCorpus(index, (question,)))
    >>> trail = environment.start(0, width=1)
    >>> environment.recall(0, trail), environment.signals[:2], environment.look(trail)[:2].tolist()
    (0.5, ('searches', 'passages'), [1.0, 1.0])
    >>> _ = environment.step(trail, SearchAction("name", 1))
    >>> environment.recall(0, trail)
    1.0
    """

    corpus: SearchCorpus
    titles: TitleDictionary | None = None
    _rules: Mapping[str, QueryRule] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Gather the rules that may be used."""
        rules: dict[str, QueryRule] = {
            "chain": ask_chain,
            "name": ask_name,
            "question": ask_question,
            "uncovered": ask_uncovered,
        }
        if self.titles is not None:
            rules["link"] = partial(ask_link, titles=self.titles)
        object.__setattr__(self, "_rules", rules)

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of what :meth:`look` gives."""
        return SIGNALS if self.titles is None else SIGNALS + LINK_SIGNALS

    def start(self, question: int, *, width: int = 3) -> SearchTrail:
        """Search once for a question as it stands.

        Parameters
        ----------
        question : int
            Its position in the corpus.
        width : int, default=3
            Passages to read; 0 to search nothing yet.

        Returns
        -------
        SearchTrail
        """
        trail = SearchTrail(self.corpus.index, self.corpus.questions[question].text)
        if width:
            trail.search(ask_question(trail), width)
        return trail

    def step(self, trail: SearchTrail, action: SearchAction) -> list[Hit]:
        """Search once more.

        Parameters
        ----------
        trail : SearchTrail
            Which goes on.
        action : SearchAction
            How.

        Returns
        -------
        list of Hit
            Passages that are read now.

        Raises
        ------
        InputError
            If there is no such rule, or it needs a dictionary that was not given.
        """
        rule = self._rules.get(action.query)
        if rule is None:
            raise InputError(
                f"query {action.query!r} is no rule here: there are {', '.join(self._rules)}"
            )
        return trail.search(rule(trail), action.width)

    def look(self, trail: SearchTrail) -> NDArray[np.float64]:
        """Give the signals of a search that has been made at least once."""
        return read_signals(trail, self.titles)

    def recall(self, question: int, trail: SearchTrail) -> float:
        """Give the share of a question's needed passages that was read."""
        return self.corpus.questions[question].recall(trail.read)

    def follow(
        self, questions: Sequence[int], actions: Sequence[SearchAction]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Let the same actions follow for every question.

        Parameters
        ----------
        questions : sequence of int, length n
            Positions.
        actions : sequence of SearchAction, length t
            What follows the start; the first one's width is the start's, too.

        Returns
        -------
        signals : ndarray of float64, shape (n, t + 1, n_signals)
            After the start and after each action.
        recall : ndarray of float64, shape (n, t + 1)
            The same.
        """
        states = np.zeros((len(questions), len(actions) + 1, len(self.signals)))
        recall = np.zeros(states.shape[:2])
        for row, question in enumerate(questions):
            trail = self.start(question, width=actions[0].width)
            for step in range(len(actions) + 1):
                states[row, step] = self.look(trail)
                recall[row, step] = self.recall(question, trail)
                if step < len(actions):
                    self.step(trail, actions[step])
        return states, recall
