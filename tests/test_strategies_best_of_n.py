"""Best of n with a verifier: what the formulas say is what drawing and verifying gives."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import BestOfN, Consumption

N_RUNS = 20_000


@pytest.mark.parametrize(
    "verifier",
    [
        BestOfN.perfect(),
        BestOfN.with_rates(0.8, 0.2),
        BestOfN.with_rates(0.9, 0.1, fooling=0.02),
        BestOfN((0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1)),
    ],
)
@pytest.mark.parametrize(("p", "n_samples"), [(0.3, 1), (0.1, 5), (0.5, 12)])
def test_quality_is_that_of_the_process(
    rng: np.random.Generator, verifier: BestOfN, p: float, n_samples: int
) -> None:
    """The predicted share of right answers lies within four standard errors of the drawn one."""
    drawn = verifier.simulate(rng, p, n_samples, N_RUNS).mean()
    predicted = float(verifier.predict(p, n_samples))
    error = np.sqrt(max(predicted * (1 - predicted), 1e-4) / N_RUNS)
    assert abs(drawn - predicted) < 4.5 * error


def test_perfect_verifier_gives_coverage() -> None:
    """With a perfect verifier the answer is right if any sample is."""
    n = np.arange(1, 20)
    np.testing.assert_allclose(BestOfN.perfect().predict(0.3, n), 1 - 0.7**n, rtol=1e-12)


def test_verifier_with_errors_levels_off_at_its_precision() -> None:
    """Quality rises to the share of right samples among those accepted, and stays there."""
    verifier = BestOfN.with_rates(0.8, 0.2)
    curve = verifier.predict(0.3, np.arange(1, 200))
    assert (np.diff(curve) > -1e-12).all()
    assert curve[-1] == pytest.approx(0.3 * 0.8 / (0.3 * 0.8 + 0.7 * 0.2))


def test_fooled_verifier_makes_quality_rise_and_fall() -> None:
    """Quality rises to a peak inside and falls to nothing from there."""
    verifier = BestOfN.with_rates(0.9, 0.1, fooling=0.01)
    peak = int(verifier.find_peak(0.3))
    curve = verifier.predict(0.3, np.arange(1, 3000))
    assert 1 < peak < 100
    assert (np.diff(curve)[: peak - 1] > 0).all()
    assert (np.diff(curve)[peak:] <= 0).all()
    assert curve[-1] < 0.01


def test_verifier_that_knows_nothing_leaves_one_sample_s_quality() -> None:
    """Equal rates for right and wrong samples make every n as good as one."""
    verifier = BestOfN.with_rates(0.4, 0.4)
    np.testing.assert_allclose(verifier.predict(0.3, [1, 2, 50]), 0.3, rtol=1e-12)


def test_samples_until_the_first_accepted(rng: np.random.Generator) -> None:
    """Stopping at the first accepted sample takes as many as drawing until then does."""
    p, cap = 0.2, 10
    chance = p * 0.8 + (1 - p) * 0.1
    drawn = np.minimum(rng.geometric(chance, N_RUNS), cap)
    predicted = float(BestOfN.with_rates(0.8, 0.1).expect_samples(p, cap))
    assert abs(drawn.mean() - predicted) < 4.5 * drawn.std() / np.sqrt(N_RUNS)


def test_nothing_accepted_draws_all_samples() -> None:
    """A question that no sample solves takes all samples of a perfect verifier."""
    assert float(BestOfN.perfect().expect_samples(0.0, 7)) == 7.0


def test_fit_finds_the_rates(rng: np.random.Generator) -> None:
    """Rates are found again, each inside its interval's neighbourhood."""
    truth = rng.random((600, 8)) < 0.4
    accepted = rng.random((600, 8)) < np.where(truth, 0.85, 0.15)
    fitted = BestOfN.fit(accepted.astype(int), truth)
    for name, value in (("right_1", 0.85), ("wrong_1", 0.15)):
        estimate = fitted.estimates[name]
        width = estimate.high - estimate.low
        assert 0.01 < width < 0.08
        assert abs(estimate.value - value) < 1.5 * width
    assert fitted.right[1] == pytest.approx(accepted[truth].mean())


def test_offer_has_one_option_a_count() -> None:
    """Options carry samples and kind; one at a time they stop early and take their time."""
    amounts = Consumption(100.0, 50.0, 2.0, is_parallel=False)
    offer = BestOfN.perfect().offer([0.5, 0.0], [1, 4], amounts, model="small")
    assert [option.name for option in offer.options] == ["small|best_of_n|n1", "small|best_of_n|n4"]
    assert [option.kind for option in offer.options] == ["internal", "external"]
    assert offer.samples.tolist() == [[1.0, 1.875], [1.0, 4.0]]
    assert offer.latency_seconds.tolist() == [[2.0, 3.75], [2.0, 8.0]]
    assert offer.quality.tolist() == [[0.5, 0.9375], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("right", "wrong"), [((0.5, 0.4), (1.0, 0.0)), ((1.0,), (0.5, 0.5)), ((1.5, -0.5), (1.0, 0.0))]
)
def test_shares_that_are_none_are_refused(
    right: tuple[float, ...], wrong: tuple[float, ...]
) -> None:
    """Shares that do not sum to 1, differ in number or are negative are refused."""
    with pytest.raises(InputError):
        BestOfN(right, wrong)


def test_impossible_arguments_are_refused() -> None:
    """Rates that accept more than there is, chances above 1 and no samples are refused."""
    with pytest.raises(InputError, match="at most 1"):
        BestOfN.with_rates(0.5, 0.9, fooling=0.2)
    with pytest.raises(InputError, match=r"p has 1\.5"):
        BestOfN.perfect().predict(1.5, 2)
    with pytest.raises(InputError, match="n_samples has 0"):
        BestOfN.perfect().predict(0.5, 0)
    with pytest.raises(InputError, match="both kinds"):
        BestOfN.fit([[0, 1]], [[True, True]])
    with pytest.raises(InputError, match="twice"):
        BestOfN.fit([0, 1], [True, False])


def test_hopeless_questions_take_all_samples() -> None:
    """A probability too small to be told from nothing ends no search early, and none for free."""
    drawn = BestOfN.perfect().expect_samples([1e-12, 1e-16, 1e-17, 0.0, 1.0], 8)
    assert drawn == pytest.approx([8.0, 8.0, 8.0, 8.0, 1.0])
