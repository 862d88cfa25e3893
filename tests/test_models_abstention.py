"""Abstention: strange questions get the options' means, all others what was predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import InputError
from router.models.abstention import ABSTAIN_BELOW, abstain, check_level
from router.models.calibration import WIDTH_UNKNOWN
from router.options import SKIP, Menu, Option
from router.questions import parse_questions
from tests.contracts.gains import make_texts, planted_bundle

if TYPE_CHECKING:
    from router.models.surface import Surface

STRANGE = "SELECT name FROM town WHERE age = 3;"
STRANGER = Option("stranger|s1", model="small", search_steps=1.0)


def predict() -> Surface:
    """Predict three planted questions and one that is none."""
    menu = Menu((*planted_bundle().menu.options, STRANGER, SKIP))
    questions = parse_questions([*make_texts(3, seed=0)[0], STRANGE])
    return planted_bundle().predictor.predict(questions, menu)


def test_strange_questions_get_the_means_of_the_options() -> None:
    """Known options get their means over the log, intervals are wide, other rows stay."""
    surface = predict()
    changed = abstain(surface, planted_bundle().predictor)
    assert changed.abstained is not None
    assert changed.abstained.tolist() == [False, False, False, True]
    means = planted_bundle().manifest["named"]["option_means"]
    np.testing.assert_allclose(changed.quality[3, :3], means)
    np.testing.assert_array_equal(changed.quality[:3], surface.quality[:3])
    np.testing.assert_array_equal(changed.low[:3], surface.low[:3])
    width = changed.high[3, :3] - changed.quality[3, :3]
    np.testing.assert_allclose(width, np.minimum(WIDTH_UNKNOWN, 1 - changed.quality[3, :3]))
    assert np.all((changed.low >= 0) & (changed.low <= changed.quality))
    # An option known by descriptors only gets what they say of the average question.
    assert 0.0 < changed.quality[3, 3] < 1.0
    assert changed.quality[3, 4] == changed.high[3, 4] == 0.0


def test_level_decides() -> None:
    """At 0 nobody is strange; at 1 all are whose familiarity is not complete."""
    surface, predictor = predict(), planted_bundle().predictor
    assert surface.familiarity is not None
    assert abstain(surface, predictor, 0.0) is surface
    everyone = abstain(surface, predictor, 1.0)
    assert everyone.abstained is not None
    np.testing.assert_array_equal(everyone.abstained, surface.familiarity < 1.0)
    assert surface.familiarity[3] < ABSTAIN_BELOW < surface.familiarity[:3].min()


def test_levels_outside_are_refused() -> None:
    """A level is a share."""
    check_level(0.0)
    check_level(1.0)
    for level in (-0.01, 1.01, float("nan")):
        with pytest.raises(InputError, match=f"abstain_below is {level}"):
            check_level(level)
