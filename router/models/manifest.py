"""Parts of a bundle's manifest that every way of training writes alike."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from router.models.strengths import StrengthTable, load_strengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.features.context import ContextTable
    from router.features.encoder import TextEncoder
    from router.models.quantities import Quantities

__all__ = [
    "GOLDEN_TEXTS",
    "choose_golden",
    "describe_features",
    "describe_libraries",
    "describe_quantities",
    "describe_strengths",
    "read_strengths",
]

LIBRARIES = ("numpy", "scikit-learn", "lightgbm", "onnx", "onnxmltools", "onnxruntime")
# Questions of our own that every bundle records its answers to, and repeats on loading.
GOLDEN_TEXTS = (
    "What is 17 times 23?",
    "Who directed the film that the composer of the song in the opening scene also acted in?",
    "A train leaves at 9:40 and travels 210 km at 84 km per hour. When does it arrive?",
    "Which of the following is not a noble gas?\nA) Neon\nB) Argon\nC) Nitrogen\nD) Xenon",
    "Summarise what has been published since 2020 on tidal power in the Bay of Fundy.",
    "Is the following sentence grammatical? 'The keys to the cabinet was on the table.'",
    "A 54-year-old patient reports chest pain on exertion. What is the most likely diagnosis?",
    "¿Cuántos habitantes tenía Potosí en 1650, y cómo se sabe?",
)


def choose_golden(groups: tuple[str, ...]) -> tuple[list[str], list[str | None]]:
    """Pair the golden questions with tasks in turn, every other one without a label.

    Examples
    --------
    >>> texts, labels = choose_golden(("a", "b"))
    >>> labels[:4]
    ['a', None, 'b', None]
    """
    labels = [
        None if position % 2 else groups[position // 2 % len(groups)]
        for position in range(len(GOLDEN_TEXTS))
    ]
    return list(GOLDEN_TEXTS), labels


def describe_features(encoder: TextEncoder, context: ContextTable | None = None) -> dict[str, Any]:
    """Describe the features: what the bundle expects of the library that loads it."""
    described = {"fingerprint": encoder.fingerprint, "n_features": encoder.n_features}
    if context is None or not context.names:
        return described
    return described | {"context": context.to_dict()}


def describe_libraries() -> dict[str, str]:
    """Name the versions of the libraries that took part in training."""
    return {name: version(name) for name in LIBRARIES}


def describe_quantities(quantities: Quantities) -> dict[str, Any]:
    """Write names, and what held-out questions said of each unit: medians over the options."""
    return {
        "options": list(quantities.options),
        "groups": list(quantities.groups),
        "units": list(quantities.heads),
        "held_out": {
            unit: {
                "kept": round(float(np.median(head.kept)), 3),
                "deviation": round(float(np.median(head.deviation)), 3),
                "task_deviation": round(head.task_deviation, 3),
            }
            for unit, head in quantities.heads.items()
        },
    }


def describe_strengths(strengths: StrengthTable) -> dict[str, Any]:
    """Write the strength table out, so that a bundle never depends on a newer one."""
    return {
        "date": strengths.date,
        "strength": dict(strengths.strength),
        "reasoning": list(strengths.reasoning),
    }


def read_strengths(manifest: Mapping[str, Any]) -> StrengthTable:
    """Read the strength table that a bundle was made with; the package's where it has none.

    Examples
    --------
    >>> read_strengths({"descriptors": None}).date == load_strengths().date
    True
    """
    descriptors = manifest["descriptors"]
    if descriptors is None:
        return load_strengths()
    table = descriptors["strengths"]
    return StrengthTable(table["date"], table["strength"], tuple(table["reasoning"]))
