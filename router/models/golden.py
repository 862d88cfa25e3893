"""Golden vectors: recorded answers to recorded questions, repeated whenever a bundle is loaded.

Digests show that nobody changed a file by chance. Golden vectors show that what is computed from
the files is what was computed when the bundle was made: on this machine, by these libraries, and
also where somebody changed a leaf and wrote the digests anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError
from router.questions import Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.models.predictor import Predictor
    from router.options import Menu

__all__ = ["TOLERANCES", "record_golden", "verify_golden"]

# Across processors the runtime may sum in another order; a damaged graph is further off than this.
# A familiarity is a rank among some thousand scores, of which the nearest may change places.
TOLERANCES = {
    "quality": 1e-4,
    "low": 1e-4,
    "high": 1e-4,
    "features": 1e-3,
    "familiarity": 1e-2,
    "consumption": 1e-3,
}
DIGITS = 9


def record_golden(
    predictor: Predictor, menu: Menu, texts: Sequence[str], groups: Sequence[str | None]
) -> dict[str, Any]:
    """Record what a model says of some questions.

    Parameters
    ----------
    predictor : Predictor
        Without a sentence encoder, which may not be at hand when the bundle is loaded.
    menu : Menu
        m options.
    texts : sequence of str, length n
        The questions.
    groups : sequence of str or None, length n
        Their tasks.

    Returns
    -------
    dict
        Questions and answers, ready for JSON.
    """
    answers = _answer(predictor, menu, texts, groups)
    recorded = {name: np.round(values, DIGITS).tolist() for name, values in answers.items()}
    return {"texts": list(texts), "groups": list(groups), **recorded}


def verify_golden(
    predictor: Predictor, menu: Menu, golden: Mapping[str, Any], bundle_id: str
) -> None:
    """Repeat recorded answers.

    Parameters
    ----------
    predictor : Predictor
        Without a sentence encoder.
    menu : Menu
        m options.
    golden : mapping
        As from :func:`record_golden`; older bundles recorded qualities only.
    bundle_id : str
        How messages call the bundle.

    Raises
    ------
    BundleError
        If an answer differs from the recorded one by more than its tolerance.
    """
    answers = _answer(predictor, menu, golden["texts"], golden["groups"])
    for name in TOLERANCES.keys() & golden.keys() | {"quality"}:
        recorded = np.asarray(golden[name], dtype=np.float64)
        found = answers.get(name)
        # A comparison that is false for NaN would let a broken recording pass.
        if (
            found is None
            or found.shape != recorded.shape
            or not (np.abs(found - recorded).max(initial=0.0) <= TOLERANCES[name])
        ):
            raise BundleError(f"bundle {bundle_id} does not reproduce its golden vectors ({name})")


def _answer(
    predictor: Predictor, menu: Menu, texts: Sequence[str], groups: Sequence[str | None]
) -> dict[str, NDArray[np.float64]]:
    """Ask the recorded questions."""
    questions = [
        Question(f"g{position}", text, group)
        for position, (text, group) in enumerate(zip(texts, groups, strict=True))
    ]
    surface = predictor.predict(questions, menu)
    answers = {"quality": surface.quality, "low": surface.low, "high": surface.high}
    if surface.features is not None:
        answers["features"] = surface.features.astype(np.float64)
    if surface.familiarity is not None:
        answers["familiarity"] = surface.familiarity
    if surface.consumption is not None:
        factors = surface.consumption.factor
        answers["consumption"] = np.stack([factors[unit] for unit in sorted(factors)])
    return answers
