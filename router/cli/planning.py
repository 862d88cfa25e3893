"""``router predict``, ``allocate`` and ``curve``: what questions and a budget come to."""

# No postponed annotations here: typer reads them when the command is declared.
import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from router.budgets import BUDGET_UNITS, Budget
from router.cli.arguments import (
    EncoderModelOption,
    EncoderOption,
    JsonOption,
    MenuOption,
    ModelOption,
    OutOption,
    PricesOption,
    QuestionsArgument,
)
from router.cli.output import emit, print_lines
from router.cli.reports import show_curve, show_plan
from router.exceptions import InputError
from router.features.encoders.opening import open_encoder
from router.menus import load_menu
from router.models.surface import Surface
from router.options import Menu
from router.planner import Router
from router.prices import Prices
from router.question_costs import COST_MARGIN, MARGIN_MAX, QuestionCosts
from router.questions import read_questions
from router.tables import write_parquet

__all__ = ["allocate", "curve", "load_router", "predict"]

BudgetsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--budget",
        metavar="UNIT=AMOUNT",
        help="A ceiling for all questions of the file together, not for each, as usd=0.50; units "
        f"are {', '.join(BUDGET_UNITS)}. May be repeated; needed unless --target-quality is given.",
        show_default=False,
    ),
]
TargetOption = Annotated[
    float | None,
    typer.Option(
        "--target-quality",
        help="Find the cheapest plan of this mean quality, from 0 to 1, instead of the best one; 0 "
        "asks for the cheapest that keeps the questions' conditions.",
        show_default=False,
    ),
]
UnfundedOption = Annotated[
    bool,
    typer.Option(
        "--allow-unfunded",
        help="Fund the questions that the budget reaches and mark the others, or come as close to "
        "the target as is possible, instead of refusing.",
    ),
]
SkipOption = Annotated[
    bool, typer.Option("--allow-skip", help="Leave a question unanswered where nothing pays.")
]
MarginOption = Annotated[
    float,
    typer.Option(
        "--cost-margin",
        min=0.0,
        max=MARGIN_MAX,
        help="Share of the expected cost reserved on top, where it differs by question.",
    ),
]
ExploreOption = Annotated[
    float,
    typer.Option(
        "--explore",
        metavar="SHARE",
        help="Let each question draw its option by chance with this probability, within this share "
        "of the budget; from 0 to below 1.",
    ),
]
ExploreSeedOption = Annotated[
    int | None,
    typer.Option("--explore-seed", help="Draw the same options again.", show_default=False),
]
SurfaceOption = Annotated[
    Path,
    typer.Option(
        "--out", metavar="SURFACE.parquet", help="The table to write.", show_default=False
    ),
]
UnitOption = Annotated[
    str | None,
    typer.Option(
        "--unit",
        metavar="UNIT",
        help=f"Unit of the budget: {', '.join(BUDGET_UNITS)}; the first known one by default.",
        show_default=False,
    ),
]
PointsOption = Annotated[int, typer.Option("--points", min=2, max=10_000, help="How many budgets.")]


def load_router(
    model: Path | None,
    prices: Path | None,
    encoder: str | None = None,
    encoder_model: str | None = None,
) -> Router:
    """Load a router as the options of a command say.

    Parameters
    ----------
    model : Path or None
        A bundle; None for the one that ships.
    prices : Path or None
        A price table; None for the bundle's own.
    encoder, encoder_model : str or None
        The sentence encoder that the bundle was trained with, and its model behind an address.

    Returns
    -------
    Router

    Raises
    ------
    BundleError, PriceError, EncoderError
        If one of them cannot be used.
    """
    table = None if prices is None else Prices.load(prices)
    opened = None if encoder is None else open_encoder(encoder, encoder_model)
    return Router.load(model, prices=table, encoder=opened)


def _load_menu(menu: Path | None) -> Menu | None:
    """Load a menu where one is given."""
    return None if menu is None else load_menu(menu)


