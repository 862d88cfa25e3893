"""Overlap: measured as its definitions say, and missing overlap refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.off_policy import Decisions, estimate_off_policy
from router.evaluation.off_policy_overlap import compute_weights, measure_overlap
from router.exceptions import OverlapError

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = 2000


def draw(logging: NDArray[np.float64], seed: int = 0, *, known: bool = False) -> Decisions:
    """Draw choices by their probabilities, with coins as outcomes."""
    generator = np.random.default_rng(seed)
    action = (logging.cumsum(1) < generator.random(len(logging))[:, None]).sum(1)
    return Decisions(
        action=action,
        propensity=logging[np.arange(len(logging)), action],
        outcome=generator.integers(2, size=len(logging)).astype(float),
        n_options=logging.shape[1],
        logging=logging if known else None,
    )


def test_figures_are_their_definitions() -> None:
    """Weights by hand, their mean, and the effective size of one weight 2 and one 1."""
    log = Decisions(action=[0, 1, 1], propensity=[0.5, 0.5, 0.8], outcome=[1, 0, 1], n_options=2)
    target = np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]])
    assert compute_weights(log, target).tolist() == [2.0, 1.0, 0.0]
    found = measure_overlap(log, target)
    assert found.effective_sample_size == pytest.approx(9 / 5)
    assert found.weight_mean == pytest.approx(1.0)
    assert found.share_matched == pytest.approx(2 / 3)
    assert found.weight_max == 2.0


def test_following_the_log_has_full_overlap() -> None:
    """A plan that chooses as the log did has weights of 1 and loses no decision."""
    logging = np.tile([0.3, 0.7], (N, 1))
    found = measure_overlap(draw(logging, known=True), logging)
    assert found.effective_sample_size == pytest.approx(N)
    assert found.weight_mean == pytest.approx(1.0)
    assert found.share_unsupported == 0.0


@pytest.mark.parametrize("known", [True, False])
def test_questions_never_tried_are_refused(known: bool) -> None:  # noqa: FBT001 -- parametrised.
    """A fifth of the questions only ever got option 0: with or without all probabilities."""
    logging = np.full((N, 2), 0.5)
    logging[: N // 5] = [1.0, 0.0]
    with pytest.raises(OverlapError, match="tried" if known else "mean weight"):
        estimate_off_policy(draw(logging, known=known), np.ones(N, dtype=int))


def test_option_never_logged_is_refused() -> None:
    """The plan takes an option of which the log knows nothing."""
    log = draw(np.tile([0.5, 0.5, 0.0], (N, 1)))
    with pytest.raises(OverlapError, match=r"20\.0%"):
        estimate_off_policy(log, np.where(np.arange(N) % 5 == 0, 2, 0))


def test_too_little_evidence_is_refused() -> None:
    """A plan that the log follows once in a hundred times rests on some twenty decisions."""
    log = draw(np.tile([0.99, 0.01], (N, 1)))
    with pytest.raises(OverlapError, match="at least 50"):
        estimate_off_policy(log, np.ones(N, dtype=int))


def test_complete_overlap_is_rarely_refused() -> None:
    """Of 200 logs by honest propensities none is turned away."""
    logging = np.random.default_rng(1).dirichlet([2.0, 2.0, 2.0], N) * 0.9 + 0.1 / 3
    for seed in range(200):
        found = estimate_off_policy(draw(logging, seed), np.arange(N) % 3)
        assert found.overlap.effective_sample_size > N / 10
