"""The heads of a bundle: what they are given, in how many parts, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.models import heads as heads_module
from router.models.descriptors import describe_menu, find_reference
from router.models.factored_head import FactoredHead
from router.models.heads import stack_pairs, stack_reference
from router.options import Option
from tests.contracts.gains import make_texts, planted_bundle

if TYPE_CHECKING:
    import pytest

OPTIONS = (
    Option("stranger|s1", model="small", search_steps=1.0),
    Option("stranger|n8", model="small", samples=8, search_steps=0.0),
    *planted_bundle().menu.options,
)


def test_chunks_equal_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying out few pairs at a time changes nothing, even fewer than the menu is long."""
    predictor = planted_bundle().predictor
    head = predictor.descriptors
    assert head is not None
    plain = head.plain if isinstance(head, FactoredHead) else head
    features = predictor.encoder.encode(make_texts(12, seed=8)[0])
    whole = plain.predict(features, OPTIONS)
    for pairs in (1, 7, 25):
        monkeypatch.setattr(heads_module, "PAIRS_MAX", pairs)
        np.testing.assert_allclose(plain.predict(features, OPTIONS), whole, atol=1e-6)


def test_pairs_are_questions_by_options() -> None:
    """Each question stands beside each option, the reference behind both."""
    features = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    table = np.array([[10.0], [20.0], [30.0]], np.float32)
    pairs = stack_pairs(features, table, 2)
    assert pairs.dtype == np.float32
    expected = [[*row, option, 30.0] for row in features.tolist() for option in (10.0, 20.0, 30.0)]
    assert pairs.tolist() == expected


def test_unknown_strength_of_the_reference_is_the_mean() -> None:
    """A reference of unknown strength counts as middling, one that is known as it is."""
    head = planted_bundle().predictor.descriptors
    assert head is not None
    table = describe_menu(
        [Option("a", model="nobody"), Option("b", model_strength=0.9)], head.strengths
    )
    assert find_reference(table) == 0
    unknown = stack_reference(np.ones((2, 3), np.float32), table[0], 0.625)
    known = stack_reference(np.ones((2, 3), np.float32), table[1], 0.625)
    assert unknown.shape == (2, 3 + table.shape[1])
    assert unknown[:, 7].tolist() == [0.625] * 2
    np.testing.assert_allclose(known[:, 7], 0.9)
    assert table[0, 4] == -1.0
