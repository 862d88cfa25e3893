"""Questions of a log as features: encoded where the text is there, else as they were kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.exceptions import LogError
from router.models.log_encoding import encode_log
from tests.contracts.gains import forget_texts, make_encoder, make_log

LOG = make_log(30)
ENCODER = make_encoder(5)


def test_kept_features_are_those_of_the_texts() -> None:
    """With all, some and no texts the rows are the same, bit by bit."""
    expected = ENCODER.encode(LOG.texts)
    kept = forget_texts(LOG, ENCODER)
    assert kept.features is not None
    some = [text if row % 2 else "" for row, text in enumerate(LOG.texts)]
    holes = np.where(np.arange(30)[:, None] % 2 == 1, np.float32(np.nan), kept.features)
    mixed = replace(kept, texts=tuple(some), features=holes)
    for log in (LOG, kept, mixed):
        np.testing.assert_array_equal(encode_log(log, ENCODER), expected)
    assert np.isnan(holes).any(), "the log's own array is left as it is"


def test_features_of_another_encoder_are_refused() -> None:
    """Both fingerprints are told, and a row of another length than its encoder makes is named."""
    other = make_encoder(5, seed=1)
    kept = forget_texts(LOG, ENCODER)
    message = f"made by the encoder {ENCODER.fingerprint}, the bundle's is {other.fingerprint}"
    with pytest.raises(LogError, match=message):
        encode_log(kept, other)
    assert kept.features is not None
    with pytest.raises(LogError, match="features a question; the encoder"):
        encode_log(replace(kept, features=kept.features[:, 1:]), ENCODER)
    # Where all texts are there, whatever was kept beside them does not matter.
    encode_log(replace(kept, texts=LOG.texts), other)
