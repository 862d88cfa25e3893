"""Descriptors: an option as numbers that are known before it is ever tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
VERIFIER_WORDS = ("verif", "best-of", "best_of", "rerank", "grade", "reward")
WIDE_WORDS = ("wide", "_w3", "_w5", "rag_", "tree")


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
    return np.array([_describe(option, strengths) for option in options], dtype=np.float32)


def _describe(option: Option, strengths: StrengthTable) -> list[float]:
    """Describe one option."""
    words = f"{option.strategy or ''} {option.name}".lower()
    strength = option.model_strength
    if strength is None:
        strength = strengths.look_up(option.model)
    effort = option.reasoning_effort
    tokens = option.reasoning_tokens
    return [
        UNKNOWN if option.search_steps is None else option.search_steps,
        UNKNOWN if effort is None else float(REASONING_EFFORTS.index(effort)),
        UNKNOWN if tokens is None else float(np.log1p(tokens)),
        float(np.log2(option.samples)),
        UNKNOWN if strength is None else strength,
        float(strengths.is_trained_to_reason(option.model)),
        float(any(word in words for word in VERIFIER_WORDS)),
        float(any(word in words for word in WIDE_WORDS)),
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
