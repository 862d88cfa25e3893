"""From a log to a bundle: the same twice, with a card, whatever the log lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import router
from router.exceptions import LogError, MenuError
from router.models.bundle import Bundle
from router.models.trainer import cost_options, train
from router.options import Menu, Option
from router.prices import ModelPrice, Prices
from router.questions import Question
from tests.contracts.gains import COSTS, OPTIONS, make_log, planted_bundle
from tests.contracts.tables import make_frame, write_frame

if TYPE_CHECKING:
    from pathlib import Path


def test_same_log_same_bundle() -> None:
    """Training twice gives one identifier and the same bytes; another seed gives others."""
    log = make_log(40)
    first, second = router.train(log), train(log)
    assert first.bundle_id == second.bundle_id
    assert first.files == second.files
    assert train(log, seed=1).bundle_id != first.bundle_id


def test_bundle_says_what_it_was_trained_on() -> None:
    """Options, tasks and figures of the log stand in the manifest, and figures in the card."""
    bundle, log = planted_bundle(), make_log()
    assert bundle.manifest["named"]["options"] == [option.name for option in log.options]
    assert bundle.manifest["named"]["groups"] == ["east", "west"]
    training = bundle.manifest["training"]
    figures = [training[name] for name in ("n_questions", "n_options", "n_rows", "coverage")]
    assert figures == [150, 3, 450, 1.0]
    assert training["dataset"] == "planted"
    assert training["parity_max_difference"] < 1e-5
    assert f"{bundle.manifest['calibration']['brier_score']:.4f}" in bundle.card


def test_parity_covers_every_graph() -> None:
    """Named and descriptor graphs all come along where questions saw two options."""
    assert set(planted_bundle().files) == {
        "card.md",
        "joining.npz",
        "level.onnx",
        "named.onnx",
        "novelty.npz",
        "text.npz",
        "uplift.onnx",
    }


def test_menu_of_the_log_has_its_mean_costs() -> None:
    """Options carry the log's mean cost as nominal, and in the unit where it is a budget's."""
    log = make_log(40)
    expected = {str(entry["option"]): cost for entry, cost in zip(OPTIONS, COSTS, strict=True)}
    for option in cost_options(log):
        assert option.costs == {"nominal": expected[option.name]}
    for option in cost_options(replace(log, cost_unit="tokens")):
        assert option.costs == {"nominal": expected[option.name], "tokens": expected[option.name]}
    free = replace(log, cost=np.where(log.option_index == 0, np.nan, log.cost))
    assert cost_options(free)[0].costs == {}
    measured = replace(log, options=tuple(replace(o, costs={"tokens": 7.0}) for o in log.options))
    costs = cost_options(replace(measured, cost_unit="tokens"))[0].costs
    assert costs["tokens"] == 7.0


def test_log_of_single_options_trains_by_name(tmp_path: Path) -> None:
    """With one option a question nothing is learned from descriptors, and the card says so."""
    bundle = train(make_log(120, coverage=0.0, seed=4))
    assert bundle.manifest["descriptors"] is None
    assert "No other option can be predicted" in bundle.card
    bundle.save(tmp_path / "bundle")
    loaded = Bundle.load(tmp_path / "bundle")
    questions = [Question("q", "who?")]
    assert loaded.predictor.predict(questions, loaded.menu).quality.shape == (1, 3)
    with pytest.raises(MenuError, match="knows by name only"):
        loaded.predictor.predict(questions, Menu((Option("stranger"),)))


def test_menu_and_prices_are_stored() -> None:
    """A menu and prices that are given travel with the bundle."""
    menu = Menu((Option("small|s0", model="small"), Option("other", samples=2)), "mine")
    prices = Prices("2026-11-22", {"small": ModelPrice(1.0, 2.0)})
    told: list[str] = []
    bundle = train(make_log(40), menu=menu, prices=prices, progress=told.append)
    assert bundle.menu == menu
    assert bundle.prices == prices
    assert planted_bundle().prices is None
    assert "exporting" in told
    surface = bundle.predictor.predict([Question("q", "who?")], bundle.menu)
    assert surface.evidence == ("outcomes", "descriptors")


def test_log_may_be_given_as_a_file(tmp_path: Path) -> None:
    """A path is read first, so that a log never has to be opened by hand."""
    path = tmp_path / "log.csv"
    write_frame(make_frame().drop(columns="colour"), path)
    with pytest.raises(LogError, match="3 questions are too few"):
        train(path)
