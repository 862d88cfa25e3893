"""Kinship: what stands for a new model's options among the known ones."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.kinship import (
    GAIN_TRAINED,
    GAIN_UNKNOWN,
    SHARE_UNTRAINED,
    find_kin,
    name_models,
    place_options,
)
from router.options import Option
from tests.contracts.newcomers import STRENGTHS, make_option

KNOWN = [make_option(model, effort) for model in ("weak", "strong") for effort in ("none", "high")]


def test_base_is_the_known_models_mean_at_the_least_place() -> None:
    """Each known model counts once, with its own least option."""
    new = [make_option("new", "none"), make_option("new", "high")]
    kin = find_kin([*KNOWN, make_option("weak", "low")], new, STRENGTHS)
    np.testing.assert_allclose(kin.base, [0.5, 0.0, 0.5, 0.0, 0.0], atol=0.01)
    np.testing.assert_allclose(kin.contrasts.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(kin.contrasts.sum(axis=1), 0.0, atol=1e-12)


def test_gains_are_the_steps_of_known_models() -> None:
    """A step along an axis is what the known models gain there; no step is none."""
    new = [make_option("new", "none"), make_option("new", "high")]
    kin = find_kin(KNOWN, new, STRENGTHS)
    np.testing.assert_allclose(kin.gains[:, 1, 0], [-0.5, 0.5, -0.5, 0.5], atol=0.01)
    assert not kin.gains[:, 0].any()
    assert not kin.gains[:, :, 1:].any()
    assert kin.rungs[:, 0].tolist() == [0.0, 1.0]


def test_steps_add_up_to_the_option_that_stands_in() -> None:
    """One model that has every place: base and gains together are its very option."""
    places = [(effort, samples) for effort in ("none", "high") for samples in (1, 8)]
    known, new = (
        [make_option(model, effort, samples=samples) for effort, samples in places]
        for model in ("a", "b")
    )
    kin = find_kin(known, new, STRENGTHS)
    together = kin.base[:, None] + kin.gains.sum(axis=2)
    np.testing.assert_allclose(together, np.eye(4), atol=0.01)
    assert kin.find_nearest().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("known", "new", "share", "slope"),
    [
        (("weak", "strong"), "new", 1.0, 0.0),
        (("thinker-a",), "thinker-b", 1.0, 0.0),
        (("thinker-a",), "new", SHARE_UNTRAINED, 0.0),
        (("weak",), "thinker-b", 1.0, GAIN_TRAINED),
        ((), "new", 1.0, GAIN_UNKNOWN),
        ((), "thinker-b", 1.0, GAIN_TRAINED),
    ],
)
def test_gain_expected_depends_on_training_to_reason(
    known: tuple[str, ...], new: str, share: float, slope: float
) -> None:
    """A model that was not trained to reason is expected to gain like its kind, or little."""
    options = [make_option(model, effort) for model in known for effort in ("none", "high")]
    options.append(make_option("fixed", "none"))
    kin = find_kin(options, [make_option(new), make_option(new, "high")], STRENGTHS)
    assert (kin.shares[0], kin.slopes[0]) == (share, slope)


def test_gains_come_from_models_of_the_same_kind() -> None:
    """Beside a model trained to reason, one that was not tells what another such gains."""
    options = [make_option(m, e) for m in ("thinker-a", "weak") for e in ("none", "high")]
    kin = find_kin(options, [make_option("new"), make_option("new", "high")], STRENGTHS)
    np.testing.assert_allclose(kin.gains[:, 1, 0], [0.0, 0.0, -1.0, 1.0], atol=0.01)


def test_strength_is_compared_with_known_models() -> None:
    """A stated strength beats the table, and an unknown one says nothing."""
    known = [make_option("weak"), make_option("strong")]
    assert find_kin(known, [make_option("strong")], STRENGTHS).strength == pytest.approx(0.2)
    stated = [make_option("new", model_strength=0.5)]
    assert find_kin(known, stated, STRENGTHS).strength == pytest.approx(-0.1)
    assert find_kin(known, [make_option("new")], STRENGTHS).strength == 0.0


def test_places_fall_back_on_reasoning_tokens() -> None:
    """Without an effort the tokens tell, and what is not known counts as none."""
    options = [Option("a", reasoning_tokens=4096.0), Option("b"), Option("c", search_steps=8)]
    np.testing.assert_allclose(place_options(options), [[1, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert name_models(options) == ("a", "b", "c")
