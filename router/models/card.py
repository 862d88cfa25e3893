"""Model cards: what a bundle was trained on, what it is worth, and where not to trust it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from router.models.responsiveness import write_responsiveness
from router.models.text_part import suits_mixed_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["write_joined_card", "write_log_card", "write_pooled_card"]

LOG_CARD = """\
# Model card

A gain model for {n_options} options, trained on {n_questions} questions ({n_rows} outcomes, \
coverage {coverage:.0%}) of the log `{dataset}`.

- **Use.** Expected quality of these options on questions like those of the log. {strangers}
- **Cost.** The log's unit is `{cost_unit}`. {quantities}
- **Tasks.** {tasks}
- **Context.** {context}
- **Calibration, out of fold.** Expected calibration error {error:.4f}, Brier score {brier:.4f}.
- **Intervals.** Nine times of ten the mean quality of alike questions lies in the interval, \
{width:.3f} to either side at the median, as far as new questions are like those of the log. \
Questions that are not have a low `familiarity` and are planned by the options' means.
{text}
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

LEARNERS = """\
- **What the text was worth.** Weights of the learners (dense, shape, words, all n-grams, task, \
trees), as far as out-of-fold evidence let them stand: {weights}. All zero means that plans rest \
on tasks and options' means alone."""
MIXED = """\
- **Task and text.** A mixed model, as the log is small."""
BORROWED = """
- **Features.** {learned_from} The encoder of texts is that of another bundle (fingerprint \
`{fingerprint}`), taken as it is: words that its training did not hold are not seen, and a task \
without a label is told from its features alone. A log with texts can be trained on without this \
loss."""
PRIOR = """
- **Prior.** Bundle `{prior}` guessed the options' means; the log's outcomes weighed the guess."""

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

## A hundred own questions with it, two hundred without

`router train --prior` on *n* questions of a log that the prior has not seen, on as many and on \
twice as many without it; means over five random deals of the questions and the five budgets, on \
up to 1,500 other questions. *reached* where *n + prior* is not below *2 n*; where the interval of \
the difference (95 %, over deals) holds zero, that may be chance.

| left out | n | prior alone | n | n + prior | 2 n | difference [95 %] | reached |
|---|---|---|---|---|---|---|---|
{joined}

Reached on {n_reached} of {n_joined} logs; the prior adds {mean_gain:+.4f} to *n* on average, the \
second *n* questions {mean_twice:+.4f}.
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
        context=_write_context(manifest["features"].get("context"), manifest.get("encoder")),
        error=calibration["expected_calibration_error"],
        brier=calibration["brier_score"],
        width=median(calibration["width"]),
        text=_describe_text(training) + _describe_borrowed(manifest),
        parity=training["parity_max_difference"],
        models="\n".join(write_responsiveness(manifest["models"])),
    )


def _write_context(context: Mapping[str, Any] | None, encoder: Mapping[str, Any] | None) -> str:
    """Say which numbers known beforehand, and which embeddings, are read."""
    if context is None:
        said = "Text and task alone are read; numbers known beforehand are ignored."
    else:
        names = ", ".join(context["names"])
        said = (
            f"Beside the text these numbers known beforehand are read: {names}. Any may be missing."
        )
    if encoder is None:
        return said
    return (
        f"{said} {encoder['n_columns']} components of the embeddings of {encoder['name']!r} "
        f"({encoder['fingerprint']}) are read too; without it every question counts as average."
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


def _describe_text(training: Mapping[str, Any]) -> str:
    """Say how the text was learned from, and from what else."""
    mixed = suits_mixed_model(training["n_questions"], has_prior="prior" in training)
    weights = ", ".join(f"{weight:.2f}" for weight in training["learner_weights"])
    text = MIXED if mixed else LEARNERS.format(weights=weights)
    return text + (PRIOR.format(**training) if "prior" in training else "")


def _describe_borrowed(manifest: Mapping[str, Any]) -> str:
    """Say what was learned from features in place of texts, where that was so."""
    n_texts, n_questions = (manifest["training"].get(name) for name in ("n_texts", "n_questions"))
    if n_texts is None:
        return ""
    said = f"Of {n_texts} questions the log had the text, of {n_questions - n_texts} the features."
    return BORROWED.format(learned_from=said, fingerprint=manifest["features"]["fingerprint"])


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
    joined = training.get("joined", [])
    return POOLED_CARD.format(
        joined="\n".join(map(_format_joined, joined)),
        n_reached=sum(entry["difference"] >= 0.0 for entry in joined),
        n_joined=len(joined),
        mean_gain=_average(entry["joined"] - entry["own"] for entry in joined),
        mean_twice=_average(entry["twice"] - entry["own"] for entry in joined),
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


def _format_joined(entry: Mapping[str, Any]) -> str:
    """Write the row of one log on which the prior was tried with own outcomes."""
    return (
        f"| {entry['dataset']} | {entry['n_own']} | {entry['prior']:.4f} | {entry['own']:.4f} "
        f"| {entry['joined']:.4f} | {entry['twice']:.4f} | {entry['difference']:+.4f} "
        f"[{entry['low']:+.4f}, {entry['high']:+.4f}] "
        f"| {'yes' if entry['difference'] >= 0.0 else 'no'} |"
    )


def _average(values: Iterable[float]) -> float:
    """Average numbers; nothing averages to zero."""
    listed = list(values)
    return float(sum(listed)) / max(len(listed), 1)
