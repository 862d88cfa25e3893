"""The law of search, against draws of its own process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.search_law import SearchLaw

STEPS, WIDTH = (grid.ravel() for grid in np.meshgrid([1, 2, 4, 8, 16], [1, 3, 5]))
GRID = {"steps": STEPS, "width": WIDTH}


def test_fit_finds_the_law_that_was_drawn() -> None:
    """Slopes, interaction, turn and fall of a drawn process lie in the intervals."""
    law = SearchLaw(
        -1.0, {"steps": 0.8, "width": 0.3}, {("steps", "width"): 0.2}, turn=12.0, fall=1.5
    )
    outcomes = law.simulate(np.random.default_rng(2), GRID, 4000)
    fitted = SearchLaw.fit(
        GRID, outcomes, interactions=[("steps", "width")], turns=[6.0, 12.0, 24.0]
    )
    true = {"intercept": -1.0, "steps": 0.8, "width": 0.3, "steps x width": 0.2, "fall": 1.5}
    for name, value in true.items():
        assert fitted.estimates[name].low <= value <= fitted.estimates[name].high, name
    assert fitted.turn == 12.0
    np.testing.assert_allclose(fitted.predict(GRID), law.predict(GRID), atol=0.03)


@pytest.mark.parametrize("interaction", [0.0, 0.3])
def test_interval_of_the_interaction_says_whether_there_is_one(interaction: float) -> None:
    """The interval of search x reasoning holds what was drawn, and 0 only where that is 0."""
    searches, reasoning = (grid.ravel() for grid in np.meshgrid([1, 2, 4, 8], [1, 4, 16]))
    amounts = {"searches": searches, "reasoning": reasoning}
    law = SearchLaw(
        -1.5, {"searches": 0.3, "reasoning": 0.2}, {("searches", "reasoning"): interaction}
    )
    outcomes = law.simulate(np.random.default_rng(4), amounts, 3000)
    fitted = SearchLaw.fit(amounts, outcomes, interactions=[("searches", "reasoning")])
    found = fitted.estimates["searches x reasoning"]
    assert found.low <= interaction <= found.high
    assert (found.low <= 0.0 <= found.high) == (interaction == 0.0)


def test_quality_rises_flattens_and_falls() -> None:
    """Each doubling of steps is worth less than the one before, and beyond the turn it harms."""
    law = SearchLaw(0.0, {"steps": 0.8}, turn=8.0, fall=2.0)
    gains = np.diff(law.predict({"steps": [1, 2, 4, 8, 16, 32]}))
    assert (gains[:3] > 0).all()
    assert (np.diff(gains[:3]) < 0).all()
    assert (gains[3:] < 0).all()
    best = law.find_best({"steps": [1, 2, 4, 8, 16]}, [1, 2, 4, 8, 16], cap=20)
    assert best is not None
    assert best[0] == 3
    capped = law.find_best({"steps": [1, 2, 4]}, [1, 2, 4], cap=3)
    assert capped is not None
    assert capped[0] == 1
    assert capped[1] == pytest.approx(float(law.predict({"steps": 2})))
    assert law.find_best({"steps": [4]}, [4], cap=3) is None


def test_simulated_shares_are_those_predicted() -> None:
    """Draws of each setting are right as often as predicted, within four errors."""
    law = SearchLaw(-0.5, {"steps": 0.5, "width": 0.2}, turn=20.0, fall=1.0, load=("steps",))
    quality = law.predict(GRID)
    drawn = law.simulate(np.random.default_rng(6), GRID, 10_000).mean(axis=0)
    assert (np.abs(drawn - quality) <= 4 * np.sqrt(quality * (1 - quality) / 10_000)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SearchLaw(0.0, {}), "slopes is empty"),
        (lambda: SearchLaw(0.0, {"steps": 1.0}, {("steps", "depth"): 1.0}), "'depth' is no axis"),
        (lambda: SearchLaw(0.0, {"steps": 1.0}, turn=0.0), "turn has 0"),
        (lambda: SearchLaw(0.0, {"steps": 1.0}).predict({}), "lacks 'steps'"),
        (lambda: SearchLaw(0.0, {"steps": 1.0}).predict({"steps": 0}), "steps has 0"),
        (lambda: SearchLaw.fit({"steps": [1, 2]}, [0.5, 0.6]), "questions x settings"),
        (
            lambda: SearchLaw.fit({"steps": [1, 2]}, [[0, 1]], interactions=[("steps", "steps")]),
            "2 settings cannot tell 3",
        ),
    ],
)
def test_what_is_out_of_range_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is needed."""
    with pytest.raises(InputError, match=message):
        call()
