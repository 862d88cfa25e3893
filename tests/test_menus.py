"""Menus in files: the grid written out, the template for any models, and every malformed entry."""

from __future__ import annotations

import itertools
import math
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.costs import cost_menu
from router.exceptions import MenuError
from router.menus import Grid, load_menu, parse_menu, write_menu_template
from router.options import OPTIONS_MAX, Option
from router.prices import ModelPrice, Prices

if TYPE_CHECKING:
    from pathlib import Path

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
lengths = st.floats(0, 1e5)


def simulate_tokens_read(grid: Grid, steps: int) -> float:
    """Count prompt by prompt what a grid option reads: every prompt holds all found before it."""
    found, read = 0.0, 0.0
    for _ in range(steps):
        read += grid.question_tokens + found
        found += grid.tokens_per_search
    return read + grid.question_tokens + found


@given(lengths, lengths, lengths, st.integers(0, 12), st.integers(1, 32))
def test_grid_reads_what_its_prompts_hold(
    question: float, answer: float, found: float, steps: int, samples: int
) -> None:
    """Quantities of a grid option equal those counted prompt by prompt and sample by sample."""
    grid = Grid(
        ["m"],
        search_steps=[steps],
        reasoning_effort=["low"],
        samples=[samples],
        question_tokens=question,
        answer_tokens=answer,
        tokens_per_search=found,
        seconds_per_search=0.5,
        tokens_per_second=100.0,
    )
    (option,) = grid.expand()
    assert option.input_tokens == pytest.approx(simulate_tokens_read(grid, steps))
    assert option.output_tokens == pytest.approx(sum([400.0 + answer] * samples))
    assert option.searches == steps == option.search_steps
    # Samples run side by side, so that the time is that of one.
    assert option.seconds == pytest.approx(steps * 0.5 + (400.0 + answer) / 100.0)
    assert (option.reasoning_tokens, option.samples) == (400.0, samples)


def test_grid_is_the_product_of_its_axes() -> None:
    """Every combination stands once, models outermost, with its words and its strength."""
    models, steps, efforts, samples = ["a", "b"], [0, 2], ["none", "high"], [1, 3]
    options = Grid(models, steps, efforts, samples, model_strength={"b": 0.5}).expand()
    points = itertools.product(models, steps, efforts, samples)
    assert [option.name for option in options] == [f"{m}|{e}|s{s}|n{n}" for m, s, e, n in points]
    by_name = {option.name: option for option in options}
    assert by_name["a|none|s0|n1"].strategy == "direct"
    assert by_name["a|high|s0|n1"].strategy == "cot"
    assert by_name["a|none|s2|n1"].strategy == "iterative_search"
    assert by_name["a|none|s0|n1"].model_strength is None
    assert by_name["b|high|s2|n3"].model_strength == 0.5
    assert by_name["b|high|s2|n3"].model == "b"


def test_grid_takes_any_sequence() -> None:
    """Ranges and tuples are sequences too."""
    assert len(Grid(("m",), range(5), samples=range(1, 4)).expand()) == 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": []}, r"models \[\] is not a list with at least one entry"),
        ({"models": "gpt"}, r"models 'gpt' is not a list"),
        ({"models": {"a": 1}}, r"models {'a': 1} is not a list"),
        ({"models": [5]}, r"models holds 5, allowed are names"),
        ({"models": [""], "samples": [0]}, r"samples 0 is not a whole number from 1"),
        ({"samples": 4}, r"samples 4 is not a list"),
        ({"samples": [1.5]}, r"samples holds 1.5, allowed are whole numbers from 0 to 1000000"),
        ({"samples": [True]}, r"samples holds True"),
        ({"search_steps": ["a"]}, r"search_steps holds 'a'"),
        ({"search_steps": [-1]}, r"search_steps holds -1"),
        ({"search_steps": [10**400]}, r"search_steps holds 1000"),
        ({"reasoning_effort": ["max"]}, r"lacks an entry for effort 'max': efforts are none, low"),
        (
            {"reasoning_effort": ["low"], "reasoning_tokens": 5},
            r"reasoning_tokens 5 is not a table",
        ),
        ({"reasoning_tokens": {"none": "x"}}, r"reasoning_tokens.none 'x' is not a finite number"),
        ({"reasoning_tokens": {"none": -1}}, r"reasoning_tokens.none -1 is not a finite number"),
        ({"model_strength": 0.5}, r"model_strength 0.5 is not a table"),
        ({"model_strength": {"m": 1.5}}, r"'m.none.s0.n1': model_strength 1.5 is above 1"),
        ({"question_tokens": math.nan}, r"question_tokens nan is not a finite number from 0 up"),
        ({"answer_tokens": math.inf}, r"answer_tokens inf is not a finite number"),
        ({"tokens_per_search": "many"}, r"tokens_per_search 'many' is not a finite number"),
        ({"seconds_per_search": True}, r"seconds_per_search True is not a finite number"),
        ({"tokens_per_second": 0}, r"tokens_per_second is 0, it has to be above"),
        ({"samples": [1, 1]}, r"option 'm.none.s0.n1' occurs twice"),
        ({"colour": 1}, r"\[grid\] has an unknown field 'colour': allowed are models"),
    ],
)
def test_malformed_grids_are_refused(change: dict[str, Any], message: str) -> None:
    """Every field of a grid that is of another type or out of range is named with the file."""
    with pytest.raises(MenuError, match="menu.toml: .*" + message):
        parse_menu({"grid": {"models": ["m"], **change}}, place="menu.toml")


