"""Sessions: finite in, finite out, and nothing but a sound graph is loaded."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models import session as session_module
from router.models.graph import GraphBuilder, build_gain_graph
from router.models.session import Session
from tests.contracts.gains import draw_rows, make_model


def make_graph(operator: str) -> bytes:
    """Make a graph of one operator on three columns."""
    builder = GraphBuilder()
    return builder.finish({"x": 3}, builder.add(operator, ["x"]), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_not_finite_are_refused(value: float) -> None:
    """One NaN among many rows is named, since trees would turn it into a number."""
    rows = np.zeros((5000, 3), np.float32)
    rows[4321, 1] = value
    with pytest.raises(BundleError, match="g: input 'x'"):
        Session(make_graph("Relu"), "g").run({"x": rows})


def test_outputs_that_are_not_finite_are_refused() -> None:
    """A graph that divides by zero does not reach a plan."""
    session = Session(make_graph("Log"), "g")
    assert session.run({"x": np.ones((2, 3), np.float32)}).tolist() == [[0.0] * 3] * 2
    for value in (0.0, -1.0):
        with pytest.raises(BundleError, match="gave a value"):
            session.run({"x": np.full((2, 3), value, np.float32)})


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\0" * 100, b"not a graph" * 20, make_graph("Relu")[:-9], make_graph("Relu")[5:]],
)
def test_garbage_is_refused(content: bytes) -> None:
    """Bytes that are no graph, and parts of one, give one line that names the place."""
    with pytest.raises(BundleError, match="part: the graph does not load") as caught:
        Session(content, "part")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [0, 1, 6, 7, 8, 20, 21])
def test_chunks_equal_one_run(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """However the rows are cut, each gets the answer of one large run."""
    model = make_model()
    session = Session(build_gain_graph(model), "g")
    features, membership = draw_rows(model, n)
    inputs = {"features": features, "membership": membership}
    whole = session.run(inputs)
    monkeypatch.setattr(session_module, "ROWS_MAX", 7)
    found = session.run(inputs)
    assert found.shape == whole.shape == (n, 3)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, whole, atol=1e-6)


@pytest.mark.parametrize(
    "inputs",
    [
        {"y": np.zeros((2, 3), np.float32)},
        {"x": np.zeros((2, 4), np.float32)},
        {"x": np.zeros((2, 3), np.float64)},
        {"x": np.zeros(3, np.float32)},
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    inputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
) -> None:
    """Another name, width, type or rank is the bundle's fault and says so in one line."""
    with pytest.raises(BundleError, match="g: the graph does not run") as caught:
        Session(make_graph("Relu"), "g").run(inputs)
    assert "\n" not in str(caught.value)


def test_input_names_are_known() -> None:
    """A session tells what its graph takes."""
    assert Session(build_gain_graph(make_model()), "g").input_names == ("features", "membership")
