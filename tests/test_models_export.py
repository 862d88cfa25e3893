"""Export: a graph that differs from the native model does not leave, wherever the fault lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import ExportError
from router.models import export as export_module
from router.models.export import PARITY_ROWS, export_gain, prove_parity, spread_rows
from router.models.graph import build_gain_graph
from router.models.learners import Linear
from router.models.session import Session
from tests.contracts.gains import change_head, draw_rows, make_model

if TYPE_CHECKING:
    from router.models.gain import GainModel


def test_export_reproduces_the_model() -> None:
    """What comes out runs, is as near to the model as it says, and nearer than is allowed."""
    model = make_model()
    features, membership = draw_rows(model, 300)
    content, worst = export_gain(model, features)
    found = Session(content, "test").run({"features": features, "membership": membership})
    assert np.abs(found - model.predict_features(features, membership)).max() < 1e-5
    assert worst < 1e-5


@pytest.mark.parametrize("n_groups", [2, 3, 6])
def test_fault_in_any_one_task_is_found(monkeypatch: pytest.MonkeyPatch, n_groups: int) -> None:
    """A graph that is wrong for a single task only is refused, whichever task it is."""
    model = make_model(n_groups=n_groups)
    features, _ = draw_rows(model, 50)
    for group in range(n_groups):
        table = model.head.option_table.copy()
        table[group] += (0.01, 0.0, -0.01)
        # No text is taken for the faulty task, so that only its labelled rows can tell.
        assert model.head.inferrer is not None
        unlikely = Linear(
            model.head.inferrer.coefficient, np.where(np.arange(n_groups) == group, -1e3, 0.0)
        )

        def build(given: GainModel, wrong: object = table) -> bytes:
            return build_gain_graph(change_head(given, option_table=wrong))

        monkeypatch.setattr(export_module, "build_gain_graph", build)
        with pytest.raises(ExportError, match=r"named\.onnx: the graph differs"):
            export_gain(change_head(model, inferrer=unlikely), features)


@pytest.mark.parametrize(
    "part", ["option_means", "level_table", "base_table", "task", "directions", "option_table"]
)
def test_fault_in_any_part_is_found(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """A graph built from a model of which one part was scaled is refused."""
    model = make_model()
    features, _ = draw_rows(model, 200)

    def build(given: GainModel) -> bytes:
        return build_gain_graph(change_head(given, **{part: getattr(given.head, part) * 1.5}))

    monkeypatch.setattr(export_module, "build_gain_graph", build)
    with pytest.raises(ExportError, match="differs from the native model"):
        export_gain(model, features)


def test_too_few_rows_prove_nothing() -> None:
    """Parity on 999 rows is refused, on 1,000 it is taken."""
    model = make_model(tree_factor=0.0)
    content = build_gain_graph(model)
    features, membership = draw_rows(model, PARITY_ROWS)

    def prove(n: int) -> float:
        inputs = {"features": features[:n], "membership": membership[:n]}
        return prove_parity(
            content, inputs, lambda x: model.predict_features(x["features"], x["membership"]), "g"
        )

    with pytest.raises(ExportError, match="999 rows"):
        prove(PARITY_ROWS - 1)
    assert prove(PARITY_ROWS) < 1e-5


@pytest.mark.parametrize("fault", [1.1e-5, -1e-3, np.nan, np.inf])
def test_one_wrong_row_is_enough(fault: float) -> None:
    """A single row that is off by more than allowed, or not a number, is named."""
    model = make_model(tree_factor=0.0)
    features, membership = draw_rows(model, PARITY_ROWS)
    inputs = {"features": features, "membership": membership}
    content = build_gain_graph(model)
    answers = Session(content, "g").run(inputs)
    answers[777, 1] += fault
    with pytest.raises(ExportError, match="row 777"):
        prove_parity(content, inputs, lambda _: answers, "g")
    answers[777] = Session(content, "g").run(inputs)[777]
    assert prove_parity(content, inputs, lambda _: answers, "g") == 0.0


def test_small_logs_are_spread_to_enough_rows() -> None:
    """However few the training rows, new ones are drawn column by column from their values."""
    features = np.arange(12, dtype=np.float32).reshape(3, 4)
    rows = spread_rows(features, 1000)
    np.testing.assert_array_equal(rows[:3], features)
    assert len(rows) == 1003
    for column in range(4):
        assert set(rows[:, column]) == set(features[:, column])
    assert len(np.unique(rows[3:], axis=0)) > 50
    np.testing.assert_array_equal(rows, spread_rows(features, 1000))
