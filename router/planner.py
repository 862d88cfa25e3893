"""The facade: load a bundle, predict, allocate, draw the curve of quality against budget."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from router.allocation import warm_up as warm_allocation
from router.costs import MenuCosts, cost_by_either
from router.curves import CurvePoint, sample_curve
from router.exceptions import BudgetError
from router.exploration import solve_exploring
from router.features.engines import warm_up as warm_features
from router.menu_facts import MenuMemory
from router.menus import parse_menu
from router.models.abstention import ABSTAIN_BELOW, abstain, check_level
from router.models.bundle import Bundle
from router.offers import add_offers, expect_offers
from router.options import Menu
from router.plan import Plan
from router.plan_notes import collect_notes, note_exploration, note_target
from router.plan_problem import PlanProblem, check_target
from router.plan_units import check_unit, choose_units, price_by_unit, read_budget
from router.policy import Policy
from router.prices import Prices
from router.question_costs import COST_MARGIN, QuestionCosts, check_margin
from router.questions import Question, parse_questions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from router.budgets import Budget
    from router.features.encoders.sentences import SentenceEncoder
    from router.models.predictor import Predictor
    from router.models.surface import Surface
    from router.replan_decisions import Replan
    from router.reports import Report
    from router.strategies.offers import Offer

__all__ = ["Router"]

QuestionLike = str | dict[str, Any] | Question


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
    >>> plan = router.allocate(["What is 2 + 2?", "Who ruled Zurich in 1336?"], {"usd": 0.01})
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
            One's own prices or their file, instead of those in the bundle.
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

    @staticmethod
    def warm_up() -> bool:
        """Load the compiled kernels of features and allocator (extra ``[fast]``) now.

        Features are the same to the last bit, qualities within 5e-6; a question is then predicted
        about twice as fast, after a first one. The service does both when it starts. The first time
        on a machine takes half a minute, because kernels are compiled; later a second.

        Returns
        -------
        bool
            Whether they are loaded; False without the extra, where NumPy goes on.

        Examples
        --------
        >>> Router.warm_up()
        True
        """
        features = warm_features()
        return warm_allocation() and features

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
        surface = abstain(predictor.predict(questions, menu), predictor, self.abstain_below)
        surface.require_sound(len(questions), menu)
        return surface

    def cost(self, menu: Menu) -> MenuCosts:
        """Cost a menu under this router's prices, or as its bundle's log measured it."""
        return self._memory.recall(menu).costs

    @cached_property
    def _memory(self) -> MenuMemory:
        """What was worked out of the menus asked about last."""
        return MenuMemory(partial(cost_by_either, prices=self.prices))

    def allocate(
        self,
        questions: Iterable[QuestionLike],
        budget: Budget | Mapping[str, float] | None = None,
        *,
        menu: Menu | Mapping[str, Any] | None = None,
        offers: Sequence[Offer] = (),
        allow_skip: bool = False,
        cost_margin: float = COST_MARGIN,
        target_quality: float | None = None,
        allow_unfunded: bool = False,
        shadow_price: Mapping[str, float] | None = None,
        explore: float = 0.0,
        explore_seed: int | None = None,
    ) -> Plan:
        """Give every question an option, together within the budget.

        Parameters
        ----------
        questions : iterable of str, mapping or Question
            n questions, with weights, conditions and dependences of their own where they have any.
        budget : Budget or mapping, optional
            Ceilings over the whole batch, by unit. Needed without a target.
        menu : Menu or mapping, optional
            m options; the bundle's own by default.
        offers : sequence of Offer, optional
            More options, whose quality is what laws of :mod:`router.strategies` expect.
        allow_skip : bool, default=False
            Whether a question may be left unanswered.
        cost_margin : float, default=0.05
            Share of the expected cost that is reserved on top of it, from 0 to 10, for options
            whose consumption differs by question. Fixed costs are planned as they are.
        target_quality : float, optional
            Mean quality of the batch, from 0 to 1, to reach with the cheapest plan; 0 asks for the
            cheapest that keeps all conditions. What is spent least of is the first unit of the
            budget, without one dollars where they are known, else the first unit that is.
        allow_unfunded : bool, default=False
            Whether, instead of refusing, to fund the questions that the budget reaches, mark the
            others, and come as close to a target as is possible.
        shadow_price : mapping of str to float, optional
            Quality that a unit of the budget has to bring at least, by unit: the rest is left in
            it, for other batches. Dependent questions are held to it each alone.
        explore : float, default=0.0
            Probability with which a question draws its option by chance, and share of the budget
            withheld for that, from 0 to below 1; see :mod:`router.exploration`.
        explore_seed : int, optional
            Makes the same draws again.

        Returns
        -------
        Plan
            Never above the budget in planned quantities; ``totals`` says how likely real ones are.

        Raises
        ------
        InputError
            If something handed in cannot be used, no plan keeps budget, target and conditions, or
            `explore` stands beside a target or dependent questions.
        """
        check_margin(cost_margin)
        check_target(target_quality)
        asked = parse_questions(questions)
        budget_micro = read_budget(budget, target_quality)
        offered = add_offers(self.resolve_menu(menu), offers)
        offered = offered.with_skip() if allow_skip else offered
        menu_costs = self.cost(offered)
        units = choose_units(menu_costs, budget_micro)
        surface = expect_offers(self._predict(asked, offered), offers)
        costs = QuestionCosts(menu_costs, surface.consumption, cost_margin)
        problem = PlanProblem(asked, surface, costs, units)
        solution, exploration = solve_exploring(
            *(problem, budget_micro, target_quality, explore, explore_seed),
            allow_unfunded=allow_unfunded,
            shadow_price=shadow_price,
        )
        return Plan(
            *(f"plan-{secrets.token_hex(8)}", self.bundle.bundle_id, menu_costs.price_id),
            *(asked, surface),
            choice_index=solution.choices if exploration is None else exploration.choice_index,
            cost_micro=problem.cost_micro,
            budget_micro=budget_micro,
            costs=costs,
            shadow_price=price_by_unit(solution, units),
            gap=solution.gap,
            notes=(
                *collect_notes(menu_costs, self.prices, surface, self.predictor, asked),
                *note_target(target_quality, solution, problem.total_weight),
                *note_exploration(exploration),
            ),
            target_quality=target_quality,
            closed=problem.closed,
            axes=self._memory.recall(offered).axes,
            exploration=exploration,
        )

    def replan(
        self,
        plan: Plan,
        reports: Iterable[Report | Mapping[str, Any]],
        *,
        running: Collection[str] = (),
        **settings: Any,
    ) -> Replan:
        """Allocate what is left of a plan's budget, after what has been reported.

        Parameters
        ----------
        plan : Plan
            As :meth:`allocate` made it, with a budget.
        reports : iterable of Report or mapping
            All that is known of its questions, in the order in which it happened.
        running : collection of str, optional
            Questions whose option of the plan is being carried out: it stands, and stays paid for.
        **settings
            As for :class:`router.Policy`, quicker where reports come one by one.

        Returns
        -------
        Replan
            What to do with every question; together never above what is left, as planned.

        Raises
        ------
        InputError
            If a report is malformed or of another plan's question or option, or the plan explores.
        BudgetError
            If the plan has no budget.
        """
        return self.begin(plan, **{"reserve": 0.0, **settings}).catch_up(reports, running)

    def begin(self, plan: Plan, **settings: Any) -> Policy:
        """Begin to carry out a plan, a step at a time; settings are those of the policy.

        Returns
        -------
        Policy
            That predicts a question anew where a report brings context.
        """
        return Policy(plan, predict=partial(self._predict_one, plan.surface.menu), **settings)

    def _predict_one(self, menu: Menu, question: Question) -> NDArray[np.float64]:
        """Predict one question under every option, shape (m,)."""
        quality: NDArray[np.float64] = self._predict((question,), menu).quality[0]
        return quality

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
            How many budgets at most, at least 2, at even steps of expected quality.
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
        (chosen,) = choose_units(costs, check_unit(unit))
        surface = self._predict(asked, offered)
        by_question = QuestionCosts(costs, surface.consumption, cost_margin)
        problem = PlanProblem(asked, surface, by_question, (chosen,))
        return sample_curve(*problem.trace(), problem.total_weight, n_points)
