"""``router simulate``: what a budget would have done on one's own log."""

# No postponed annotations here: typer reads them when the command is declared.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from router.cli.arguments import JsonOption, NoProgressOption, OutOption, SeedOption
from router.cli.output import emit, print_lines, report_progress
from router.exceptions import InputError
from router.logs import read_log
from router.tables import write_bytes_atomically

if TYPE_CHECKING:
    from router.evaluation.forecast import Policy

__all__ = ["simulate"]

LogArgument = Annotated[
    Path,
    typer.Argument(
        metavar="LOG", help="An outcome log: .parquet, .jsonl or .csv.", show_default=False
    ),
]
PolicyOption = Annotated[
    str,
    typer.Option(
        "--policy",
        metavar="upfront|staged|uniform",
        help="One plan beforehand, one with second tries where a check fails, or one option for "
        "all.",
    ),
]
BudgetsOption = Annotated[
    str | None,
    typer.Option(
        "--budgets",
        metavar="B1,B2,...",
        help="Mean cost a question in the log's unit, not a sum as in `router allocate --budget`; "
        "by default ten from cheapest to best.",
        show_default=False,
    ),
]
ReportOption = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html",
        help="Also write the report as one page, with pictures.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int, typer.Option("--jobs", min=-1, help="Processes to train folds in; -1 is one a core.")
]


def simulate(
    *,
    log: LogArgument,
    policy: PolicyOption = "upfront",
    budgets: BudgetsOption = None,
    report: ReportOption = None,
    seed: SeedOption = 0,
    jobs: JobsOption = 1,
    out: OutOption = None,
    no_progress: NoProgressOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what budgets would have bought on a log, and where the policy would lose."""
    amounts = _read_budgets(budgets)
    if jobs == 0:
        raise InputError("--jobs 0 is not allowed: give 1 or more, or -1 for one a core")
    outcomes = read_log(log)
    # Evaluation loads the trainer's libraries, so only this command waits for them.
    from router.evaluation.forecast import forecast
    from router.evaluation.forecast_page import render_page
    from router.evaluation.forecast_pictures import check_pictures
    from router.evaluation.forecast_text import render_forecast

    if report is not None:
        check_pictures()
    with report_progress(hidden=no_progress) as progress:
        found = forecast(
            outcomes,
            policy=cast("Policy", policy),
            budgets=amounts,
            seed=seed,
            n_jobs=jobs,
            progress=progress,
        )
    if report is not None:
        write_bytes_atomically(report, render_page(found).encode("utf-8"))
    emit(
        found.to_dict(),
        lambda: print_lines(render_forecast(found).split("\n")),
        as_json=as_json,
        out=out,
    )


def _read_budgets(text: str | None) -> list[float] | None:
    """Read numbers between commas."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"--budgets {text!r}: numbers with commas between them are needed, as in 0.5,1,2"
        ) from None
