"""Pictures of a forecast, each with one idea, as SVG that a page can hold."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.evaluation.forecast import Forecast

__all__ = [
    "check_pictures",
    "draw_curve",
    "draw_gains",
    "draw_reliability",
    "draw_shares",
    "draw_tasks",
]

# Okabe and Ito's colours, which most colour-blind readers tell apart.
COLOURS = {
    "uniform": "#999999",
    "blind": "#000000",
    "task": "#E69F00",
    "ridge": "#56B4E9",
    "router": "#0072B2",
    "staged": "#D55E00",
    "oracle": "#009E73",
}
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#999999")
LABELS = {"blind": "best fixed mix", "uniform": "best single option", "task": "task means"}
OPTIONS_SHOWN = 7
TASKS_SHOWN = 20


def check_pictures() -> None:
    """Make sure that pictures can be drawn, before long work is done for them.

    Raises
    ------
    MissingExtraError
        If matplotlib, which the extra ``[report]`` brings, is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError.for_extra("report", "drawing a report")


def _draw(paint: Callable[[Any], None], *, width: float = 7.2, height: float = 3.8) -> str:
    """Let one picture be painted and give it as SVG."""
    check_pictures()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Texts stay texts, identifiers stay the same from run to run, and nothing says when.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "forecast", "font.size": 9.5}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        paint(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def draw_curve(forecast: Forecast) -> str:
    """Draw quality against what was really spent, for every plan.

    Returns
    -------
    str
        An ``<svg>`` element.
    """

    def paint(axes: Any) -> None:
        """Paint it."""
        cost, quality = np.array(list(forecast.options.values())).T
        axes.plot(cost, quality, "o", color="#bbbbbb", markersize=4, label="single options")
        for place, plan in enumerate(forecast.budgets[0].plans):
            rows = [row.plans[place] for row in forecast.budgets]
            mine = plan.plan == forecast.plan
            axes.plot(
                [row.spend for row in rows],
                [row.quality for row in rows],
                color=COLOURS[plan.plan],
                linewidth=2.6 if mine else 1.3,
                linestyle="--" if plan.plan == "oracle" else "-",
                label=LABELS.get(plan.plan, plan.plan),
            )
        axes.set_xlim(0.0, 1.15 * max(row.budget for row in forecast.budgets))
        axes.set_xlabel(f"really spent, {forecast.cost_unit} a question")
        axes.set_ylabel("mean quality")
        axes.legend(frameon=False, fontsize=8.5, ncols=2)

    return _draw(paint)


def draw_gains(forecast: Forecast) -> str:
    """Draw the policy's gain over the best fixed mix, with its interval, by budget.

    Returns
    -------
    str
        An ``<svg>`` element.
    """

    def paint(axes: Any) -> None:
        """Paint it."""
        gains = np.array([row.find(forecast.plan).gain_over_blind for row in forecast.budgets])
        budgets = [row.budget for row in forecast.budgets]
        axes.axhline(0.0, color="black", linewidth=0.8)
        axes.fill_between(
            budgets, gains[:, 1], gains[:, 2], color=COLOURS[forecast.plan], alpha=0.2, linewidth=0
        )
        axes.plot(budgets, gains[:, 0], "o-", color=COLOURS[forecast.plan], markersize=4)
        axes.set_xlabel(f"budget, {forecast.cost_unit} a question")
        axes.set_ylabel("gain over the best fixed mix")

    return _draw(paint, height=3.0)


def draw_tasks(forecast: Forecast) -> str:
    """Draw the gain on every task, the worst at the top.

    Returns
    -------
    str
        An ``<svg>`` element; empty where the log has no tasks.
    """
    parts = [part for part in forecast.by_task if part.gain_over_blind.value is not None]
    if not parts:
        return ""
    parts.sort(key=lambda part: part.gain_over_blind.value or 0.0)
    parts = parts[:TASKS_SHOWN]

    def paint(axes: Any) -> None:
        """Paint it."""
        for place, part in enumerate(parts):
            gain = part.gain_over_blind
            value = gain.value or 0.0
            colour = "#0072B2" if value >= 0.0 else "#D55E00"
            axes.plot([gain.low, gain.high], [place, place], color=colour, linewidth=1.6)
            axes.plot([value], [place], "o", color=colour, markersize=5)
        axes.axvline(0.0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(parts)), [f"{p.name[:32]} ({p.n_questions})" for p in parts])
        axes.invert_yaxis()
        axes.set_xlabel("gain over the best fixed mix, mean over the budgets")

    return _draw(paint, height=1.0 + 0.24 * len(parts))


def draw_shares(forecast: Forecast) -> str:
    """Draw which share of the questions gets what, by budget.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    total: dict[str, float] = {}
    for row in forecast.budgets:
        for name, share in row.shares.items():
            total[name] = total.get(name, 0.0) + share
    kept = sorted(total, key=lambda name: -total[name])[:OPTIONS_SHOWN]

    def paint(axes: Any) -> None:
        """Paint it."""
        below = np.zeros(len(forecast.budgets))
        places = np.arange(len(forecast.budgets))
        table = [[row.shares.get(name, 0.0) for row in forecast.budgets] for name in kept]
        rest = 1.0 - np.sum(table, axis=0)
        if (rest > 1e-9).any():
            table, names = [*table, rest.tolist()], [*kept, f"{len(total) - len(kept)} others"]
        else:
            names = kept
        for place, (name, shares) in enumerate(zip(names, table, strict=True)):
            axes.bar(places, shares, bottom=below, color=CYCLE[place % 8], label=name, width=0.8)
            below += np.array(shares)
        axes.set_xticks(places, [f"{row.budget:.3g}" for row in forecast.budgets], rotation=45)
        axes.set_xlabel(f"budget, {forecast.cost_unit} a question")
        axes.set_ylabel("share of questions")
        axes.legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))

    return _draw(paint, width=9.2)


def draw_reliability(forecast: Forecast) -> str:
    """Draw predicted against observed quality.

    Returns
    -------
    str
        An ``<svg>`` element.
    """

    def paint(axes: Any) -> None:
        """Paint it."""
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
        bins = forecast.reliability
        axes.plot([b.predicted for b in bins], [b.observed for b in bins], "o-", color="#0072B2")
        axes.set_xlabel("predicted quality")
        axes.set_ylabel("observed quality")
        axes.set_aspect("equal")

    return _draw(paint, width=3.8)
