"""The factored head: the predictions of the two graphs, for menus old and new."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models import factored_head as head_module
from router.models.bundle import Bundle
from router.models.factored_head import FactoredHead, factor_descriptors
from router.options import Option
from tests.contracts.gains import AWKWARD_TEXTS, make_texts, planted_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = [*make_texts(40, seed=8)[0], *AWKWARD_TEXTS]
OPTIONS = tuple(
    Option(f"{model}|{searches}|{samples}", model=model, search_steps=searches, samples=samples)
    for model in ("small", "gpt-4o", "nobody")
    for searches in (None, 0.0, 2.0)
    for samples in (1, 8)
)


@cache
def load_shipped() -> Bundle:
    """Load the bundle that ships, once a run."""
    return Bundle.load()


@pytest.mark.parametrize("load", [planted_bundle, load_shipped])
@pytest.mark.parametrize("options", [OPTIONS, OPTIONS[::-1], OPTIONS[3:4]])
def test_predictions_are_those_of_the_graphs(
    load: Callable[[], Bundle], options: tuple[Option, ...]
) -> None:
    """On any texts and menu, old bundles included, the graphs say the same to a millionth."""
    predictor = load().predictor
    head = predictor.descriptors
    assert isinstance(head, FactoredHead)
    features = predictor.encoder.encode(TEXTS)
    expected = head.plain.predict(features, options)
    np.testing.assert_allclose(head.predict(features, options), expected, atol=2e-6)
    # A menu seen before is answered from what was prepared.
    np.testing.assert_allclose(head.predict(features[:1], options), expected[:1], atol=2e-6)


def test_no_more_menus_are_kept_than_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Menus beyond the limit push others out and are answered all the same."""
    monkeypatch.setattr(head_module, "MENUS_MAX", 2)
    predictor = planted_bundle().predictor
    plain = predictor.descriptors
    assert isinstance(plain, FactoredHead)
    head = FactoredHead(plain.plain, plain.trees, plain.line)
    features = predictor.encoder.encode(TEXTS[:2])
    for first in range(5):
        options = OPTIONS[first : first + 3]
        expected = head.plain.predict(features, options)
        np.testing.assert_allclose(head.predict(features, options), expected, atol=2e-6)
        assert len(head._menus) <= 2


def test_features_that_are_no_numbers_are_refused() -> None:
    """Trees would turn NaN into a plausible number."""
    predictor = planted_bundle().predictor
    assert predictor.descriptors is not None
    features = np.full((1, predictor.encoder.n_features), np.nan, np.float32)
    with pytest.raises(BundleError, match="not finite"):
        predictor.descriptors.predict(features, OPTIONS)


def test_other_graphs_stay_with_the_runtime() -> None:
    """Where either file holds another graph, the head is the plain one."""
    head, files = planted_bundle().predictor.descriptors, planted_bundle().files
    assert isinstance(head, FactoredHead)
    for name in ("level.onnx", "uplift.onnx"):
        changed = {**files, name: files["named.onnx"]}
        assert factor_descriptors(head.plain, changed) is head.plain
