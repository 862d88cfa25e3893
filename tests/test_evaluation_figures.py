"""The list of figures: every one is computed or missing with a reason."""

from __future__ import annotations

import re

import numpy as np
import pytest

from router.evaluation import figures
from router.evaluation.figures import FIGURES, Cast, collect_figures
from router.evaluation.resampling import resample_means


def make_cast(no_split_half: str | None = None) -> Cast:
    """Make the cast of a log of two options with nominal costs."""
    return Cast(
        cheapest=0,
        best=1,
        n_options=2,
        in_usd=False,
        router_cost=0.0,
        no_split_half=no_split_half,
    )


def test_nothing_known_gives_reasons_only() -> None:
    """Without means every figure is missing, each with its reason."""
    found, reasons = collect_figures(None, make_cast("single runs"))
    assert set(found) == set(reasons) == set(FIGURES)
    assert reasons["headroom_split_half"] == "single runs"


def test_headroom_is_a_share_of_the_way() -> None:
    """Router .6 between blind .5 and oracles .9 and .7 captured a quarter and a half."""
    levels = {"router": 0.6, "blind": 0.5, "oracle": 0.9, "split_half": 0.7}
    table = resample_means(
        {name: np.full((1, 10), level) for name, level in levels.items()}, n_resamples=5
    )
    found, _ = collect_figures(table, make_cast())
    for name, share in (("headroom_captured", 0.25), ("headroom_split_half", 0.5)):
        estimate = found[name]
        assert estimate is not None
        assert estimate.value == pytest.approx(share)
        assert estimate.low == pytest.approx(share)


def test_no_headroom_is_not_divided_by() -> None:
    """Where the oracle gains nothing the share has no value."""
    rows = {name: np.full((1, 10), 0.5) for name in ("router", "blind", "oracle")}
    found, _ = collect_figures(resample_means(rows, n_resamples=5), make_cast())
    assert found["headroom_captured"] is not None
    assert found["headroom_captured"].value is None


def test_every_figure_is_described() -> None:
    """The table at the head of the module names every figure, in full or by its ending."""
    text = figures.__doc__ or ""
    for name in FIGURES:
        stem = re.sub(r"_(?:80|normalised)$", "", name)
        assert stem in text, name
