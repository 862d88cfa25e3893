"""Encoders of one's own, what is refused of any, and how a changed one shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import EncoderError
from router.features.encoders.sentences import (
    PROBE_TEXTS,
    CallableEncoder,
    check_embeddings,
    compare_probes,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def make_encoder(function: Callable[[list[str]], Any], dimension: int = 2) -> CallableEncoder:
    """Make an encoder of a function."""
    return CallableEncoder("mine", dimension, function)


def test_function_is_an_encoder() -> None:
    """What a function gives is what comes out, as single precision, in the order of the texts."""
    encoder = make_encoder(lambda texts: [[len(text), 0.5] for text in texts])
    vectors = encoder.embed(("a", "ccc"))
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1.0, 0.5], [3.0, 0.5]]
    assert encoder.embed([]).shape == (0, 2)


def test_fault_of_a_function_is_named() -> None:
    """Whatever a function raises becomes an error of this library that names the encoder."""
    with pytest.raises(EncoderError, match="'mine' raised ZeroDivisionError"):
        make_encoder(lambda _: 1 / 0).embed(["a"])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, 2.0]], r"shape \(1, 2\) for 2 texts"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([[], []], r"shape \(2, 0\)"),
        ([[1.0], [2.0]], "width 1: 2 is due"),
        ([[1.0, 2.0], [3.0, np.nan]], "not finite"),
        ([[1.0, 2.0], [3.0, 1e300]], "not finite"),
        ([[1.0, 2.0], [3.0]], "no table of numbers"),
        ([["a", "b"], ["c", "d"]], "no table of numbers"),
        (None, r"no table of numbers|shape \(\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_nonsense_is_refused(vectors: object, message: str) -> None:
    """Vectors of another number, width or kind, and values that are not finite, do not pass."""
    with pytest.raises(EncoderError, match=message):
        check_embeddings(vectors, 2, 2, "mine")


def test_any_width_passes_where_none_is_due() -> None:
    """The first answer tells the width."""
    assert check_embeddings([[1, 2, 3]], 1, None, "mine").shape == (1, 3)


def test_same_encoder_passes_its_probes(rng: np.random.Generator) -> None:
    """Rounding of half precision is no other encoder; another one is, and one of another width."""
    table = rng.normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
    rounded = table.astype(np.float16)
    compare_probes(make_encoder(lambda _: rounded, 8), table)
    other = rng.normal(size=table.shape)
    with pytest.raises(EncoderError, match="not the one of training"):
        compare_probes(make_encoder(lambda _: other, 8), table)
    with pytest.raises(EncoderError, match="width 7: 8 is due"):
        compare_probes(make_encoder(lambda _: other[:, :7], 7), table)


def test_one_changed_probe_is_enough(rng: np.random.Generator) -> None:
    """A model that changed for one script only is noticed."""
    table = rng.normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
    changed = table.copy()
    changed[-1] *= 1.05
    with pytest.raises(EncoderError, match="off by 5%"):
        compare_probes(make_encoder(lambda _: changed, 8), table)
    with pytest.raises(EncoderError, match="not the one of training"):
        compare_probes(make_encoder(lambda _: table, 8), np.full_like(table, np.nan))
