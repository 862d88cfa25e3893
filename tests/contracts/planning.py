"""What tests of plans share: a router around a predictor that answers from a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from router.features.context import ContextTable
from router.models.surface import Surface
from router.options import Menu, Option
from router.planner import Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.prices import Prices
    from router.questions import Question


def make_surface(menu: Menu, quality: ArrayLike, *, seen: frozenset[str] = frozenset()) -> Surface:
    """Make a surface whose intervals reach a tenth to either side."""
    table = np.array(quality, dtype=np.float64)
    skip = np.array([option.is_skip for option in menu])
    table[:, skip] = 0.0
    evidence = tuple(
        "none" if option.is_skip else "outcomes" if option.name in seen else "descriptors"
        for option in menu
    )
    low, high = np.clip(table - 0.1, 0, 1), np.clip(table + 0.1, 0, 1)
    high[:, skip] = 0.0
    return Surface(menu, table, low, high, evidence)


@dataclass(frozen=True)
class TablePredictor:
    """Knows quality by the text of a question and the name of an option."""

    table: dict[tuple[str, str], float]
    seen: frozenset[str]
    descriptors: None = None
    context: ContextTable = field(default_factory=ContextTable)

    def predict(self, questions: Sequence[Question], menu: Menu) -> Surface:
        """Look every pair up; a pair that is not in the table has quality one half."""
        quality = [
            [self.table.get((question.text, option.name), 0.5) for option in menu]
            for question in questions
        ]
        return make_surface(menu, quality, seen=self.seen)


@dataclass(frozen=True)
class FakeBundle:
    """The part of a bundle that a router needs."""

    menu: Menu
    predictor: TablePredictor
    prices: Prices | None = None
    bundle_id: str = "fake"


def make_router(menu: Menu, quality: ArrayLike, prices: Prices | None = None) -> Router:
    """Make a router that expects row i of `quality` for the question ``question i``."""
    table = {
        (f"question {row}", option.name): float(value)
        for row, values in enumerate(np.asarray(quality))
        for option, value in zip(menu, values, strict=True)
    }
    predictor = TablePredictor(table, frozenset(menu.names))
    return Router(cast("Any", FakeBundle(menu, predictor, prices)), prices)


def make_menu(costs: Sequence[float], unit: str = "usd", **others: Sequence[float]) -> Menu:
    """Make a menu of one option a cost, further units by name."""
    units = {unit: costs, **others}
    return Menu(
        tuple(
            Option(f"o{i}", costs={name: float(column[i]) for name, column in units.items()})
            for i in range(len(costs))
        )
    )


def ask(n_questions: int) -> list[str]:
    """Name the questions of :func:`make_router`."""
    return [f"question {row}" for row in range(n_questions)]


def find_best_value(
    quality: NDArray[np.float64], cost: NDArray[np.int64], budget: Sequence[int]
) -> float:
    """Find the highest total quality by trying every plan; `cost` has shape (m, k)."""
    best = -np.inf
    for choice in np.ndindex(*[quality.shape[1]] * len(quality)):
        chosen = list(choice)
        if (cost[chosen].sum(axis=0) <= np.array(budget)).all():
            best = max(best, float(quality[np.arange(len(quality)), chosen].sum()))
    return best
