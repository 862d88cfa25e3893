"""Replaying answers: pools of real ones, drawn one by one as an agent would have got them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import LogError
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router.strategies.vote_policy import VotePolicy

__all__ = ["AnswerPool", "follow_policy", "score_majority"]

LETTERS = "ABCDEFGHIJ"
CHOICE_LINE = re.compile(rf"^\s*([{LETTERS}])[:.)] ", re.MULTILINE)


@dataclass(frozen=True)
class AnswerPool:
    """Many answers to each of n questions of multiple choice.

    Parameters
    ----------
    query_ids, tasks : tuple of str, length n
        Questions and their tasks.
    answers : ndarray of int8, shape (n, k)
        Which choice each answer gave; -1 for one that gave none.
    right : ndarray of int64, shape (n,)
        The right choice.
    n_choices : ndarray of int64, shape (n,)
        How many there are.
    input_tokens, output_tokens : ndarray of float64, shape (n,)
        Tokens read by a call; mean tokens written by an answer.
    """

    query_ids: tuple[str, ...]
    tasks: tuple[str, ...]
    answers: NDArray[np.int8]
    right: NDArray[np.int64]
    n_choices: NDArray[np.int64]
    input_tokens: NDArray[np.float64]
    output_tokens: NDArray[np.float64]

    @classmethod
    def read(cls, path: str | Path, **wanted: str | tuple[float, float]) -> AnswerPool:
        """Read a file of one row per question and setting, with ten answers a row.

        Parameters
        ----------
        path : str or Path
            With the columns ``query_id``, ``query``, ``group``, ``answers10`` (letters, ``-`` for
            none), ``correct``, ``input_tokens`` and ``output_tokens_all10``.
        **wanted : str or tuple of float
            Rows to take, by column: those that hold the word, or lie in the closed interval.

        Returns
        -------
        AnswerPool
            Of the questions for which the most answers are there; those of a smaller pool are left
            out.

        Raises
        ------
        LogError
            If no row is wanted, or the questions of a task do not list their choices.
        """
        columns = read_columns(path, error=LogError)
        rows = [row for row in range(len(columns["query_id"])) if _is_wanted(columns, row, wanted)]
        if not rows:
            raise LogError(f"{path}: no row is of {wanted}")
        by_question: dict[str, list[int]] = {}
        for row in rows:
            by_question.setdefault(str(columns["query_id"][row]), []).append(row)
        most = max(map(len, by_question.values()))
        kept = {name: found for name, found in sorted(by_question.items()) if len(found) == most}
        firsts = [found[0] for found in kept.values()]
        texts = ["".join(columns["answers10"][row] for row in found) for found in kept.values()]
        tasks = tuple(str(columns["group"][row]) for row in firsts)
        n_choices = _count_choices([columns["query"][row] for row in firsts], tasks, str(path))
        codes = [
            [letter if (letter := LETTERS.find(given)) < number else -1 for given in text]
            for text, number in zip(texts, n_choices, strict=True)
        ]
        spoken = [sum(columns["output_tokens_all10"][row] for row in f) for f in kept.values()]
        return cls(
            tuple(kept),
            tasks,
            np.array(codes, dtype=np.int8),
            np.array([LETTERS.find(columns["correct"][row]) for row in firsts]),
            np.array(n_choices),
            np.array([float(columns["input_tokens"][row]) for row in firsts]),
            np.array(spoken) / (10.0 * most),
        )

    def select(self, keep: NDArray[np.bool_]) -> AnswerPool:
        """Keep some questions."""
        chosen = np.flatnonzero(keep).tolist()
        return AnswerPool(
            tuple(self.query_ids[row] for row in chosen),
            tuple(self.tasks[row] for row in chosen),
            *(self.answers[keep], self.right[keep], self.n_choices[keep]),
            input_tokens=self.input_tokens[keep],
            output_tokens=self.output_tokens[keep],
        )

    def count(self, n_choices: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count the answers of every question by choice, and those that gave none."""
        votes = np.stack([(self.answers == c).sum(axis=1) for c in range(n_choices)], axis=1)
        return votes, (self.answers < 0).sum(axis=1)

    def draw(self, chance: np.random.Generator, n_replays: int, n_answers: int) -> NDArray[np.int8]:
        """Draw answers without putting any back.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        n_replays : int
            How often each question is replayed.
        n_answers : int
            How many answers each time, at most as many as there are.

        Returns
        -------
        ndarray of int8, shape (n, n_replays, n_answers)
        """
        n_questions, n_there = self.answers.shape
        order = chance.random((n_questions, n_replays, n_there)).argsort(axis=2)
        return np.take_along_axis(self.answers[:, None], order[:, :, :n_answers], axis=2)


