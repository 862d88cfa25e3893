"""Training on one log: what is planted is found, what is not is not, and small logs say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import LogError
from router.models.inputs import fit_inputs
from router.models.learners import N_LINEAR, fit_members
from router.models.shrinkage import shrink_group_means
from router.models.stacking import KEPT_MIN
from router.models.text_part import MIXED_QUESTIONS_MIN
from router.models.training import (
    _fold,
    fit_gain,
    fit_gain_model,
)
from router.models.weighing import QUESTIONS_FOR_TEXT_MIN
from tests.contracts.gains import GAINS, make_log, make_texts, planted_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.gain import GainModel
    from router.outcomes import OutcomeLog

# Where the options stand among those of the log, which are sorted by name.
ORDER = [1, 2, 0]


def measure_contrasts(model: GainModel, n: int = 200) -> tuple[NDArray[np.float64], float]:
    """Give the mean predicted contrasts by kind of question, and their spread within options."""
    texts, kinds = make_texts(n, seed=9)
    surface = model.predict(texts)[:, ORDER]
    contrast = surface - surface.mean(axis=1, keepdims=True)
    by_kind = np.stack([contrast[kinds == kind].mean(axis=0) for kind in range(2)])
    return by_kind, float(contrast.std(axis=0).max())


EXPECTED = GAINS - GAINS.mean(axis=1, keepdims=True)


def test_planted_gains_are_found_on_new_questions() -> None:
    """On questions never seen, each kind is predicted to gain by what helps it."""
    found, _ = measure_contrasts(planted_fit().model)
    np.testing.assert_allclose(found, EXPECTED, atol=0.1)
    assert planted_fit().weights.max() > 0.1


def test_shuffled_outcomes_leave_the_options_means() -> None:
    """Where outcomes do not go with the text, every question gets nearly the options' means."""
    model = fit_gain_model(make_log(shuffle=True, seed=3))
    found, spread = measure_contrasts(model)
    mean = model.head.option_means[ORDER]
    np.testing.assert_allclose(found, np.tile(mean - mean.mean(), (2, 1)), atol=0.06)
    assert spread < 0.06


@pytest.mark.parametrize("coverage", [0.6, 0.0])
def test_sparse_logs_train(coverage: float) -> None:
    """With some options missing, and with one option a question only, gains are still found."""
    log = make_log(600, coverage=coverage, seed=5)
    assert log.coverage < 0.8
    found, _ = measure_contrasts(fit_gain_model(log))
    assert found[0, 1] - found[0, 0] > 0.25
    assert found[1, 1] - found[1, 0] < 0.1


def test_held_out_predictions_are_honest() -> None:
    """Out-of-fold predictions are near the outcomes, but not as near as fitted ones."""
    log, fitted = make_log(), planted_fit()
    truth = log.to_matrix(log.quality)
    inside = fitted.model.predict(log.texts, log.groups)
    errors = [float(((guess - truth) ** 2).mean()) for guess in (inside, fitted.held_out)]
    blind = float(((truth - truth.mean(axis=0)) ** 2).mean())
    assert errors[0] < errors[1] < 0.5 * blind
    assert np.all((fitted.held_out >= 0) & (fitted.held_out <= 1))


def relabel(log: OutcomeLog, labels: tuple[str | None, ...]) -> OutcomeLog:
    """Give a log other task labels."""
    return replace(log, groups=labels)


def test_missing_labels_are_inferred_from_the_text() -> None:
    """Where tasks differ in their words, a question without a label is treated as its task's."""
    log = make_log()
    labels = tuple(
        "ask" if text.startswith("w") and "twice" not in text else "sum" for text in log.texts
    )
    model = fit_gain_model(relabel(log, labels))
    texts, kinds = make_texts(60, seed=9)
    named = model.predict(texts, ["ask" if kind == 0 else "sum" for kind in kinds])
    bare = model.predict(texts)
    swapped = model.predict(texts, ["sum" if kind == 0 else "ask" for kind in kinds])
    assert np.abs(bare - named).mean() < 0.5 * np.abs(bare - swapped).mean()


def test_logs_without_labels_have_one_task() -> None:
    """No label at all is one nameless task, and then labels change nothing."""
    model = fit_gain_model(make_log(60, groups=(None,)))
    assert model.groups == ("",)
    texts, _ = make_texts(5, seed=9)
    np.testing.assert_array_equal(model.predict(texts), model.predict(texts, ["x"] * 5))


