"""Menus in files: options written out one by one, or as a grid of searches, effort and samples."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from router.exceptions import MenuError
from router.options import OPTIONS_MAX, REASONING_EFFORTS, SAMPLES_MAX, SKIP, Menu, Option
from router.tables import quote_toml, read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from router.prices import Prices

__all__ = ["Grid", "load_menu", "parse_menu", "write_menu_template"]

# About the share of MMLU that the smallest and the largest hosted models get right.
GUESSED_STRENGTHS = (0.65, 0.88)
SECTIONS = ("name", "skip", "grid", "options")
LENGTHS = (
    "question_tokens",
    "answer_tokens",
    "tokens_per_search",
    "seconds_per_search",
    "tokens_per_second",
)


@dataclass(frozen=True, slots=True)
class Grid:
    """A menu as the product of its axes, with typical quantities by formula.

    A grid option searches `search_steps` times, each time reading the question and everything found
    so far; then it writes `samples` answers in parallel, for which the last prompt is read once.

    Parameters
    ----------
    models : sequence of str
        The models on offer.
    search_steps : sequence of int, default=(0,)
        Searches.
    reasoning_effort : sequence of str, default=("none",)
        Positions of the effort dial.
    samples : sequence of int, default=(1,)
        Parallel samples.
    question_tokens, answer_tokens, tokens_per_search : float
        Typical lengths: of a question with its instructions, of an answer without its reasoning,
        and of what one search returns.
    reasoning_tokens : mapping of str to float
        Typical tokens of reasoning in one sample, by effort.
    seconds_per_search, tokens_per_second : float
        Typical speeds.
    model_strength : mapping of str to float
        Strength from 0 to 1 of models that the strength table does not know.

    Examples
    --------
    >>> [option.name for option in Grid(models=["small"], search_steps=[0, 2]).expand()]
    ['small|none|s0|n1', 'small|none|s2|n1']
    """

    models: Sequence[str]
    search_steps: Sequence[int] = (0,)
    reasoning_effort: Sequence[str] = ("none",)
    samples: Sequence[int] = (1,)
    question_tokens: float = 250.0
    answer_tokens: float = 150.0
    tokens_per_search: float = 700.0
    reasoning_tokens: Mapping[str, float] = field(
        default_factory=lambda: {"none": 0.0, "low": 400.0, "medium": 1500.0, "high": 5000.0}
    )
    seconds_per_search: float = 1.0
    tokens_per_second: float = 80.0
    model_strength: Mapping[str, float] = field(default_factory=dict)

    def expand(self) -> tuple[Option, ...]:
        """Write the grid out as options.

        Returns
        -------
        tuple of Option

        Raises
        ------
        MenuError
            If an axis is empty or has an entry of another type, an effort has no tokens, a length
            is not a finite number from 0 up, or there are too many options.
        """
        self._check_axes()
        self._check_lengths()
        points = itertools.product(
            self.models, self.search_steps, self.reasoning_effort, self.samples
        )
        return tuple(self._make_option(*point) for point in points)

    def _check_axes(self) -> None:
        """Refuse axes that are no lists, or hold anything but names and whole numbers."""
        names = {"models": self.models, "reasoning_effort": self.reasoning_effort}
        counts = {"search_steps": self.search_steps, "samples": self.samples}
        for name, axis in (names | counts).items():
            if isinstance(axis, str) or not isinstance(axis, Sequence) or not axis:
                raise MenuError(f"grid: {name} {axis!r} is not a list with at least one entry")
        for name, words in names.items():
            for word in words:
                if not isinstance(word, str):
                    raise MenuError(f"grid: {name} holds {word!r}, allowed are names")
        for name, numbers in counts.items():
            for number in numbers:
                is_whole = isinstance(number, int) and not isinstance(number, bool)
                if not is_whole or not 0 <= number <= SAMPLES_MAX:
                    raise MenuError(
                        f"grid: {name} holds {number!r}, allowed are whole numbers from 0 to "
                        f"{SAMPLES_MAX}"
                    )
        count = math.prod(len(axis) for axis in (names | counts).values())
        # Counted before they are written out, as four short lists make a very long menu.
        if count > OPTIONS_MAX:
            raise MenuError(f"grid: {count} options, allowed are 1 to {OPTIONS_MAX}")

    def _check_lengths(self) -> None:
        """Refuse lengths and speeds that are no finite numbers from 0 up."""
        for name in ("reasoning_tokens", "model_strength"):
            if not isinstance(getattr(self, name), Mapping):
                raise MenuError(f"grid: {name} {getattr(self, name)!r} is not a table")
        for effort in self.reasoning_effort:
            if effort not in self.reasoning_tokens:
                raise MenuError(
                    f"grid: reasoning_tokens lacks an entry for effort {effort!r}: "
                    f"efforts are {', '.join(REASONING_EFFORTS)}"
                )
        amounts = {name: getattr(self, name) for name in LENGTHS}
        amounts |= {
            f"reasoning_tokens.{effort}": amount for effort, amount in self.reasoning_tokens.items()
        }
        for name, amount in amounts.items():
            is_number = isinstance(amount, (int, float)) and not isinstance(amount, bool)
            if not is_number or not 0 <= amount <= sys.float_info.max:
                raise MenuError(f"grid: {name} {amount!r} is not a finite number from 0 up")
        if self.tokens_per_second == 0:
            raise MenuError("grid: tokens_per_second is 0, it has to be above")

    def _make_option(self, model: str, steps: int, effort: str, samples: int) -> Option:
        """Describe one point of the grid with its quantities."""
        reasoning = float(self.reasoning_tokens[effort])
        written = reasoning + self.answer_tokens
        # Every search prompt holds the question and what was found before it; so does the answer's.
        read = (steps + 1) * self.question_tokens + self.tokens_per_search * steps * (steps + 1) / 2
        return Option(
            f"{model}|{effort}|s{steps}|n{samples}",
            model=model,
            strategy="iterative_search" if steps else "direct" if effort == "none" else "cot",
            search_steps=float(steps),
            reasoning_effort=effort,
            reasoning_tokens=reasoning,
            samples=samples,
            model_strength=self.model_strength.get(model),
            input_tokens=read,
            output_tokens=samples * written,
            searches=float(steps),
            seconds=steps * self.seconds_per_search + written / self.tokens_per_second,
        )


def load_menu(path: str | Path) -> Menu:
    """Read a menu from a TOML file.

    Parameters
    ----------
    path : str or Path
        A file with ``[grid]``, ``[[options]]`` or both, and optionally ``skip = true``.

    Returns
    -------
    Menu

    Raises
    ------
    MenuError
        If the file is missing or malformed, or an option is out of range.
    """
    return parse_menu(read_toml(path, error=MenuError), place=str(path))


def parse_menu(content: Mapping[str, Any], place: str = "menu") -> Menu:
    """Build a menu from the content of a TOML file or of a request.

    Parameters
    ----------
    content : mapping
        With ``grid``, ``options`` or both.
    place : str, default="menu"
        How messages call the source.

    Raises
    ------
    MenuError
        If an entry is unknown or out of range.

    Examples
    --------
    >>> parse_menu({"options": [{"name": "a"}, {"name": "b"}], "skip": True}).names
    ('skip', 'a', 'b')
    """
    if not isinstance(content, Mapping):
        raise MenuError(f"{place}: {type(content).__name__} is not a table of grid and options")
    for name in content:
        if name not in SECTIONS:
            raise MenuError(
                f"{place}: entry {name!r} is unknown: allowed are {', '.join(SECTIONS)}"
            )
    skip, name = content.get("skip", False), content.get("name", place)
    if not isinstance(skip, bool):
        raise MenuError(f"{place}: skip {skip!r} is not true or false")
    if not isinstance(name, str):
        raise MenuError(f"{place}: name {name!r} is not a string")
    options: list[Option] = [SKIP] if skip else []
    if "grid" in content:
        options.extend(_expand_grid(content["grid"], place))
    options.extend(_parse_options(content.get("options", ()), place))
    try:
        return Menu(tuple(options), name=name)
    except MenuError as error:
        raise MenuError(str(error) if name == place else f"{place}: {error}") from None


def _parse_options(entries: object, place: str) -> list[Option]:
    """Read options that are written out one by one."""
    if not isinstance(entries, (list, tuple)):
        raise MenuError(f"{place}: options is not a list")
    options = []
    for position, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise MenuError(f"{place}: option {position} is not a table")
        options.append(Option.from_mapping(entry, place=f"{place}: option {position}"))
    return options


def _expand_grid(content: object, place: str) -> tuple[Option, ...]:
    """Write out the grid of a menu file, naming the file in every complaint."""
    if not isinstance(content, dict):
        raise MenuError(f"{place}: [grid] is not a table")
    allowed = [item.name for item in fields(Grid)]
    for name in content:
        if name not in allowed:
            raise MenuError(
                f"{place}: [grid] has an unknown field {name!r}: allowed are {', '.join(allowed)}"
            )
    if "models" not in content:
        raise MenuError(f"{place}: [grid] lacks models, a list of names")
    try:
        return Grid(**content).expand()
    except MenuError as error:
        raise MenuError(f"{place}: {error}") from None


# Points of the template's grid for one model and one number of searches: efforts times samples.
TEMPLATE_POINTS = 8
TEMPLATE = """\
# A menu: the ways to answer a question that a plan may choose from.
# Written for the prices {price_id}; the lengths below are guesses: replace them by your own.