def _is_wanted(
    columns: Mapping[str, list[object]],
    row: int,
    wanted: Mapping[str, str | tuple[float, float]],
) -> bool:
    """Say whether a row holds what is wanted of each column."""
    for name, value in wanted.items():
        found = columns[name][row]
        if isinstance(value, str):
            if found != value:
                return False
        elif not value[0] <= float(str(found)) <= value[1]:
            return False
    return True


def _count_choices(queries: Sequence[str], tasks: Sequence[str], place: str) -> list[int]:
    """Count each question's choices; one that lists them oddly has as many as most of its task."""
    listed = [_count_listed(query) for query in queries]
    by_task = {
        task: Counter(n for n, label in zip(listed, tasks, strict=True) if label == task)
        for task in set(tasks)
    }
    usual = {task: found.most_common(1)[0][0] for task, found in by_task.items()}
    fewest = min(usual.values())
    if fewest < 2:
        raise LogError(f"{place}: questions do not list their choices as A, B and so on")
    return [max(n, usual[task]) for n, task in zip(listed, tasks, strict=True)]


def _count_listed(query: str) -> int:
    """Count the choices that a question lists as A, B, ... in this order."""
    number = 0
    # The text above them may hold such lines too, so the last run from A on is theirs.
    for letter in CHOICE_LINE.findall(query):
        number = 1 if letter == "A" else number + (letter == LETTERS[number : number + 1])
    return number


def score_majority(
    votes: NDArray[np.int64], right: NDArray[np.int64], n_choices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Score the choice with the most votes.

    Parameters
    ----------
    votes : ndarray of int, shape (n, ..., c)
        Votes by choice.
    right : ndarray of int, shape (n,)
        The right choice.
    n_choices : ndarray of int, shape (n,)
        How many there are, for those who have to guess.

    Returns
    -------
    ndarray of float64, shape (n, ...)
        The chance to be right: ties are broken by lot, and so is a question without any vote.

    Examples
    --------
    >>> score_majority(np.array([[2, 2, 0], [0, 0, 0]]), np.array([1, 0]), np.array([3, 3]))
    array([0.5       , 0.33333333])
    """
    shape = (len(right), *[1] * (votes.ndim - 2), 1)
    leaders = votes == votes.max(axis=-1, keepdims=True)
    hit = np.take_along_axis(leaders, np.maximum(right, 0).reshape(shape), axis=-1)[..., 0]
    hit = hit & (right >= 0).reshape(shape[:-1])
    scored: NDArray[np.float64] = np.where(
        votes.sum(axis=-1) > 0, hit / leaders.sum(axis=-1), 1.0 / n_choices.reshape(shape[:-1])
    )
    return scored


def follow_policy(
    draws: NDArray[np.int8], policy: VotePolicy
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Let a policy ask for answers until it stops, or no more are there.

    Parameters
    ----------
    draws : ndarray of int8, shape (n, r, k)
        Answers as they would come.
    policy : VotePolicy
        Of as many choices as the questions have.

    Returns
    -------
    votes : ndarray of int64, shape (n, r, n_choices)
        Votes by choice at the end.
    n_answers, n_calls : ndarray of int64, shape (n, r)
        Answers and calls paid for.
    """
    counts = policy.outlook.counts
    shape = draws.shape[:2]
    votes = np.zeros((*shape, counts.n_choices), dtype=np.int64)
    n_answers, n_calls = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    left = np.zeros(shape, dtype=np.int64)
    going = np.ones(shape, dtype=bool)
    for step in range(draws.shape[2]):
        # A call that has brought all of its answers is looked at; the others bring one more.
        due = going & (left == 0)
        left[due] = policy.batch[counts.find(votes[due])]
        going &= left > 0
        if not going.any():
            break
        n_calls += due & going
        n_answers += going
        left[going] -= 1
        rows, replays = np.nonzero(going & (draws[:, :, step] >= 0))
        votes[rows, replays, draws[rows, replays, step]] += 1
    return votes, n_answers, n_calls
