"""A forecast as one page that needs nothing else: no script, font or picture from outside."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from router.evaluation.forecast_pictures import (
    draw_curve,
    draw_gains,
    draw_reliability,
    draw_shares,
    draw_tasks,
)
from router.evaluation.forecast_text import judge, judge_gain, list_losses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router.evaluation.forecast import BudgetForecast, Forecast

__all__ = ["render_page"]

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.verdict { font-size: 1.1rem; border-left: 4px solid #0072B2; padding: .4rem 1rem;
  background: #f3f7fa; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
td.gains { color: #005a8c; font-weight: 600; } td.loses { color: #a84300; font-weight: 600; }
svg { max-width: 100%; height: auto; }
.note { color: #444; font-size: .95rem; }
"""
PLAN_NAMES = {
    "uniform": "best single option",
    "blind": "best fixed mix",
    "task": "task means",
    "ridge": "text ridge",
    "router": "router",
    "staged": "staged",
    "oracle": "oracle (hindsight)",
}
EXPLANATION = (
    "Every question was planned by a model that had not seen it, at the mean cost an option had in "
    "the other folds, and scored by what really followed. Intervals are 95 % bootstraps over "
    "questions, paired with the fixed mix. The oracle knows every outcome beforehand and cannot be "
    "had; on single runs it picks lucky ones. A budget here is the mean cost a question; "
    "router allocate --budget takes the sum over a batch."
)


def render_page(forecast: Forecast) -> str:
    """Write a forecast as one page of HTML.

    Parameters
    ----------
    forecast : Forecast
        Of any policy.

    Returns
    -------
    str

    Raises
    ------
    MissingExtraError
        If matplotlib, which the extra ``[report]`` brings, is not installed.
    """
    title = f"What the {forecast.policy} policy would have done on {forecast.dataset}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _sum_up(forecast),
        f'<p class="verdict">{escape(judge(forecast))}</p>',
        "<h2>What a budget buys</h2>",
        draw_curve(forecast),
        "<h2>What the policy adds to the best fixed mix</h2>",
        draw_gains(forecast),
        "<h2>What to expect at each budget</h2>",
        _show_budgets(forecast),
        "<h2>Where it would lose</h2>",
        _show_losses(forecast),
        draw_tasks(forecast),
        "<h2>Who gets what</h2>",
        draw_shares(forecast),
        "<h2>Can its predictions be believed?</h2>",
        draw_reliability(forecast),
        "<h2>The options themselves</h2>",
        _show_options(forecast),
        "<h2>How this was measured</h2>",
        _explain(forecast),
        *(f'<p class="note">{escape(note)}</p>' for note in forecast.notes),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _sum_up(forecast: Forecast) -> str:
    """Say what was looked at."""
    what = f"{forecast.n_questions:,} questions, {len(forecast.options)} options"
    return f"<p>{what}, costs in {escape(forecast.cost_unit)}.</p>"


def _explain(forecast: Forecast) -> str:
    """Say how it was measured."""
    text = f"{EXPLANATION} Seed {forecast.seed}, {forecast.n_resamples} resamples."
    return f'<p class="note">{escape(text)}</p>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str | tuple[str, str]]]) -> str:
    """Write a table; a cell may bring the name of its class."""
    lines = ["<tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>"]
    for row in rows:
        cells = []
        for cell in row:
            text, kind = cell if isinstance(cell, tuple) else (cell, "")
            cells.append(f'<td class="{kind}">{escape(text)}</td>' if kind else _plain(text))
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return '<div class="wide"><table>' + "\n".join(lines) + "</table></div>"


def _plain(text: str) -> str:
    """Write a cell."""
    return f"<td>{escape(text)}</td>"


def _show_budgets(forecast: Forecast) -> str:
    """Tabulate every plan at every budget."""
    plans = [plan.plan for plan in forecast.budgets[0].plans]
    head = [
        f"budget, {forecast.cost_unit} a question",
        *(PLAN_NAMES[plan] for plan in plans),
        "gain [95 %]",
        "",
        "really spent",
        "batches over",
        "worst",
    ]

    def show(row: BudgetForecast) -> Sequence[str | tuple[str, str]]:
        plan = row.find(forecast.plan)
        gain = plan.gain_over_blind
        word = judge_gain(gain)
        return [
            f"{row.budget:.4g}",
            *(f"{found.quality:.3f}" for found in row.plans),
            f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]",
            (word, word.replace(" ", "-")),
            f"{plan.spend / row.budget:.1%}" if row.budget > 0.0 else "-",
            f"{row.batches_over:.0%}",
            f"+{row.excess_max:.1%}",
        ]

    return _table(head, [show(row) for row in forecast.budgets])


def _show_losses(forecast: Forecast) -> str:
    """Tabulate where the policy is behind the fixed mix."""
    losses = list_losses(forecast)
    if not losses:
        return "<p>Behind the best fixed mix on no task and no difficulty of this log.</p>"
    rows = []
    for part in losses:
        gain = part.gain_over_blind
        known = gain.value is not None and gain.low is not None and gain.high is not None
        shown = f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]" if known else "-"
        rows.append([part.name, str(part.n_questions), f"{part.router:.3f}", shown])
    head = ["task or difficulty", "questions", "quality", "gain over the best fixed mix [95 %]"]
    return _table(head, rows)


def _show_options(forecast: Forecast) -> str:
    """Tabulate the options' means, the cheapest first."""
    order = sorted(forecast.options.items(), key=lambda item: item[1])
    rows = [[name, f"{cost:.4g}", f"{quality:.3f}"] for name, (cost, quality) in order]
    return _table(["option", f"mean cost, {forecast.cost_unit}", "mean quality"], rows)