name = {name}
# With skip = true a plan may leave a question unanswered where nothing pays.
skip = false

[grid]
# Every combination of the four axes becomes one option, named model|effort|searches|samples.
{left_out}models = [{models}]
search_steps = [{search_steps}]
reasoning_effort = ["none", "low", "medium", "high"]
samples = [1, 4]

# Typical lengths in tokens: a question with its instructions, an answer without its reasoning,
# and what one search returns.
question_tokens = 250
answer_tokens = 150
tokens_per_search = 700
# Typical speeds.
seconds_per_search = 1.0
tokens_per_second = 80

[grid.reasoning_tokens]
# Typical tokens of reasoning in one sample, by effort.
none = 0
low = 400
medium = 1500
high = 5000

[grid.model_strength]
# From 0 to 1, for instance the share of a broad exam that the model gets right. A model left out
# is looked up by its name; one that is not known is planned with as of unknown strength. These are
# guessed from the order of the prices: replace them by what you know.
{strengths}

# Options that no grid describes can be written out; quantities are sums over samples.
# [[options]]
# name = "large|deep-research"
# model = {first_model}
# strategy = "deep_research"
# search_steps = 20
# samples = 1
# input_tokens = 60000
# output_tokens = 9000
# searches = 20
# seconds = 240
"""


def write_menu_template(prices: Prices, name: str = "my-menu") -> str:
    """Write a commented menu for the models and tools of a price table.

    Parameters
    ----------
    prices : Prices
        One's own prices.
    name : str, default="my-menu"
        What the menu is called.

    Returns
    -------
    str
        TOML that :func:`load_menu` reads.

    Examples
    --------
    >>> import tomllib
    >>> from router.prices import ModelPrice, Prices
    >>> text = write_menu_template(Prices("2026-11-22", {"small": ModelPrice(0.2, 0.8)}))
    >>> len(parse_menu(tomllib.loads(text)))
    8
    """
    by_price = sorted(prices.models, key=lambda model: prices.models[model].output_usd_per_mtok)
    steps = (0,) if prices.search_usd_per_call is None else (0, 1, 2, 4, 8)
    # A long price list would make a menu that is too long to load: its cheapest models begin it.
    models = by_price[: OPTIONS_MAX // (len(steps) * TEMPLATE_POINTS)]
    left_out = len(by_price) - len(models)
    return TEMPLATE.format(
        price_id=prices.price_id,
        name=quote_toml(name),
        models=", ".join(quote_toml(model) for model in models),
        left_out=f"# Left out for length: the {left_out} dearest models.\n" if left_out else "",
        search_steps=", ".join(map(str, steps)),
        strengths="\n".join(
            f"{quote_toml(model)} = {strength:.2f}"
            for model, strength in zip(models, _guess_strengths(len(models)), strict=True)
        ),
        first_model=quote_toml(models[-1]),
    )


def _guess_strengths(n_models: int) -> list[float]:
    """Guess strengths of models in the order of their prices: dearer is taken for stronger."""
    low, high = GUESSED_STRENGTHS
    step = (high - low) / max(n_models - 1, 1)
    return [round(high - step * place, 4) for place in reversed(range(n_models))]