def test_grids_are_counted_before_they_are_written_out() -> None:
    """Four lists whose product is astronomic are refused at once."""
    axis = list(range(10_000))
    grid = {"models": [str(i) for i in axis], "search_steps": axis, "samples": axis}
    with pytest.raises(MenuError, match=rf"grid: {10**12} options, allowed are 1 to {OPTIONS_MAX}"):
        parse_menu({"grid": grid})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"here: list is not a table of grid and options"),
        ("menu.toml", r"here: str is not a table"),
        ({"option": []}, r"here: entry 'option' is unknown: allowed are name, skip, grid, options"),
        ({}, r"here: 0 options, allowed are 1 to"),
        ({"grid": 5}, r"here: \[grid\] is not a table"),
        ({"grid": {}}, r"here: \[grid\] lacks models"),
        ({"options": {"name": "a"}}, r"here: options is not a list"),
        ({"options": ["a"]}, r"here: option 1 is not a table"),
        ({"options": [{"name": "a"}, {}]}, r"here: option 2: an option has no name"),
        ({"options": [{"name": "a", "size": 1}]}, r"here: option 1: field 'size' is unknown"),
        ({"options": [{"name": "a"}, {"name": "a"}]}, r"^here: option 'a' occurs twice"),
        ({"name": "x", "options": []}, r"^here: x: 0 options"),
        ({"skip": "false"}, r"here: skip 'false' is not true or false"),
        ({"name": 5, "skip": True}, r"here: name 5 is not a string"),
        ({"skip": True, "options": [{"name": "skip"}]}, r"here: option 'skip' occurs twice"),
    ],
)
def test_malformed_menus_are_refused(content: Any, message: str) -> None:
    """Every entry that is unknown or of another type is named with its place."""
    with pytest.raises(MenuError, match=message):
        parse_menu(content, place="here")


def test_sections_come_in_order() -> None:
    """The option to skip comes first, then the grid, then options written out."""
    content = {"options": [{"name": "z", "samples": 2}], "grid": {"models": ["m"]}, "skip": True}
    menu = parse_menu(content, place="here")
    assert menu.names == ("skip", "m|none|s0|n1", "z")
    assert menu.options[-1] == Option("z", samples=2)
    assert menu.name == "here"
    assert parse_menu({**content, "name": "mine"}).name == "mine"
    assert not parse_menu({**content, "skip": False}).has_skip


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_files_load(tmp_path: Path, line_end: str) -> None:
    """A menu file loads with any line ends and with a byte order mark."""
    path = tmp_path / "menu.toml"
    text = line_end.join(['name = "mine"', "[[options]]", 'name = "a"', "search_steps = 2", ""])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_menu(path).options == (Option("a", search_steps=2),)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"[grid", "not valid TOML"), (b"\xff", "byte 0 is not valid UTF-8")],
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A file that is missing or no TOML is named."""
    path = tmp_path / "menu.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MenuError, match=rf"menu\.toml: {message}"):
        load_menu(str(path))


@given(
    st.dictionaries(names, st.builds(ModelPrice, lengths, lengths), min_size=1, max_size=4),
    st.none() | lengths,
    names,
)
def test_template_loads_for_any_names(
    models: dict[str, ModelPrice], search: float | None, name: str
) -> None:
    """The template is TOML for any models, and every option of it can be priced."""
    prices = Prices("2026-11-22", models, search)
    menu = parse_menu(tomllib.loads(write_menu_template(prices, name)))
    assert menu.name == name
    assert {option.model for option in menu} == set(models)
    assert len(menu) == len(models) * 8 * (1 if search is None else 5)
    assert "usd" in cost_menu(menu, prices).amounts


def test_template_comments_can_be_taken_in() -> None:
    """Its commented option is valid without its marks, and dearer models count as stronger."""
    prices = Prices("2026-11-22", {'a"\n\\b': ModelPrice(1, 2), "c": ModelPrice(3, 4)}, 0.01)
    lines = write_menu_template(prices).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("# [[options]]"))
    lines[start:] = [line.removeprefix("# ") for line in lines[start:]]
    menu = parse_menu(tomllib.loads("\n".join(lines)))
    assert menu.options[-1].name == "large|deep-research"
    assert menu.options[-1].model == "c"
    strengths = {option.model: option.model_strength for option in menu.options[:-1]}
    assert strengths == {'a"\n\\b': 0.65, "c": 0.88}


def test_template_of_a_long_price_list_loads() -> None:
    """Where all models would make too long a menu, the cheapest make it; the rest are counted."""
    models = {f"m{i}": ModelPrice(1, 1000 - i) for i in range(500)}
    text = write_menu_template(Prices("2026-11-22", models, 0.01))
    menu = parse_menu(tomllib.loads(text))
    assert len(menu) <= OPTIONS_MAX
    assert {option.model for option in menu} == {f"m{i}" for i in range(500 - 102, 500)}
    assert "# Left out for length: the 398 dearest models." in text
