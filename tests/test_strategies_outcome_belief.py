"""What an outcome says about other options, against a simulation of its own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.strategies.normal_law import find_quantile
from router.strategies.outcome_belief import OutcomeBelief
from router.strategies.outcome_kinship import OutcomeKinship

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUALITY, MODELS = [0.3, 0.5, 0.45, 0.7], ["s", "s", "s", "l"]
FAMILIES = ["a", "b", "b", "c"]
N_QUESTIONS = 300_000


class Process:
    """Draws questions and runs as the belief supposes them to come about."""

    def __init__(self, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        kinship = OutcomeKinship()
        steps = np.sqrt(
            np.diff([0.0, kinship.other_model, kinship.same_model, kinship.same_option, 1.0])
        )
        self.noise = steps[3]
        common = self.draw(1)
        models = self.draw(2)[:, [0, 0, 0, 1]]
        families = self.draw(3)[:, [0, 1, 1, 2]]
        hidden = steps[0] * common + steps[1] * models + steps[2] * families
        self.level = find_quantile(QUALITY) + hidden

    def draw(self, number: int) -> NDArray[np.float64]:
        """Draw so many variables of every question."""
        return self.chance.standard_normal((N_QUESTIONS, number))

    def run(self, option: int) -> NDArray[np.bool_]:
        """Run an option on every question."""
        return np.asarray(self.level[:, option] + self.noise * self.draw(1)[:, 0] > 0.0)


@pytest.mark.parametrize(
    "outcomes",
    [
        [(0, 0.0)],
        [(3, 1.0)],
        [(0, 0.0), (0, 0.0), (0, 0.0)],
        [(1, 0.0), (2, 0.0), (3, 1.0)],
        [(0, 1.0), (3, 0.0), (2, 0.0)],
    ],
)
def test_beliefs_are_the_shares_of_a_simulation(outcomes: list[tuple[int, float]]) -> None:
    """Among drawn questions on which it went so, options are right as often as believed."""
    process = Process(seed=1)
    belief = OutcomeBelief.start(QUALITY, MODELS, families=FAMILIES)
    kept = np.ones(N_QUESTIONS, dtype=bool)
    for option, quality in outcomes:
        belief = belief.observe(option, quality)
        kept &= process.run(option) == bool(quality)
    shares = [process.run(option)[kept].mean() for option in range(4)]
    assert belief.quality == pytest.approx(shares, abs=4.0 * 0.5 / np.sqrt(kept.sum()) + 0.002)


def test_eight_failures_do_not_prove_that_it_is_hopeless() -> None:
    """After eight failures the next try of what looked like .3 still succeeds more than .02."""
    belief = OutcomeBelief.start(QUALITY, MODELS)
    for _ in range(8):
        belief = belief.observe(0, 0.0)
    assert belief.quality[0] > 0.02
    assert belief.quality[3] > 0.3


def test_hundreds_of_failures_still_give_probabilities() -> None:
    """Evidence without end leads to no number that is none."""
    belief = OutcomeBelief.start(QUALITY, MODELS, families=FAMILIES)
    for _ in range(300):
        belief = belief.observe(0, 0.0).observe(1, 0.0)
    assert np.isfinite(belief.quality).all()
    assert (belief.quality[:3] < 0.02).all()


@given(st.integers(0, 3), st.floats(0.0, 1.0))
def test_a_surer_answer_makes_all_others_likelier(option: int, quality: float) -> None:
    """Beliefs rise with how surely an outcome is right, and stay probabilities."""
    belief = OutcomeBelief.start(QUALITY, MODELS, families=FAMILIES)
    low = belief.observe(option, quality / 2.0).quality
    high = belief.observe(option, quality).quality
    assert (low <= high + 1e-9).all()
    assert ((low >= 0.0) & (high <= 1.0)).all()


def test_an_outcome_believed_as_before_says_nothing() -> None:
    """What was expected anyway leaves beliefs as they were."""
    belief = OutcomeBelief.start(QUALITY, MODELS)
    assert belief.observe(1, 0.5).quality == pytest.approx(belief.quality, abs=1e-3)


def test_without_kinship_outcomes_say_nothing() -> None:
    """Where options have nothing in common, only the option itself is learned about."""
    alone = OutcomeKinship(same_option=0.5, same_model=0.0, other_model=0.0)
    after = OutcomeBelief.start(QUALITY, MODELS, kinship=alone).observe(0, 0.0).quality
    assert after[1:] == pytest.approx(QUALITY[1:], abs=1e-3)
    assert after[0] < QUALITY[0]


def test_impossible_outcomes_are_refused() -> None:
    """Qualities and options out of range are named."""
    belief = OutcomeBelief.start(QUALITY, MODELS)
    with pytest.raises(InputError, match=r"quality is 1\.5"):
        belief.observe(0, 1.5)
    with pytest.raises(InputError, match="option 4"):
        belief.observe(4, 1.0)
    with pytest.raises(InputError, match="3 models"):
        OutcomeBelief.start(QUALITY, MODELS[:3])
