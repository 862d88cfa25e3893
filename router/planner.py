"""The facade: load a bundle, predict, allocate, draw the curve of quality against budget."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation import solve, trace_frontier
from router.budgets import BUDGET_UNITS, MICRO, Budget, from_micro
from router.costs import MenuCosts, cost_menu
from router.exceptions import BudgetError
from router.menus import parse_menu
from router.models.abstention import ABSTAIN_BELOW, abstain, check_level
from router.models.bundle import Bundle
from router.options import Menu
from router.plan import Plan
from router.plan_notes import (
    note_context,
    note_encoder,
    note_evidence,
    note_prices,
    note_strangers,
    note_strengths,
)
from router.prices import Prices
from router.question_costs import COST_MARGIN, QuestionCosts, check_margin
from router.questions import Question, parse_questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from router.allocation import Solution
    from router.features.encoders.sentences import SentenceEncoder
    from router.models.predictor import Predictor
    from router.models.surface import Surface

__all__ = ["CurvePoint", "Router"]

QuestionLike = str | dict[str, Any] | Question


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Expected quality at one budget.

    Parameters
    ----------
    budget : float
        Total budget in the curve's unit.
    expected_quality : float
        Mean over questions of a plan within it; :meth:`Router.allocate` finds one at least as good.
    shadow_price : float
        Total quality that one more unit would bring there.
    """

    budget: float
    expected_quality: float
    shadow_price: float


