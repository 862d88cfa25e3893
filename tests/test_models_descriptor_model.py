"""The descriptor model: uplift over the least option, nothing over itself, rising where it must."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import ExportError, LogError
from router.models import descriptor_model
from router.models.descriptor_model import (
    DescriptorModel,
    _pair_rows,
    _rank_by_compute,
    export_descriptors,
    fit_descriptors,
)
from router.models.descriptors import DESCRIPTOR_NAMES, describe_menu, find_reference
from router.models.ensembles import Boosters
from router.models.factored_trees import FactoredTrees
from router.models.heads import stack_pairs, stack_reference
from router.models.session import Session
from router.models.strengths import StrengthTable
from router.models.trees import convert_booster
from router.options import Option
from tests.contracts.gains import GAINS, make_log, make_model, make_texts, planted_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.graph_reading import GraphContent

STRENGTHS = StrengthTable("2026-11-22", {"small": 0.5}, ())
N_FEATURES = 20


def encode(texts: tuple[str, ...] | list[str]) -> NDArray[np.float32]:
    """Turn texts into the planted model's features."""
    return planted_fit().model.encoder.encode(texts)


@cache
def fit() -> DescriptorModel:
    """Fit the model on the planted log, once a run."""
    log = make_log()
    return fit_descriptors([log], [encode(log.texts)], STRENGTHS, n_features=N_FEATURES)


def test_reference_has_its_level_and_no_uplift() -> None:
    """Whatever the trees say, the reference is predicted at the level of the reference."""
    features = encode(make_texts(30, seed=4)[0])
    options = [
        Option("b", model_strength=0.9, samples=2),
        Option("a", model_strength=0.4),
        Option("c", model_strength=0.4, search_steps=6.0),
    ]
    table = describe_menu(options, STRENGTHS)
    surface = fit().predict(features, table)
    reference = find_reference(table)
    assert reference == 1
    inputs = stack_reference(features, table[1], fit().strength_mean)
    np.testing.assert_allclose(surface[:, [1]], fit().level.predict(inputs.astype(np.float64)))
    assert np.abs(surface - surface[:, [1]]).max() > 0.01


def test_planted_gains_are_found() -> None:
    """On each kind of question, the better of two ways to spend compute comes out ahead."""
    texts, kinds = make_texts(60, seed=4)
    log = make_log()
    table = describe_menu(log.options, STRENGTHS)
    names = [option.name for option in log.options]
    surface = fit().predict(encode(texts), table)
    searching = surface[:, names.index("small|s2")] - surface[:, names.index("small|n4")]
    for kind in range(2):
        expected = GAINS[kind, 1] - GAINS[kind, 2]
        assert searching[kinds == kind].mean() * np.sign(expected) > 0.1
    uplift = surface[:, names.index("small|s2")] - surface[:, names.index("small|s0")]
    assert uplift[kinds == 0].mean() > uplift[kinds == 1].mean() + 0.2


@pytest.mark.parametrize("name", ["model_strength", "log_samples"])
def test_more_of_it_never_hurts(name: str) -> None:
    """A stronger model and more samples raise the uplift or leave it, all else equal."""
    column = DESCRIPTOR_NAMES.index(name)
    values = np.linspace(0.0, 1.0 if name == "model_strength" else 4.0, 25, dtype=np.float32)
    table = np.tile(describe_menu([Option("a", model="small")], STRENGTHS), (len(values), 1))
    table[:, column] = values
    features = encode(make_texts(20, seed=6)[0])[:, :N_FEATURES]
    for searches in (0.0, 2.0):
        table[:, 0] = searches
        pairs = stack_pairs(features, table, 0)
        uplift = fit().booster.predict(pairs).reshape(len(features), len(values))
        assert np.diff(uplift, axis=1).min() > -1e-9
    if name == "log_samples":
        assert uplift[:, -1].mean() > uplift[:, 0].mean()


def test_pairs_are_against_the_least_that_was_tried() -> None:
    """Where a question did not see the least option, the least it saw is the reference."""
    log = make_log(60, coverage=0.6, seed=2)
    features = encode(log.texts)
    rng = np.random.default_rng(0)
    inputs, uplift, level, strength = _pair_rows(log, features, STRENGTHS, N_FEATURES, rng)
    table = describe_menu(log.options, STRENGTHS)
    quality = log.to_matrix(log.quality)
    order = [[o.name for o in log.options].index(f"small|{x}") for x in ("s0", "s2", "n4")]
    expected = []
    for row in range(60):
        tried = [option for option in order if not np.isnan(quality[row, option])]
        assert level[row] == quality[row, tried[0]]
        for option in sorted(tried[1:]):
            both = (*features[row, :N_FEATURES], *table[option], *table[tried[0]])
            expected.append((*both, quality[row, option] - level[row]))
    np.testing.assert_allclose(np.column_stack((inputs, uplift)), expected, atol=1e-6)
    assert set(strength) == {0.5}


