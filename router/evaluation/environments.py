"""Environments that carry a policy's decisions out on what is known already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.reports import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

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
    right, spent : dict
        By question whether it ended right, and what was spent on it.

    Raises
    ------
    InputError
        If shapes do not fit.

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
        self._last: dict[str, int] = {}
        self._chance = np.random.default_rng(self.seed)

    def run(self, question: Question, decision: Decision) -> Report:
        """Run an option, as the table says.

        Parameters
        ----------
        question : Question
            One of the table.
        decision : Decision
            With an option of the table.

        Returns
        -------
        Report
            With the quality 0 or 1 where answers are checked. The answer that counts in the end, in
            ``right``, is a checked one that is right, else the last.
        """
        name = question.id
        row, column = self._rows[name], self._columns[str(decision.option)]
        paid = float(self.cost[row, column])
        if decision.action == "continue":
            paid = max(0.0, paid - float(self.cost[row, self._last[name]]))
        self._last[name] = column
        is_right = bool(self._chance.random() < self.quality[row, column])
        kept = self.is_checked and self.right.get(name, False)
        self.right[name] = is_right or kept
        self.spent[name] = self.spent.get(name, 0.0) + paid
        seen = float(is_right) if self.is_checked else None
        return Report(name, str(decision.option), {self.unit: paid}, seen)

    @property
    def mean_quality(self) -> float:
        """Share of all questions that ended right."""
        return sum(self.right.values()) / len(self.ids)

    @property
    def mean_cost(self) -> float:
        """Mean cost of a question."""
        return sum(self.spent.values()) / len(self.ids)
