"""The encoder: the sum it says it is, finite always, and a fingerprint of all that decides it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.exceptions import BundleError
from router.features import encoder as encoder_module
from router.features.characters import CHUNK_TEXTS, cap_text
from router.features.encoder import TextEncoder
from router.features.shape import measure_shape
from router.features.weights import weigh_texts
from tests.contracts.gains import AWKWARD_TEXTS, make_encoder, make_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODER = make_encoder(5)


def test_features_are_weights_times_tables() -> None:
    """The learned features are the TF-IDF matrix times the tables, the shape stands behind."""
    texts = [*make_texts(40, seed=4)[0], *AWKWARD_TEXTS]
    learned = np.zeros((len(texts), ENCODER.n_learned))
    for vocabulary, table in zip(ENCODER.vocabularies, ENCODER.tables, strict=True):
        weights = weigh_texts(texts, vocabulary)
        dense = np.zeros(weights.shape)
        dense[weights.row, weights.column] = weights.value
        learned += dense @ table
    expected: NDArray[np.float64] = np.hstack((learned, measure_shape(texts)))
    features = ENCODER.encode(texts)
    assert features.dtype == np.float32
    assert features.shape == (len(texts), ENCODER.n_features)
    np.testing.assert_allclose(features, expected, atol=2e-5)


@settings(max_examples=40)
@given(st.lists(st.text(st.characters(), max_size=30), min_size=1, max_size=4))
def test_any_text_gives_finite_features(texts: list[str]) -> None:
    """Whatever Unicode holds, the features are numbers."""
    assert np.isfinite(ENCODER.encode(texts)).all()


def test_awkward_texts_give_finite_features() -> None:
    """So do surrogates, NUL, marks of direction, emoji, ideographs and nothing at all."""
    assert np.isfinite(ENCODER.encode(AWKWARD_TEXTS)).all()


def test_batches_of_any_size_agree(rng: np.random.Generator) -> None:
    """A text has the same features alone, in a crowd, and in another order, bit by bit."""
    texts = [*make_texts(2 * CHUNK_TEXTS + 5)[0], *AWKWARD_TEXTS]
    together = ENCODER.encode(texts)
    alone = np.vstack([ENCODER.encode([text]) for text in texts[-60:]])
    np.testing.assert_array_equal(together[-60:], alone)
    order = rng.permutation(len(texts))
    np.testing.assert_array_equal(ENCODER.encode([texts[i] for i in order]), together[order])


def test_cap_comes_before_everything() -> None:
    """A megabyte has the features of its capped form, whatever lies between its ends."""
    text = "which red number? " * 60_000
    middle = text[:4000] + "😀" * 1_000_000 + text[-1000:]
    features = ENCODER.encode([text, cap_text(text), middle])
    np.testing.assert_array_equal(features[0], features[1])
    np.testing.assert_array_equal(features[0], features[2])


def test_no_texts_have_no_rows() -> None:
    """A batch of nothing keeps its columns."""
    assert ENCODER.encode([]).shape == (0, ENCODER.n_features)


def test_encoder_without_tables_gives_the_shape() -> None:
    """With nothing learned, what remains is the shape."""
    bare = TextEncoder((), ())
    assert bare.n_learned == 0
    np.testing.assert_array_equal(bare.encode(["Who?"]), measure_shape(["Who?"]))


def test_arrays_bring_the_encoder_back() -> None:
    """Storing and reading keeps features and fingerprint."""
    again = TextEncoder.from_arrays(ENCODER.to_arrays())
    assert again.fingerprint == ENCODER.fingerprint
    texts, _ = make_texts(20, seed=6)
    np.testing.assert_array_equal(again.encode(texts), ENCODER.encode(texts))


def change(values: NDArray[Any], position: int) -> NDArray[Any]:
    """Change one entry in its last bit."""
    changed: NDArray[Any] = np.ascontiguousarray(values).copy()
    changed.view(np.uint8).reshape(-1)[position * values.itemsize] ^= 1
    return changed


@pytest.mark.parametrize("family", [0, 1])
def test_fingerprint_sees_every_array(family: int) -> None:
    """One bit of one key, frequency or table entry makes it another encoder."""
    vocabulary, table = ENCODER.vocabularies[family], ENCODER.tables[family]
    changed = [
        (replace(vocabulary, keys=change(vocabulary.keys, 3)), table),
        (
            replace(vocabulary, inverse_frequency=change(vocabulary.inverse_frequency, 2)),
            table,
        ),
        (vocabulary, change(table, table.size - 1)),
        (replace(vocabulary, family="other"), table),
    ]
    seen = {ENCODER.fingerprint}
    for other_vocabulary, other_table in changed:
        vocabularies, tables = list(ENCODER.vocabularies), list(ENCODER.tables)
        vocabularies[family], tables[family] = other_vocabulary, other_table
        seen.add(TextEncoder(tuple(vocabularies), tuple(tables)).fingerprint)
    assert len(seen) == 5


def test_fingerprint_is_of_the_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same content has the same fingerprint; another version of the code has another."""
    assert make_encoder(5).fingerprint == ENCODER.fingerprint
    before = ENCODER.fingerprint
    monkeypatch.setattr(encoder_module, "FEATURE_VERSION", -1)
    # Worked out once an encoder, as nothing of one ever changes.
    assert make_encoder(5).fingerprint != before


def test_half_precision_is_stable() -> None:
    """Rounding once is rounding for good: a second storing changes nothing."""
    rough = TextEncoder(
        ENCODER.vocabularies, tuple(table * np.float32(1.000123) for table in ENCODER.tables)
    )
    once = TextEncoder.from_arrays(rough.to_arrays())
    twice = TextEncoder.from_arrays(once.to_arrays())
    assert rough.fingerprint != once.fingerprint
    assert once.fingerprint == twice.fingerprint


def damage(name: str, values: object) -> dict[str, NDArray[np.generic]]:
    """Replace one array of a sound encoder."""
    return {**ENCODER.to_arrays(), name: np.asarray(values)}


SIZE = len(ENCODER.vocabularies[0])


@pytest.mark.parametrize(
    "arrays",
    [
        {k: v for k, v in ENCODER.to_arrays().items() if k != "word_table"},
        {k: v for k, v in ENCODER.to_arrays().items() if k != "character_keys"},
        damage("word_keys", np.zeros(SIZE, np.int64)),
        damage("word_keys", np.zeros((SIZE, 1), np.uint64)),
        damage("word_keys", np.zeros(SIZE - 1, np.uint64)),
        damage("word_inverse_frequency", np.zeros(SIZE - 1, np.float32)),
        damage("word_inverse_frequency", ["x"] * SIZE),
        damage("word_table", 1.0),
        damage("word_table", np.zeros(SIZE)),
        damage("word_table", np.zeros((SIZE - 1, 5))),
        damage("word_table", np.zeros((SIZE, 4))),
        damage("word_table", [["x"] * 5] * SIZE),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict[str, NDArray[np.generic]]) -> None:
    """A missing array and one of another shape or type are named as text tables."""
    with pytest.raises(BundleError, match="text tables: "):
        TextEncoder.from_arrays(arrays)
