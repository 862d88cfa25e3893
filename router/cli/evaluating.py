"""``router evaluate``: what routing is worth on one's own log."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from router.cli.arguments import JsonOption, NoProgressOption, OutOption, SeedOption
from router.cli.output import emit, print_lines, report_progress
from router.exceptions import InputError
from router.logs import read_log
from router.question_costs import MARGIN_MAX

if TYPE_CHECKING:
    from router.evaluation import Labels

__all__ = ["evaluate"]

LABELS = ("given", "absent", "unseen")

LogArgument = Annotated[
    Path,
    typer.Argument(
        metavar="LOG", help="An outcome log: .parquet, .jsonl or .csv.", show_default=False
    ),
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=-1, help="Processes to train folds in; -1 is one a core.")
]
LabelsOption = Annotated[
    str,
    typer.Option(
        "--labels",
        metavar="given|absent|unseen",
        help="Tasks' labels known, hidden, or whole tasks left out of training.",
    ),
]
RouterCostOption = Annotated[
    float,
    typer.Option(
        "--router-cost", help="What asking the router costs a question, in the log's unit."
    ),
]
MarginOption = Annotated[
    float | None,
    typer.Option(
        "--cost-margin",
        min=0.0,
        max=MARGIN_MAX,
        help="Plan with predicted costs of every question too, this share reserved on top.",
        show_default=False,
    ),
]


def evaluate(
    *,
    log: LogArgument,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    labels: LabelsOption = "given",
    router_cost: RouterCostOption = 0.0,
    cost_margin: MarginOption = None,
    out: OutOption = None,
    no_progress: NoProgressOption = False,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate this router on a log beside simpler plans, under five budgets."""
    if labels not in LABELS:
        raise InputError(f"--labels {labels!r} is unknown: allowed are {', '.join(LABELS)}")
    if jobs == 0:
        raise InputError("--jobs 0 is not allowed: give 1 or more, or -1 for one a core")
    outcomes = read_log(log)
    # Evaluation loads the trainer's libraries, so only this command waits for them.
    from router.evaluation import evaluate as evaluate_log
    from router.evaluation import render

    with report_progress(hidden=no_progress) as progress:
        evaluation = evaluate_log(
            outcomes,
            # Checked above; the word comes from the command line as a plain string.
            labels=cast("Labels", labels),
            router_cost=router_cost,
            cost_margin=cost_margin,
            seed=seed,
            n_jobs=jobs,
            progress=progress,
        )
    emit(
        evaluation.to_dict(),
        lambda: print_lines(render(evaluation).split("\n")),
        as_json=as_json,
        out=out,
    )
