"""A floor under quality: kept as often as promised, whatever the shape of the losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.evaluation.risk_control import certify, choose_with_floor, control_expected_loss
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Cheaper settings are not always worse: the third fails, the fourth does not.
CHANCE = np.array([0.8, 0.78, 0.6, 0.77, 0.5])
SPEND = np.array([5.0, 4.0, 3.0, 2.0, 1.0])


def draw(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw quality of every setting, and of the full budget, from one coin a question."""
    coin = np.random.default_rng(seed).random((n, 1))
    return (coin < CHANCE).astype(float), (coin[:, 0] < 0.8).astype(float)


def choose(n: int, seed: int, **wishes: Any) -> Any:
    """Choose with a floor of nine tenths."""
    quality, full = draw(n, seed)
    return choose_with_floor(
        quality, np.tile(SPEND, (n, 1)), full, np.full(n, 6.0), share=0.9, **wishes
    )


@pytest.mark.parametrize("delta", [0.05, 0.1])
def test_floor_is_missed_at_most_as_often_as_promised(delta: float) -> None:
    """With two settings just below the floor, 600 splits certify one no oftener than delta."""
    chance, missed = np.array([0.8, 0.7195, 0.7195]), 0
    for seed in range(600):
        coin = np.random.default_rng([seed, 1]).random((500, 1))
        full = coin[:, 0] < 0.8
        # Failures that the full budget avoids fall on one question or another by chance.
        quality = (np.random.default_rng([seed, 2]).random((500, 3)) < chance / 0.8) & full[:, None]
        found = choose_with_floor(
            quality.astype(float),
            np.tile([3.0, 2.0, 1.0], (500, 1)),
            full.astype(float),
            np.full(500, 4.0),
            share=0.9,
            delta=delta,
            seed=seed,
        )
        missed += found.setting in (1, 2)
    assert missed / 600 <= delta + 2 * (delta * (1 - delta) / 600) ** 0.5


def test_one_sequence_stops_at_the_first_failure() -> None:
    """The bad setting in the middle hides the good cheaper one, and is itself not taken."""
    found = choose(2000, 0, delta=0.1)
    assert found.setting == 1
    assert found.passed.tolist() == [True, True, False, False, False]
    assert found.spend == 4.0


def test_several_sequences_reach_past_a_failure() -> None:
    """A second start, at half the error, finds the good setting behind the bad one."""
    found = choose(2000, 0, delta=0.1, sequences=[[0, 1, 2], [3, 4]])
    assert found.setting == 3
    assert found.passed.tolist() == [True, True, False, True, False]
    assert (found.spend, found.spend_full) == (2.0, 6.0)
    quality, full = draw(2000, 0)
    assert found.quality == pytest.approx(quality[:, 3].mean())
    assert found.quality_full == pytest.approx(full.mean())


def test_without_evidence_the_full_budget_stays() -> None:
    """Five questions certify nothing; what is given then is the full budget itself."""
    found = choose(5, 0, delta=0.05)
    assert found.setting is None
    assert found.spend == found.spend_full == 6.0
    assert found.quality == found.quality_full


def test_setting_dearer_than_the_full_budget_is_not_taken() -> None:
    """Where whatever passed costs more, the full budget stays."""
    quality, full = draw(500, 1)
    found = choose_with_floor(
        quality, np.full((500, 5), 9.0), full, np.ones(500), share=0.5, delta=0.1
    )
    assert found.passed.any()
    assert found.setting is None


def test_order_of_questions_is_not_trusted() -> None:
    """A log sorted so that the good ones come first certifies nothing that is not so."""
    losses = np.sort(np.random.default_rng(2).random((800, 1)), axis=0)
    wrong = [certify(losses, 0.49, delta=0.05, seed=seed)[0] for seed in range(100)]
    assert np.mean(wrong) <= 0.05


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), level=st.floats(0.05, 0.9), method=st.sampled_from(["b", "h"]))
def test_more_allowed_loss_certifies_no_less(seed: int, level: float, method: str) -> None:
    """Raising the level, or the error, keeps whatever was certified under Hoeffding-Bentkus."""
    losses = np.random.default_rng(seed).random((80, 4))
    name: Any = {"b": "betting", "h": "hoeffding_bentkus"}[method]
    strict = certify(losses, level, delta=0.05, method=name)
    passed = int(strict.sum())
    assert strict[:passed].all()
    if method == "h":
        for loose in (
            certify(losses, level + 0.05, delta=0.05, method=name),
            certify(losses, level, delta=0.2, method=name),
        ):
            assert (loose >= strict).all()


def test_expected_loss_is_the_largest_within_the_formula() -> None:
    """By brute force over positions: all up to the one taken satisfy the bound on the envelope."""
    for seed in range(50):
        losses = np.random.default_rng(seed).random((30, 6)) * np.linspace(0.1, 1, 6)
        found = control_expected_loss(losses, 0.3)
        allowed = [
            position
            for position in range(6)
            if (losses[:, : position + 1].max(1).sum() + 1) / 31 <= 0.3
        ]
        assert found == (allowed[-1] if allowed else None)


def test_expected_loss_is_kept_on_the_next_question() -> None:
    """Over 2,000 draws of 50 questions the 51st loses at most the level on average."""
    generator, total = np.random.default_rng(3), 0.0
    steps = np.linspace(0, 1, 21)
    for _ in range(2000):
        losses = (generator.random((51, 1)) < steps).astype(float)
        found = control_expected_loss(losses[:50], 0.2)
        total += 0.0 if found is None else losses[50, found]
    assert total / 2000 <= 0.2 + 3 * 0.4 / 2000**0.5


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"share": 1.0}, r"share is 1\.0"),
        ({"delta": 0.0}, r"delta is 0\.0"),
        ({"method": "guess"}, "method 'guess'"),
        ({"cost": np.ones((3, 1))}, "quality and cost have shapes"),
        ({"full_cost": np.ones(2)}, "full_quality and full_cost have shapes"),
        ({"quality": np.full((3, 2), 1.5)}, r"outside \[0, 1\]"),
    ],
)
def test_what_makes_no_sense_is_refused(wishes: dict[str, Any], words: str) -> None:
    """The message names the setting and what is allowed."""
    asked: dict[str, Any] = {
        "quality": np.ones((3, 2)),
        "cost": np.ones((3, 2)),
        "full_quality": np.ones(3),
        "full_cost": np.ones(3),
        "share": 0.9,
        "delta": 0.1,
    }
    with pytest.raises(InputError, match=words):
        choose_with_floor(**(asked | wishes))


def test_odd_losses_are_refused_in_expectation_too() -> None:
    """A wrong shape, and a loss above its bound."""
    with pytest.raises(InputError, match="losses have shape"):
        control_expected_loss([0.1], 0.5)
    with pytest.raises(InputError, match="above its bound"):
        control_expected_loss([[2.0]], 0.5)


def test_costs_and_orders_that_say_nothing_are_refused() -> None:
    """A missing cost is no cheapest one, and orders name settings that are there."""
    quality, cost = np.ones((200, 2)), np.tile([2.0, 1.0], (200, 1))
    cost[3, 0] = np.nan
    with pytest.raises(InputError, match="cost is not finite"):
        choose_with_floor(quality, cost, quality[:, 0], np.full(200, 3.0), share=0.9, delta=0.1)
    for sequences, words in (([], "is empty"), ([[0, 2]], "setting 2: 0 to 1")):
        with pytest.raises(InputError, match=words):
            certify(np.zeros((50, 2)), 0.1, delta=0.1, sequences=sequences)
