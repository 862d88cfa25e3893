"""Parts of the manifest: golden questions for every task, and what the bundle was made with."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest

from router.models.manifest import (
    GOLDEN_TEXTS,
    choose_golden,
    describe_features,
    describe_libraries,
    describe_strengths,
)
from router.models.strengths import load_strengths
from router.questions import parse_questions
from tests.contracts.gains import make_encoder


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_golden_questions_reach_every_task(n: int) -> None:
    """Up to four tasks each have a labelled golden question, and half have no label."""
    groups = tuple(f"g{i}" for i in range(n))
    texts, labels = choose_golden(groups)
    assert texts == list(GOLDEN_TEXTS)
    assert labels.count(None) == len(texts) // 2
    assert set(labels) == {*groups, None}


def test_golden_questions_are_questions() -> None:
    """They pass the door that every question passes, and are all different."""
    assert len(parse_questions(GOLDEN_TEXTS)) == len(set(GOLDEN_TEXTS)) >= 8
    assert any(not text.isascii() for text in GOLDEN_TEXTS)
    assert any("\n" in text for text in GOLDEN_TEXTS)


def test_features_are_named_by_fingerprint() -> None:
    """The manifest expects exactly the encoder it was written with."""
    encoder = make_encoder(4)
    described = describe_features(encoder)
    assert described == {"fingerprint": encoder.fingerprint, "n_features": encoder.n_features}
    assert describe_features(make_encoder(4, seed=1)) != described


def test_libraries_are_those_installed() -> None:
    """Versions are looked up, not remembered."""
    libraries = describe_libraries()
    assert {"numpy", "lightgbm", "onnx", "onnxruntime", "scikit-learn"} <= set(libraries)
    assert libraries["numpy"] == version("numpy")


def test_strengths_are_written_out() -> None:
    """The table survives JSON whole, so that a bundle needs no other."""
    table = load_strengths()
    written = json.loads(json.dumps(describe_strengths(table)))
    assert written == {
        "date": table.date,
        "strength": dict(table.strength),
        "reasoning": list(table.reasoning),
    }
