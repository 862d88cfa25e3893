"""Questions: what a caller asks the router about, and the files they come in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.dependencies import label_groups
from router.exceptions import InputError, QuestionError
from router.question_conditions import check_conditions, parse_conditions, read_cells
from router.tables import describe_missing, parse_json_lines, read_columns, read_label, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "TEXT_LENGTH_MAX_CHARACTERS",
    "Question",
    "check_text",
    "label_dependent",
    "parse_questions",
    "read_questions",
]

# Longer texts are refused at the door; between this and the featuriser's own cap they are read at
# both ends only. One question of a megabyte would otherwise cost more than the batch around it.
TEXT_LENGTH_MAX_CHARACTERS = 200_000
# The conditions of a question that asks for nothing, in the order of its fields.
UNCONDITIONAL: tuple[object, ...] = (1.0, 0.0, None, {}, (), (), 0)
KINDS = (".txt", ".jsonl", ".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class Question:
    """One question to be answered.

    Parameters
    ----------
    id : str
        Identifier, unique in its batch.
    text : str
        The question as the agent gets it.
    group : str, optional
        Task or domain label, where the caller has one.
    context : mapping of str to float, optional
        Numbers known before the choice, by name.
    weight : float, default=1
        How much its quality counts beside that of the others.
    min_quality : float, default=0
        Options of which less is expected are not taken.
    max_latency_s : float, optional
        Options that are planned to take longer are not taken, in seconds.
    max_cost : mapping of str to float, optional
        Options that are planned to cost more are not taken, by unit.
    forbidden_options : sequence of str, optional
        Names of options that are not taken.
    depends_on : sequence of str, optional
        Identifiers of the questions in the batch that have to succeed for this one to. Questions
        that depend on each other count once, with the product of their qualities.
    priority : int, default=0
        Where the budget does not reach all questions, those of a higher priority are funded first.

    Raises
    ------
    QuestionError
        If the text is empty, too long, or not valid Unicode; if identifier or group is no string;
        if a number of the context is not finite; or if a condition is out of range.

    Examples
    --------
    >>> Question("q1", "Who wrote Dune?").group is None
    True
    """

    id: str
    text: str
    group: str | None = None
    context: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0
    min_quality: float = 0.0
    max_latency_s: float | None = None
    max_cost: Mapping[str, float] = field(default_factory=dict)
    forbidden_options: Sequence[str] = ()
    depends_on: Sequence[str] = ()
    priority: int = 0

    def with_context(self, context: Mapping[str, float]) -> Question:
        """Add numbers that are known by now.

        Parameters
        ----------
        context : mapping of str to float
            By name; of a name that was known, the newer number counts.

        Returns
        -------
        Question

        Raises
        ------
        QuestionError
            If a number is not finite.

        Examples
        --------
        >>> Question("q1", "Why?", context={"a": 1.0}).with_context({"b": 2.0}).context
        {'a': 1.0, 'b': 2.0}
        """
        return replace(self, context={**self.context, **context})

    def __post_init__(self) -> None:
        """Check every field."""
        if not isinstance(self.id, str) or not self.id:
            raise QuestionError(f"question id {self.id!r} is not a non-empty string")
        place = f"question {self.id!r}"
        # What is plain ASCII is valid Unicode, and so are nearly all names.
        if not self.id.isascii():
            _read_name(self.id, place, "id")
        check_text(self.text, place)
        if self.group is not None:
            if not isinstance(self.group, str):
                raise QuestionError(f"{place}: group {self.group!r} is not a string")
            _read_name(self.group, place, "group")
        for name, number in self.context.items():
            # Most are plain numbers, and a request may bring tens of thousands.
            if not (type(number) is float and math.isfinite(number)):
                _read_number(name, number, place)
        conditions = (
            *(self.weight, self.min_quality, self.max_latency_s, self.max_cost),
            *(self.forbidden_options, self.depends_on, self.priority),
        )
        if conditions != UNCONDITIONAL:
            for name, value in check_conditions(self, place).items():
                object.__setattr__(self, name, value)


def check_text(text: object, place: str) -> None:
    """Refuse a text that is empty, too long, or not valid Unicode.

    Parameters
    ----------
    text : object
        What stands where the text should be.
    place : str
        How the message names the place.

    Raises
    ------
    QuestionError
        With the place and what is allowed.

    Examples
    --------
    >>> check_text("  ", "line 3")
    Traceback (most recent call last):
    ...
    router.exceptions.QuestionError: line 3: the text is empty
    """
    if text is None:
        raise QuestionError(f"{place}: the text is missing")
    if not isinstance(text, str):
        raise QuestionError(f"{place}: the text is {type(text).__name__}, not a string")
    if not text.strip():
        raise QuestionError(f"{place}: the text is empty")
    if len(text) > TEXT_LENGTH_MAX_CHARACTERS:
        raise QuestionError(
            f"{place}: the text has {len(text)} characters, "
            f"allowed are {TEXT_LENGTH_MAX_CHARACTERS}"
        )
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise QuestionError(
            f"{place}: character {error.start} is a lone surrogate, not valid Unicode"
        ) from None


def parse_questions(items: Iterable[str | Mapping[str, Any] | Question]) -> tuple[Question, ...]:
    """Turn strings or mappings into questions.

    Parameters
    ----------
    items : iterable of str, mapping or Question
        A plain string gets the identifier ``q1``, ``q2``, ... of its position. A mapping has
        ``text`` and may have the other fields of :class:`Question`; identifiers that are numbers
        are read as text.

    Returns
    -------
    tuple of Question

    Raises
    ------
    QuestionError
        If there is none, an entry is malformed, an identifier occurs twice, or questions depend on
        one that is not there or on each other in a circle.

    Examples
    --------
    >>> [question.id for question in parse_questions(["Who?", {"id": "a", "text": "Why?"}])]
    ['q1', 'a']
    """
    if isinstance(items, (str, Mapping, Question)):
        raise QuestionError("questions are a list: wrap a single question in [ ]")
    questions = tuple(_parse_one(item, position) for position, item in enumerate(items, start=1))
    if not questions:
        raise QuestionError("there are no questions: at least one is needed")
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise QuestionError(f"question id {question.id!r} occurs twice: ids are unique")
        seen.add(question.id)
    label_dependent(questions)
    return questions


def label_dependent(questions: Sequence[Question]) -> NDArray[np.int64] | None:
    """Label questions that depend on each other by the position of the first of them.

    Parameters
    ----------
    questions : sequence of Question, length n
        With unique identifiers.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        None where no question depends on another.

    Raises
    ------
    QuestionError
        If a question depends on itself, on one that is not there, or in a circle; the message names
        the identifiers.

    Examples
    --------
    >>> label_dependent([Question("a", "Who?"), Question("b", "Why?", depends_on=["a"])]).tolist()
    [0, 0]
    """
    if not any(question.depends_on for question in questions):
        return None
    return label_groups(
        [question.id for question in questions],
        [question.depends_on for question in questions],
        error=QuestionError,
    )


def _parse_one(item: str | Mapping[str, Any] | Question, position: int) -> Question:
    """Turn one entry into a question, naming its position in every complaint."""
    if isinstance(item, Question):
        return item
    if isinstance(item, str):
        try:
            return Question(f"q{position}", item)
        except QuestionError:
            # Its caller knows its position only, and not the identifier that was made of it.
            check_text(item, f"question {position}")
            raise
    if not isinstance(item, Mapping):
        raise QuestionError(f"question {position} is {type(item).__name__}, not text or an object")
    place = f"question {position}"
    text = item.get("text") if item.get("text") is not None else item.get("query")
    if text is None:
        raise QuestionError(f"{place} has no text: 'text' (or 'query') is needed")
    check_text(text, place)
    identifier = item.get("id") if item.get("id") is not None else item.get("query_id")
    if identifier == "":
        raise QuestionError(f"{place}: the id is empty: leave it out or give one")
    name = _read_name(identifier, place, "id") or f"q{position}"
    group = item.get("group")
    if group is not None and not isinstance(group, str):
        raise QuestionError(f"{place}: group {group!r} is not a string")
    group = _read_name(group, place, "group")
    conditions = parse_conditions(item, place)
    return Question(name, text, group, _parse_context(item, place), **conditions)


def _read_name(value: object, place: str, field_name: str) -> str | None:
    """Read an identifier or a group, naming the place of what is neither text nor a number."""
    try:
        return read_label(value)
    except InputError as error:
        raise QuestionError(f"{place}: {field_name} {error}") from None


def _parse_context(item: Mapping[str, Any], place: str) -> dict[str, float]:
    """Collect numbers known beforehand, from ``context`` or from ``context_*`` columns."""
    given = item.get("context") or {}
    if not isinstance(given, Mapping):
        raise QuestionError(f"{place}: context is not an object of numbers")
    pairs = dict(given) | {
        key.removeprefix("context_"): value
        for key, value in item.items()
        if str(key).startswith("context_")
    }
    # What is unknown is left out, as tables fill their gaps with null or NaN.
    return {
        str(name): _read_number(str(name), value, place)
        for name, value in pairs.items()
        if not (value is None or (isinstance(value, float) and math.isnan(value)))
    }


def _read_number(name: str, value: object, place: str) -> float:
    """Read a number of the context, refusing what is none or not finite."""
    if isinstance(value, Real) and not isinstance(value, bool):
        # Whole numbers of JSON may be longer than any float.
        with suppress(OverflowError):
            number = float(value)
            if math.isfinite(number):
                return number
    raise QuestionError(f"{place}: context {name}={value!r} is not a finite number")


def read_questions(path: str | Path) -> tuple[Question, ...]:
    """Read questions from a file.

    Parameters
    ----------
    path : str or Path
        ``.txt`` (one question a line, blank lines skipped), ``.jsonl`` (objects with ``text`` or
        ``query``, and optionally ``id`` or ``query_id`` and the other fields of
        :class:`Question`), or ``.parquet`` and ``.csv`` with the columns ``query_id`` and
        ``query``, further fields as columns (``context_NAME``, ``max_cost_UNIT``; in ``.csv`` a
        list is one name or a JSON list).

    Returns
    -------
    tuple of Question

    Raises
    ------
    QuestionError
        If the file is missing, empty, of another kind, or an entry cannot be used.
    """
    path = Path(path)
    items = _read_items(path)
    try:
        return parse_questions(items)
    except QuestionError as error:
        raise QuestionError(f"{path}: {error}") from None


def _read_items(path: Path) -> Sequence[str | Mapping[str, Any]]:
    """Read the raw entries of a question file."""
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise QuestionError(
            f"{path}: files of kind {path.suffix!r} are not read: use {', '.join(KINDS)}"
        )
    if not path.is_file():
        raise QuestionError(f"{path}: no such file")
    if kind in {".parquet", ".csv"}:
        return _make_rows(read_columns(path, error=QuestionError), path)
    text = read_text(path, error=QuestionError)
    if kind == ".txt":
        # Any of the three line ends, but not U+2028 and its kin, which may stand inside a text.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return [line.strip() for line in lines if line.strip()]
    return [item for _, item in parse_json_lines(text, str(path), error=QuestionError)]


def _make_rows(columns: Mapping[str, Sequence[Any]], path: Path) -> list[dict[str, Any]]:
    """Turn columns into one mapping a row, numbers from text and names from numbers as needed."""
    for name in ("query_id", "query"):
        if name not in columns:
            raise QuestionError(f"{path}: {describe_missing(name, columns)}")
    cells = dict(columns)
    for name, values in columns.items():
        if path.suffix.lower() == ".csv" and name.startswith("context_"):
            cells[name] = [_read_cell(value) for value in values]
        elif path.suffix.lower() == ".csv":
            cells[name] = read_cells(name, values)
    # A log's groups may be numbers, and what it calls 7 has to be 7 here as well.
    if "group" in cells:
        cells["group"] = [
            _read_name(value, f"{path}: question {position}", "group")
            for position, value in enumerate(cells["group"], start=1)
        ]
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _read_cell(text: str | None) -> str | float | None:
    """Read a number that a file holds as text, or leave it as it is."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
