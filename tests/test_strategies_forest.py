"""The small forest, against the booster it came from."""

from __future__ import annotations

import json
import sys
from typing import Any

import lightgbm
import numpy as np
import pytest

from router.exceptions import InputError, MissingExtraError
from router.strategies.forest import GROWTH, Forest


def test_forest_is_the_booster(rng: np.random.Generator) -> None:
    """Every prediction is that of LightGBM, before and after a way through JSON."""
    table, probe = rng.normal(size=(400, 4)), rng.normal(size=(300, 4))
    target = np.sin(3 * table[:, 0]) + (table[:, 1] > 0.3) * table[:, 2]
    forest = Forest.fit(table, target, n_trees=25, seed=7)
    data = lightgbm.Dataset(table, target, params={"verbose": -1})
    booster = lightgbm.train({**GROWTH, "seed": 7}, data, num_boost_round=25)
    expected = booster.predict(probe)
    np.testing.assert_allclose(forest.predict(probe), expected, atol=1e-12)
    again = Forest.from_dict(json.loads(json.dumps(forest.to_dict())))
    assert again.predict(probe).tolist() == forest.predict(probe).tolist()


def test_constant_target_is_predicted_everywhere() -> None:
    """Trees without a split are leaves."""
    forest = Forest.fit(np.arange(100.0)[:, None], np.full(100, 0.25), n_trees=3)
    np.testing.assert_allclose(forest.predict([[5.0], [-3.0]]), 0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Forest.fit([[1.0]], [1.0, 2.0]), "do not agree"),
        (lambda: Forest.fit([[np.nan]], [1.0]), "not finite"),
        (lambda: Forest.from_dict({"feature": []}), "lacks 'threshold'"),
        (
            lambda: Forest.from_dict(
                {name: [0] for name in ("feature", "threshold", "right", "value", "roots")}
                | {"left": [3], "depth": 1}
            ),
            "left leads to a node that is none of its 1",
        ),
    ],
)
def test_what_is_no_forest_is_refused(call: Any, message: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(InputError, match=message):
        call()


def test_growing_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without LightGBM the message names the extra."""
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingExtraError, match=r"\[train\]"):
        Forest.fit([[1.0], [2.0]], [0.0, 1.0])
