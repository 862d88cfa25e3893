"""The index, against scores worked out passage by passage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.words import split_words
from router.exceptions import InputError

VOCABULARY = ["lotus", "engine", "nassau", "film", "river", "opera", "planet", "bishop"]


def draw_passages(rng: np.random.Generator, n_passages: int) -> list[Passage]:
    """Draw passages of few words, so that many are alike."""
    lengths = rng.integers(1, 9, n_passages)
    texts = [" ".join(rng.choice(VOCABULARY, length)) for length in lengths]
    return [Passage(str(rng.choice(VOCABULARY)), text) for text in texts]


def score_plainly(passages: list[Passage], query: dict[str, float]) -> list[float]:
    """Score by the formula as it stands in books."""
    words = [split_words(f"{passage.title} {passage.text}") for passage in passages]
    mean = sum(map(len, words)) / len(words)
    scores = []
    for entry in words:
        total = 0.0
        for word, weight in query.items():
            n = sum(word in other for other in words)
            idf = math.log(1 + (len(words) - n + 0.5) / (n + 0.5))
            often = entry.count(word)
            damp = 1.5 * (1 - 0.75 + 0.75 * len(entry) / mean)
            total += weight * idf * often * 2.5 / (often + damp)
        scores.append(total)
    return scores


def test_scores_are_those_of_the_formula(rng: np.random.Generator) -> None:
    """Every passage has the score that its words add up to; unknown words count nothing."""
    passages = draw_passages(rng, 40)
    index = Bm25Index.build(passages)
    query = {split_words(word)[0]: float(rng.random()) for word in VOCABULARY[:4]}
    expected = score_plainly(passages, query)
    np.testing.assert_allclose(index.score({**query, "unheard": 3.0}), expected, atol=1e-12)


def test_ranking_is_that_of_sorting_all(rng: np.random.Generator) -> None:
    """The best come first, equals in the order of the corpus, and what was read is left out."""
    index = Bm25Index.build(draw_passages(rng, 60))
    query = {split_words(word)[0]: 1.0 for word in VOCABULARY[:3]}
    scores = index.score(query)
    read = [int(place) for place in rng.choice(60, 7, replace=False)]
    order = [p for p in np.argsort(-scores, kind="stable").tolist() if p not in read]
    for width in (1, 5, 53):
        found = index.rank(query, width, without=read)
        assert [hit.place for hit in found] == order[:width]
        assert [hit.score for hit in found] == [scores[place] for place in order[:width]]
    assert len(index.rank(query, 100, without=read)) == 53
    assert index.rank(query, 1, without=range(60)) == []


def test_titles_lose_what_stands_in_brackets() -> None:
    """A title is how other passages call it."""
    index = Bm25Index.build([Passage("Lotus (car)", "Fast."), Passage("Nassau", "")])
    assert index.titles == ("Lotus", "Nassau")
    assert index.heads[0] == ("lotus", "car", "fast")


def test_what_cannot_be_searched_is_refused() -> None:
    """An empty corpus and an empty width are errors."""
    with pytest.raises(InputError, match="passages is empty"):
        Bm25Index.build([])
    with pytest.raises(InputError, match="width is 0"):
        Bm25Index.build([Passage("a", "b")]).rank({}, 0)
