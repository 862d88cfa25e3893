"""Plans and curves as tables for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.cli.output import print_lines, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choices import Choice
    from router.curves import CurvePoint
    from router.plan import Plan

__all__ = ["show_curve", "show_plan"]

BAR_COLUMNS = 30


def show_plan(plan: Plan) -> None:
    """Print a plan: a row a question, then totals, prices, gap and notes.

    Parameters
    ----------
    plan : Plan
        What to show.
    """
    units = plan.units
    print_table(
        ("question", "option", "difficulty", "quality", "gain", "/search", "/1k tokens", *units),
        [_describe_choice(choice, units) for choice in plan.choices],
        n_left=2,
        more=": --json or --out has all",
    )
    print_lines(_summarise_plan(plan))


def _describe_choice(choice: Choice, units: Sequence[str]) -> tuple[str, ...]:
    """Write one row of a plan's table."""
    return (
        choice.id,
        _name_option(choice),
        f"{choice.difficulty:.3f}",
        f"{choice.expected_quality:.3f}",
        f"{choice.expected_gain:+.3f}",
        _write_slope(choice.marginal_gain_per_search),
        _write_slope(choice.marginal_gain_per_1000_reasoning_tokens),
        *(f"{choice.cost[unit]:.4g}" for unit in units),
    )


def _name_option(choice: Choice) -> str:
    """Name what a question got, marked where it is planned by the options' means."""
    return (choice.option or choice.status) + (" (means)" if choice.evidence == "means" else "")


def _write_slope(value: float | None) -> str:
    """Write a marginal gain, or a dash where the menu has no such axis."""
    return "-" if value is None else f"{value:+.4f}"


def _write_doubt(totals: Mapping[str, Any]) -> str:
    """Write how likely the budget is exceeded, where consumption was learned."""
    return "".join(
        f"; {totals['expected_cost'][unit]:.6g} {unit} expected, over the budget with "
        f"{chance:.0%} probability"
        for unit, chance in totals["overspend_probability"].items()
        if chance is not None
    )


def _summarise_plan(plan: Plan) -> list[str]:
    """Write what stands below a plan's table."""
    totals = plan.totals
    n_answers = totals["n_answers"]
    quality, gain = totals["expected_quality"], totals["expected_gain"]
    budget, cost = totals["budget"], totals["cost"]
    spent = [
        f"{cost[unit]:.6g}" + (f" of {budget[unit]:.6g}" if unit in budget else "") + f" {unit}"
        for unit in plan.units
    ]
    # A log's own unit only repeats what a unit of its own says already.
    besides = [f"{cost[unit]:.6g} {unit}" for unit in cost if unit not in {*plan.units, "nominal"}]
    prices = [f"{price:.6g} quality per {unit}" for unit, price in plan.shadow_price.items()]
    statuses = [f"{count} {status}" for status, count in totals["statuses"].items() if count]
    expected = f"expected quality {quality:.3f} of {n_answers} ({quality / n_answers:.1%})"
    if totals["quality_interval"] is not None:
        low, high = totals["quality_interval"]
        expected += f", nine times of ten from {low:.3f} to {high:.3f}"
    planned = f"planned cost {', '.join(spent)}" + (f" ({', '.join(besides)})" if besides else "")
    aim = "the optimum" if plan.target_quality is None else "the least cost"
    return [
        f"{expected}, gain over the cheapest option {gain:+.3f}",
        *_describe_objective(plan, totals),
        planned + _write_doubt(totals),
        f"shadow price {', '.join(prices)}; proven gap to {aim} {plan.gap:.2%}",
        f"questions: {', '.join(statuses)}",
        f"{plan.plan_id}, bundle {plan.bundle_id}, prices {plan.price_id}",
        *(f"note: {note}" for note in plan.notes),
    ]


def _describe_objective(plan: Plan, totals: Mapping[str, Any]) -> list[str]:
    """Write what else the plan was made for: a target, weights, questions that go together."""
    lines = []
    weighted = any(question.weight != 1.0 for question in plan.questions)
    if plan.target_quality is not None or weighted:
        aim = "" if plan.target_quality is None else f"target quality {plan.target_quality:g}, "
        words = "weighted mean" if weighted else "mean"
        lines.append(f"{aim}{words} of this plan {totals['mean_quality']:.4f}")
    if totals["n_answers"] < totals["n_questions"]:
        answers = "1 answer" if totals["n_answers"] == 1 else f"{totals['n_answers']} answers"
        lines.append(
            f"{totals['n_questions']} questions make {answers}: those that "
            "depend on each other count once, with the product of their qualities"
        )
    if any(choice.status == "unfunded" for choice in plan.choices):
        least = [f"{amount:.6g} {unit}" for unit, amount in totals["minimum_required"].items()]
        lines.append(f"the cheapest plan of all questions would cost {', '.join(least)}")
    return lines


def show_curve(points: Sequence[CurvePoint], unit: str, n_questions: int) -> None:
    """Print a curve: a row a budget, with a bar for the eye.

    Parameters
    ----------
    points : sequence of CurvePoint
        By rising budget.
    unit : str
        Of the budgets.
    n_questions : int
        How many questions share them.
    """
    top = max(point.expected_quality for point in points)
    rows = [
        (
            "#" * (round(BAR_COLUMNS * point.expected_quality / top) if top > 0 else 0),
            f"{point.budget:.6g}",
            f"{point.budget / n_questions:.3g}",
            f"{point.expected_quality:.4f}",
            f"{point.shadow_price:.4g}",
        )
        for point in points
    ]
    print_table(
        ("", f"budget in {unit}", "a question", "expected quality", f"gain per {unit}"), rows
    )
    print_lines(
        [f"{n_questions} questions; gain per {unit}: total quality that one more would bring"]
    )
