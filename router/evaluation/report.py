"""The report of an evaluation: figures ready for JSON, and the same as plain text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from router.evaluation.sections import align, render_overspending, render_sections

if TYPE_CHECKING:
    from router.evaluation.calibration import CalibrationReport
    from router.evaluation.labels import Labels
    from router.evaluation.overspending import OverspendingRow
    from router.evaluation.routing import RoutingReport
    from router.evaluation.strata import Stratum
    from router.scoring import Interval

__all__ = ["BudgetReport", "Evaluation", "MultiplierReport", "render"]

# The knapsack's plan of the router's surface is for comparison of planners: in the JSON only.
SHOWN_PLANS = (
    "cheapest",
    "uniform",
    "blind",
    "hindsight",
    "task",
    "ridge",
    "router",
    "oracle",
)


@dataclass(frozen=True, slots=True)
class MultiplierReport:
    """The effective-compute multiplier of one budget.

    Parameters
    ----------
    value : float or None
        Cost at which the best fixed mix has the router's quality over the router's real cost.
    status : {"reached", "beyond", "below", "free"}
        See ``router.scoring.Multiplier``: ``beyond`` makes `value` a lower bound.
    low, high : float or None
        Bootstrap 95 % interval over questions, draws outside the frontier moved to its end.
    """

    value: float | None
    status: Literal["reached", "beyond", "below", "free"]
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What every plan reached under one budget, or on average over the budgets.

    Parameters
    ----------
    fraction : float or None
        Where the budget lies between the cheapest and the best option; None for the mean.
    budget : float
        Mean cost a question that plans may have, in the log's unit.
    quality : dict of str to float
        Mean true quality by plan.
    spend_ratio : dict of str to float or None
        Cost really incurred over the budget, by plan: above 1 where questions cost more than
        their option's mean; None for a budget of zero.
    gain_over_blind, gain_over_ridge : Interval
        Router minus baseline with its paired bootstrap 95 % interval.
    headroom_captured : float or None
        (router - blind) / (oracle - blind); None where there is no headroom.
    multiplier : MultiplierReport or None
        None for the mean and in the observed form.
    """

    fraction: float | None
    budget: float
    quality: dict[str, float]
    spend_ratio: dict[str, float | None]
    gain_over_blind: Interval
    gain_over_ridge: Interval
    headroom_captured: float | None
    multiplier: MultiplierReport | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A router's worth on a log, beside what simpler plans reach.

    Parameters
    ----------
    dataset : str
        Name of the log.
    form : {"complete", "observed"}
        The protocol's form: see ``router.evaluation.protocol``.
    n_questions : int
        Questions that are scored.
    n_questions_log : int
        Questions of the log; all of them teach outside their fold.
    options : tuple of str
        Names of the options.
    coverage : float
        Share of the log's (question, option) pairs that were tried.
    cost_unit : str
        Unit of costs and budgets.
    budgets : tuple of BudgetReport
        By budget.
    mean : BudgetReport
        Over the budgets.
    seed : int
        Seed of the learner and the bootstrap.
    n_resamples : int
        Resamples of the bootstrap.
    seconds : dict of str to float
        Wall-clock time by part.
    notes : tuple of str
        What a reader must know to read the figures.
    labels : {"given", "absent", "unseen"}
        What the router was told of tasks: see ``router.evaluation.labels``.
    router_cost : float
        What asking the router was charged a question, in `cost_unit`.
    routing : RoutingReport, optional
        The field's standard figures.
    calibration : CalibrationReport, optional
        Of the cross-fitted surface.
    overspending : tuple of OverspendingRow
        What plans really spent, plan by plan and budget by budget.
    by_task, by_difficulty : tuple of Stratum
        Router and blind mix on parts of the questions, mean over the budgets.
    """

    dataset: str
    form: Literal["complete", "observed"]
    n_questions: int
    n_questions_log: int
    options: tuple[str, ...]
    coverage: float
    cost_unit: str
    budgets: tuple[BudgetReport, ...]
    mean: BudgetReport
    seed: int
    n_resamples: int
    seconds: dict[str, float]
    notes: tuple[str, ...]
    labels: Labels = "given"
    router_cost: float = 0.0
    routing: RoutingReport | None = None
    calibration: CalibrationReport | None = None
    overspending: tuple[OverspendingRow, ...] = ()
    by_task: tuple[Stratum, ...] = ()
    by_difficulty: tuple[Stratum, ...] = ()

    @property
    def n_options(self) -> int:
        """Number of options."""
        return len(self.options)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, numbers and texts, ready for JSON.

        Returns
        -------
        dict
            The fields by name and ``n_options``; intervals as ``mean``, ``low`` and ``high``;
            no number in it is infinite or NaN.
        """
        content = asdict(self)
        content["n_options"] = self.n_options
        for source, target in zip(
            (*self.budgets, self.mean), (*content["budgets"], content["mean"]), strict=True
        ):
            for name in ("gain_over_blind", "gain_over_ridge"):
                target[name] = getattr(source, name)._asdict()
        for row, entry in zip(self.overspending, content["overspending"], strict=True):
            if row.gain_at_equal_cost is not None:
                entry["gain_at_equal_cost"] = row.gain_at_equal_cost._asdict()
        for name in ("budgets", "options", "notes", "overspending", "by_task", "by_difficulty"):
            content[name] = list(content[name])
        if self.routing is not None:
            for name in ("choice_entropy_bits", "curve"):
                content["routing"][name] = list(content["routing"][name])
        if self.calibration is not None:
            for name in ("bins", "surfaces", "by_option"):
                content["calibration"][name] = list(content["calibration"][name])
        return content


