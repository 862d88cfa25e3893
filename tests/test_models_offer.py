"""Offers: every option in its place, by name, by descriptors, or as nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.models import predictor as predictor_module
from router.models.offer import Offer
from router.options import SKIP, Menu, Option
from router.questions import parse_questions
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    import pytest

NAMES = ("a", "b", "c", "d")


@given(st.permutations([SKIP, *map(Option, "bdxyz")]), st.permutations(NAMES))
def test_options_are_told_apart(options: list[Option], names: list[str]) -> None:
    """What is known, guessed or skipped together is the menu, each with the right option."""
    menu = Menu(tuple(options))
    offer = Offer.build(menu, names)
    assert offer.menu is menu
    known = {menu.names[i]: names[j] for i, j in zip(offer.columns, offer.positions, strict=True)}
    assert known == {"b": "b", "d": "d"}
    assert {menu.names[i] for i in offer.guessed} == {"x", "y", "z"}
    assert [menu.options[i] for i in offer.skip] == [SKIP]
    assert offer.answering == tuple(option for option in options if option is not SKIP)
    assert [menu.options[i] for i in offer.answers] == list(offer.answering)
    kinds = {"b": "outcomes", "d": "outcomes", SKIP.name: "none"}
    assert offer.evidence == tuple(kinds.get(name, "descriptors") for name in menu.names)


def test_predictor_keeps_few_menus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many menus one after the other are each answered as at first, and few are kept."""
    monkeypatch.setattr(predictor_module, "OFFERS_MAX", 3)
    predictor, named = planted_bundle().predictor, planted_bundle().menu.options
    questions = parse_questions(["What is two plus two?"])
    whole = predictor.predict(questions, Menu(named)).quality
    for turn in range(8):
        first = turn % len(named)
        menu = Menu((*named[first:], *named[:first]))
        turned = predictor.predict(questions, menu).quality
        np.testing.assert_array_equal(np.roll(turned, first, axis=1), whole)
    assert len(predictor._offers) <= 3
