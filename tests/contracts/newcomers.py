"""What tests of joining share: models of known ability and gain, and a bundle that lacks one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from router.logs import build_log
from router.models.strengths import StrengthTable
from router.models.trainer import train
from router.options import Option
from tests.contracts.gains import make_texts

if TYPE_CHECKING:
    from router.models.bundle import Bundle
    from router.outcomes import OutcomeLog

STRENGTHS = StrengthTable("2026-11-22", {"weak": 0.4, "strong": 0.8}, ("thinker",))
# Ability, and gain from high effort, of models that were not trained to reason.
MODELS = {"weak": (0.3, 0.04), "middling": (0.45, 0.06), "strong": (0.6, 0.05)}
NEWCOMER = {"davinci": (0.4, 0.4)}
EFFORTS = ("none", "high")


def make_option(model: str, effort: str = "none", **fields: Any) -> Option:
    """Make an option named after its model and effort."""
    return Option(f"{model}|{effort}", model=model, reasoning_effort=effort, **fields)


def make_model_log(
    models: dict[str, tuple[float, float]],
    n: int = 160,
    *,
    seed: int = 0,
    first: int = 0,
    labelled: bool = True,
) -> OutcomeLog:
    """Make a log of single runs in which one kind of question is harder for every model."""
    texts, kinds = make_texts(first + n, 5)
    rng = np.random.default_rng(seed + 31)
    rows = []
    for number in range(first, first + n):
        # What of a question's difficulty no text shows is common to all models.
        chance = rng.normal(scale=0.1) - 0.2 * kinds[number] + 0.1
        for model, (ability, gain) in models.items():
            for effort in EFFORTS:
                expected = ability + chance + (gain if effort == "high" else 0.0)
                rows.append(
                    {
                        "query_id": f"q{number:04d}",
                        "query": texts[number],
                        "option": f"{model}|{effort}",
                        "model": model,
                        "reasoning_effort": effort,
                        "samples": 1,
                        "search_steps": 0,
                        "quality": float(rng.random() < expected),
                        # Hard questions take twice as much of every option.
                        "cost": (2.0 if effort == "high" else 1.0) * (1.0 + kinds[number]),
                    }
                    | ({"group": ("easy", "hard")[kinds[number]]} if labelled else {})
                )
    return build_log({key: [row[key] for row in rows] for key in rows[0]}, name="models")


@cache
def known_bundle() -> Bundle:
    """Train a bundle on the known models, once a run."""
    return train(make_model_log(MODELS))
