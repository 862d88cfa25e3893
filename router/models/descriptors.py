"""Descriptors: an option as numbers that are known before it is ever tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.options import REASONING_EFFORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from router.models.strengths import StrengthTable
    from router.options import Option

__all__ = ["DESCRIPTOR_NAMES", "UNKNOWN", "describe_menu", "find_reference"]

# What stands for a value nobody gave. NaN would be kinder to trees but is treated differently by
# the runtimes that have to agree.
UNKNOWN = -1.0
DESCRIPTOR_NAMES = (
    "search_steps",
    "reasoning_effort",
    "log_reasoning_tokens",
    "log_samples",
    "model_strength",
    "trained_to_reason",
    "has_verifier",
    "reads_widely",
)
# Words of a strategy, told apart at whatever is no letter; an option's own name says nothing.
VERIFIER_WORDS = frozenset(
    {"verifier", "verification", "verified", "best", "rerank", "grade", "reward"}
)
WIDE_WORDS = frozenset({"wide", "rag", "tree"})


def describe_menu(options: Iterable[Option], strengths: StrengthTable) -> NDArray[np.float32]:
    """Describe options by numbers.

    Parameters
    ----------
    options : iterable of Option
        m options.
    strengths : StrengthTable
        For models whose strength the option does not state.

    Returns
    -------
    ndarray of float32, shape (m, 8)
        Columns as in ``DESCRIPTOR_NAMES``; -1 where unknown.

    Examples
    --------
    >>> from router.models.strengths import StrengthTable
    >>> from router.options import Option
    >>> option = Option("a", search_steps=2, samples=4, model_strength=0.5)
    >>> describe_menu([option], StrengthTable("2026-11-22", {}, ())).tolist()
    [[2.0, -1.0, -1.0, 2.0, 0.5, 0.0, 0.0, 0.0]]
    """
    listed = list(options)
    # A menu has many options and few models, and looking one up reads the whole table.
    models = {
        name: _Model(strengths.look_up(name), strengths.is_trained_to_reason(name))
        for name in {option.model for option in listed}
    }
    rows = [_describe(option, models[option.model]) for option in listed]
    return np.array(rows, dtype=np.float32)


class _Model(NamedTuple):
    """What the strength table says of a model."""

    strength: float | None
    is_trained_to_reason: bool


def _describe(option: Option, known: _Model) -> list[float]:
    """Describe one option."""
    words = set(re.split(r"[^a-z]+", (option.strategy or "").lower()))
    strength = known.strength if option.model_strength is None else option.model_strength
    effort = option.reasoning_effort
    tokens = option.reasoning_tokens
    return [
        UNKNOWN if option.search_steps is None else option.search_steps,
        UNKNOWN if effort is None else float(REASONING_EFFORTS.index(effort)),
        UNKNOWN if tokens is None else float(np.log1p(tokens)),
        float(np.log2(option.samples)),
        UNKNOWN if strength is None else strength,
        float(known.is_trained_to_reason),
        float(not words.isdisjoint(VERIFIER_WORDS)),
        float(not words.isdisjoint(WIDE_WORDS)),
    ]


def find_reference(table: NDArray[np.float32]) -> int:
    """Find the option with the least compute: what every uplift is measured against.

    It depends on descriptors alone, not on prices, so that a plan under other prices rests on the
    same predictions.

    Parameters
    ----------
    table : ndarray of float32, shape (m, 8)
        Descriptors.

    Returns
    -------
    int
        Weakest model first, then fewest samples, least reasoning, fewest searches.

    Examples
    --------
    >>> table = np.zeros((2, 8), np.float32)
    >>> table[0, 3] = 2.0
    >>> find_reference(table)
    1
    """
    keys = table[:, [0, 2, 1, 3, 4]]
    return int(np.lexsort(keys.T)[0])
