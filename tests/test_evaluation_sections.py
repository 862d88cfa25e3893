"""Later sections of the text: aligned, and silent about what was not measured."""

from __future__ import annotations

from dataclasses import replace

from router.evaluation.calibration import CalibrationReport, CalibrationRow, ReliabilityRow
from router.evaluation.coverage import Coverage
from router.evaluation.resampling import Estimate
from router.evaluation.routing import RoutingReport
from router.evaluation.sections import align, render_sections
from router.evaluation.strata import Stratum

ROUTING = RoutingReport(
    cheapest_option="a",
    best_option="b",
    figures={
        "apgr": Estimate(0.7, 0.6, 0.8),
        "cpt_50": Estimate(0.25, 0.2, 0.3),
        "qnc": Estimate(None, 0.9, None),
        "aiq": None,
        "aiq_code": None,
    },
    reasons={"aiq": "all options cost the same", "aiq_code": "all options cost the same"},
    choice_entropy_bits=(0.5, 1.0),
    curve=(),
)
COVERAGE = Coverage(0.9, 40, 0.925, 0.04, 0, None, None)
BRIER = Estimate(0.2, 0.1, 0.3)
ROW = CalibrationRow(
    "router", 4, 0.5, 0.55, BRIER, Estimate(0.05, 0.04, 0.09), 0.002, 0.03, 0.24, COVERAGE
)
CALIBRATION = CalibrationReport(
    4,
    BRIER,
    0.25,
    0.05,
    (ReliabilityRow(4, 0.5, 0.55),),
    (ROW,),
    tuple(replace(ROW, name=f"option {number}", coverage=None) for number in range(13)),
)
STRATA = tuple(
    Stratum(f"task {number}", 9, 0.6, 0.5, Estimate(0.1, -0.05, 0.2)) for number in range(14)
)


def test_every_section_is_written() -> None:
    """Values, intervals, shares in per cent, what is never reached, and reasons grouped."""
    text = "\n".join(render_sections(ROUTING, CALIBRATION, {"task": STRATA}))
    for piece in (
        "0.7000  [0.6000, 0.8000]",
        "25.0%",
        "never",
        "[0.9000, -]",
        "without aiq, aiq_code: all options cost the same",
        "0.50, 1.00 bits",
        "Brier score 0.2000 [0.1000, 0.3000], of the options' means 0.2500; ECE 0.0500",
        "0.550",
        "+0.1000",
        "[-0.0500, +0.2000]",
        "and 2 more in the JSON",
        "and 1 more in the JSON",
        "option 11",
        "0.0500  [0.0400, 0.0900]",
        "intervals of router, nominal 90%: held 92.5% of 40 cells of alike predictions",
        "and - of 0 plans (-)",
    ):
        assert piece in text, piece
    assert all(line == line.rstrip() for line in text.splitlines())


def test_sections_end_with_an_empty_line_each() -> None:
    """Three sections make three empty lines and one before each table of calibration."""
    lines = render_sections(ROUTING, CALIBRATION, {"task": STRATA, "difficulty": ()})
    assert lines.count("") == 3 + 2
    assert lines[-1] == ""
    assert render_sections(None, None, {}) == []


def test_columns_are_aligned() -> None:
    """All lines of a table are equally long."""
    assert len({len(line) for line in align([("a", "bb"), ("ccc", "d")])}) == 1
