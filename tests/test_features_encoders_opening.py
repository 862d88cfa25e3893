"""Opening: what is given decides which encoder it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.exceptions import EncoderError
from router.features.encoders.cache import EmbeddingCache
from router.features.encoders.opening import open_encoder
from router.features.encoders.sentences import CallableEncoder
from router.features.encoders.web import WebEncoder

if TYPE_CHECKING:
    from pathlib import Path


def test_address_is_a_service() -> None:
    """An address and a model make a service, with a cache before it that is opened only once."""
    cache = EmbeddingCache(size_max=7)
    encoder = open_encoder("https://example.org/v1/embeddings", "small", cache=cache)
    assert encoder.encoder == WebEncoder("https://example.org/v1/embeddings", "small")
    assert encoder.cache is cache
    assert open_encoder(encoder) is encoder


def test_encoder_of_ones_own_is_taken() -> None:
    """What embeds already is only given a cache."""
    mine = CallableEncoder("mine", 1, lambda texts: [[len(text)] for text in texts])
    encoder = open_encoder(mine)
    assert encoder.encoder is mine
    assert (encoder.name, encoder.dimension, encoder.fingerprint) == ("mine", 1, "callable:mine:1")


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    """A service without a model, a model without a service and an empty directory are refused."""
    with pytest.raises(EncoderError, match="needs the name of a model"):
        open_encoder("https://example.org")
    with pytest.raises(EncoderError, match=r"a model \('small'\)"):
        open_encoder(tmp_path, "small")
    with pytest.raises(EncoderError, match=r"holds no model\.onnx"):
        open_encoder(str(tmp_path))
