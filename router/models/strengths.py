"""Model strengths: one dated number a model, so that a model never tried can be placed."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StrengthTable", "load_strengths"]

# Names remembered with their strength; any more are looked up again.
NAMES_MAX = 1024


@dataclass(frozen=True, slots=True)
class StrengthTable:
    """Strength of models, as about the share of MMLU that each gets right.

    Parameters
    ----------
    date : str
        When the table was compiled.
    strength : mapping of str to float
        From 0 to 1, by lower-case part of a model's name.
    reasoning : tuple of str
        Lower-case parts of names of models trained to use long reasoning; in a name they stand
        behind no letter or digit and before no digit.

    Examples
    --------
    >>> table = StrengthTable("2026-11-22", {"gpt-4": 0.86, "gpt-4o-mini": 0.82}, ("o1",))
    >>> table.look_up("GPT-4o-mini-2024"), table.look_up("unheard-of")
    (0.82, None)
    >>> table.is_trained_to_reason("o1-mini"), table.is_trained_to_reason("turbo16k")
    (True, False)
    """

    date: str
    strength: Mapping[str, float]
    reasoning: tuple[str, ...]
    _found: dict[str, tuple[float | None]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def look_up(self, model: str | None) -> float | None:
        """Return a model's strength by the longest part of its name that is listed.

        A part counts where it is made of whole words and numbers of the name.
        """
        name = (model or "").lower()
        entry = self._found.get(name)
        if entry is None:
            entry = (self._search(name),)
            if len(self._found) >= NAMES_MAX:
                self._found.clear()
            self._found[name] = entry
        return entry[0]

    def _search(self, name: str) -> float | None:
        """Go through the whole list."""
        found = [
            part
            for part in self.strength
            if re.search(rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", name)
        ]
        return self.strength[max(found, key=len)] if found else None

    def is_trained_to_reason(self, model: str | None) -> bool:
        """Tell whether a model was trained to use long reasoning, as far as is known."""
        name = (model or "").lower()
        return any(
            re.search(rf"(?<![a-z0-9]){re.escape(part)}(?![0-9])", name) for part in self.reasoning
        )


@lru_cache(maxsize=1)
def load_strengths() -> StrengthTable:
    """Load the table that ships with the package.

    Examples
    --------
    >>> load_strengths().look_up("gpt-4-1106-preview") > load_strengths().look_up("gpt-35-turbo")
    True
    """
    text = resources.files("router.models").joinpath("strengths.toml").read_text("utf-8")
    content = tomllib.loads(text)
    return StrengthTable(
        content["date"],
        {name.lower(): float(value) for name, value in content["strength"].items()},
        tuple(name.lower() for name in content["trained_to_reason"]["names"]),
    )
