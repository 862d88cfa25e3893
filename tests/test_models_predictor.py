"""The predictor: each option by name or by descriptors, skip at nothing, in the menu's order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.exceptions import BundleError, MenuError
from router.models.calibration import WIDTH_UNKNOWN
from router.options import SKIP, Menu, Option
from router.questions import Question, parse_questions
from tests.contracts.gains import make_texts, planted_bundle, planted_fit

QUESTIONS = parse_questions(make_texts(12, seed=8)[0])
STRANGERS = (
    Option("stranger|s1", model="small", search_steps=1.0),
    Option("stranger|n8", model="small", samples=8, search_steps=0.0),
)
NAMED = planted_bundle().menu.options


def predict(
    options: tuple[Option, ...],
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Predict a menu and give the columns by name."""
    surface = planted_bundle().predictor.predict(QUESTIONS, Menu(options))
    return {name: surface.quality[:, i] for i, name in enumerate(surface.menu.names)}


def test_named_options_are_the_gain_model() -> None:
    """Options of the log are predicted as the native model does, with labels and without."""
    questions = [
        replace(question, group=group)
        for question, group in zip(QUESTIONS, ["east", None, "west", "north"] * 3, strict=True)
    ]
    surface = planted_bundle().predictor.predict(questions, planted_bundle().menu)
    expected = planted_fit().model.predict(
        [q.text for q in questions], [q.group for q in questions]
    )
    np.testing.assert_allclose(surface.quality, expected, atol=1e-5)
    assert set(surface.evidence) == {"outcomes"}


def test_order_of_the_menu_does_not_matter() -> None:
    """Turned over and mixed with strangers, every option keeps its column."""
    options = (*NAMED, *STRANGERS, SKIP)
    forward, backward = predict(options), predict(options[::-1])
    assert set(forward) == set(backward)
    for name, column in forward.items():
        np.testing.assert_allclose(backward[name], column, atol=1e-6)


def test_part_of_the_menu_is_part_of_the_surface() -> None:
    """A named option is predicted alike whatever else is on offer."""
    whole, single = predict((*NAMED, *STRANGERS)), predict(NAMED[1:2])
    np.testing.assert_array_equal(single[NAMED[1].name], whole[NAMED[1].name])


def test_skip_is_worth_nothing_and_moves_nothing() -> None:
    """Answering nothing has quality 0, for certain, and no other option is measured against it."""
    with_skip = planted_bundle().predictor.predict(QUESTIONS, Menu((SKIP, *STRANGERS)))
    without = planted_bundle().predictor.predict(QUESTIONS, Menu(STRANGERS))
    assert with_skip.evidence == ("none", "descriptors", "descriptors")
    for values in (with_skip.quality, with_skip.low, with_skip.high):
        assert not values[:, 0].any()
    np.testing.assert_array_equal(with_skip.quality[:, 1:], without.quality)
    alone = planted_bundle().predictor.predict(QUESTIONS, Menu((SKIP,)))
    assert not alone.quality.any()


def test_intervals_bracket_the_expectation() -> None:
    """Low, expected and high are in order and in range for every kind of evidence."""
    surface = planted_bundle().predictor.predict(QUESTIONS, Menu((*NAMED, *STRANGERS, SKIP)))
    assert np.all((surface.low >= 0) & (surface.low <= surface.quality))
    assert np.all((surface.quality <= surface.high) & (surface.high <= 1))
    assert surface.quality.shape == (12, 6)


def test_strangers_have_wide_intervals() -> None:
    """Beside options known by name, one known by descriptors only is as uncertain as can be."""
    surface = planted_bundle().predictor.predict(QUESTIONS, Menu((*NAMED, *STRANGERS)))
    stranger = len(NAMED)
    width = np.minimum(surface.quality[:, stranger] + WIDTH_UNKNOWN, 1.0)
    np.testing.assert_allclose(surface.high[:, stranger], width)
    assert (surface.high - surface.low)[:, : len(NAMED)].mean() < 2 * WIDTH_UNKNOWN


def test_strangers_without_descriptors_are_refused() -> None:
    """A bundle that knows names only lists them when asked for another."""
    bare = replace(planted_bundle().predictor, descriptors=None)
    assert bare.predict(QUESTIONS, Menu((*NAMED, SKIP))).quality.shape == (12, 4)
    with pytest.raises(MenuError, match=r"knows by name only small\|n4, small\|s0, small\|s2"):
        bare.predict(QUESTIONS, Menu((*NAMED, *STRANGERS)))


def test_predictor_of_descriptors_alone_knows_no_names() -> None:
    """Without a named head every option rests on descriptors, those of the log too."""
    prior = replace(planted_bundle().predictor, named=None)
    surface = prior.predict(QUESTIONS, Menu((*NAMED, SKIP)))
    assert surface.evidence == ("descriptors",) * 3 + ("none",)


def test_batches_of_any_size_agree() -> None:
    """A question is predicted alike alone and in company."""
    menu = Menu((*NAMED, *STRANGERS))
    together = planted_bundle().predictor.predict(QUESTIONS, menu).quality
    for row, question in enumerate(QUESTIONS):
        alone = planted_bundle().predictor.predict([question], menu).quality
        np.testing.assert_allclose(alone[0], together[row], atol=1e-6)


def test_awkward_questions_are_predicted() -> None:
    """Questions of any script and up to the door's limit get finite qualities."""
    texts = ["東京?", "😀", "x" * 200_000, "a\0b", "\u202e?"]
    questions = [Question(f"q{i}", text) for i, text in enumerate(texts)]
    quality = planted_bundle().predictor.predict(questions, Menu((*NAMED, *STRANGERS))).quality
    assert np.all((quality >= 0) & (quality <= 1))


def test_familiarity_comes_with_every_surface() -> None:
    """Questions like those of training have it between 0 and 1; an older bundle has none."""
    predictor = planted_bundle().predictor
    surface = predictor.predict(QUESTIONS, planted_bundle().menu)
    assert surface.familiarity is not None
    assert surface.familiarity.shape == (12,)
    assert np.all((surface.familiarity > 0) & (surface.familiarity <= 1))
    assert surface.batch_error == predictor.calibration.batch
    older = replace(predictor, novelty=None)
    assert older.predict(QUESTIONS, planted_bundle().menu).familiarity is None
    with pytest.raises(BundleError, match="train it again"):
        older.predict_neutral(planted_bundle().menu)


def test_neutral_surface_is_that_of_the_average_question() -> None:
    """By descriptors it is near the mean over questions; skip is nothing, order does not matter."""
    predictor = planted_bundle().predictor
    menu = Menu((SKIP, *STRANGERS, *NAMED))
    neutral = predictor.predict_neutral(menu)
    assert neutral[0] == 0.0
    mean = predictor.predict(QUESTIONS, menu).quality.mean(axis=0)
    np.testing.assert_allclose(neutral[1:], mean[1:], atol=0.2)
    turned = predictor.predict_neutral(Menu(menu.options[::-1]))
    np.testing.assert_allclose(turned[::-1], neutral, atol=1e-6)
