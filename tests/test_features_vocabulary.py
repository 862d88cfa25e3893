"""Vocabularies: TF-IDF as scikit-learn weighs it, the same for the same texts in any order."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.features.characters import tabulate_characters
from router.features.ngrams import hash_character_ngrams, hash_words
from router.features.vocabulary import FAMILIES, Vocabulary, fit_vocabulary
from router.features.weights import SparseRows, weigh_texts
from tests.contracts.gains import AWKWARD_TEXTS, make_texts
from tests.contracts.slow_text import list_character_ngrams, list_word_ngrams

if TYPE_CHECKING:
    from numpy.typing import NDArray


def list_tokens(text: str, family: str) -> list[Any]:
    """List a text's n-grams of one family the slow way."""
    return list_word_ngrams(text) if family == "word" else list_character_ngrams(text)


def hash_token(token: Any, family: str) -> int:
    """Hash one n-gram in a text of its own."""
    if family == "word":
        return int(hash_words(tabulate_characters([" ".join(token)]))[1][-1])
    return int(hash_character_ngrams(tabulate_characters([token]), (len(token),))[1][0])


def to_dense(rows: SparseRows) -> NDArray[np.float64]:
    """Spread a sparse matrix."""
    dense = np.zeros(rows.shape)
    dense[rows.row, rows.column] = rows.value
    return dense


def weigh_with_scikit(
    texts: list[str], others: list[str], family: str
) -> tuple[dict[int, int], NDArray[np.float64]]:
    """Weigh texts with the vocabulary of others; also say which column a hash stands in."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=lambda text: list_tokens(text, family), sublinear_tf=True, min_df=2
    )
    vectorizer.fit(others)
    columns = {hash_token(token, family): i for token, i in vectorizer.vocabulary_.items()}
    return columns, np.asarray(vectorizer.transform(texts).todense())


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_those_of_scikit_learn(family: str) -> None:
    """On known and on unseen texts the weights agree to a millionth, column by column."""
    training = [*make_texts(140, seed=1)[0], *AWKWARD_TEXTS]
    texts = [*training[:20], *make_texts(10, seed=2)[0], *AWKWARD_TEXTS]
    columns, expected = weigh_with_scikit(texts, training, family)
    vocabulary = fit_vocabulary(training, family)
    assert set(vocabulary.keys.tolist()) == set(columns)
    order = [columns[key] for key in vocabulary.keys.tolist()]
    found = to_dense(weigh_texts(texts, vocabulary))
    np.testing.assert_allclose(found, expected[:, order], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_inverse_frequency_is_the_formula(family: str) -> None:
    """An n-gram in d of n texts weighs log((1 + n) / (1 + d)) + 1."""
    texts, _ = make_texts(60, seed=3)
    frequency = Counter(token for text in texts for token in set(list_tokens(text, family)))
    vocabulary = fit_vocabulary(texts, family, document_frequency_min=3)
    expected = {
        hash_token(token, family): np.log(61 / (1 + count)) + 1
        for token, count in frequency.items()
        if count >= 3
    }
    assert vocabulary.keys.tolist() == sorted(expected)
    np.testing.assert_allclose(
        vocabulary.inverse_frequency, [expected[k] for k in vocabulary.keys.tolist()], rtol=1e-6
    )


def test_order_of_the_texts_does_not_matter(rng: np.random.Generator) -> None:
    """Shuffled texts give the same vocabulary, cut-off ties included."""
    texts, _ = make_texts(90)
    shuffled = [texts[i] for i in rng.permutation(len(texts))]
    for size in (7, 60_000):
        first = fit_vocabulary(texts, "word", size_max=size)
        second = fit_vocabulary(shuffled, "word", size_max=size)
        np.testing.assert_array_equal(first.keys, second.keys)
        np.testing.assert_array_equal(first.inverse_frequency, second.inverse_frequency)


def test_most_frequent_ngrams_are_kept() -> None:
    """A full vocabulary lets go of the rarest n-grams first."""
    texts = ["a b", "a b", "a c", "a c", "a b"]
    kept = fit_vocabulary(texts, "word", size_max=3)
    expected = {hash_token(token, "word") for token in (("a",), ("b",), ("a", "b"))}
    assert set(kept.keys.tolist()) == expected


@settings(max_examples=40)
@given(st.lists(st.text("ab c.\n東", max_size=12), max_size=6))
def test_rows_are_sorted_and_of_length_one(texts: list[str]) -> None:
    """Entries come by row and column without repeats; a row is of length one or empty."""
    for family in FAMILIES:
        rows = weigh_texts(texts, fit_vocabulary(texts, family, document_frequency_min=1))
        places = rows.row * max(rows.shape[1], 1) + rows.column
        assert np.all(np.diff(places) > 0)
        squares = (to_dense(rows) ** 2).sum(axis=1)
        empty = np.array([not list_tokens(text, family) for text in texts], dtype=bool)
        np.testing.assert_allclose(squares, np.where(empty, 0.0, 1.0), atol=1e-6)


def test_nothing_known_gives_nothing() -> None:
    """No texts, no vocabulary and no known word each give an empty matrix of the right shape."""
    vocabulary = fit_vocabulary(["a lake", "a sea"], "word")
    nothing = Vocabulary("word", np.zeros(0, np.uint64), np.zeros(0, np.float32))
    for texts, known, shape in (
        ([], vocabulary, (0, 1)),
        (["", "unheard"], vocabulary, (2, 1)),
        (["a", "b"], nothing, (2, 0)),
    ):
        rows = weigh_texts(texts, known)
        assert rows.shape == shape
        assert len(rows.row) == len(rows.column) == len(rows.value) == 0
    assert len(fit_vocabulary([], "word")) == 0
