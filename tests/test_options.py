"""Options and menus: limits of every field, and a round trip that keeps meaningful zeros."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.budgets import BUDGET_UNITS
from router.exceptions import MenuError
from router.options import (
    OPTIONS_MAX,
    QUANTITY_NAMES,
    REASONING_EFFORTS,
    SAMPLES_MAX,
    SKIP,
    Menu,
    Option,
)

AMOUNTS = ("search_steps", "reasoning_tokens", "model_strength", *QUANTITY_NAMES)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
quantities = st.none() | st.just(0.0) | st.floats(0, 1e12)
options = st.builds(
    Option,
    words,
    model=st.none() | words,
    strategy=st.none() | words,
    search_steps=quantities,
    reasoning_effort=st.none() | st.sampled_from(REASONING_EFFORTS),
    reasoning_tokens=quantities,
    samples=st.integers(1, SAMPLES_MAX),
    model_strength=st.none() | st.floats(0, 1),
    input_tokens=quantities,
    output_tokens=quantities,
    searches=quantities,
    seconds=quantities,
    costs=st.dictionaries(st.sampled_from(BUDGET_UNITS), st.floats(0, 1e12)),
    is_skip=st.booleans(),
)


@given(options)
def test_options_round_trip_through_json(option: Option) -> None:
    """What is written out as JSON and read again is the same option, zeros included."""
    written = json.dumps(option.to_dict(), allow_nan=False)
    assert Option.from_mapping(json.loads(written)) == option


def test_zeros_are_written_and_gaps_are_not() -> None:
    """A zero is a known amount and is kept; None, no costs and False are left out."""
    option = Option("a", search_steps=0.0, reasoning_tokens=0, costs={"usd": 0.0})
    assert option.to_dict() == {
        "name": "a",
        "search_steps": 0.0,
        "reasoning_tokens": 0,
        "samples": 1,
        "costs": {"usd": 0.0},
    }
    assert Option("a").to_dict() == {"name": "a", "samples": 1}
    assert Option.from_mapping(SKIP.to_dict()) == SKIP


def test_written_costs_are_a_copy() -> None:
    """Changing what was written out does not change the option."""
    option = Option("a", costs={"usd": 1.0})
    option.to_dict()["costs"]["usd"] = 2.0
    assert option.costs == {"usd": 1.0}


@pytest.mark.parametrize("name", ["", None, 5, ["a"]])
def test_options_need_a_name(name: Any) -> None:
    """A name is a string that is not empty."""
    with pytest.raises(MenuError, match=r"option name .* is not a non-empty string"):
        Option(name)


@pytest.mark.parametrize("field", ["model", "strategy"])
def test_words_are_strings(field: str) -> None:
    """Model and strategy are strings or left out."""
    values: dict[str, Any] = {field: 5}
    with pytest.raises(MenuError, match=rf"option 'a': {field} 5 is not a string"):
        Option("a", **values)


@pytest.mark.parametrize("field", ["name", "model", "strategy"])
def test_lone_surrogates_are_refused(field: str) -> None:
    """A word that no file and no answer could hold is refused at the door."""
    with pytest.raises(MenuError, match=rf"{field} .*lone surrogate"):
        Option.from_mapping({"name": "a", field: "x\ud800"})


@pytest.mark.parametrize("field", AMOUNTS)
@pytest.mark.parametrize("amount", [-1e-9, math.nan, math.inf, True, "1", [], 10**400])
def test_impossible_amounts_are_refused(field: str, amount: Any) -> None:
    """Every descriptor and quantity is a finite number from 0 up."""
    with pytest.raises(
        MenuError, match=rf"option 'a': {field} .* is not a finite number from 0 up"
    ):
        Option("a", **{field: amount})


@pytest.mark.parametrize("amount", [-1.0, math.nan, None, "1"])
def test_impossible_costs_are_refused(amount: Any) -> None:
    """A measured cost is a finite number from 0 up and names its unit."""
    with pytest.raises(MenuError, match=r"option 'a': cost in usd .* is not a finite number"):
        Option("a", costs={"usd": amount})


def test_costs_are_a_table_of_known_units() -> None:
    """A misspelt unit would count as no cost, so it is refused; so is what is no table."""
    with pytest.raises(MenuError, match=r"unknown unit 'dollars': allowed are usd, tokens"):
        Option("a", costs={"dollars": 1.0})
    with pytest.raises(MenuError, match=r"costs 5 is not a table by unit"):
        Option.from_mapping({"name": "a", "costs": 5})


@pytest.mark.parametrize("samples", [0, -1, 1.0, 2.5, True, "2", None, SAMPLES_MAX + 1, 10**30])
def test_samples_are_whole_numbers(samples: Any) -> None:
    """Samples are an integer from one to a million."""
    with pytest.raises(
        MenuError, match=rf"samples .* is not a whole number from 1 to {SAMPLES_MAX}"
    ):
        Option("a", samples=samples)


@pytest.mark.parametrize("effort", ["max", "None", "", 1, ["low"]])
def test_unknown_efforts_are_refused(effort: Any) -> None:
    """The effort dial has four positions."""
    with pytest.raises(
        MenuError, match=r"reasoning_effort .* is not one of none, low, medium, high"
    ):
        Option("a", reasoning_effort=effort)


def test_strength_ends_at_one() -> None:
    """A model's strength is a share."""
    with pytest.raises(MenuError, match=r"model_strength 1.01 is above 1"):
        Option("a", model_strength=1.01)
    assert Option("a", model_strength=1.0).model_strength == 1.0


