"""``router off-policy``: what another budget or policy would have brought, from logged choices."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from router.cli.arguments import JsonOption, NoProgressOption, OutOption, SeedOption
from router.cli.output import emit, print_lines, report_progress
from router.exceptions import InputError

if TYPE_CHECKING:
    from router.evaluation.off_policy import Estimator

__all__ = ["estimate_policies"]

LogArgument = Annotated[
    Path,
    typer.Argument(
        metavar="LOG",
        help="An outcome log with propensities, one row a choice: .parquet, .jsonl or .csv.",
        show_default=False,
    ),
]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        metavar="POLICY",
        help="upfront:BUDGET (the router's plan at that mean cost a choice), mix:BUDGET (the best "
        "fixed mix), an option's name, uniform (each option as likely) or plan:FILE. May be "
        "repeated.",
        show_default=False,
    ),
]
EstimatorOption = Annotated[
    str,
    typer.Option(
        "--estimator",
        metavar="NAME",
        help="doubly_robust, ips, snips, direct, switch or shrinkage.",
    ),
]
ConfidenceOption = Annotated[float, typer.Option("--confidence", help="Of the intervals.")]
BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="BUNDLE",
        help="The bundle that plans upfront:BUDGET, not trained on this log; by default models "
        "trained on the other folds of the log.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=-1, help="Processes to train folds in; -1 is one a core.")
]


def estimate_policies(
    *,
    log: LogArgument,
    policy: PolicyOption = None,
    estimator: EstimatorOption = "doubly_robust",
    confidence: ConfidenceOption = 0.95,
    model: BundleOption = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
    no_progress: NoProgressOption = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate from logged choices what other policies would have brought and cost."""
    if not policy:
        raise InputError("a policy (--policy) is needed, as mix:0.002 or an option's name")
    if jobs == 0:
        raise InputError("--jobs 0 is not allowed: give 1 or more, or -1 for one a core")
    from router.evaluation.off_policy_choices import read_choices
    from router.evaluation.off_policy_report import compare_policies, render_report
    from router.models.bundle import Bundle

    choices = read_choices(log)
    bundle = None if model is None else Bundle.load(model)
    with report_progress(hidden=no_progress) as progress:
        report = compare_policies(
            choices,
            policy,
            # Checked where it is used; the word comes from the command line as a plain string.
            estimator=cast("Estimator", estimator),
            confidence=confidence,
            bundle=bundle,
            seed=seed,
            n_jobs=jobs,
            progress=progress,
        )
    emit(
        report.to_dict(),
        lambda: print_lines(render_report(report).split("\n")),
        as_json=as_json,
        out=out,
    )