def test_rank_is_that_of_taking_references_away() -> None:
    """Options are ranked by strength, samples, effort, tokens and searches, ties as they stand."""
    rng = np.random.default_rng(3)
    table = rng.integers(0, 3, (20, len(DESCRIPTOR_NAMES))).astype(np.float32)
    keys = [tuple(row[[4, 3, 1, 2, 0]]) for row in table]
    assert _rank_by_compute(table).tolist() == sorted(range(20), key=keys.__getitem__)


def test_large_logs_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log with more pairs than allowed, a seeded sample is taken."""
    log = make_log(60)
    features = encode(log.texts)
    monkeypatch.setattr(descriptor_model, "ROWS_MAX", 50)
    parts = [
        _pair_rows(log, features, STRENGTHS, 4, np.random.default_rng(seed)) for seed in (0, 0, 1)
    ]
    assert [len(part[0]) for part in parts] == [50] * 3
    np.testing.assert_array_equal(parts[0][0], parts[1][0])
    assert not np.array_equal(parts[0][0], parts[2][0])
    assert len(parts[0][2]) == 60


def test_questions_with_one_option_teach_no_uplift() -> None:
    """A log in which no question saw two options is refused in words."""
    log = make_log(60, coverage=0.0)
    with pytest.raises(LogError, match="no question was tried with two options"):
        fit_descriptors([log], [encode(log.texts)], STRENGTHS, n_features=N_FEATURES)


def test_level_rises_with_the_reference() -> None:
    """Logs that differ in strength and level teach a slope; a falling one counts as none."""
    low, high = make_log(60, name="low"), make_log(60, seed=1, name="high")
    features = [encode(low.texts), encode(high.texts)]
    column = features[0].shape[1] + DESCRIPTOR_NAMES.index("model_strength")
    better = replace(high, quality=np.minimum(high.quality + 0.3, 1.0))
    for strengths, rises in (((0.4, 0.9), True), ((0.9, 0.4), False)):
        logs = [
            replace(log, options=tuple(replace(o, model_strength=strength) for o in log.options))
            for log, strength in zip((low, better), strengths, strict=True)
        ]
        model = fit_descriptors(logs, features, STRENGTHS, n_features=N_FEATURES)
        slope = model.level.coefficient[column, 0]
        assert (slope > 0.01) == rises
        assert slope >= 0.0
        assert model.strength_mean == pytest.approx(0.65)


def test_graphs_are_the_native_model() -> None:
    """Level and uplift, exported, add up to what the model predicts, on options never tried."""
    features = encode(make_log().texts)
    options = [Option(f"x{i}", samples=1 + i, search_steps=float(i % 3)) for i in range(6)]
    table = describe_menu(options, STRENGTHS)
    graphs, worst = export_descriptors(fit(), features, table)
    assert set(graphs) == {"level.onnx", "uplift.onnx"}
    assert worst < 1e-5
    some = features[:25]
    uplift = Session(graphs["uplift.onnx"], "u").run(
        {"pairs": stack_pairs(some[:, :N_FEATURES], table, 0)}
    )
    uplift = uplift.reshape(25, 6)
    level = Session(graphs["level.onnx"], "l").run(
        {"features": stack_reference(some, table[0], fit().strength_mean)}
    )
    found = level + uplift - uplift[:, [0]]
    np.testing.assert_allclose(found, fit().predict(some, table), atol=2e-5)


def test_graph_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees that were exchanged on the way into the graph are found."""
    boosters = make_model().head.trees[0][0]
    assert isinstance(boosters, Boosters)
    other = boosters.boosters[0]
    width = other.num_feature() - 2 * len(DESCRIPTOR_NAMES)
    log = make_log(60)
    model = fit_descriptors([log], [encode(log.texts)[:, :40]], STRENGTHS, n_features=width)
    monkeypatch.setattr(descriptor_model, "convert_booster", lambda _: convert_booster(other))
    table = describe_menu(log.options, STRENGTHS)
    with pytest.raises(ExportError, match=r"uplift\.onnx: the graph differs"):
        export_descriptors(model, encode(log.texts)[:, :40], table)


def test_trees_taken_apart_are_proven_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export whose trees cannot be taken apart, or say something else then, is refused."""
    features = encode(make_log().texts)
    table = describe_menu([Option("a"), Option("b", samples=8, search_steps=3.0)], STRENGTHS)

    def change(content: GraphContent, n_features: int) -> FactoredTrees:
        """Take trees apart and double what they add."""
        trees = factor(content, n_features)
        assert trees is not None
        return replace(trees, weights=2.0 * trees.weights)

    factor = FactoredTrees.from_graph
    monkeypatch.setattr(FactoredTrees, "from_graph", change)
    with pytest.raises(ExportError, match=r"uplift\.onnx: its trees taken apart differ"):
        export_descriptors(fit(), features, table)
    monkeypatch.setattr(FactoredTrees, "from_graph", lambda *_: None)
    with pytest.raises(ExportError, match="cannot be taken apart"):
        export_descriptors(fit(), features, table)