@pytest.mark.parametrize("flag", ["yes", 1, 0, None])
def test_skip_is_true_or_false(flag: Any) -> None:
    """A flag is a flag: the string "false" would be true."""
    with pytest.raises(MenuError, match=r"is_skip .* is not true or false"):
        Option.from_mapping({"name": "a", "is_skip": flag})


def test_mappings_name_place_and_field() -> None:
    """An unknown field, a missing name and a value out of range all name the place."""
    with pytest.raises(MenuError, match=r"file: field 'sample' is unknown: allowed are .*samples"):
        Option.from_mapping({"name": "a", "sample": 1}, "file")
    with pytest.raises(MenuError, match=r"file: an option has no name"):
        Option.from_mapping({}, "file")
    with pytest.raises(MenuError, match=r"file: option 'a': samples 0"):
        Option.from_mapping({"name": "a", "samples": 0}, "file")


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        (Option("a"), "internal"),
        (Option("a", reasoning_tokens=500.0), "internal"),
        (Option("a", search_steps=0.0), "internal"),
        (Option("a", search_steps=1.0), "external"),
        (Option("a", samples=2), "external"),
    ],
)
def test_kind_tells_where_compute_goes(option: Option, kind: str) -> None:
    """Samples and searches are external scaling, everything else is internal."""
    assert option.kind == kind


def test_tokens_need_both_directions() -> None:
    """The total of tokens is known where both parts are, zero being known."""
    assert Option("a", input_tokens=0.0, output_tokens=0.0).tokens == 0.0
    assert Option("a", input_tokens=3.0, output_tokens=4.0).tokens == 7.0
    assert Option("a", input_tokens=3.0).tokens is None
    assert Option("a", output_tokens=3.0).tokens is None


def test_menus_keep_order() -> None:
    """A menu is its options in their order."""
    given_options = [Option("b"), Option("a")]
    menu = Menu(given_options)  # type: ignore[arg-type]
    assert menu.names == ("b", "a")
    assert list(menu) == given_options
    assert len(menu) == 2
    assert isinstance(menu.options, tuple)


def test_menus_have_from_one_option_to_a_limit() -> None:
    """An empty menu and one that is too long are refused with the limits."""
    longest = tuple(Option(str(number)) for number in range(OPTIONS_MAX))
    assert len(Menu(longest)) == OPTIONS_MAX
    for wrong in ((), (*longest, Option("more"))):
        with pytest.raises(MenuError, match=rf"mine: {len(wrong)} options, allowed are 1 to 4096"):
            Menu(wrong, name="mine")


def test_names_are_unique() -> None:
    """Two options of one name are refused."""
    with pytest.raises(MenuError, match=r"mine: option 'a' occurs twice"):
        Menu((Option("a"), Option("b"), Option("a")), name="mine")


def test_skip_is_added_once() -> None:
    """The option to answer nothing comes first and only where there is none yet."""
    menu = Menu((Option("a"),), name="mine")
    assert not menu.has_skip
    extended = menu.with_skip()
    assert extended.names == ("skip", "a")
    assert extended.name == "mine"
    assert extended.has_skip
    assert extended.with_skip() is extended
    own = Menu((Option("a"), Option("rest", is_skip=True)))
    assert own.with_skip() is own


def test_skip_does_not_replace_an_option_of_its_name() -> None:
    """An option that happens to be called skip is not taken for the one that answers nothing."""
    with pytest.raises(MenuError, match=r"option 'skip' occurs twice"):
        Menu((Option("skip"),)).with_skip()
