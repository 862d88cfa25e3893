"""Outcomes: what a question's option really consumed and gained, and the log they make.

The log is columnar inside: questions and options are listed once, rows point at them. Whatever a
file holds twice is averaged by trials when the log is made, so every (question, option) pair occurs
at most once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import LogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.options import Option

__all__ = ["Outcome", "OutcomeLog", "average_by_option"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one question's option really consumed and gained.

    Parameters
    ----------
    query_id : str
        The question.
    option : str
        The option's name.
    quality : float
        From 0 to 1.
    cost : float
        In the log's unit.
    trials : int, default=1
        How many runs are averaged.
    """

    query_id: str
    option: str
    quality: float
    cost: float
    trials: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class OutcomeLog:
    """A log of outcomes over n questions and m options, r rows.

    Parameters
    ----------
    query_ids : tuple of str, length n
        Sorted identifiers.
    texts : tuple of str, length n
        The questions; empty where a question's text was not kept, which then has features.
    groups : tuple of str or None, length n
        Task labels, None where the log has none.
    options : tuple of Option, length m
        Options with descriptors averaged over their rows, sorted by name.
    question_index, option_index : ndarray of int64, shape (r,)
        What a row is about.
    quality : ndarray of float64, shape (r,)
        From 0 to 1.
    cost : ndarray of float64, shape (r,)
        In `cost_unit`; NaN where unknown.
    trials : ndarray of int64, shape (r,)
        Runs averaged in the row.
    cost_unit : str
        Unit of `cost`.
    unit_costs : mapping of str to ndarray of float64, shape (r,)
        Costs by budget unit (``usd``, ``tokens``, ``searches``, ``seconds``); NaN where unknown.
    context : mapping of str to ndarray of float64, shape (n,)
        Numbers known before the choice; NaN where missing.
    dataset : str
        Name of the log.
    notes : tuple of str
        What was ignored or averaged on reading.
    features : ndarray of float32, shape (n, d), optional
        What an encoder made of the questions, where that was kept; NaN in rows of questions that
        have a text only.
    feature_fingerprint : str, optional
        Fingerprint of that encoder.
    """

    query_ids: tuple[str, ...]
    texts: tuple[str, ...]
    groups: tuple[str | None, ...]
    options: tuple[Option, ...]
    question_index: NDArray[np.int64]
    option_index: NDArray[np.int64]
    quality: NDArray[np.float64]
    cost: NDArray[np.float64]
    trials: NDArray[np.int64]
    cost_unit: str
    unit_costs: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    context: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    dataset: str = "log"
    notes: tuple[str, ...] = ()
    features: NDArray[np.float32] | None = None
    feature_fingerprint: str | None = None

    def __repr__(self) -> str:
        """Sum up the log in one line."""
        return (
            f"<OutcomeLog {self.dataset}: {self.n_questions} questions x {self.n_options} options, "
            f"{len(self.quality)} rows, cost in {self.cost_unit}>"
        )

    @property
    def n_questions(self) -> int:
        """Number of questions."""
        return len(self.query_ids)

    @property
    def n_options(self) -> int:
        """Number of options."""
        return len(self.options)

    @property
    def has_groups(self) -> bool:
        """Whether any question carries a task label."""
        return any(group is not None for group in self.groups)

    @property
    def has_texts(self) -> bool:
        """Whether every question's text was kept."""
        return all(self.texts)

    @property
    def identities(self) -> tuple[str, ...]:
        """What tells questions apart: the text, or a digest of the features in its place."""
        if self.features is None or self.has_texts:
            return self.texts
        return tuple(
            text or hashlib.sha256(row.tobytes()).hexdigest()
            for text, row in zip(self.texts, self.features, strict=True)
        )

    def require_texts(self, purpose: str) -> None:
        """Refuse a log that has features in place of texts.

        Parameters
        ----------
        purpose : str
            What needs the texts.

        Raises
        ------
        LogError
            If a question has no text.
        """
        if not self.has_texts:
            n_without = self.texts.count("")
            raise LogError(
                f"{self.dataset}: {n_without} of {self.n_questions} questions have features in "
                f"place of a text: {purpose} needs the texts; `router train` does without"
            )

    @property
    def coverage(self) -> float:
        """Share of (question, option) pairs that were tried."""
        return len(self.quality) / (self.n_questions * self.n_options)

    def to_matrix(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Spread a column over questions and options.

        Parameters
        ----------
        values : ndarray of float64, shape (r,)
            One value a row, for example `quality`.

        Returns
        -------
        ndarray of float64, shape (n, m)
            NaN where the pair was not tried.
        """
        matrix = np.full((self.n_questions, self.n_options), np.nan)
        matrix[self.question_index, self.option_index] = values
        return matrix

    def select(self, questions: NDArray[np.bool_] | Sequence[bool]) -> OutcomeLog:
        """Keep some questions and all options.

        Parameters
        ----------
        questions : array_like of bool, shape (n,)
            Which to keep.

        Returns
        -------
        OutcomeLog
            Same options, also those that none of the questions kept has tried.

        Raises
        ------
        LogError
            If none is kept, or the length is not that of the questions.
        """
        keep = np.asarray(questions, dtype=bool)
        if keep.shape != (self.n_questions,):
            raise LogError(
                f"the choice of questions has shape {keep.shape}; ({self.n_questions},) is needed"
            )
        if not keep.any():
            raise LogError("no question is left: at least one is needed")
        position = np.cumsum(keep) - 1
        rows = keep[self.question_index]
        chosen = np.flatnonzero(keep)
        return OutcomeLog(
            query_ids=tuple(self.query_ids[i] for i in chosen),
            texts=tuple(self.texts[i] for i in chosen),
            groups=tuple(self.groups[i] for i in chosen),
            options=self.options,
            question_index=position[self.question_index[rows]].astype(np.int64),
            option_index=self.option_index[rows],
            quality=self.quality[rows],
            cost=self.cost[rows],
            trials=self.trials[rows],
            cost_unit=self.cost_unit,
            unit_costs={unit: column[rows] for unit, column in self.unit_costs.items()},
            context={name: column[keep] for name, column in self.context.items()},
            dataset=self.dataset,
            notes=self.notes,
            features=None if self.features is None else self.features[keep],
            feature_fingerprint=self.feature_fingerprint,
        )

    def list_contexts(self) -> list[dict[str, float]]:
        """List what was known before the choice, question by question, without what is missing."""
        contexts: list[dict[str, float]] = [{} for _ in self.query_ids]
        for name, column in self.context.items():
            for row in np.flatnonzero(~np.isnan(column)).tolist():
                contexts[row][name] = float(column[row])
        return contexts

    def mean_costs(self) -> NDArray[np.float64]:
        """Mean cost of every option over its rows, in `cost_unit`.

        Returns
        -------
        ndarray of float64, shape (m,)
            NaN for an option whose cost is never known.
        """
        return average_by_option(self.cost, self.option_index, self.n_options)

    def mean_unit_costs(self) -> dict[str, NDArray[np.float64]]:
        """Mean cost of every option by budget unit, where all options have one.

        Returns
        -------
        dict of str to ndarray of float64, shape (m,)
        """
        means = {
            unit: average_by_option(column, self.option_index, self.n_options)
            for unit, column in self.unit_costs.items()
        }
        return {unit: mean for unit, mean in means.items() if not np.isnan(mean).any()}


def average_by_option(
    values: NDArray[np.float64], option_index: NDArray[np.int64], n_options: int
) -> NDArray[np.float64]:
    """Average a column over each option's rows, leaving out NaN.

    Parameters
    ----------
    values : ndarray of float64, shape (r,)
        One value a row.
    option_index : ndarray of int64, shape (r,)
        Each row's option.
    n_options : int
        How many options there are.

    Returns
    -------
    ndarray of float64, shape (n_options,)
        NaN for an option without a value.

    Examples
    --------
    >>> average_by_option(np.array([1.0, np.nan, 3.0]), np.array([0, 1, 0]), 2)
    array([ 2., nan])
    """
    known = ~np.isnan(values)
    total = np.bincount(option_index[known], weights=values[known], minlength=n_options)
    count = np.bincount(option_index[known], minlength=n_options)
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