def predict(
    *,
    questions: QuestionsArgument,
    out: SurfaceOption,
    model: ModelOption = None,
    menu: MenuOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict every question's quality under every option, as a table with costs."""
    if out.suffix != ".parquet":
        raise InputError(f"{out}: files of kind {out.suffix!r} are not written: use .parquet")
    asked, given = read_questions(questions), _load_menu(menu)
    router = load_router(model, prices, encoder, encoder_model)
    offered = router.resolve_menu(given)
    surface = router.predict(asked, menu=offered)
    costs = QuestionCosts(router.cost(offered), surface.consumption)
    unit = next((name for name in BUDGET_UNITS if name in costs.units), None)
    columns: dict[str, list[Any]] = {
        "query_id": [question.id for question in asked for _ in offered],
        "option": list(offered.names) * len(asked),
        "quality": surface.quality.ravel().tolist(),
        "cost": _spread_out(None if unit is None else costs.expect(unit), surface),
        "cost_deviation": _spread_out(None if unit is None else costs.deviate(unit), surface),
        "cost_unit": [unit] * (len(asked) * len(offered)),
    }
    write_parquet(out, columns)
    document = {
        "bundle_id": router.bundle.bundle_id,
        "out": str(out),
        "n_questions": len(asked),
        "options": list(offered.names),
        "cost_unit": unit,
    }
    emit(
        document,
        lambda: print_lines(
            [f"wrote {len(asked)} questions x {len(offered)} options to {out}, cost in {unit}"]
        ),
        as_json=as_json,
        out=None,
    )


def _spread_out(values: NDArray[np.float64] | None, surface: Surface) -> list[Any]:
    """Lay values by option, or by question and option, out as a column of the table."""
    if values is None:
        return [None] * surface.quality.size
    column = np.broadcast_to(values, surface.quality.shape).ravel().tolist()
    return [None if math.isnan(value) else value for value in column]


def allocate(
    *,
    questions: QuestionsArgument,
    budget: BudgetsOption = None,
    target_quality: TargetOption = None,
    menu: MenuOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
    model: ModelOption = None,
    allow_skip: SkipOption = False,
    allow_unfunded: UnfundedOption = False,
    cost_margin: MarginOption = COST_MARGIN,
    explore: ExploreOption = 0.0,
    explore_seed: ExploreSeedOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan an option for every question, together within the budget or up to a mean quality."""
    if not budget and target_quality is None:
        raise InputError("a budget (--budget) or a target (--target-quality) is needed")
    ceiling = Budget.parse(budget) if budget else None
    asked, given = read_questions(questions), _load_menu(menu)
    router = load_router(model, prices, encoder, encoder_model)
    plan = router.allocate(
        asked,
        ceiling,
        menu=given,
        allow_skip=allow_skip,
        cost_margin=cost_margin,
        target_quality=target_quality,
        allow_unfunded=allow_unfunded,
        explore=explore,
        explore_seed=explore_seed,
    )
    emit(plan.to_dict(), lambda: show_plan(plan), as_json=as_json, out=out)


def curve(
    *,
    questions: QuestionsArgument,
    unit: UnitOption = None,
    points: PointsOption = 20,
    cost_margin: MarginOption = COST_MARGIN,
    model: ModelOption = None,
    menu: MenuOption = None,
    prices: PricesOption = None,
    encoder: EncoderOption = None,
    encoder_model: EncoderModelOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw expected quality against budget: what budget do these questions need."""
    asked, given = read_questions(questions), _load_menu(menu)
    router = load_router(model, prices, encoder, encoder_model)
    offered = router.resolve_menu(given)
    costs = router.cost(offered)
    chosen = unit or next((name for name in BUDGET_UNITS if name in costs.amounts), "usd")
    drawn = router.curve(asked, unit=chosen, menu=offered, n_points=points, cost_margin=cost_margin)
    document = {
        "bundle_id": router.bundle.bundle_id,
        "price_id": costs.price_id,
        "unit": chosen,
        "n_questions": len(asked),
        "points": [
            {
                "budget": point.budget,
                "expected_quality": point.expected_quality,
                "shadow_price": point.shadow_price,
            }
            for point in drawn
        ],
    }
    emit(document, lambda: show_curve(drawn, chosen, len(asked)), as_json=as_json, out=out)
