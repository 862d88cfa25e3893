"""A measured figure beside its goal, and the door that the allocator's benchmarks share."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Figure", "finish", "parse_options", "show"]


@dataclass(frozen=True)
class Figure:
    """One measured figure and what it has to reach; without a goal it is shown for information."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is reached, or there is none."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def parse_options(description: str, quick: str) -> argparse.Namespace:
    """Read ``--quick`` and ``--json PATH`` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here")
    return parser.parse_args()


def show(figures: Iterable[Figure], *, width: int, measured: int = 30) -> list[Figure]:
    """Print figures beside their goals as they are measured, and list them."""
    shown = []
    print(f"{'figure':{width}s} {'measured':>{measured}s} goal")
    for figure in figures:
        shown.append(figure)
        goal = ""
        if figure.goal is not None:
            goal = f" {'<=' if figure.at_most else '>='} {figure.goal:.3g}"
        mark = "" if figure.met else "  MISSED"
        value = f"{figure.value:.4g} {figure.unit}"
        print(f"{figure.name:{width}s} {value:>{measured}s}{goal}{mark}", flush=True)
    return shown


def finish(figures: list[Figure], path: Path | None) -> int:
    """Write the figures where that was asked for; give 1 when a goal is missed, else 0."""
    if path is not None:
        rows = [{**asdict(figure), "met": figure.met} for figure in figures]
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(figure.met for figure in figures) else 1
