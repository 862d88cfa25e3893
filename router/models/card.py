"""Model cards: what a bundle was trained on, what it is worth, and where not to trust it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from router.models.responsiveness import write_responsiveness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["write_joined_card", "write_log_card", "write_pooled_card"]

LOG_CARD = """\
# Model card

A gain model for {n_options} options, trained on {n_questions} questions ({n_rows} outcomes, \
coverage {coverage:.0%}) of the log `{dataset}`.

- **Use.** Expected quality of these options on questions like those of the log. {strangers}
- **Cost.** The log's unit is `{cost_unit}`. {quantities}
- **Tasks.** {tasks}
- **Calibration, out of fold.** Expected calibration error {error:.4f}, Brier score {brier:.4f}.
- **Intervals.** Nine times of ten the mean quality of alike questions lies in the interval, \
{width:.3f} to either side at the median, as far as new questions are like those of the log. \
Questions that are not have a low `familiarity` and are planned by the options' means.
- **What the text was worth.** Weights of the learners (dense, shape, words, all n-grams, task, \
trees), as far as out-of-fold evidence let them stand: {weights}. All zero means that plans rest \
on tasks and options' means alone.
- **Export.** The ONNX graphs differ from the native model by at most {parity:.1e}.
- **Figures against baselines.** `router evaluate` on the same log gives them on held-out questions.
- **Limits.** Outcomes of one log say nothing of other questions, other models or other prompts. \
Quality drifts; train again on new outcomes.

## Models

Mean quality of each model's least option, and its gain from there along each axis of compute, \
by a straight line through its options, with standard errors.

{models}
"""

JOINED_HEADING = "## Models that joined"
JOINED_CARD = """\

{heading}

Known from few outcomes, and else from what the other models do on a question. Errors are what the \
outcomes leave open, and intervals are wider by as much.

{models}

{evidence}
"""

POOLED_CARD = """\
# Model card

A cold-start prior: for people who have no log of their own yet. It predicts any option from its \
descriptors (searches, effort, reasoning tokens, samples, verifier, width, strength of the model), \
pooled over {n_logs} logs with {n_questions} distinct questions and {n_rows} outcomes.

- **Use.** Ranking options before anything has been measured. As soon as there are outcomes of \
one's own, `router train` on them is better.
- **Not for use.** Its levels are those of the logs it saw: on other questions the expected \
quality can be far off, and only differences between options carry over, in part.
- **Calibration on logs left out.** Expected calibration error {error:.3f}, Brier score {brier:.3f}.
- **Strengths of models** are looked up in a table dated {strength_date}.
- **Export.** The ONNX graphs differ from the native model by at most {parity:.1e}.

## Figures on sources left out

Trained on: {datasets}. Each log was left out in turn, and its questions removed from all other \
logs by their first 14 words. The prior then planned it from descriptors and the log's mean costs \
alone. Mean quality over the five budgets of the protocol (5, 10, 20, 40 and 70 % of the way from \
the cheapest to the best option's cost), on questions that saw every option. *straight* mixes \
the cheapest and the dearest option, which takes no knowledge but costs; *blind* is the best \
fixed mix, which takes the log's own outcomes, so the prior is not expected to reach it. *rank* \
is Spearman's correlation of the options' predicted and true means.

| left out | questions | options | cheapest | straight | prior | blind | gain | rank |
|---|---|---|---|---|---|---|---|---|
{rows}

