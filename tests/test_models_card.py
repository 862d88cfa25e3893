"""Model cards: the figures of the manifest, in words, and the limits beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.models.card import write_log_card, write_pooled_card
from tests.contracts.gains import planted_bundle


def make_manifest(**training: Any) -> dict[str, Any]:
    """Take the planted bundle's manifest with other figures of training."""
    manifest = dict(planted_bundle().manifest)
    manifest["training"] = {**manifest["training"], **training}
    return manifest


def test_card_states_what_was_measured() -> None:
    """Log, sizes, tasks, calibration and parity stand in the card that travels with the bundle."""
    bundle = planted_bundle()
    assert bundle.card == write_log_card(bundle.manifest)
    error = bundle.manifest["calibration"]["expected_calibration_error"]
    width = np.median(bundle.manifest["calibration"]["width"])
    assert f"{width:.3f} to either side at the median" in bundle.card
    parity = bundle.manifest["training"]["parity_max_difference"]
    for words in (
        "3 options, trained on 150 questions (450 outcomes, coverage 100%) of the log `planted`",
        "2 labelled",
        "`nominal`",
        f"error {error:.4f}",
        f"at most {parity:.1e}",
        "predicted from their descriptors",
    ):
        assert words in bundle.card
    assert "{" not in bundle.card


def test_card_shows_the_weights_of_the_manifest() -> None:
    """Card and manifest, which `inspect` prints both, say the same of the learners."""
    card = write_log_card(make_manifest(learner_weights=[0.5, 0.0, 0.25, 0.0, 0.0, 0.125]))
    assert ": 0.50, 0.00, 0.25, 0.00, 0.00, 0.12." in card


def test_card_says_what_is_not_known() -> None:
    """A log without labels, and one without pairs of options, are called that."""
    manifest = make_manifest()
    manifest["named"] = {**manifest["named"], "groups": [""]}
    manifest["descriptors"] = None
    card = write_log_card(manifest)
    assert "The log has no labels." in card
    assert "No other option can be predicted" in card
    assert "predicted from their descriptors" not in card


ENTRY = {
    "dataset": "left",
    "n_questions": 40,
    "n_options": 3,
    "cheapest": 0.4,
    "straight": 0.5,
    "prior": 0.55,
    "blind": 0.6,
    "rank_correlation": 0.5,
}

JOINED = {
    "dataset": "left",
    "n_own": 100,
    "prior": 0.5,
    "own": 0.6,
    "joined": 0.62,
    "twice": 0.61,
    "difference": 0.01,
    "low": -0.01,
    "high": 0.03,
}


@pytest.mark.parametrize("others", [0, 2])
def test_pooled_card_has_a_row_a_source(others: int) -> None:
    """Each source left out has its row, and the line below counts and averages them."""
    left_out = [ENTRY, *({**ENTRY, "dataset": f"behind{i}", "prior": 0.3} for i in range(others))]
    manifest: dict[str, Any] = {
        "training": {
            "datasets": ["left", "x"],
            "n_questions": 80,
            "n_rows": 240,
            "parity_max_difference": 1e-7,
            "left_out": left_out,
            "joined": [JOINED, {**JOINED, "dataset": "short", "difference": -0.01}],
        },
        "calibration": {"expected_calibration_error": 0.1, "brier_score": 0.2},
        "descriptors": {"strengths": {"date": "2026-11-22"}},
    }
    card = write_pooled_card(manifest)
    assert "| left | 40 | 3 | 0.400 | 0.500 | 0.550 | 0.600 | +0.050 | +0.50 |" in card
    assert card.count("| behind") == others
    mean = (0.05 - 0.2 * others) / (1 + others)
    assert f"on 1 of {1 + others} logs, on average {mean:+.4f}" in card
    assert "2026-11-22" in card
    assert (
        "| left | 100 | 0.5000 | 0.6000 | 0.6200 | 0.6100 | +0.0100 [-0.0100, +0.0300] | yes |"
    ) in card
    assert "| -0.0100 [-0.0100, +0.0300] | no |" in card
    assert "Reached on 1 of 2 logs; the prior adds +0.0200 to *n* on average" in card


def test_pooled_card_without_scored_sources() -> None:
    """Where no source could be scored, the card says 0 of 0 instead of failing."""
    manifest: dict[str, Any] = {
        "training": {
            "datasets": [],
            "n_questions": 0,
            "n_rows": 0,
            "parity_max_difference": 0.0,
            "left_out": [],
        },
        "calibration": {"expected_calibration_error": 0.1, "brier_score": 0.2},
        "descriptors": {"strengths": {"date": "2026-11-22"}},
    }
    assert "on 0 of 0 logs, on average +0.0000" in write_pooled_card(manifest)
