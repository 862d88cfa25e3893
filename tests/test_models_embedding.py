"""Embeddings as features: projected, stored, recognised, and done without when they fail."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import BundleError, EncoderError
from router.features.encoders.sentences import PROBE_TEXTS, CallableEncoder
from router.models.embedding import Embedding, fit_embedding
from router.models.joiner import join
from router.models.trainer import train
from router.models.training import fit_gain_model
from router.planner import Router
from tests.contracts.embeddings import hash_texts
from tests.contracts.gains import make_log, planted_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from router.models.bundle import Bundle
    from router.outcomes import OutcomeLog

TEXTS = [f"question {number} about {'lakes' * (number % 3)}" for number in range(90)]
ENCODER = CallableEncoder("hash", 6, hash_texts)


@cache
def bundle_with_encoder() -> Bundle:
    """Train on the planted log with an encoder, once a run."""
    return train(make_log(), encoder=ENCODER)


def tell_secret(log: OutcomeLog, rng: np.random.Generator) -> tuple[OutcomeLog, CallableEncoder]:
    """Let what no text says decide which option is right, and make an encoder that knows it."""
    secret = rng.integers(0, 2, log.n_questions)
    right = np.where(secret[log.question_index] == 1, 1, 0)
    quality = np.where(log.option_index == right, 0.9, 0.1)
    known = dict(zip(log.texts, secret.tolist(), strict=True))
    return replace(log, quality=quality), CallableEncoder(
        "secret", 1, lambda texts: [[float(known.get(text, 0))] for text in texts]
    )


def test_projection_is_that_of_principal_components(rng: np.random.Generator) -> None:
    """Columns are uncorrelated, and their variances those of the eigenvalues of the correlation."""
    mixed = (
        rng.normal(size=(90, 6)) @ rng.normal(size=(6, 6)) * [1.0, 5.0, 0.1, 1.0, 1.0, 9.0] + 3.0
    )
    table = dict(zip(TEXTS, mixed, strict=True))
    encoder = CallableEncoder("m", 6, lambda texts: [table.get(t, np.zeros(6)) for t in texts])
    embedding, columns = fit_embedding(encoder, TEXTS)
    covariance = np.cov(columns.T, bias=True)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(mixed.T))[::-1]
    np.testing.assert_allclose(np.diag(covariance), eigenvalues, rtol=0.02)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.02
    assert (columns**2).mean() == pytest.approx(1.0, rel=1e-4)
    np.testing.assert_array_equal(embedding.project(encoder.embed(TEXTS)), columns)


@pytest.mark.parametrize(
    ("n", "dimension", "n_columns"), [(90, 100, 64), (30, 100, 30), (90, 3, 3)]
)
def test_number_of_columns_is_bounded(n: int, dimension: int, n_columns: int) -> None:
    """There are 64 columns at most, and no more than questions or dimensions."""
    encoder = CallableEncoder("hash", dimension, lambda texts: hash_texts(texts, dimension))
    embedding, columns = fit_embedding(encoder, TEXTS[:n])
    assert embedding.n_columns == columns.shape[1] == n_columns


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e20])
def test_odd_embeddings_give_finite_columns(scale: float) -> None:
    """Vectors that never vary, tiny and huge ones all end within bounds."""
    encoder = CallableEncoder("odd", 6, lambda texts: hash_texts(texts) * scale + scale)
    embedding, columns = fit_embedding(encoder, TEXTS)
    assert np.isfinite(columns).all()
    huge = embedding.project(np.full((1, 6), 3e38, np.float32))
    assert np.isfinite(huge).all()
    assert np.abs(huge).max() < 1e3


def test_without_an_encoder_nothing_is_added() -> None:
    """The embedding of nothing leaves features as they are and recognises no encoder."""
    features = np.ones((2, 3), np.float32)
    same, failure = Embedding().prepend(features, ["a", "b"])
    assert same is features
    assert failure is None
    with pytest.raises(EncoderError, match="trained without one"):
        Embedding().attach(ENCODER)


def test_failure_counts_as_the_average() -> None:
    """An encoder that is missing or fails gives the mean of training, and says why."""
    embedding, columns = fit_embedding(ENCODER, TEXTS)
    np.testing.assert_allclose(columns.mean(axis=0), 0.0, atol=1e-5)
    features = np.ones((2, 3), np.float32)
    average = np.hstack((np.zeros((2, 6)), features))
    broken = CallableEncoder("hash", 6, lambda _: 1 / 0)
    for encoder, reason in ((None, "'hash' of training was not given"), (broken, "ZeroDivision")):
        given, failure = replace(embedding, encoder=encoder).prepend(features, ["a", "b"])
        np.testing.assert_array_equal(given, average)
        assert failure is not None
        assert reason in failure


def test_storing_changes_nothing() -> None:
    """What is stored is enough to give the same columns, once the encoder is there."""
    embedding, columns = fit_embedding(ENCODER, TEXTS)
    stored = Embedding.from_arrays(embedding.to_arrays(), embedding.to_dict())
    assert stored.encoder is None
    found, failure = stored.attach(ENCODER).prepend(np.zeros((90, 0), np.float32), TEXTS)
    np.testing.assert_array_equal(found, columns)
    assert failure is None


@pytest.mark.parametrize(
    ("arrays", "described"),
    [
        ({"mean": np.zeros(5)}, {}),
        ({"projection": np.zeros((6, 4))}, {}),
        ({"probes": np.zeros((1, 6))}, {}),
        ({"spread": np.zeros(6)}, {}),
        ({"mean": np.full(6, np.nan)}, {}),
        ({"mean": np.array(["a"] * 6)}, {}),
        ({}, {"dimension": 7}),
        ({}, {"dimension": "six"}),
        ({}, {"n_columns": None}),
    ],
)
def test_damage_is_found(arrays: dict[str, Any], described: dict[str, Any]) -> None:
    """Arrays that do not fit each other, and descriptions that make no sense, are refused."""
    embedding, _ = fit_embedding(ENCODER, TEXTS)
    with pytest.raises(BundleError, match=r"embedding\.npz"):
        Embedding.from_arrays(embedding.to_arrays() | arrays, embedding.to_dict() | described)


def test_what_an_encoder_knows_is_learned(rng: np.random.Generator) -> None:
    """Where only the encoder knows which option is right, plans with it are right."""
    log, encoder = tell_secret(make_log(250), rng)
    held_out, rest = log.select(np.arange(250) < 80), log.select(np.arange(250) >= 80)
    truth = held_out.to_matrix(held_out.quality)

    def choose(given: CallableEncoder | None) -> NDArray[np.float64]:
        model = fit_gain_model(rest, encoder=given)
        chosen = model.predict(held_out.texts, held_out.groups).argmax(axis=1)
        return np.asarray(truth[np.arange(len(truth)), chosen])

    assert choose(encoder).mean() > 0.85
    assert choose(None).mean() < 0.7


def test_bundle_recognises_its_encoder(tmp_path: Path) -> None:
    """Loaded and given its encoder, a bundle predicts as it did in training; others are refused."""
    trained = bundle_with_encoder()
    trained.save(tmp_path / "bundle")
    trained.verify()
    router = Router.load(tmp_path / "bundle", encoder=ENCODER)
    texts = list(make_log().texts[:20])
    expected = Router(trained).predict(texts)
    np.testing.assert_allclose(router.predict(texts).quality, expected.quality, atol=1e-6)
    assert expected.encoder_failure is None
    described = trained.manifest["encoder"]
    assert (described["name"], described["dimension"]) == ("hash", 6)
    assert trained.manifest["training"]["parity_max_difference"] < 1e-5
    other = CallableEncoder("hash", 6, lambda texts: hash_texts(texts)[:, ::-1])
    with pytest.raises(EncoderError, match="not the one of training"):
        Router.load(tmp_path / "bundle", encoder=other)
    with pytest.raises(EncoderError, match="trained without one"):
        planted_bundle().with_encoder(ENCODER)


def test_plan_goes_on_without_the_encoder() -> None:
    """An encoder that is missing, or fails after loading, costs a note and not the plan."""
    is_down = False

    def embed(texts: list[str]) -> NDArray[np.float64]:
        if is_down and list(texts) != list(PROBE_TEXTS):
            raise ConnectionError("gone")
        return hash_texts(texts)

    bare = replace(bundle_with_encoder(), encoder=None)
    failing = bare.with_encoder(CallableEncoder("hash", 6, embed))
    questions = ["who is new?", "add up old?"]
    well = Router(failing).allocate(questions, {"nominal": 9.0})
    assert not any("embedding" in note for note in well.notes)
    is_down = True
    ill = Router(failing).allocate(["who is old?", "add up new?"], {"nominal": 9.0})
    assert any("average in its embedding: encoder 'hash' raised" in note for note in ill.notes)
    missing = Router(bare).allocate(questions, {"nominal": 9.0})
    assert any("'hash' of training was not given" in note for note in missing.notes)


def test_other_parts_do_not_see_the_encoder() -> None:
    """What is strange is so with and without an encoder, and descriptors go without it."""
    plain, told = planted_bundle(), bundle_with_encoder()
    n_features = plain.manifest["descriptors"]["n_features"]
    assert told.manifest["descriptors"]["n_features"] == n_features
    assert set(told.files) - set(plain.files) == {"embedding.npz"}
    assert "encoder" not in plain.manifest
    questions = ["who is near?", "entirely other words"]
    np.testing.assert_array_equal(
        Router(told).predict(questions).familiarity, Router(plain).predict(questions).familiarity
    )


def test_joining_needs_the_encoder() -> None:
    """A model joins a bundle with its encoder, which stays; without it, it is asked for."""
    log = make_log(60, seed=3)
    renamed = replace(
        log,
        options=(
            *log.options[:2],
            replace(log.options[2], name="large|n1", model="large", samples=1),
        ),
    )
    joined = join(bundle_with_encoder(), renamed)
    assert "large|n1" in joined.menu.names
    assert Router(joined).predict(["who is near?"]).encoder_failure is None
    with pytest.raises(EncoderError, match="was not given"):
        join(replace(bundle_with_encoder(), encoder=None), renamed)


def test_card_names_the_encoder() -> None:
    """Whoever reads the card knows that an encoder is needed, and which."""
    assert "6 components of the embeddings of 'hash'" in bundle_with_encoder().card
    assert "embeddings" not in planted_bundle().card
