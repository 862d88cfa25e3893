"""Reading a corpus and its questions."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from router.evaluation.searching.corpus import SearchCorpus, SearchQuestion
from router.exceptions import InputError

if TYPE_CHECKING:
    from pathlib import Path

PASSAGES = [
    {"doc_id": "d7", "title": "Lotus", "text": "A car."},
    {"doc_id": 8, "title": "A", "text": ""},
]
QUESTION = {"query_id": 5, "question": "Which car?", "gold": ["d7"], "type": None}


def write(path: Path, rows: list[Any]) -> Path:
    """Write one object a line, packed where the name says so."""
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_files_become_places(tmp_path: Path, ending: str) -> None:
    """Ids turn into places of the index, from plain files and from packed ones."""
    passages = write(tmp_path / f"docs.{ending}", PASSAGES)
    corpus = SearchCorpus.read(passages, write(tmp_path / f"queries.{ending}", [QUESTION]))
    assert corpus.index.titles == ("Lotus", "A")
    assert corpus.questions == (SearchQuestion("5", "Which car?", frozenset([0])),)


def test_recall_is_the_share_of_what_is_needed() -> None:
    """Passages that are not needed count nothing."""
    assert SearchQuestion("a", "", frozenset([1, 4])).recall([4, 5, 6]) == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [({"gold": ["d9"]}, "d9"), ({"gold": []}, "gold of 5"), ({"question": ...}, "line 1 lacks")],
)
def test_what_is_missing_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """Golden passages have to be in the corpus, and every field in its line."""
    entry = {k: v for k, v in (QUESTION | change).items() if v is not ...}
    passages = write(tmp_path / "docs.jsonl", PASSAGES)
    with pytest.raises(InputError, match=message):
        SearchCorpus.read(passages, write(tmp_path / "queries.jsonl", [entry]))
