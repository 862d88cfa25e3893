"""The later sections of a report's text: standard figures, calibration and strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.evaluation.calibration import CalibrationReport, CalibrationRow
    from router.evaluation.coverage import Coverage
    from router.evaluation.overspending import OverspendingRow
    from router.evaluation.resampling import Estimate
    from router.evaluation.routing import RoutingReport
    from router.evaluation.strata import Stratum
    from router.scoring import Interval

__all__ = ["align", "render_overspending", "render_sections"]

# All tasks are in the JSON.
TASKS_SHOWN = 12
SHARES = {
    "cpt_50",
    "cpt_80",
    "headroom_over_best_option",
    "headroom_captured",
    "headroom_split_half",
    "routing_collapse",
}


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Pad the cells of a table to columns, right-aligned.

    Parameters
    ----------
    rows : sequence of sequence of str
        Equally many cells a row.

    Returns
    -------
    list of str
        One line a row.

    Examples
    --------
    >>> align([("a", "bc"), ("def", "g")])
    ['  a  bc', 'def   g']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def render_overspending(rows: Sequence[OverspendingRow]) -> list[str]:
    """Write what plans really spent, an empty line behind it; nothing where costs are fixed.

    Parameters
    ----------
    rows : sequence of OverspendingRow
        Plan by plan.

    Returns
    -------
    list of str
        Lines.

    Examples
    --------
    >>> render_overspending(())
    []
    """
    if not any(row.excess_max > 0.0 or row.gain_at_equal_cost for row in rows):
        return []
    head = ("plan", "budget", "quality", "spent/budget", "batches over", "excess", "worst")
    table = [(*head, "gain at equal real cost")] + [
        (
            row.plan,
            f"{row.fraction:.2f}",
            f"{row.quality:.4f}",
            "-" if row.spend_ratio is None else f"{row.spend_ratio:.3f}",
            f"{row.batches_over:.0%}",
            f"{row.excess:.1%}",
            f"{row.excess_max:.1%}",
            "-" if row.gain_at_equal_cost is None else _write_gain(row.gain_at_equal_cost),
        )
        for row in rows
    ]
    return [*align(table), ""]


def _write_gain(gain: Interval) -> str:
    """Write a gain with the ends of its interval."""
    return f"{gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]"


def render_sections(
    routing: RoutingReport | None,
    calibration: CalibrationReport | None,
    strata: Mapping[str, Sequence[Stratum]],
) -> list[str]:
    """Write the sections that were measured, an empty line behind each.

    Parameters
    ----------
    routing : RoutingReport or None
        Standard figures.
    calibration : CalibrationReport or None
        Calibration of the surface.
    strata : mapping of str to sequence of Stratum
        Parts of the questions by what they were split by.

    Returns
    -------
    list of str
        Lines.

    Examples
    --------
    >>> render_sections(None, None, {"task": ()})
    []
    """
    sections = []
    if routing is not None:
        sections.append(_render_routing(routing))
    if calibration is not None:
        sections.append(_render_calibration(calibration))
    sections += [_render_strata(name, parts) for name, parts in strata.items() if parts]
    return [line for section in sections for line in (*section, "")]


def _render_routing(routing: RoutingReport) -> list[str]:
    """Write the standard figures, then why others are missing."""
    rows = [("figure", "value", "95 % interval")]
    for name, estimate in routing.figures.items():
        if estimate is not None:
            rows.append((name, *_write(estimate, percent=name in SHARES)))
    reasons: dict[str, list[str]] = {}
    for name, reason in routing.reasons.items():
        reasons.setdefault(reason, []).append(name)
    lines = align(rows) if len(rows) > 1 else []
    lines += [f"without {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    if routing.choice_entropy_bits:
        bits = ", ".join(f"{value:.2f}" for value in routing.choice_entropy_bits)
        lines.append(f"entropy of the choices by budget: {bits} bits")
    return lines


def _render_calibration(calibration: CalibrationReport) -> list[str]:
    """Write the scores, then the reliability table."""
    value, interval = _write(calibration.brier, percent=False)
    head = (
        f"calibration of {calibration.n_pairs} predictions: Brier score {value} {interval}, of the "
        f"options' means {calibration.brier_of_means:.4f}; ECE {calibration.ece:.4f}"
    )
    rows = [("predicted", "observed", "n")] + [
        (f"{entry.predicted:.3f}", f"{entry.observed:.3f}", str(entry.n))
        for entry in calibration.bins
    ]
    lines = [head, *align(rows)]
    if calibration.surfaces:
        lines += ["", *_render_surfaces("surface", calibration.surfaces)]
        lines += [
            _write_coverage(row.name, row.coverage)
            for row in calibration.surfaces
            if row.coverage is not None
        ]
    if calibration.by_option:
        lines += ["", *_render_surfaces("option", calibration.by_option)]
    return lines


def _render_surfaces(title: str, entries: Sequence[CalibrationRow]) -> list[str]:
    """Write the scores of surfaces or of options, a row each."""
    heads = ("predicted", "observed", "Brier", "95 % interval", "ECE", "95 % interval")
    rows = [(title, *heads, "reliability", "resolution")] + [
        (
            entry.name,
            f"{entry.predicted:.3f}",
            f"{entry.observed:.3f}",
            *_write(entry.brier, percent=False),
            *_write(entry.ece, percent=False),
            f"{entry.reliability:.4f}",
            f"{entry.resolution:.4f}",
        )
        for entry in entries[:TASKS_SHOWN]
    ]
    hidden = len(entries) - TASKS_SHOWN
    return align(rows) + ([f"and {hidden} more in the JSON"] if hidden > 0 else [])


def _write_coverage(name: str, coverage: Coverage) -> str:
    """Write how often intervals held."""
    cells, plans = (
        "-" if share is None else f"{share:.1%}" for share in (coverage.cells, coverage.plans)
    )
    width = "-" if coverage.plan_width is None else f"{coverage.plan_width:.3f}"
    return (
        f"intervals of {name}, nominal {coverage.nominal:.0%}: held {cells} of {coverage.n_cells} "
        f"cells of alike predictions (half-width {coverage.width:.3f}) and {plans} of "
        f"{coverage.n_plans} plans ({width})"
    )


def _render_strata(name: str, parts: Sequence[Stratum]) -> list[str]:
    """Write one table of parts."""
    rows = [(name, "questions", "router", "blind", "gain over blind", "95 % interval")] + [
        (
            part.name,
            str(part.n_questions),
            f"{part.router:.4f}",
            f"{part.blind:.4f}",
            *_write(part.gain_over_blind, percent=False, sign="+"),
        )
        for part in parts[:TASKS_SHOWN]
    ]
    hidden = len(parts) - TASKS_SHOWN
    return align(rows) + ([f"and {hidden} more in the JSON"] if hidden > 0 else [])


def _write(estimate: Estimate, *, percent: bool, sign: str = "") -> tuple[str, str]:
    """Write a figure and its interval."""
    form = f"{{:{sign}.1%}}" if percent else f"{{:{sign}.4f}}"
    ends = [
        "-" if end is None else form.format(end)
        for end in (estimate.value, estimate.low, estimate.high)
    ]
    value = "never" if estimate.value is None else ends[0]
    return value, f"[{ends[1]}, {ends[2]}]"
