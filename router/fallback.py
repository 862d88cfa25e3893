"""Fallback: plans and surfaces without the model, by what the options reach on average.

No question is read and no graph is run, so nothing of what can be wrong with a model is in the way.
Budgets are kept as ever: the same allocator plans within them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from router.exceptions import BudgetError, RouterError
from router.exploration import check_exploration
from router.features.context import ContextTable
from router.models.calibration import WIDTH_UNKNOWN
from router.models.surface import Surface
from router.plan_notes import note_degraded
from router.planner import Router
from router.questions import parse_questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from router.budgets import Budget
    from router.curves import CurvePoint
    from router.models.predictor import Predictor
    from router.options import Menu
    from router.plan import Plan
    from router.planner import QuestionLike
    from router.questions import Question

__all__ = ["Fallback", "MeansPredictor"]

logger = logging.getLogger(__name__)

# Menus whose means are kept for the day they are needed.
MENUS_MAX = 64
# What an option is taken for of which nothing is known: no better than any other, so that of such
# options the cheapest is taken.
QUALITY_UNKNOWN = 0.5


@dataclass(frozen=True)
class MeansPredictor:
    """Expects of every question what its options reach on average.

    Parameters
    ----------
    known : mapping of str to float
        Mean quality by the name of an option.
    context : ContextTable
        Which numbers the model would have read.
    descriptors : None
        Nothing is guessed from what an option is.
    """

    known: Mapping[str, float]
    context: ContextTable = field(default_factory=ContextTable)
    descriptors: None = None
    _rows: dict[int, tuple[Menu, NDArray[np.float64]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def remember(self, menu: Menu, means: NDArray[np.float64]) -> None:
        """Keep the means of a menu.

        Parameters
        ----------
        menu : Menu
            m options.
        means : ndarray of float64, shape (m,)
            From 0 to 1.
        """
        if len(self._rows) >= MENUS_MAX:
            self._rows.clear()
        self._rows[id(menu)] = menu, means

    def recall(self, menu: Menu) -> NDArray[np.float64] | None:
        """Give the means of this very menu; None where they are not kept."""
        row = self._rows.get(id(menu))
        return None if row is None or row[0] is not menu else row[1]

    def guess(self, menu: Menu) -> NDArray[np.float64]:
        """Look options up by name; one that is not known is no better than the worst known.

        Parameters
        ----------
        menu : Menu
            m options.

        Returns
        -------
        ndarray of float64, shape (m,)
        """
        found = [self.known.get(option.name) for option in menu]
        answering = [x for x, option in zip(found, menu, strict=True) if not option.is_skip]
        least = min((mean for mean in answering if mean is not None), default=QUALITY_UNKNOWN)
        means = [
            0.0 if option.is_skip else least if mean is None else mean
            for option, mean in zip(menu, found, strict=True)
        ]
        return np.array(means)

    def predict(self, questions: Sequence[Question], menu: Menu) -> Surface:
        """Give n questions the same m expectations.

        Parameters
        ----------
        questions : sequence of Question
            n questions, which are only counted.
        menu : Menu
            m options.

        Returns
        -------
        Surface
            With intervals as wide as those of an option nobody measured, and no evidence.

        Examples
        --------
        >>> from router.options import Menu, Option
        >>> menu = Menu((Option("a"), Option("new"), Option("b")))
        >>> surface = MeansPredictor({"a": 0.25, "b": 0.75}).predict(["Who?", "Why?"], menu)
        >>> surface.quality.tolist()
        [[0.25, 0.25, 0.75], [0.25, 0.25, 0.75]]
        """
        means = self.recall(menu)
        if means is None:
            means = self.guess(menu)
        width = np.array([0.0 if option.is_skip else WIDTH_UNKNOWN for option in menu])
        tables = (means, np.maximum(means - width, 0.0), np.minimum(means + width, 1.0))
        quality, low, high = (np.tile(table, (len(questions), 1)) for table in tables)
        return Surface(menu, quality, low, high, ("none",) * len(menu))


@dataclass(frozen=True)
class Fallback:
    """Plans without the model of a router.

    Parameters
    ----------
    router : Router
        Its menu, prices and means are used, its model is not.

    Examples
    --------
    >>> fallback = Fallback(Router.load())
    >>> plan = fallback.allocate("model_slow", ["Who ruled Zurich in 1336?"], {"usd": 0.01})
    >>> plan.degraded, plan.choices[0].status, plan.totals["cost"]["usd"] <= 0.01
    ('model_slow', 'fallback', True)
    """

    router: Router
    _means: MeansPredictor = field(init=False, repr=False)
    _planner: _MeansRouter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Take the means of the bundle's menu down while the model is well."""
        router, menu = self.router, self.router.bundle.menu
        known: dict[str, float] = {}
        context = ContextTable()
        try:
            known = dict(zip(menu.names, router.predictor.predict_neutral(menu), strict=True))
            context = router.predictor.context
        except RouterError as error:
            logger.warning("no means to fall back on (%s): options go by cost", error)
        means = MeansPredictor({name: float(mean) for name, mean in known.items()}, context)
        if known:
            means.remember(menu, np.array(list(known.values()), dtype=np.float64))
        planner = _MeansRouter(router.bundle, router.prices, 0.0, cast("Any", means))
        object.__setattr__(self, "_means", means)
        object.__setattr__(self, "_planner", planner)

    def remembers(self, menu: Menu) -> bool:
        """Tell whether the model has been asked for the means of this very menu.

        Parameters
        ----------
        menu : Menu
            m options.

        Returns
        -------
        bool
        """
        return self._means.recall(menu) is not None

    def remember(self, menu: Menu) -> None:
        """Ask the model for the means of a menu, once, for the day it does not answer.

        Parameters
        ----------
        menu : Menu
            One that the model has just predicted.
        """
        if self.remembers(menu):
            return
        try:
            means = self.router.predictor.predict_neutral(menu)
        except RouterError:
            # An older bundle does not hold what it takes, and knows what it knows by name only.
            means = self._means.guess(menu)
        self._means.remember(menu, means)

    def allocate(
        self,
        cause: str,
        questions: Iterable[QuestionLike],
        budget: Budget | Mapping[str, float] | None = None,
        *,
        target_quality: float | None = None,
        allow_unfunded: bool = False,
        explore: float = 0.0,
        explore_seed: int | None = None,
        **options: Any,
    ) -> Plan:
        """Plan within the budget by the options' means.

        Floors under a question's quality are not kept, as they cannot be judged, and a target
        beyond what means promise is missed instead of refused; all other conditions hold. Nothing
        is explored: the whole budget goes into the plan.

        Parameters
        ----------
        cause : str
            Why, one of :data:`router.choices.DEGRADED`.
        questions, budget, target_quality, allow_unfunded, explore, explore_seed, **options
            As for :meth:`Router.allocate`.

        Returns
        -------
        Plan
            Marked as degraded, never above the budget in planned quantities.

        Raises
        ------
        InputError
            As :meth:`Router.allocate`, where what is wrong is not the model's.
        """
        asked = parse_questions(questions)
        check_exploration(explore, explore_seed, target_quality, asked)
        free = tuple(replace(q, min_quality=0.0) if q.min_quality else q for q in asked)
        try:
            plan = self._planner.allocate(
                free,
                budget,
                target_quality=target_quality,
                allow_unfunded=allow_unfunded,
                **options,
            )
        except BudgetError:
            if target_quality is None or allow_unfunded:
                raise
            # Refused where the budget does not reach the cheapest plan, and only there.
            self._planner.allocate(free, budget, target_quality=0.0, **options)
            plan = self._planner.allocate(
                free, budget, target_quality=target_quality, allow_unfunded=True, **options
            )
        notes = (*note_degraded(cause, asked), *plan.notes)
        return replace(plan, questions=asked, notes=notes, degraded=cause)

    def predict(
        self,
        questions: Iterable[QuestionLike],
        *,
        menu: Menu | Mapping[str, Any] | None = None,
    ) -> Surface:
        """Expect of every question what the options reach on average.

        Parameters
        ----------
        questions, menu
            As for :meth:`Router.predict`.

        Returns
        -------
        Surface

        Raises
        ------
        QuestionError, MenuError
            If a question or the menu cannot be used.
        """
        return self._planner.predict(questions, menu=menu)

    def curve(self, questions: Iterable[QuestionLike], **options: Any) -> tuple[CurvePoint, ...]:
        """Draw the curve of questions that are all expected to be average.

        Parameters
        ----------
        questions, **options
            As for :meth:`Router.curve`.

        Returns
        -------
        tuple of CurvePoint

        Raises
        ------
        QuestionError, MenuError, BudgetError
            If something handed in cannot be used.
        """
        free = [replace(question, min_quality=0.0) for question in parse_questions(questions)]
        return self._planner.curve(free, **options)


@dataclass(frozen=True)
class _MeansRouter(Router):
    """A router whose predictor is another than its bundle's."""

    means: Predictor | None = None

    @property
    def predictor(self) -> Predictor:
        """What stands in for the model."""
        return self.bundle.predictor if self.means is None else self.means
