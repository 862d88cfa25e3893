"""Training of the novelty: uniform on like questions, low on strange ones, the same twice."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from router.features.encoder import TextEncoder
from router.models.inputs import fit_inputs
from router.models.novelty_training import fit_borrowed_novelty, fit_novelty
from tests.contracts.gains import AWKWARD_TEXTS, make_texts

if TYPE_CHECKING:
    from router.models.novelty import Novelty

STRANGE = (
    "",
    "def f(x):\n    return [i for i in range(x) if i % 2]\n",
    "SELECT name FROM town WHERE age = 3;",
    "lorem ipsum dolor sit amet " * 400,
    "\u6771\u4eac\u306e\u4eba\u53e3\u306f\u4f55\u4eba\u3067\u3059\u304b",
)


@cache
def fit(n: int = 400, n_components: int = 64) -> tuple[TextEncoder, Novelty]:
    """Fit on planted questions, once a run."""
    texts = make_texts(2 * n, seed=1)[0][::2]
    tables, _ = fit_inputs(texts, n_components=n_components)
    encoder = TextEncoder(tables.vocabularies, tables.projections)
    features = encoder.encode(texts)
    return encoder, fit_novelty(encoder, texts, features, n_components=tables.n_components)


def test_questions_like_those_of_training_are_uniform() -> None:
    """New questions of the same kind fall below every level about as often as it says, or less."""
    encoder, novelty = fit()
    familiarity = novelty.rank(encoder.encode(make_texts(800, seed=1)[0][1::2]))
    for level in (0.1, 0.25, 0.5, 0.75):
        # What is fitted to all questions lies a little nearer than what is fitted to four fifths.
        assert level - 0.2 < (familiarity <= level).mean() < level + 0.07, level


def test_strange_questions_are_below_the_level() -> None:
    """Code, another script, nothing and endless repetition are less familiar than .01."""
    encoder, novelty = fit()
    assert novelty.rank(encoder.encode(STRANGE)).max() < 0.01
    ranks = novelty.rank(encoder.encode(AWKWARD_TEXTS))
    assert np.all((ranks > 0) & (ranks <= 1))


def test_words_of_no_language_look_strange() -> None:
    """The same questions with every word reversed keep their shape, and are less familiar."""
    encoder, novelty = fit()
    texts = make_texts(800, seed=1)[0][1::2]
    turned = [" ".join(word[::-1] for word in text.split(" ")) for text in texts]
    own, other = (novelty.score(encoder.encode(part)) for part in (texts, turned))
    assert (own[:, None] < other).mean() > 0.9


def test_every_question_is_held_out_once_in_a_small_log() -> None:
    """Below 500 questions each has a score of its own; twins count once."""
    _, novelty = fit()
    assert len(novelty.reference) == 400
    encoder, _ = fit()
    texts = make_texts(60, seed=2)[0]
    twice = [*texts, *texts]
    once = fit_novelty(encoder, texts, encoder.encode(texts), n_components=64)
    again = fit_novelty(encoder, twice, encoder.encode(twice), n_components=64)
    assert len(once.reference) == 60
    for name, array in once.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array, err_msg=name)


def test_tiny_logs_know_nothing_strange() -> None:
    """Where too few questions are left to fit on, every question is familiar."""
    encoder, _ = fit()
    texts = make_texts(20, seed=3)[0]
    novelty = fit_novelty(encoder, texts, encoder.encode(texts), n_components=64)
    assert novelty.rank(encoder.encode(["", "x" * 5000])).tolist() == [1.0, 1.0]


def test_features_of_another_encoder_are_calibrated_too() -> None:
    """New questions are uniform and strange ones are not, seen by an encoder fitted elsewhere."""
    encoder, _ = fit()
    texts = make_texts(1200, seed=5)[0]
    features = encoder.encode(texts)
    novelty = fit_borrowed_novelty(
        texts[:800], features[:800], n_components=encoder.n_learned, seed=0
    )
    familiarity = novelty.rank(features[800:])
    for level in (0.1, 0.5, 0.75):
        assert abs((familiarity <= level).mean() - level) < 0.1, level
    assert novelty.rank(encoder.encode(STRANGE)).max() < 0.02
    few = fit_borrowed_novelty(texts[:20], features[:20], n_components=encoder.n_learned)
    assert not len(few.reference)