@dataclass(frozen=True)
class Router:
    """Decides before an agent runs how much compute each question gets.

    Parameters
    ----------
    bundle : Bundle
        The trained gain model with its default menu.
    prices : Prices, optional
        What tokens and searches cost; without them dollars are those that the bundle's log
        measured. :meth:`load` takes the bundle's own prices.
    abstain_below : float, default=0.01
        Questions whose familiarity is below are planned by the options' means; 0 switches it off.

    Raises
    ------
    InputError
        If `abstain_below` is not from 0 to 1.

    Examples
    --------
    >>> router = Router.load()
    >>> plan = router.allocate(["What is 2 + 2?", "Who ruled Zurich in 1336?"], Budget(usd=0.01))
    >>> plan.totals["cost"]["usd"] <= 0.01
    True
    """

    bundle: Bundle
    prices: Prices | None = None
    abstain_below: float = ABSTAIN_BELOW

    def __post_init__(self) -> None:
        """Refuse a level that is none."""
        check_level(self.abstain_below)

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        prices: Prices | str | Path | None = None,
        abstain_below: float = ABSTAIN_BELOW,
        encoder: str | Path | SentenceEncoder | None = None,
    ) -> Router:
        """Load a bundle from a directory, or the one that ships.

        Parameters
        ----------
        path : str or Path, optional
            A bundle directory; the shipped cold-start prior by default.
        prices : Prices, str or Path, optional
            One's own prices or the file that holds them, instead of those in the bundle.
        abstain_below : float, default=0.01
            Questions whose familiarity is below are planned by the options' means.
        encoder : str, Path or SentenceEncoder, optional
            The one that the bundle was trained with; see :meth:`Bundle.with_encoder`.

        Returns
        -------
        Router

        Raises
        ------
        BundleError
            If the bundle is missing, damaged or made for other features.
        PriceError
            If the price table cannot be used.
        InputError
            If `abstain_below` is not from 0 to 1.
        EncoderError
            If the encoder cannot be used or is not the one of training.
        """
        bundle = Bundle.load(path)
        bundle = bundle if encoder is None else bundle.with_encoder(encoder)
        if prices is not None and not isinstance(prices, Prices):
            prices = Prices.load(prices)
        return cls(bundle, prices if prices is not None else bundle.prices, abstain_below)

    @property
    def predictor(self) -> Predictor:
        """The running model of the bundle."""
        return self.bundle.predictor

    def resolve_menu(self, menu: Menu | Mapping[str, Any] | None = None) -> Menu:
        """Take a request's menu, or the bundle's own.

        Raises
        ------
        MenuError
            If the menu is malformed.
        """
        if menu is None:
            return self.bundle.menu
        return menu if isinstance(menu, Menu) else parse_menu(menu)

    def predict(
        self,
        questions: Iterable[QuestionLike],
        *,
        menu: Menu | Mapping[str, Any] | None = None,
    ) -> Surface:
        """Predict the quality of every question under every option.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            n questions.
        menu : Menu or mapping, optional
            m options; the bundle's own by default.

        Returns
        -------
        Surface
            Quality of shape (n, m).

        Raises
        ------
        QuestionError, MenuError
            If a question or the menu cannot be used.
        """
        return self._predict(parse_questions(questions), self.resolve_menu(menu))

    def _predict(self, questions: Sequence[Question], menu: Menu) -> Surface:
        """Predict, strange questions by the options' means."""
        predictor = self.predictor
        return abstain(predictor.predict(questions, menu), predictor, self.abstain_below)

    def cost(self, menu: Menu) -> MenuCosts:
        """Cost a menu under this router's prices, or as its bundle's log measured it."""
        costs = cost_menu(menu, self.prices)
        if "usd" in costs.amounts or self.prices is None:
            return costs
        # The prices do not fit this menu: dollars that a log measured still do.
        measured = cost_menu(menu)
        return measured if "usd" in measured.amounts else costs

    def allocate(
        self,
        questions: Iterable[QuestionLike],
        budget: Budget | Mapping[str, float],
        *,
        menu: Menu | Mapping[str, Any] | None = None,
        allow_skip: bool = False,
        cost_margin: float = COST_MARGIN,
    ) -> Plan:
        """Give every question an option, together within the budget.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            n questions.
        budget : Budget or mapping
            Ceilings over the whole batch, by unit.
        menu : Menu or mapping, optional
            m options; the bundle's own by default.
        allow_skip : bool, default=False
            Whether a question may be left unanswered.
        cost_margin : float, default=0.05
            Share of the expected cost that is reserved on top of it, from 0 to 10, for options
            whose consumption differs from question to question. Fixed costs are planned as they
            are.

        Returns
        -------
        Plan
            Never above the budget in planned quantities; ``totals`` says how likely real ones are.

        Raises
        ------
        QuestionError, MenuError, BudgetError
            If something handed in cannot be used, the costs are not known in a unit of the budget,
            or the budget is below the cheapest plan.
        """
        check_margin(cost_margin)
        asked = parse_questions(questions)
        ceiling = budget if isinstance(budget, Budget) else Budget.from_mapping(budget)
        offered = self.resolve_menu(menu)
        offered = offered.with_skip() if allow_skip else offered
        menu_costs = self.cost(offered)
        budget_micro = ceiling.to_micro()
        # A budget in a unit without costs is refused before anything is predicted.
        menu_costs.to_micro(list(budget_micro))
        surface = self._predict(asked, offered)
        costs = QuestionCosts(menu_costs, surface.consumption, cost_margin)
        cost_micro = costs.to_micro(list(budget_micro))
        _require_reach(cost_micro, budget_micro, len(asked), has_skip=offered.has_skip)
        solution = _solve(surface.quality, cost_micro, budget_micro)
        return Plan(
            plan_id=f"plan-{secrets.token_hex(8)}",
            bundle_id=self.bundle.bundle_id,
            price_id=menu_costs.price_id,
            questions=asked,
            surface=surface,
            choice_index=solution.choices,
            cost_micro=cost_micro,
            budget_micro=budget_micro,
            costs=costs,
            shadow_price=_price_by_unit(solution, list(budget_micro)),
            gap=solution.gap,
            notes=(
                *note_prices(menu_costs, self.prices),
                *note_evidence(surface),
                *note_strengths(surface, self.predictor),
                *note_strangers(surface),
                *note_context(asked, self.predictor),
                *note_encoder(surface),
            ),
        )

    def curve(
        self,
        questions: Iterable[QuestionLike],
        *,
        unit: str | None = None,
        menu: Menu | Mapping[str, Any] | None = None,
        n_points: int = 20,
        cost_margin: float = COST_MARGIN,
    ) -> tuple[CurvePoint, ...]:
        """Draw expected quality against budget for unlabelled questions.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            n questions.
        unit : str, optional
            Unit of the budget; dollars where they are known, else the first unit that is.
        menu : Menu or mapping, optional
            m options; the bundle's own by default.
        n_points : int, default=20
            How many budgets at most, at least 2, at even steps of expected quality from the
            cheapest plan to the one beyond which nothing is gained.
        cost_margin : float, default=0.05
            As for :meth:`allocate`.

        Returns
        -------
        tuple of CurvePoint
            By rising budget.

        Raises
        ------
        QuestionError, MenuError, BudgetError
            If something handed in cannot be used.
        """
        if n_points < 2:
            raise BudgetError(f"n_points is {n_points}: a curve has at least 2")
        check_margin(cost_margin)
        asked = parse_questions(questions)
        offered = self.resolve_menu(menu)
        costs = self.cost(offered)
        chosen = unit or next((name for name in BUDGET_UNITS if name in costs.amounts), "usd")
        if chosen not in BUDGET_UNITS:
            raise BudgetError(
                f"budget unit {chosen!r} is unknown: allowed are {', '.join(BUDGET_UNITS)}"
            )
        costs.to_micro([chosen])
        surface = self._predict(asked, offered)
        by_question = QuestionCosts(costs, surface.consumption, cost_margin)
        spend, value = trace_frontier(surface.quality, by_question.to_micro([chosen])[..., 0])
        return _sample_curve(spend, value, len(asked), n_points)