def render(evaluation: Evaluation) -> str:
    """Render an evaluation as aligned plain text.

    Parameters
    ----------
    evaluation : Evaluation
        What to show.

    Returns
    -------
    str
        A heading, a table of qualities, a table of comparisons, then where they were measured
        standard figures, calibration and strata, and the notes, one line each.
    """
    reports = (*evaluation.budgets, evaluation.mean)
    shown = [name for name in SHOWN_PLANS if name in evaluation.mean.quality]
    qualities = [("budget", "mean cost", *shown)] + [
        (
            _name(report),
            f"{report.budget:.6g}",
            *(f"{report.quality[name]:.4f}" for name in shown),
        )
        for report in reports
    ]
    comparisons = [
        (
            "budget",
            "gain over blind",
            "gain over ridge",
            "compute multiplier",
            "headroom",
            "spent/budget",
        )
    ] + [
        (
            _name(report),
            _interval(report.gain_over_blind),
            _interval(report.gain_over_ridge),
            _multiplier(report.multiplier),
            _number(report.headroom_captured, "{:.1%}"),
            _number(report.spend_ratio["router"], "{:.3f}"),
        )
        for report in reports
    ]
    seconds = ", ".join(f"{part} {time:.1f}" for part, time in evaluation.seconds.items())
    blocks = [
        _head(evaluation),
        *align(qualities),
        "",
        *align(comparisons),
        "",
        *render_overspending(evaluation.overspending),
        *render_sections(
            evaluation.routing,
            evaluation.calibration,
            {"difficulty": evaluation.by_difficulty, "task": evaluation.by_task},
        ),
        *(f"note: {note}" for note in evaluation.notes),
        f"seconds: {seconds}",
    ]
    return "\n".join(blocks)


def _head(evaluation: Evaluation) -> str:
    """Say what was evaluated."""
    head = (
        f"{evaluation.dataset}: {evaluation.n_questions} of {evaluation.n_questions_log} questions"
        f" x {evaluation.n_options} options, {evaluation.form} form, coverage "
        f"{evaluation.coverage:.1%}, cost in {evaluation.cost_unit}"
    )
    # The usual setting goes without saying.
    head += "" if evaluation.labels == "given" else f", task labels {evaluation.labels}"
    charged = f", router charged {evaluation.router_cost:.6g} a question"
    return head + (charged if evaluation.router_cost else "")


def _name(report: BudgetReport) -> str:
    """Name a row of a table."""
    return "mean" if report.fraction is None else f"{report.fraction:.2f}"


def _number(value: float | None, form: str) -> str:
    """Write a number that may be absent."""
    return "-" if value is None else form.format(value)


def _interval(interval: Interval) -> str:
    """Write a gain with the ends of its interval."""
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def _multiplier(multiplier: MultiplierReport | None) -> str:
    """Write a multiplier, marking a lower bound."""
    if multiplier is None:
        return "-"
    if multiplier.value is None:
        return multiplier.status
    bound = ">= " if multiplier.status == "beyond" else ""
    text = f"{bound}{multiplier.value:.2f}x"
    if multiplier.low is None or multiplier.high is None:
        return text
    return f"{text} [{multiplier.low:.2f}, {multiplier.high:.2f}]"