def test_tiny_logs_use_the_text_to_order_equals_only() -> None:
    """On too few questions even for a mixed model the text moves options by a trace."""
    texts, _ = make_texts(20, seed=9)
    spreads = []
    for n in (MIXED_QUESTIONS_MIN - 1, QUESTIONS_FOR_TEXT_MIN + 20):
        fitted = fit_gain(make_log(n, groups=("one",)))
        spreads.append(np.diff(fitted.model.predict(texts), axis=1).std(axis=0).max())
        assert (fitted.scale.max() <= KEPT_MIN) == (n < QUESTIONS_FOR_TEXT_MIN)
    assert 0.0 < spreads[0] < 0.2 * spreads[1]


def test_small_logs_get_a_mixed_model() -> None:
    """Where learners cannot be weighed yet, a mixed model finds what is planted in the texts."""
    fitted = fit_gain(make_log(QUESTIONS_FOR_TEXT_MIN - 20, groups=("one",)))
    assert not fitted.model.head.trees
    found, _ = measure_contrasts(fitted.model)
    distance = np.abs(found - EXPECTED).max()
    assert distance < 0.5 * np.abs(found[::-1] - EXPECTED).max()


def test_folded_members_are_the_weighted_stack() -> None:
    """Weights, scales and word tables multiplied in give what the learners say one by one."""
    texts, kinds = make_texts(90)
    tables, inputs = fit_inputs(texts, n_components=8)
    rng = np.random.default_rng(0)
    target = np.column_stack((np.where(kinds == 0, 0.5, -0.5), 0.2 * rng.normal(size=90)))
    group = np.arange(90) % 2
    base = shrink_group_means(target, group, 2)
    members = fit_members(inputs, target, group, base)
    weights, scale = np.array([0.3, 0.1, 0.4, 0.2, 0.5, 0.6, 0.7, 0.8]), np.array([0.9, 0.4])
    direct, task, encoder = _fold(members, weights, scale, tables)
    features = encoder.encode(texts)
    dense, linear, tree = tables.describe(2).split(features)
    augmented = np.column_stack((dense, np.ones(90)))
    found = linear + direct.predict(dense) + np.einsum("nd,ndr->nr", augmented, task[group])
    tree_inputs = np.hstack((tree, base[group].astype(np.float32)))
    for ensemble, weight in zip(members.ensembles, weights[N_LINEAR:], strict=True):
        found += ensemble.predict(tree_inputs) * (weight * scale)
    stack = members.predict(inputs, np.eye(2)[group], base[group])
    np.testing.assert_allclose(found, (stack @ weights) * scale, atol=2e-3)


def test_logs_too_small_are_refused() -> None:
    """Nineteen questions, and one option alone or beside untried ones, say what is needed."""
    log = make_log(40)
    with pytest.raises(LogError, match="19 questions are too few"):
        fit_gain(log.select([i < 19 for i in range(40)]))
    rows = log.option_index == 0
    kept = {
        name: getattr(log, name)[rows]
        for name in ("question_index", "option_index", "quality", "cost", "trials")
    }
    one = replace(log, options=log.options[:1], **kept)
    with pytest.raises(LogError, match="at least 2 are needed"):
        fit_gain(one)
    with pytest.raises(LogError, match="at least 2 are needed"):
        fit_gain(replace(log, **kept))


def test_untried_options_are_as_good_as_the_worst() -> None:
    """An option without a row changes nothing for the others and is never the best."""
    log = make_log(60)
    rows = log.option_index != 1
    parts = {
        name: getattr(log, name)[rows]
        for name in ("question_index", "option_index", "quality", "cost", "trials")
    }
    fitted = fit_gain(replace(log, **parts))
    texts, _ = make_texts(10, seed=9)
    surface = fitted.model.predict(texts)
    others = np.delete(np.arange(log.n_options), 1)
    assert surface.shape == (10, log.n_options)
    assert fitted.held_out.shape == (60, log.n_options)
    assert (surface[:, 1] <= surface[:, others].max(axis=1)).all()
    assert fitted.model.head.option_means[1] == fitted.model.head.option_means[others].min()


def test_same_seed_same_model_and_progress_is_told() -> None:
    """Two runs agree to the last bit, and each step is told in words."""
    log = make_log(40)
    told: list[str] = []
    first, second = fit_gain(log, progress=told.append), fit_gain(log)
    texts, _ = make_texts(10, seed=9)
    np.testing.assert_array_equal(first.model.predict(texts), second.model.predict(texts))
    np.testing.assert_array_equal(first.held_out, second.held_out)
    assert first.model.encoder.fingerprint == second.model.encoder.fingerprint
    assert told[0] == "reading questions"
    assert told[-1] == "fitting on all questions"
