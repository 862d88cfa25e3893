"""The prior of a small log: it is weighed by own outcomes, and a wrong one costs little."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models import text_part
from router.models.bundle import Bundle
from router.models.export import export_gain
from router.models.prior import Prior, blend_means
from router.models.trainer import train
from router.models.training import fit_gain, fit_gain_model
from tests.contracts.gains import GAINS, make_log, make_texts, planted_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.gain import GainModel

# Where the options stand among those of the log, which are sorted by name.
ORDER = [1, 2, 0]
TRUE_MEANS = GAINS.mean(axis=0)
EXPECTED = GAINS - GAINS.mean(axis=1, keepdims=True)
NOTHING = Prior()


def guess(means: NDArray[np.float64]) -> Prior:
    """Make a prior that expects these means of the planted options."""
    by_name = dict(zip(("small|s0", "small|s2", "small|n4"), means, strict=True))
    return Prior(lambda _, options: np.array([by_name[option.name] for option in options]))


def measure_error(model: GainModel) -> float:
    """Measure how far predicted contrasts of new questions are from the planted ones."""
    texts, kinds = make_texts(200, seed=9)
    surface = model.predict(texts)[:, ORDER]
    contrast = surface - surface.mean(axis=1, keepdims=True)
    return float(np.sqrt(((contrast - EXPECTED[kinds]) ** 2).mean()))


def test_few_outcomes_are_enough_for_planted_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """On eighty questions the mixed model finds what the stack of learners dares not to use."""
    log = make_log(80)
    mixed = measure_error(fit_gain_model(log))
    monkeypatch.setattr(text_part, "MIXED_QUESTIONS_MAX", 79)
    stacked = measure_error(fit_gain_model(log))
    assert mixed < 0.15
    assert mixed < 0.7 * stacked


def test_shuffled_outcomes_leave_the_options_means() -> None:
    """Where outcomes do not go with the text, questions hardly differ."""
    model = fit_gain_model(make_log(shuffle=True, seed=3), prior=NOTHING)
    surface = model.predict(make_texts(200, seed=9)[0])
    assert np.abs((surface - surface.mean(axis=1, keepdims=True)).std(axis=0)).max() < 0.06


def test_good_guess_helps_and_a_wrong_one_costs_little() -> None:
    """On thirty questions true means as a guess bring plans nearer, inverted ones hardly away."""
    texts, kinds = make_texts(200, seed=9)
    truth = EXPECTED[kinds].mean(axis=0)
    logs = [make_log(30, seed=seed, groups=(None,)) for seed in range(5)]

    def miss(prior: Prior) -> float:
        errors = []
        for log in logs:
            model = fit_gain_model(log, prior=prior)
            means = model.predict(texts).mean(axis=0)[ORDER]
            errors.append(float(np.abs(means - means.mean() - truth).max()))
        return float(np.mean(errors))

    without, good, wrong = miss(NOTHING), miss(guess(TRUE_MEANS)), miss(guess(-TRUE_MEANS))
    assert good < without
    assert wrong < without + 0.02


def test_blend_weighs_by_precision() -> None:
    """Two equally sure sources are averaged in differences, and the level stays the estimates'."""
    means, told = np.array([0.2, 0.4, 0.6]), np.array([0.9, 0.8, 0.7])
    blended = blend_means(means, 0.01 * np.eye(3), told, 0.1)
    np.testing.assert_allclose(blended, [0.35, 0.4, 0.45])
    assert blended.mean() == pytest.approx(means.mean())


def test_many_options_keep_their_own_smoothing() -> None:
    """From six options on the guess is not asked."""

    def refuse(*_: object) -> NDArray[np.float64]:
        raise AssertionError

    prior = Prior(refuse)
    means = np.linspace(0.0, 1.0, 6)
    adjusted = prior.adjust_means(means, np.zeros((9, 6)), np.zeros(9), make_log(20))
    assert adjusted is means


def test_mixed_part_exports_and_is_honest() -> None:
    """The graph equals the native model, and held-out predictions are off more than fitted ones."""
    log = make_log(120)
    fitted = fit_gain(log, prior=NOTHING)
    _, worst = export_gain(fitted.model, fitted.model.encoder.encode(log.texts))
    assert worst < 1e-5
    truth = log.to_matrix(log.quality)
    inside = fitted.model.predict(log.texts, log.groups)
    errors = [float(((each - truth) ** 2).mean()) for each in (inside, fitted.held_out)]
    assert errors[0] < errors[1] < 0.7 * float(truth.var(axis=0).mean())


def test_large_logs_keep_their_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit a prior without a guess changes nothing."""
    log = make_log(110)
    monkeypatch.setattr(text_part, "MIXED_WITH_PRIOR_MAX", 109)
    texts = make_texts(20, seed=9)[0]
    plain, joined = fit_gain_model(log), fit_gain_model(log, prior=NOTHING)
    np.testing.assert_array_equal(joined.predict(texts), plain.predict(texts))


def test_bundle_with_prior_stands_alone() -> None:
    """What `train` makes with a prior names it, holds no more files, and answers as any bundle."""
    plain, prior = planted_bundle(), Bundle.load()
    bundle = train(make_log(90), prior=prior)
    assert bundle.manifest["training"]["prior"] == prior.bundle_id
    assert prior.bundle_id in bundle.card
    assert "mixed model" in bundle.card
    assert set(bundle.files) == set(plain.files)
    assert "prior" not in plain.manifest["training"]
    assert "mixed model" not in plain.card


def test_priors_need_descriptors() -> None:
    """Any bundle that predicts by descriptors can guess; one that cannot is refused."""
    prior = Bundle.load()
    guess_means = Prior.from_bundle(prior).guess_means
    assert guess_means is not None
    assert guess_means(make_log(20), make_log(20).options).shape == (3,)
    manifest = {**prior.manifest, "descriptors": None}
    with pytest.raises(BundleError, match="router train --pooled"):
        Prior.from_bundle(replace(prior, manifest=manifest))
