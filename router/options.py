"""Options and menus: the ways to answer a question, and the list of those on offer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from router.budgets import BUDGET_UNITS
from router.exceptions import InputError, MenuError
from router.tables import read_label

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["QUANTITY_NAMES", "REASONING_EFFORTS", "SKIP", "Menu", "Option"]

REASONING_EFFORTS = ("none", "low", "medium", "high")
QUANTITY_NAMES = ("input_tokens", "output_tokens", "searches", "seconds")
OPTIONS_MAX = 4096
SAMPLES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer a question.

    Descriptors are constants of the option, known before any question is answered; quantities are
    what it typically consumes on one question, summed over its samples.

    Parameters
    ----------
    name : str
        Unique in its menu.
    model : str, optional
        The model that answers.
    strategy : str, optional
        How compute is used: direct, cot, best_of_n, chain, wide, ...
    search_steps : float, optional
        Searches made; None is unknown.
    reasoning_effort : {"none", "low", "medium", "high"}, optional
        The effort dial, where there is one.
    reasoning_tokens : float, optional
        Tokens typically spent reasoning, in one sample.
    samples : int, default=1
        Parallel samples, up to a million.
    model_strength : float, optional
        Strength from 0 to 1 where the caller knows it; else looked up by the model's name.
    input_tokens, output_tokens, searches, seconds : float, optional
        Typical quantities on one question; None is unknown.
    costs : mapping of str to float
        Typical cost on one question by budget unit, where a log measured it directly.
    is_skip : bool, default=False
        Whether this is the option to consume nothing and answer nothing.

    Raises
    ------
    MenuError
        If a value is out of range.

    Examples
    --------
    >>> Option("small|low", model="small", reasoning_effort="low", reasoning_tokens=300).kind
    'internal'
    """

    name: str
    model: str | None = None
    strategy: str | None = None
    search_steps: float | None = None
    reasoning_effort: str | None = None
    reasoning_tokens: float | None = None
    samples: int = 1
    model_strength: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    searches: float | None = None
    seconds: float | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    is_skip: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range, naming option and field."""
        if not isinstance(self.name, str) or not self.name:
            raise MenuError(f"option name {self.name!r} is not a non-empty string")
        for label in ("name", "model", "strategy"):
            self._check_word(label, getattr(self, label))
        for label in ("search_steps", "reasoning_tokens", "model_strength", *QUANTITY_NAMES):
            if getattr(self, label) is not None:
                self._check_amount(label, getattr(self, label))
        self._check_costs()
        if self.model_strength is not None and self.model_strength > 1:
            raise MenuError(
                f"option {self.name!r}: model_strength {self.model_strength} is above 1"
            )
        is_count = isinstance(self.samples, int) and not isinstance(self.samples, bool)
        if not is_count or not 1 <= self.samples <= SAMPLES_MAX:
            raise MenuError(
                f"option {self.name!r}: samples {self.samples!r} is not a whole number from 1 to "
                f"{SAMPLES_MAX}"
            )
        if self.reasoning_effort is not None and self.reasoning_effort not in REASONING_EFFORTS:
            raise MenuError(
                f"option {self.name!r}: reasoning_effort {self.reasoning_effort!r} is not one of "
                + ", ".join(REASONING_EFFORTS)
            )
        if not isinstance(self.is_skip, bool):
            raise MenuError(f"option {self.name!r}: is_skip {self.is_skip!r} is not true or false")

    def _check_costs(self) -> None:
        """Refuse costs that are no table of amounts by budget unit."""
        if not isinstance(self.costs, Mapping):
            raise MenuError(f"option {self.name!r}: costs {self.costs!r} is not a table by unit")
        for unit, amount in self.costs.items():
            if unit not in BUDGET_UNITS:
                raise MenuError(
                    f"option {self.name!r}: costs has an unknown unit {unit!r}: allowed are "
                    + ", ".join(BUDGET_UNITS)
                )
            self._check_amount(f"cost in {unit}", amount)

    def _check_word(self, label: str, word: object) -> None:
        """Refuse a word that is no string or not valid Unicode."""
        if word is not None and not isinstance(word, str):
            raise MenuError(f"option {self.name!r}: {label} {word!r} is not a string")
        try:
            read_label(word)
        except InputError as error:
            raise MenuError(f"option {self.name!r}: {label} {error}") from None

    def _check_amount(self, label: str, amount: object) -> None:
        """Refuse an amount that is not a finite number from 0 up."""
        if (
            isinstance(amount, bool)
            or not isinstance(amount, (int, float))
            or not 0 <= amount <= sys.float_info.max
        ):
            raise MenuError(
                f"option {self.name!r}: {label} {amount!r} is not a finite number from 0 up"
            )

    @property
    def kind(self) -> str:
        """``external`` where compute goes into samples or searches, else ``internal``."""
        return "external" if self.samples > 1 or (self.search_steps or 0) > 0 else "internal"

    @property
    def tokens(self) -> float | None:
        """Tokens read and written, where both are known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are set, ready for JSON.

        Examples
        --------
        >>> Option("a", samples=3).to_dict()
        {'name': 'a', 'samples': 3}
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["costs"] = dict(self.costs)
        # Compared by identity where it matters: a zero equals False and is still worth keeping.
        return {
            name: value
            for name, value in values.items()
            if value is not None and value is not False and value != {}
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], place: str = "menu") -> Option:
        """Build an option from a mapping, refusing unknown fields.

        Raises
        ------
        MenuError
            If the name is missing, a field is unknown or a value out of range.

        Examples
        --------
        >>> Option.from_mapping({"name": "a", "samples": 3}).samples
        3
        """
        known = {item.name for item in fields(cls)}
        for name in values:
            if name not in known:
                raise MenuError(
                    f"{place}: field {name!r} is unknown: allowed are {', '.join(sorted(known))}"
                )
        if "name" not in values:
            raise MenuError(f"{place}: an option has no name")
        try:
            return cls(**dict(values))
        except MenuError as error:
            raise MenuError(f"{place}: {error}") from None


