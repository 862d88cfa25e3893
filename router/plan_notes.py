"""Notes of a plan: what its reader must know to trust it as far as it deserves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.choices import DEGRADED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.allocation import Solution
    from router.costs import MenuCosts
    from router.exploration import Exploration
    from router.models.predictor import Predictor
    from router.models.surface import Surface
    from router.prices import Prices
    from router.questions import Question

__all__ = [
    "collect_notes",
    "note_context",
    "note_degraded",
    "note_encoder",
    "note_evidence",
    "note_exploration",
    "note_prices",
    "note_strangers",
    "note_strengths",
    "note_target",
]

NAMES_SHOWN = 5


def collect_notes(
    costs: MenuCosts,
    prices: Prices | None,
    surface: Surface,
    predictor: Predictor,
    questions: Sequence[Question],
) -> tuple[str, ...]:
    """Collect what a reader of any plan on a surface should know."""
    return (
        *note_prices(costs, prices),
        *note_evidence(surface),
        *note_strengths(surface, predictor),
        *note_strangers(surface),
        *note_context(questions, predictor),
        *note_encoder(surface),
    )


def note_prices(costs: MenuCosts, prices: Prices | None) -> tuple[str, ...]:
    """Say that prices were given but dollars come from the log."""
    if prices is None or costs.price_id == prices.price_id:
        return ()
    return (f"prices {prices.price_id} do not fit this menu: dollars are those measured in a log",)


def note_context(questions: Sequence[Question], predictor: Predictor) -> tuple[str, ...]:
    """Say which numbers known beforehand were given for nothing, and which were missed."""
    known = predictor.context.names
    unread = sorted({name for question in questions for name in question.context} - set(known))
    notes = []
    if unread:
        names = ", ".join(unread[:NAMES_SHOWN]) + (", ..." if len(unread) > NAMES_SHOWN else "")
        reads = f"it reads {', '.join(known)}" if known else "it reads text and group only"
        notes.append(f"context {names} is not known to this bundle and was ignored: {reads}")
    for name in known:
        missing = sum(name not in question.context for question in questions)
        if missing:
            notes.append(
                f"context {name!r} is missing for {missing} of {len(questions)} questions: "
                "they are planned without it"
            )
    return tuple(notes)


def note_degraded(cause: str, questions: Sequence[Question]) -> tuple[str, ...]:
    """Say why a plan was made without the model, and what it could not keep for that reason."""
    note = (
        f"{DEGRADED[cause]}: every question is planned by the options' means, whatever its text "
        "and task"
    )
    floors = sum(question.min_quality > 0.0 for question in questions)
    if not floors:
        return (note,)
    return (note, f"min_quality of {floors} of {len(questions)} questions could not be judged")


def note_encoder(surface: Surface) -> tuple[str, ...]:
    """Say that questions were planned without their embeddings."""
    if surface.encoder_failure is None:
        return ()
    return (f"every question counts as average in its embedding: {surface.encoder_failure}",)


def note_evidence(surface: Surface) -> tuple[str, ...]:
    """Say which options are planned without outcomes of their own."""
    unseen = [
        option.name
        for option, evidence in zip(surface.menu, surface.evidence, strict=True)
        if evidence == "descriptors"
    ]
    if not unseen:
        return ()
    names = ", ".join(unseen[:3]) + (", ..." if len(unseen) > 3 else "")
    note = (
        f"{len(unseen)} of {len(surface.menu)} options ({names}) have no outcomes of their own: "
        "their quality is predicted from their descriptors; trust differences between them more "
        "than levels"
    )
    return (note,)


def note_exploration(exploration: Exploration | None) -> tuple[str, ...]:
    """Say how much of a plan was left to chance.

    Examples
    --------
    >>> from router import Router
    >>> plan = Router.load().allocate(["What is 2 + 2?"], {"usd": 0.01}, explore=1e-9)
    >>> note_exploration(plan.exploration)[0][:60]
    'explores 1e-09 of the questions: 0 of 1 drew their option by'
    """
    if exploration is None:
        return ()
    count, total = int(exploration.is_explored.sum()), len(exploration.is_explored)
    note = (
        f"explores {exploration.rate:g} of the questions: {count} of {total} drew their option by "
        "chance; shadow price and gap are those of the plan without exploring, made with the rest "
        "of the budget"
    )
    return (note,)


def note_strangers(surface: Surface) -> tuple[str, ...]:
    """Say how many questions are planned by the options' means."""
    if surface.abstained is None or not surface.abstained.any():
        return ()
    note = (
        f"{int(surface.abstained.sum())} of {len(surface.abstained)} questions are unlike the "
        "training questions: they are planned by the options' means, whatever their text and task"
    )
    return (note,)


def note_strengths(surface: Surface, predictor: Predictor) -> tuple[str, ...]:
    """Say which models are planned with as if all were equally strong."""
    if predictor.descriptors is None:
        return ()
    strengths = predictor.descriptors.strengths
    unknown = {
        option.model
        for option, evidence in zip(surface.menu, surface.evidence, strict=True)
        if evidence == "descriptors"
        and option.model_strength is None
        and strengths.look_up(option.model) is None
    }
    if not unknown:
        return ()
    names = ", ".join(sorted(str(name) for name in unknown))
    note = (
        f"the strength of {names} is not known, so none is taken for stronger than another: "
        "give model_strength in the menu"
    )
    return (note,)


def note_target(
    target_quality: float | None, solution: Solution, total_weight: float
) -> tuple[str, ...]:
    """Say that a target was missed, and by how much."""
    if target_quality is None or solution.cost_bound is not None:
        return ()
    note = (
        f"target_quality {target_quality:g} is not reached: this plan has a mean of "
        f"{solution.value / total_weight:.4f}"
    )
    return (note,)
