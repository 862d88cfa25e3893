"""Weights: n-grams are found as a dictionary finds them, several families as one after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.features.characters import cap_text, tabulate_characters
from router.features.vocabulary import FAMILIES, Vocabulary, fit_vocabulary, hash_family
from router.features.weights import Lexicon, SparseRows, weigh_table, weigh_texts
from tests.contracts.gains import AWKWARD_TEXTS, make_texts

KEYS = st.integers(0, 2**64 - 2)
# Keys whose leading bits are the same stand in one bucket, where the search is on its own.
CROWDED = st.builds(lambda high, low: (high << 60) + low, st.integers(0, 2), st.integers(0, 40))


def make_vocabulary(keys: set[int], family: str = "word") -> Vocabulary:
    """Make a vocabulary of these hashes, all alike frequent."""
    return Vocabulary(family, np.array(sorted(keys), np.uint64), np.ones(len(keys), np.float32))


@given(st.sets(KEYS | CROWDED, max_size=60), st.lists(KEYS | CROWDED, max_size=60))
def test_keys_are_found_as_in_a_dictionary(known: set[int], other: list[int]) -> None:
    """Every key of the vocabulary is found in its column, every other one is not."""
    column_of = {key: column for column, key in enumerate(sorted(known))}
    asked = [*known, *other]
    lexicon = Lexicon((make_vocabulary(known),))
    column, found = lexicon.find(np.array(asked, np.uint64))
    assert found.tolist() == [key in column_of for key in asked]
    assert column[found].tolist() == [column_of[key] for key in asked if key in column_of]


@given(st.lists(st.sets(KEYS, max_size=9), min_size=2, max_size=3))
def test_families_stand_side_by_side(families: list[set[int]]) -> None:
    """The columns of a family stand behind those of the families before it."""
    families = [keys.difference(*families[:i]) for i, keys in enumerate(families)]
    lexicon = Lexicon(tuple(make_vocabulary(keys) for keys in families))
    asked = [key for keys in families for key in sorted(keys)]
    column, found = lexicon.find(np.array(asked, np.uint64))
    assert found.all()
    assert column.tolist() == list(range(len(asked)))


def weigh_slowly(texts: list[str], vocabulary: Vocabulary) -> SparseRows:
    """Weigh with a dictionary and one text after the other, in double precision."""
    column_of = {key: column for column, key in enumerate(vocabulary.keys.tolist())}
    bounds, columns, values = [0], [], []
    for text in texts:
        _, keys = hash_family(tabulate_characters([cap_text(text)]), vocabulary.family)
        found = sorted(column_of[key] for key in keys.tolist() if key in column_of)
        distinct, counts = np.unique(np.array(found, np.int64), return_counts=True)
        weights = (1.0 + np.log(counts)) * vocabulary.inverse_frequency[distinct]
        columns.append(distinct)
        values.append((weights / np.sqrt(np.sum(weights**2))).astype(np.float32))
        bounds.append(bounds[-1] + len(distinct))
    return SparseRows(
        np.array(bounds), np.concatenate(columns), np.concatenate(values), len(vocabulary)
    )


def to_dense(rows: SparseRows) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Spread a sparse matrix."""
    dense = np.zeros(rows.shape)
    dense[rows.row, rows.column] = rows.value
    return dense


@settings(max_examples=60)
@given(st.lists(st.text("ab cé.\n東", max_size=30), min_size=1, max_size=6), st.integers(1, 2))
def test_weights_are_those_of_a_dictionary(texts: list[str], n_times: int) -> None:
    """Both families at once weigh as each alone does, and as counting one by one does."""
    vocabularies = tuple(fit_vocabulary([*texts, "ab ab"], f) for f in FAMILIES)
    texts = texts * n_times
    together = to_dense(
        weigh_table(tabulate_characters([cap_text(text) for text in texts]), Lexicon(vocabularies))
    )
    first = 0
    for vocabulary in vocabularies:
        part = together[:, first : first + len(vocabulary)]
        alone = to_dense(weigh_texts(texts, vocabulary))
        np.testing.assert_array_equal(part, alone)
        np.testing.assert_allclose(alone, to_dense(weigh_slowly(texts, vocabulary)), atol=1e-7)
        first += len(vocabulary)


@pytest.mark.parametrize("family", FAMILIES)
def test_awkward_texts_weigh_the_same_alone(family: str) -> None:
    """Neighbours change nothing, whatever they are, empty and very long ones included."""
    texts = [*AWKWARD_TEXTS, "", "a b " * 3000, *make_texts(5)[0]]
    vocabulary = fit_vocabulary([*texts, *texts], family)
    together = weigh_texts(texts, vocabulary)
    for row, text in enumerate(texts):
        alone = weigh_texts([text], vocabulary)
        first, last = together.bounds[row : row + 2]
        np.testing.assert_array_equal(together.column[first:last], alone.column)
        np.testing.assert_array_equal(together.value[first:last], alone.value)