SKIP = Option(
    "skip",
    strategy="skip",
    search_steps=0.0,
    reasoning_effort="none",
    reasoning_tokens=0.0,
    input_tokens=0.0,
    output_tokens=0.0,
    searches=0.0,
    seconds=0.0,
    costs={"usd": 0.0, "tokens": 0.0, "searches": 0.0, "seconds": 0.0, "nominal": 0.0},
    is_skip=True,
)


@dataclass(frozen=True)
class Menu:
    """The options on offer, validated.

    Parameters
    ----------
    options : tuple of Option
        From 1 to 4096, names unique.
    name : str, default="menu"
        How plans and messages call it.

    Raises
    ------
    MenuError
        If it is empty, too long, or a name occurs twice.

    Examples
    --------
    >>> Menu((Option("cheap"), Option("dear"))).names
    ('cheap', 'dear')
    """

    options: tuple[Option, ...]
    name: str = "menu"

    def __post_init__(self) -> None:
        """Refuse an empty menu and repeated names."""
        object.__setattr__(self, "options", tuple(self.options))
        if not 0 < len(self.options) <= OPTIONS_MAX:
            raise MenuError(
                f"{self.name}: {len(self.options)} options, allowed are 1 to {OPTIONS_MAX}"
            )
        seen: set[str] = set()
        for option in self.options:
            if option.name in seen:
                raise MenuError(f"{self.name}: option {option.name!r} occurs twice")
            seen.add(option.name)

    def __len__(self) -> int:
        """Count the options."""
        return len(self.options)

    def __iter__(self) -> Iterator[Option]:
        """Go through the options in order."""
        return iter(self.options)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The options' names, in order."""
        return tuple(option.name for option in self.options)

    @cached_property
    def has_skip(self) -> bool:
        """Whether answering nothing is on offer."""
        return any(option.is_skip for option in self.options)

    @cached_property
    def _skipping(self) -> Menu:
        """The menu with the option to answer nothing: one object, whenever it is asked for.

        What is worked out once a menu is found again by the menu's identity.
        """
        return self if self.has_skip else replace(self, options=(SKIP, *self.options))

    def with_skip(self) -> Menu:
        """Return this menu with the option to answer nothing in front.

        Examples
        --------
        >>> Menu((Option("cheap"),)).with_skip().names
        ('skip', 'cheap')
        """
        return self._skipping
