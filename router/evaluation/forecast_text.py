"""A forecast in words and columns, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.evaluation.sections import align

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.evaluation.forecast import Forecast
    from router.evaluation.strata import Stratum
    from router.scoring import Interval

__all__ = ["judge", "judge_gain", "list_losses", "render_forecast"]

TASKS_SHOWN = 12
BUDGET_NOTE = (
    "a budget here is the mean cost a question; router allocate --budget takes the sum over a batch"
)


def judge_gain(gain: Interval) -> str:
    """Say in a word what a gain with its interval shows.

    Examples
    --------
    >>> from router.scoring import Interval
    >>> judge_gain(Interval(0.02, 0.01, 0.03)), judge_gain(Interval(0.0, -0.01, 0.01))
    ('gains', 'not shown')
    """
    if gain.low > 0.0:
        return "gains"
    return "loses" if gain.high < 0.0 else "not shown"


def judge(forecast: Forecast) -> str:
    """Sum up a forecast in a sentence or two.

    Parameters
    ----------
    forecast : Forecast
        Of any policy.

    Returns
    -------
    str
    """
    gains = [row.find(forecast.plan).gain_over_blind for row in forecast.budgets]
    words = [judge_gain(gain) for gain in gains]
    best = max(range(len(gains)), key=lambda place: gains[place].mean)
    gain, row = gains[best], forecast.budgets[best]
    head = (
        f"Against the best fixed mix of options, the {forecast.policy} policy gains at "
        f"{words.count('gains')} of {len(words)} budgets, loses at {words.count('loses')}, and "
        f"shows no difference at {words.count('not shown')}."
    )
    tail = (
        f" Its largest gain is {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] at "
        f"{row.budget:.4g} {forecast.cost_unit} a question"
    )
    # The largest of several figures owes part of its size to chance.
    picked = ""
    if len(words) > 1 and gain.mean > 0.0:
        picked = f"; being the largest of {len(words)}, it is rather too high"
    return f"{head}{tail}{picked}."


def list_losses(forecast: Forecast) -> list[Stratum]:
    """List the tasks and difficulties where the policy is behind the fixed mix, worst first.

    Parameters
    ----------
    forecast : Forecast
        Of any policy.

    Returns
    -------
    list of Stratum
    """
    parts = [*forecast.by_task, *forecast.by_difficulty]
    behind = [part for part in parts if (part.gain_over_blind.value or 0.0) < 0.0]
    return sorted(behind, key=lambda part: part.gain_over_blind.value or 0.0)


def render_forecast(forecast: Forecast) -> str:
    """Write a forecast as plain text.

    Parameters
    ----------
    forecast : Forecast
        Of any policy.

    Returns
    -------
    str
    """
    names = [plan.plan for plan in forecast.budgets[0].plans]
    rows = [["budget", *names, "gain over blind", "95 % interval", "", "spent", "worst fold"]]
    for row in forecast.budgets:
        plan = row.find(forecast.plan)
        gain = plan.gain_over_blind
        rows.append(
            [
                f"{row.budget:.4g}",
                *(f"{found.quality:.4f}" for found in row.plans),
                f"{gain.mean:+.4f}",
                f"[{gain.low:+.4f}, {gain.high:+.4f}]",
                judge_gain(gain),
                f"{plan.spend / row.budget:.1%}" if row.budget > 0.0 else "-",
                f"+{row.excess_max:.1%}",
            ]
        )
    what = f"{forecast.n_questions} questions, {len(forecast.options)} options"
    how = f"policy {forecast.policy}, mean cost a question in {forecast.cost_unit}"
    lines = [
        f"{forecast.dataset}: {what}, {how}",
        judge(forecast),
        "",
        *align(rows),
        "",
        *_render_losses(forecast),
    ]
    lines += [f"note: {note}" for note in (BUDGET_NOTE, *forecast.notes)]
    return "\n".join(lines)


def _render_losses(forecast: Forecast) -> list[str]:
    """Say where the policy would lose."""
    losses = list_losses(forecast)
    if not losses:
        return ["It is behind the fixed mix on no task and no difficulty.", ""]
    rows = [["behind on", "questions", "gain over blind", "95 % interval"]]
    rows += [
        [part.name, str(part.n_questions), *_show_estimate(part)] for part in losses[:TASKS_SHOWN]
    ]
    hidden = len(losses) - TASKS_SHOWN
    return [*align(rows), *([f"and {hidden} more"] if hidden > 0 else []), ""]


def _show_estimate(part: Stratum) -> Sequence[str]:
    """Show a gain with its interval."""
    gain = part.gain_over_blind
    if gain.value is None or gain.low is None or gain.high is None:
        return ["-", "-"]
    return [f"{gain.value:+.4f}", f"[{gain.low:+.4f}, {gain.high:+.4f}]"]
