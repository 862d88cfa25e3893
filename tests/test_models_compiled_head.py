"""The compiled gain model: the qualities of its graph, and the runtime where it does not work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router import Router
from router.exceptions import BundleError
from router.features import engines
from router.models.compiled import CompiledGain, constants
from router.models.compiled.gain import predict_gain
from router.models.compiled.head import CHUNK_QUESTIONS
from router.models.factored_head import FactoredHead
from router.models.graph import build_gain_graph
from router.models.heads import NamedHead
from router.models.session import Session
from tests.contracts.gains import AWKWARD_TEXTS, make_model, make_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.models.gain import GainModel

# The graph adds in single precision.
TOLERANCE = 5e-6


@pytest.fixture(autouse=True)
def _kernels() -> Iterator[None]:
    """Load the kernels, and leave other tests to the runtime."""
    before = engines._KERNELS.loaded
    engines._KERNELS.loaded = None
    assert engines.warm_up()
    yield
    engines._KERNELS.loaded = before


def make_head(model: GainModel) -> tuple[NamedHead, NDArray[np.float32]]:
    """Export a model, and encode some questions."""
    content = build_gain_graph(model)
    names = tuple(f"option{place}" for place in range(len(model.head.option_means)))
    head = NamedHead(Session(content, "named.onnx"), names, model.groups, content=content)
    return head, model.encoder.encode(make_texts(70, seed=2)[0])


def predict_plainly(
    head: NamedHead, features: NDArray[np.float32], groups: list[str | None]
) -> NDArray[np.float64]:
    """Predict by the runtime."""
    return NamedHead(head.session, head.options, head.groups).predict(features, groups)


@pytest.mark.parametrize(
    "settings", [{}, {"task_scale": 0.0}, {"tree_factor": 0.0}, {"has_linear": False}]
)
def test_qualities_are_those_of_the_graph(settings: dict[str, Any]) -> None:
    """With and without each part, labels given, missing, unknown and mixed."""
    model = make_model(n_groups=3, n_options=4, **settings)
    if settings.get("task_scale") == 0.0:
        model = replace(model, head=replace(model.head, task=np.zeros_like(model.head.task)))
    head, features = make_head(model)
    assert head._compiled is not None
    for groups in ([None], ["g1"], ["g0", None, "g2", "unheard of"]):
        labels = [groups[row % len(groups)] for row in range(len(features))]
        expected = predict_plainly(head, features, labels)
        np.testing.assert_allclose(head.predict(features, labels), expected, atol=TOLERANCE)


def test_batches_of_any_size_agree() -> None:
    """A question has the same qualities alone and in a crowd, bit by bit, and nothing compiles."""
    head, features = make_head(make_model())
    assert len(features) > CHUNK_QUESTIONS
    before = len(predict_gain.signatures)  # type: ignore[attr-defined]
    together = head.predict(features, [None] * len(features))
    alone = np.vstack([head.predict(row[None], [None]) for row in features])
    assert alone.tobytes() == together.tobytes()
    turned = np.asfortranarray(features)
    turned.flags.writeable = False
    assert head.predict(turned, [None] * len(features)).tobytes() == together.tobytes()
    assert len(predict_gain.signatures) == before or before == 0  # type: ignore[attr-defined]


def test_graph_without_tasks_is_left_to_the_runtime() -> None:
    """So is any other that the kernels do not know."""
    head, features = make_head(make_model(n_groups=1))
    assert head._compiled is None
    plain = predict_plainly(head, features, [None] * len(features))
    assert head.predict(features, [None] * len(features)).tobytes() == plain.tobytes()


def test_features_that_are_not_finite_are_refused() -> None:
    """As the runtime refuses them."""
    head, features = make_head(make_model())
    features[0, 0] = np.nan
    with pytest.raises(BundleError, match="not finite"):
        head.predict(features, [None] * len(features))


def test_nothing_that_breaks_breaks_a_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged graph and a broken compiler leave the runtime."""
    assert CompiledGain.load(b"damaged") is None

    def fail(*_: object) -> None:
        raise RuntimeError("the compiler is broken")

    monkeypatch.setattr("router.models.compiled.head.predict_gain", fail)
    head, features = make_head(make_model())
    assert head.predict(features, [None] * len(features)).shape == (70, 3)


def test_trees_of_other_kinds_are_left_to_the_runtime() -> None:
    """Trees that average, for instance, are not summed."""
    from router.models.graph_reading import read_graph

    content = read_graph(build_gain_graph(make_model()), "named.onnx")
    assert constants.tabulate_gain(content) is not None
    node = next(node for node in content.nodes if node.operator == "TreeEnsembleRegressor")
    node.attributes["aggregate_function"] = [b"AVERAGE"]
    assert constants.tabulate_gain(content) is None


def test_qualities_of_a_menu_are_those_of_numpy() -> None:
    """Single questions and a few, options that do not differ included, to single precision."""
    predictor = Router.load().predictor
    head = predictor.descriptors
    assert isinstance(head, FactoredHead)
    features = predictor.encoder.encode([*make_texts(30, seed=5)[0], *AWKWARD_TEXTS])
    options = Router.load().bundle.menu.options
    for menu in (options[:32], options[3:4], options[5:9]):
        with engines.without_kernels():
            expected = head.predict(features, menu)
        for size in (1, 3, 8):
            parts = [
                head.predict(features[first : first + size], menu)
                for first in range(0, len(features), size)
            ]
            np.testing.assert_allclose(np.vstack(parts), expected, atol=TOLERANCE)


def test_menu_without_working_kernels_is_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken compiler costs no prediction."""

    def fail(*_: object) -> None:
        raise RuntimeError("the compiler is broken")

    monkeypatch.setattr("router.models.compiled.head.predict_menu", fail)
    router = Router.load()
    surface = router.predict(["Who wrote Dune?"])
    with engines.without_kernels():
        assert router.predict(["Who wrote Dune?"]).quality.tobytes() == surface.quality.tobytes()
