"""How far options fail together."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.normal_law import compute_share_below, find_quantile
from router.strategies.outcome_kinship import OutcomeKinship

MODELS = ["s", "s", "l", "l"]


@pytest.mark.parametrize("n_runs", [1, 4])
def test_known_correlations_are_found_again(n_runs: int) -> None:
    """Outcomes drawn with three correlations give them back, beyond what was predicted."""
    chance = np.random.default_rng(3)
    truth = OutcomeKinship(0.8, 0.6, 0.3)
    predicted = chance.uniform(0.2, 0.8, (6_000, 4))
    hidden = chance.multivariate_normal(np.zeros(4), truth.correlate(MODELS), 6_000)
    right = compute_share_below((find_quantile(predicted) + hidden) / np.sqrt(1.0 - 0.8))
    observed = chance.binomial(n_runs, right) / n_runs
    found = OutcomeKinship.fit(predicted, observed, MODELS, trials=n_runs, n_resamples=20)
    assert found.other_model == pytest.approx(0.3, abs=0.05)
    assert found.same_model == pytest.approx(0.6, abs=0.05)
    # Single runs do not say how far an option repeats itself.
    assert found.same_option == pytest.approx(0.8 if n_runs > 1 else 0.85, abs=0.05)
    assert found.estimates is not None
    interval = found.estimates["other_model"]
    assert interval.low < interval.value < interval.high


def test_correlations_make_a_matrix_that_can_be() -> None:
    """The matrix of any menu has no negative direction."""
    matrix = OutcomeKinship().correlate(["a", "b", "a", None, "b"])
    assert np.linalg.eigvalsh(matrix)[0] > 0.0
    assert matrix[0, 2] > matrix[0, 1]


@pytest.mark.parametrize("values", [(0.5, 0.6, 0.1), (1.0, 0.5, 0.1), (0.5, 0.4, -0.1)])
def test_impossible_correlations_are_refused(values: tuple[float, float, float]) -> None:
    """Numbers out of range or order are named."""
    with pytest.raises(InputError, match="none above the one before"):
        OutcomeKinship(*values)


def test_shapes_that_do_not_fit_are_refused() -> None:
    """Predictions and outcomes of other shapes are named."""
    with pytest.raises(InputError, match=r"\(3, 2\)"):
        OutcomeKinship.fit(np.ones((3, 2)), np.ones((2, 3)), ["a", "b"])
