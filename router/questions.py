"""Questions: what a caller asks the router about, and the files they come in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.exceptions import QuestionError
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "TEXT_LENGTH_MAX_CHARACTERS",
    "Question",
    "check_text",
    "parse_questions",
    "read_questions",
]

# Longer texts are refused at the door; between this and the featuriser's own cap they are read at
# both ends only. One question of a megabyte would otherwise cost more than the batch around it.
TEXT_LENGTH_MAX_CHARACTERS = 200_000


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

    Raises
    ------
    QuestionError
        If the text is empty, too long, or not valid Unicode.

    Examples
    --------
    >>> Question("q1", "Who wrote Dune?").group is None
    True
    """

    id: str
    text: str
    group: str | None = None
    context: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check identifier and text."""
        if not isinstance(self.id, str) or not self.id:
            raise QuestionError(f"question id {self.id!r} is not a non-empty string")
        check_text(self.text, f"question {self.id!r}")


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
    if not isinstance(text, str):
        raise QuestionError(f"{place}: the text is {type(text).__name__}, not a string")
    if not text.strip():
        raise QuestionError(f"{place}: the text is empty")
    if len(text) > TEXT_LENGTH_MAX_CHARACTERS:
        raise QuestionError(
            f"{place}: the text has {len(text)} characters, "
            f"allowed are {TEXT_LENGTH_MAX_CHARACTERS}"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise QuestionError(
            f"{place}: character {error.start} is a lone surrogate, not valid Unicode"
        ) from None


def parse_questions(items: Iterable[str | Mapping[str, Any] | Question]) -> tuple[Question, ...]:
    """Turn strings or ``{id, text, group?, context?}`` mappings into questions.

    Parameters
    ----------
    items : iterable of str, mapping or Question
        A plain string gets the identifier ``q1``, ``q2``, ... of its position.

    Returns
    -------
    tuple of Question

    Raises
    ------
    QuestionError
        If there is none, an entry is malformed, or an identifier occurs twice.

    Examples
    --------
    >>> [question.id for question in parse_questions(["Who?", {"id": "a", "text": "Why?"}])]
    ['q1', 'a']
    """
    if isinstance(items, (str, Mapping)):
        raise QuestionError("questions are a list: wrap a single question in [ ]")
    questions = tuple(_parse_one(item, position) for position, item in enumerate(items, start=1))
    if not questions:
        raise QuestionError("there are no questions: at least one is needed")
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise QuestionError(f"question id {question.id!r} occurs twice: ids are unique")
        seen.add(question.id)
    return questions


def _parse_one(item: str | Mapping[str, Any] | Question, position: int) -> Question:
    """Turn one entry into a question, naming its position in every complaint."""
    if isinstance(item, Question):
        return item
    if isinstance(item, str):
        check_text(item, f"question {position}")
        return Question(f"q{position}", item)
    if not isinstance(item, Mapping):
        raise QuestionError(f"question {position} is {type(item).__name__}, not text or an object")
    text = item.get("text", item.get("query"))
    identifier = item.get("id", item.get("query_id"))
    if text is None:
        raise QuestionError(f"question {position} has no text: 'text' (or 'query') is needed")
    check_text(text, f"question {position}")
    group = item.get("group")
    if group is not None and not isinstance(group, str):
        raise QuestionError(f"question {position}: group {group!r} is not a string")
    name = f"q{position}" if identifier is None else str(identifier)
    return Question(name, text, group, _parse_context(item, position))


def _parse_context(item: Mapping[str, Any], position: int) -> dict[str, float]:
    """Collect numbers known beforehand, from ``context`` or from ``context_*`` columns."""
    given = item.get("context") or {}
    if not isinstance(given, Mapping):
        raise QuestionError(f"question {position}: context is not an object of numbers")
    pairs = dict(given) | {
        key.removeprefix("context_"): value
        for key, value in item.items()
        if key.startswith("context_") and value is not None
    }
    for name, value in pairs.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise QuestionError(f"question {position}: context {name}={value!r} is not a number")
    return {str(name): float(value) for name, value in pairs.items()}


def read_questions(path: str | Path) -> tuple[Question, ...]:
    """Read questions from a file.

    Parameters
    ----------
    path : str or Path
        ``.txt`` (one question a line, blank lines skipped), ``.jsonl`` (objects with ``text`` or
        ``query``, and optionally ``id`` or ``query_id``, ``group``, ``context``), or ``.parquet``
        and ``.csv`` with the columns ``query_id`` and ``query``.

    Returns
    -------
    tuple of Question

    Raises
    ------
    QuestionError
        If the file is missing, empty, of another kind, or an entry cannot be used.
    """
    path = Path(path)
    try:
        items = _read_items(path)
        return parse_questions(items)
    except QuestionError as error:
        raise QuestionError(f"{path}: {error}") from None


def _read_items(path: Path) -> Sequence[str | Mapping[str, Any]]:
    """Read the raw entries of a question file."""
    if not path.is_file():
        raise QuestionError("no such file")
    if path.suffix in {".parquet", ".csv"}:
        return _rows(read_columns(path, error=QuestionError))
    if path.suffix not in {".txt", ".jsonl"}:
        raise QuestionError(
            f"files of kind {path.suffix!r} are not read: use .txt, .jsonl, .parquet or .csv"
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise QuestionError(f"byte {error.start} is not valid UTF-8") from None
    if path.suffix == ".txt":
        return [line.strip() for line in lines if line.strip()]
    return [_parse_line(line, number) for number, line in enumerate(lines, start=1) if line.strip()]


def _parse_line(line: str, number: int) -> Any:
    """Parse one line of JSON, naming the line when it is not JSON."""
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise QuestionError(f"line {number} is not valid JSON") from None


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Turn columns into one mapping a row, leaving out what is null."""
    for name in ("query_id", "query"):
        if name not in columns:
            raise QuestionError(f"column {name!r} is missing")
    names = list(columns)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns.values(), strict=True)
    ]