*gain* is the prior minus the better of *cheapest* and *straight*. Above zero on {n_ahead} of \
{n_scored} logs, on average {mean_difference:+.4f}. Where it is not, the prior should not be used \
without outcomes of one's own.
"""


def write_log_card(manifest: Mapping[str, Any]) -> str:
    """Write the card of a bundle trained on one log.

    Parameters
    ----------
    manifest : mapping
        The bundle's manifest, before its digests.

    Returns
    -------
    str
        Markdown.
    """
    training, calibration = manifest["training"], manifest["calibration"]
    groups = [name for name in manifest["named"]["groups"] if name]
    tasks = (
        f"{len(groups)} labelled; a question without a label is assigned by its text."
        if groups
        else "The log has no labels."
    )
    strangers = (
        "Options that the log does not hold are predicted from their descriptors; a plan says so."
        if manifest["descriptors"] is not None
        else "No other option can be predicted: no question was tried with two options, so that "
        "nothing could be learned from descriptors."
    )
    return LOG_CARD.format(
        strangers=strangers,
        **{name: training[name] for name in ("n_options", "n_questions", "n_rows", "dataset")},
        coverage=training["coverage"],
        cost_unit=manifest["cost_unit"],
        quantities=_write_quantities(manifest.get("quantities")),
        tasks=tasks,
        error=calibration["expected_calibration_error"],
        brier=calibration["brier_score"],
        width=median(calibration["width"]),
        weights=", ".join(f"{weight:.2f}" for weight in training["learner_weights"]),
        parity=training["parity_max_difference"],
        models="\n".join(write_responsiveness(manifest["models"])),
    )


def _write_quantities(quantities: Mapping[str, Any] | None) -> str:
    """Say how far questions differ in what they consume, and how sure that is."""
    if quantities is None:
        return "Questions do not differ in it: an option costs its mean."
    parts = [
        f"{unit} {figures['deviation']:.0%} on one question, {figures['task_deviation']:.0%} "
        "common to a task"
        for unit, figures in quantities["held_out"].items()
    ]
    return (
        "What a question consumes is predicted from its text and task; held out, real "
        f"consumption deviates from that by (median over options) {'; '.join(parts)}."
    )


def write_joined_card(card: str, models: Sequence[Mapping[str, Any]]) -> str:
    """Write which models joined under a bundle's card, in place of what stood there.

    Parameters
    ----------
    card : str
        Markdown.
    models : sequence of mapping
        What the manifest says of every model that joined.

    Returns
    -------
    str
        Markdown.
    """
    evidence = "\n".join(
        f"- `{entry['model']}`: {entry['n_outcomes']} outcomes on {entry['n_questions']} questions "
        f"of the log `{entry['dataset']}`."
        for entry in models
    )
    return card.partition(f"\n{JOINED_HEADING}")[0] + JOINED_CARD.format(
        heading=JOINED_HEADING, models="\n".join(write_responsiveness(models)), evidence=evidence
    )


def write_pooled_card(manifest: Mapping[str, Any]) -> str:
    """Write the card of a cold-start prior, with a row for every source left out.

    Parameters
    ----------
    manifest : mapping
        The bundle's manifest, before its digests.

    Returns
    -------
    str
        Markdown.
    """
    training, calibration = manifest["training"], manifest["calibration"]
    differences = [
        entry["prior"] - max(entry["cheapest"], entry["straight"]) for entry in training["left_out"]
    ]
    rows = [
        f"| {entry['dataset']} | {entry['n_questions']} | {entry['n_options']} "
        f"| {entry['cheapest']:.3f} | {entry['straight']:.3f} | {entry['prior']:.3f} "
        f"| {entry['blind']:.3f} | {difference:+.3f} | {entry['rank_correlation']:+.2f} |"
        for entry, difference in zip(training["left_out"], differences, strict=True)
    ]
    return POOLED_CARD.format(
        n_logs=len(training["datasets"]),
        datasets=", ".join(f"`{name}`" for name in training["datasets"]),
        n_questions=training["n_questions"],
        n_rows=training["n_rows"],
        error=calibration["expected_calibration_error"],
        brier=calibration["brier_score"],
        strength_date=manifest["descriptors"]["strengths"]["date"],
        parity=training["parity_max_difference"],
        rows="\n".join(rows),
        n_ahead=sum(difference > 0 for difference in differences),
        n_scored=len(differences),
        mean_difference=sum(differences) / max(len(differences), 1),
    )
