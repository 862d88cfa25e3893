"""Splitting tokens over sub-questions: the closed form is best, and errors are as drawn."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import TokenSplit

SPLIT = TokenSplit((2.0, 12.0, 5.0), (0.5, 0.8, 0.4))


def test_error_is_that_of_the_process(rng: np.random.Generator) -> None:
    """Sub-questions are still wrong as often as predicted."""
    tokens = np.array([100.0, 150.0, 900.0])
    drawn = SPLIT.simulate(rng, tokens, 40_000).mean(axis=0)
    predicted = SPLIT.predict(tokens)
    error = np.sqrt(predicted * (1 - predicted) / 40_000)
    assert (np.abs(drawn - predicted) < 4.5 * error).all()


@pytest.mark.parametrize("budget", [300.0, 5000.0, 1e7])
def test_division_spends_the_budget_and_no_shift_helps(budget: float) -> None:
    """The parts sum to the budget, every further token helps alike, and moving some hurts."""
    parts = SPLIT.divide(budget)
    assert parts.sum() == pytest.approx(budget)
    scales, exponents = np.array(SPLIT.scales), np.array(SPLIT.exponents)
    slopes = scales * exponents * parts ** (-exponents - 1)
    np.testing.assert_allclose(slopes, slopes[0], rtol=1e-8)

    def err(tokens: np.ndarray) -> float:
        """Sum the errors by their law."""
        return float((scales * tokens**-exponents).sum())

    for giver, taker in ((0, 1), (1, 2), (2, 0)):
        moved = parts.copy()
        moved[giver] -= 0.02 * parts[giver]
        moved[taker] += 0.02 * parts[giver]
        assert err(moved) > err(parts)
    assert err(parts) < err(np.full(3, budget / 3))


def test_equal_exponents_give_the_short_form() -> None:
    """With one exponent parts go as the scales to the power 1 / (1 + exponent)."""
    parts = TokenSplit((1.0, 8.0), (2.0, 2.0)).divide(30.0)
    np.testing.assert_allclose(parts, [10.0, 20.0], rtol=1e-10)
    assert TokenSplit((3.0,), (1.0,)).divide(7.0).tolist() == pytest.approx([7.0])


def test_fit_finds_the_laws(rng: np.random.Generator) -> None:
    """Scales and exponents are found again from whether sub-questions were wrong."""
    tokens = np.array([200.0, 400.0, 800.0, 1600.0])
    errors = np.stack(
        [SPLIT.simulate(rng, np.full(3, length), 5000) for length in tokens.tolist()], axis=2
    )
    fitted = TokenSplit.fit(tokens, errors, n_resamples=40)
    for part, exponent in enumerate(SPLIT.exponents):
        estimate = fitted.estimates[f"exponent_{part}"]
        assert abs(estimate.value - exponent) < 1.5 * (estimate.high - estimate.low)
    even = np.full(3, 600.0)
    np.testing.assert_allclose(fitted.predict(even), SPLIT.predict(even), atol=0.02)


def test_offer_multiplies_what_has_to_succeed_together() -> None:
    """An option's quality is the chance that all sub-questions come out right."""
    offer = SPLIT.offer([3000.0, 9000.0], model="m")
    errors = SPLIT.predict(SPLIT.divide(9000.0))
    assert float(offer.quality[0, 1]) == pytest.approx(float((1 - errors).prod()))
    assert {option.kind for option in offer.options} == {"internal"}
    assert offer.options[1].reasoning_tokens == 9000.0


def test_impossible_arguments_are_refused() -> None:
    """Laws that do not fall, lengths that differ, and budgets of zero are refused."""
    with pytest.raises(InputError, match="exponents has 0"):
        TokenSplit((1.0,), (0.0,))
    with pytest.raises(InputError, match="2 scales"):
        TokenSplit((1.0, 2.0), (1.0,))
    with pytest.raises(InputError, match="budget has 0"):
        SPLIT.divide(0)
    with pytest.raises(InputError, match="the last is 3"):
        SPLIT.predict([1.0, 2.0])
    with pytest.raises(InputError, match="do not fall"):
        TokenSplit.fit([1.0, 2.0], np.array([[[0.1, 0.9]]]))
    with pytest.raises(InputError, match="and"):
        TokenSplit.fit([1.0], np.array([[[0.1]]]))