def _solve(
    quality: NDArray[np.float64], cost_micro: NDArray[np.int64], budget_micro: Mapping[str, int]
) -> Solution:
    """Solve for one budget or for several."""
    amounts = list(budget_micro.values())
    if len(amounts) == 1:
        return solve(quality, cost_micro[..., 0], amounts[0])
    try:
        return solve(quality, cost_micro, amounts)
    except BudgetError:
        # Each budget alone reaches a plan, as was checked before.
        raise BudgetError(
            f"no plan for {len(quality)} questions keeps all of the budgets "
            f"{_write_amounts(budget_micro)} together: raise one of them"
        ) from None


def _require_reach(
    cost_micro: NDArray[np.int64],
    budget_micro: Mapping[str, int],
    n_questions: int,
    *,
    has_skip: bool,
) -> None:
    """Refuse a budget below the cheapest plan, in the words and units of who gave it."""
    cheapest = np.broadcast_to(cost_micro.min(axis=-2), (n_questions, len(budget_micro)))
    for (unit, budget), least in zip(budget_micro.items(), cheapest.T.tolist(), strict=True):
        required = sum(least)
        if budget < required:
            hint = "" if has_skip else ", or let questions go unanswered (skip)"
            raise BudgetError(
                f"budget {_write_amounts({unit: budget})} does not reach the cheapest plan of "
                f"{n_questions} questions, which needs {_write_amounts({unit: required})}: "
                f"raise it{hint}"
            )


def _write_amounts(amounts_micro: Mapping[str, int]) -> str:
    """Write amounts by unit, as they are given on the command line."""
    return ", ".join(
        f"{unit}={Decimal(amount) / MICRO:f}" for unit, amount in amounts_micro.items()
    )


def _price_by_unit(solution: Solution, units: Sequence[str]) -> dict[str, float]:
    """Turn prices a micro-unit into prices a unit, by name."""
    prices = np.atleast_1d(np.asarray(solution.shadow_price, dtype=np.float64))
    return {unit: float(price) * MICRO for unit, price in zip(units, prices, strict=True)}


def _sample_curve(
    spend: NDArray[np.int64], value: NDArray[np.float64], n_questions: int, n_points: int
) -> tuple[CurvePoint, ...]:
    """Read the frontier at even steps of quality, each of its points once.

    Even steps of the budget would put nearly all points where the curve is flat already.
    """
    steps = np.linspace(value[0], value[-1], n_points)
    positions = np.unique(np.minimum(np.searchsorted(value, steps), len(value) - 1))
    points = []
    for position in positions.tolist():
        following = min(position + 1, len(spend) - 1)
        step = float(spend[following] - spend[position])
        slope = float(value[following] - value[position]) / step * MICRO if step > 0 else 0.0
        points.append(
            CurvePoint(
                from_micro(int(spend[position])), float(value[position]) / n_questions, slope
            )
        )
    return tuple(points)
