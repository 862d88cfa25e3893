"""Environments that carry a policy's decisions out on what is known already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.replan_menu import MenuKinship
from router.reports import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.options import Menu
    from router.questions import Question
    from router.replan_decisions import Decision

__all__ = ["TableEnvironment"]


@dataclass
class TableEnvironment:
    """Answers from tables of true qualities and costs: of a log, or of a drawn population.

    Parameters
    ----------
    ids : sequence of str, length n
        Questions.
    options : sequence of str, length m
        Names.
    quality : ndarray of float64, shape (n, m)
        How often each option is right on each question; every run is drawn anew, so that a table
        of single runs of 0 and 1 gives these again.
    cost : ndarray of float64, shape (n, m)
        What a run costs.
    unit : str, default="usd"
        Of the costs.
    is_checked : bool, default=True
        Whether reports say if the answer is right.
    seed : int, default=0
        Of the draws.
    menu : Menu, optional
        Says which options continue which, as it does to those who plan; without it an option
        continues the last one that ran.
    right, spent : dict
        By question whether it ended right, and what was spent on it.

    Raises
    ------
    InputError
        If shapes do not fit, or the menu has other options.

    Examples
    --------
    >>> from router import Question
    >>> from router.replan_decisions import Decision
    >>> environment = TableEnvironment(["q1"], ["a"], np.array([[1.0]]), np.array([[0.01]]))
    >>> decision = Decision("q1", "start", "a", {}, 0.5, "")
    >>> environment.run(Question("q1", "Why?"), decision)
    Report(id='q1', option='a', cost={'usd': 0.01}, quality=1.0, is_done=False, context={})
    """

    ids: Sequence[str]
    options: Sequence[str]
    quality: NDArray[np.float64]
    cost: NDArray[np.float64]
    unit: str = "usd"
    is_checked: bool = True
    seed: int = 0
    menu: Menu | None = None
    right: dict[str, bool] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes and number questions and options."""
        shape = (len(self.ids), len(self.options))
        if self.quality.shape != shape or self.cost.shape != shape:
            raise InputError(
                f"quality has shape {self.quality.shape} and cost {self.cost.shape}: {shape} is "
                "needed"
            )
        self._rows: Mapping[str, int] = {name: row for row, name in enumerate(self.ids)}
        self._columns: Mapping[str, int] = {name: at for at, name in enumerate(self.options)}
        if self.menu is not None and list(self.menu.names) != list(self.options):
            raise InputError(
                f"the menu has options {list(self.menu.names)}: {list(self.options)} are needed"
            )
        self._kinship = None if self.menu is None else MenuKinship(self.menu)
        self._tried: dict[str, list[int]] = {}
        self._chance = np.random.default_rng(self.seed)

    def run(self, question: Question, decision: Decision) -> Report:
        """Run an option, as the table says.

        Parameters
        ----------
        question : Question
            One of the table.
        decision : Decision
            About it, with an option of the table.

        Returns
        -------
        Report
            With the quality 0 or 1 where answers are checked. The answer that counts in the end, in
            ``right``, is a checked one that is right, else the last.

        Raises
        ------
        InputError
            If the decision is about another question.
        """
        name = question.id
        if decision.id != name:
            raise InputError(f"question {name!r} with a decision about {decision.id!r}")
        row, column = self._rows[name], self._columns[str(decision.option)]
        paid = float(self.cost[row, column])
        tried = self._tried.setdefault(name, [])
        if decision.action == "continue":
            paid = max(0.0, paid - self._find_paid(row, tried, column))
        tried.append(column)
        is_right = bool(self._chance.random() < self.quality[row, column])
        kept = self.is_checked and self.right.get(name, False)
        self.right[name] = is_right or kept
        self.spent[name] = self.spent.get(name, 0.0) + paid
        seen = float(is_right) if self.is_checked else None
        return Report(name, str(decision.option), {self.unit: paid}, seen)

    def _find_paid(self, row: int, tried: Sequence[int], column: int) -> float:
        """Find what of an option was paid by those that ran and that it continues."""
        if self._kinship is not None:
            tried = [one for one in tried if self._kinship.continues(one)[column]]
            return max((float(self.cost[row, one]) for one in tried), default=0.0)
        return float(self.cost[row, tried[-1]])

    @property
    def mean_quality(self) -> float:
        """Share of all questions that ended right."""
        return sum(self.right.values()) / len(self.ids)

    @property
    def mean_cost(self) -> float:
        """Mean cost of a question."""
        return sum(self.spent.values()) / len(self.ids)
