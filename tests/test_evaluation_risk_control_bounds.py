"""P-values: valid at the edge of the hypothesis, closed forms, sharp where losses agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from router.evaluation.risk_control_bounds import (
    find_betting_p_values,
    find_hoeffding_bentkus_p_values,
)
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def test_true_hypotheses_are_rarely_rejected() -> None:
    """At a mean loss just at the level both tests reject at most as often as they say."""
    coins = np.random.default_rng(0).random((400, 4000)) < 0.3
    losses = coins.astype(np.float64)
    betting = find_betting_p_values(losses, 0.3, low=0.0, high=1.0, delta=0.1)
    bentkus = find_hoeffding_bentkus_p_values(losses, 0.3, low=0.0, high=1.0)
    for p_values in (betting, bentkus):
        for delta in (0.05, 0.1):
            allowed = delta + 3 * (delta * (1 - delta) / 4000) ** 0.5
            assert (p_values <= delta).mean() <= allowed


def test_betting_wealth_is_the_product_of_bets() -> None:
    """The p-value equals one over the largest wealth, played loss by loss."""
    losses = np.random.default_rng(1).random((60, 1)) * 0.6
    wealth, largest = 1.0, 1.0
    total, spread, before = 0.5, 0.25, 0.25
    for count, loss in enumerate(losses[:, 0], start=1):
        bet = min((2 * np.log(1 / 0.1) / (60 * before)) ** 0.5, 0.5 / (1 - 0.5))
        wealth *= 1 + bet * (0.5 - loss)
        largest = max(largest, wealth)
        total += loss
        spread += (loss - total / (count + 1)) ** 2
        before = spread / (count + 1)
    found = find_betting_p_values(losses, 0.5, low=0.0, high=1.0, delta=0.1)
    assert found[0] == pytest.approx(1 / largest)


def test_hoeffding_bentkus_is_its_formula() -> None:
    """Of coins it is the smaller of e times the binomial tail and the entropy bound."""
    losses = np.zeros((200, 1))
    losses[:10] = 1.0
    entropy = stats.entropy([0.05, 0.95], [0.12, 0.88])
    expected = min(np.exp(-200 * entropy), np.e * stats.binom.cdf(10, 200, 0.12))
    found = find_hoeffding_bentkus_p_values(losses, 0.12, low=0.0, high=1.0)
    assert found[0] == pytest.approx(expected)


def test_bounds_of_losses_are_a_matter_of_unit() -> None:
    """Losses from -1 to 3 give what the same ones give between 0 and 1."""
    losses = np.random.default_rng(2).random((100, 3))
    wide, (low, high) = 4 * losses - 1, (-1.0, 3.0)
    assert find_betting_p_values(wide, 1.4, low=low, high=high, delta=0.05) == pytest.approx(
        find_betting_p_values(losses, 0.6, low=0.0, high=1.0, delta=0.05)
    )
    assert find_hoeffding_bentkus_p_values(wide, 1.4, low=low, high=high) == pytest.approx(
        find_hoeffding_bentkus_p_values(losses, 0.6, low=0.0, high=1.0)
    )


def test_betting_is_sharper_where_most_losses_agree() -> None:
    """Losses that differ on few questions are told from the level with fewer of them."""
    generator = np.random.default_rng(3)
    losses = np.where(generator.random((1000, 1)) < 0.05, generator.random((1000, 1)), 0.5)
    betting = find_betting_p_values(losses, 0.53, low=0.0, high=1.0, delta=0.05)
    assert betting[0] < 0.05 < find_hoeffding_bentkus_p_values(losses, 0.53, low=0.0, high=1.0)[0]


@pytest.mark.parametrize(
    ("losses", "level", "words"),
    [
        (np.zeros(3), 0.5, "losses have shape"),
        (np.full((3, 1), 2.0), 0.5, "outside its bounds"),
        (np.full((3, 1), np.nan), 0.5, "outside its bounds"),
        (np.zeros((3, 1)), 1.0, r"level 1\.0"),
    ],
)
def test_what_cannot_be_tested_is_refused(
    losses: NDArray[np.float64], level: float, words: str
) -> None:
    """The message names what is wrong."""
    with pytest.raises(InputError, match=words):
        find_betting_p_values(losses, level, low=0.0, high=1.0, delta=0.05)
