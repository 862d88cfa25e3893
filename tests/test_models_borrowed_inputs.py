"""Training with an encoder that is taken as it is: from texts or from what was kept of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.exceptions import EncoderError, LogError
from router.features.encoders.sentences import CallableEncoder
from router.features.shape import SHAPE_NAMES
from router.models.borrowed_inputs import read_borrowed
from router.models.bundle import Bundle
from router.models.trainer import train
from router.models.training import fit_gain
from router.questions import Question
from tests.contracts.embeddings import hash_texts
from tests.contracts.gains import (
    GAINS,
    forget_texts,
    make_encoder,
    make_log,
    make_texts,
    planted_bundle,
)

LOG = make_log(160, seed=4)


def test_scaled_columns_are_read_as_the_encoder_makes_them() -> None:
    """The head that learned from scaled columns gives the same from the encoder's own."""
    encoder = make_encoder(9)
    tables, inputs = read_borrowed(LOG, encoder)
    features = encoder.encode(LOG.texts)
    scaled = features[:, :9] * tables.scale
    np.testing.assert_allclose(inputs.dense[:, :9], scaled)
    assert inputs.ngrams.shape == (160, 0)
    words = inputs.words.toarray()
    np.testing.assert_allclose(words.mean(axis=0), 0.0, atol=1e-9)
    assert (words**2).sum(axis=1).mean() == pytest.approx(1.0)
    np.testing.assert_array_equal(inputs.tree[:, -len(SHAPE_NAMES) :], features[:, 9:])
    fitted = fit_gain(LOG, features_of=encoder)
    dense, linear, _ = fitted.model.standard.split(features)
    assert linear.shape == (160, 0)
    np.testing.assert_array_equal(dense[:, :9], features[:, :9].astype(float))


def test_columns_without_variation_count_nothing() -> None:
    """A column that is the same for all questions gets no weight, and divides by nothing."""
    encoder = make_encoder(3)
    flat = replace(encoder, tables=tuple(0.0 * table for table in encoder.tables))
    tables, inputs = read_borrowed(LOG, flat)
    assert tables.scale == 0.0
    assert np.isfinite(inputs.dense).all()
    assert not inputs.words.toarray().any()


@pytest.mark.parametrize("n", [40, 70, 160])
def test_features_teach_what_the_texts_teach(n: int) -> None:
    """From kept features comes the very model that comes from texts with the same encoder."""
    log, encoder = LOG.select(np.arange(160) < n), planted_bundle().predictor.encoder
    texts, groups = make_texts(50, seed=8)[0], ["east", None] * 25
    kept = fit_gain(forget_texts(log, encoder), features_of=encoder)
    assert kept.model.encoder is encoder
    direct = kept.model.predict(texts, groups)
    read = fit_gain(replace(log, texts=LOG.texts[:n]), features_of=encoder).model
    # Folds are dealt by identity, so that evidence differs by chance only.
    assert np.abs(direct - read.predict(texts, groups)).mean() < 0.05


def test_planted_gains_are_found_from_features() -> None:
    """What helps which kind of question is found without a text, and plans by text use it."""
    source = planted_bundle()
    encoder = source.predictor.encoder
    bundle = train(forget_texts(LOG, encoder), features_of=source)
    assert bundle.predictor.encoder.fingerprint == encoder.fingerprint
    texts, kinds = make_texts(60, seed=9)
    questions = [Question(str(row), text) for row, text in enumerate(texts)]
    quality = bundle.predictor.predict(questions, bundle.menu).quality
    column = {option.name: place for place, option in enumerate(bundle.menu)}
    for kind in (0, 1):
        mean = quality[kinds == kind].mean(axis=0)
        gain = mean[column["small|s2"]] - mean[column["small|s0"]]
        assert gain == pytest.approx(GAINS[kind, 1], abs=0.15)
    assert bundle.manifest["training"]["n_texts"] == 0
    assert "Of 0 questions the log had the text, of 160 the features" in bundle.card
    assert "taken as it is" not in source.card
    loaded = Bundle(bundle.bundle_id, bundle.manifest, bundle.files)
    loaded.verify()


def test_bundles_descend_without_losing_the_log() -> None:
    """A log gathered under one bundle trains the bundle after the next as well."""
    first = planted_bundle()
    kept = forget_texts(LOG, first.predictor.encoder)
    second = train(kept, features_of=first)
    third = train(kept, features_of=second, prior=second)
    assert third.predictor.encoder.fingerprint == first.predictor.encoder.fingerprint


def test_features_need_the_encoder_that_made_them() -> None:
    """Without the right bundle, or beside a sentence encoder, training says what is needed."""
    encoder = planted_bundle().predictor.encoder
    kept = forget_texts(LOG, encoder)
    shipped = Bundle.load().predictor.encoder.fingerprint
    with pytest.raises(LogError, match=f"{encoder.fingerprint}, the bundle's is {shipped}"):
        train(kept)
    with pytest.raises(LogError, match="an encoder of its own needs the texts"):
        fit_gain(kept)
    with pytest.raises(EncoderError, match="needs texts"):
        fit_gain(kept, features_of=encoder, encoder=CallableEncoder("hash", 6, hash_texts))
