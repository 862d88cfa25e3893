"""What a request may hold: every field with its type and bounds, and nothing else."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins
from msgspec.json import decode, encode

from router.budgets import Budget
from router.exceptions import MenuError, QuestionError
from router.menus import parse_menu
from router.question_costs import COST_MARGIN, MARGIN_MAX
from router.questions import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.options import Menu

__all__ = [
    "QUESTIONS_MAX",
    "AllocateBody",
    "CurveBody",
    "GridBody",
    "MenuBody",
    "OptionBody",
    "PredictBody",
    "QuestionBody",
    "choose_exploration",
    "make_budget",
    "make_menu",
    "make_questions",
]

QUESTIONS_MAX = 512
# A surface of 512 questions has a hundred thousand cells at this many options.
OPTIONS_MAX = 256
# Menus of requests that are kept: a client sends the same few again and again.
MENUS_MAX = 32

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Amount = Annotated[float, Meta(ge=0, le=1e9)]
Length = Annotated[float, Meta(ge=0, le=1e5)]
Speed = Annotated[float, Meta(gt=0, le=1e9)]
# A week holds the longest research run.
Lease = Annotated[float, Meta(gt=0, le=604_800)]
Share = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(ge=0, lt=1)]
Margin = Annotated[float, Meta(ge=0, le=MARGIN_MAX)]
Steps = Annotated[int, Meta(ge=0, le=100)]
Samples = Annotated[int, Meta(ge=1, le=1024)]
Effort = Literal["none", "low", "medium", "high"]
Points = Annotated[int, Meta(ge=2, le=200)]
AXIS = Meta(min_length=1, max_length=OPTIONS_MAX)
Unit = Literal["usd", "tokens", "searches", "seconds", "nominal"]
Context = Annotated[dict[Name, float], Meta(max_length=256)]


class QuestionBody(Struct, forbid_unknown_fields=True):
    """One question of a request; a plain string stands for its text alone."""

    text: str
    id: Name | None = None
    group: Name | None = None
    context: Context | None = None
    weight: Amount = 1.0
    min_quality: Share = 0.0
    max_latency_s: Amount | None = None
    max_cost: dict[Unit, Amount] = {}
    forbidden_options: Annotated[list[Name], Meta(max_length=OPTIONS_MAX)] = []
    depends_on: Annotated[list[Name], Meta(max_length=QUESTIONS_MAX)] = []
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0


class OptionBody(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One option of a request's menu, with the fields of ``router.Option``."""

    name: Name
    model: Name | None = None
    strategy: Name | None = None
    search_steps: Amount | None = None
    reasoning_effort: Effort | None = None
    reasoning_tokens: Amount | None = None
    samples: Samples = 1
    model_strength: Share | None = None
    input_tokens: Amount | None = None
    output_tokens: Amount | None = None
    searches: Amount | None = None
    seconds: Amount | None = None
    costs: dict[Unit, Amount] = {}


class GridBody(Struct, forbid_unknown_fields=True):
    """A menu as the product of its axes; what is left out is as in ``router.menus.Grid``."""

    models: Annotated[list[Name], AXIS]
    search_steps: Annotated[list[Steps], AXIS] | UnsetType = UNSET
    reasoning_effort: Annotated[list[Effort], AXIS] | UnsetType = UNSET
    samples: Annotated[list[Samples], AXIS] | UnsetType = UNSET
    question_tokens: Length | UnsetType = UNSET
    answer_tokens: Length | UnsetType = UNSET
    tokens_per_search: Length | UnsetType = UNSET
    reasoning_tokens: dict[Effort, Length] | UnsetType = UNSET
    seconds_per_search: Length | UnsetType = UNSET
    tokens_per_second: Speed | UnsetType = UNSET
    model_strength: dict[Name, Share] | UnsetType = UNSET


class MenuBody(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A menu in place of the bundle's own: a grid, options written out, or both."""

    name: Name = "menu"
    skip: bool = False
    grid: GridBody | None = None
    options: Annotated[list[OptionBody], Meta(max_length=OPTIONS_MAX)] = []


Questions = Annotated[list[str | QuestionBody], Meta(min_length=1, max_length=QUESTIONS_MAX)]


class PredictBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/predict``."""

    questions: Questions
    menu: MenuBody | None = None


class CurveBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/curve``."""

    questions: Questions
    unit: Unit | None = None
    menu: MenuBody | None = None
    n_points: Points = 20
    cost_margin: Margin = COST_MARGIN


class AllocateBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/allocate``."""

    questions: Questions
    budget: Annotated[dict[Unit, Amount], Meta(min_length=1)] | UnsetType = UNSET
    pool: Name | None = None
    menu: MenuBody | None = None
    allow_skip: bool = False
    cost_margin: Margin = COST_MARGIN
    target_quality: Share | None = None
    lease_s: Lease | None = None
    all_or_nothing: bool = False
    shadow: bool = False
    explore: Rate | None = None


def make_questions(bodies: list[str | QuestionBody]) -> list[Question]:
    """Turn a request's questions into the library's.

    Parameters
    ----------
    bodies : list of str or QuestionBody
        As decoded.

    Returns
    -------
    list of Question

    Raises
    ------
    QuestionError
        If a text is empty, or an identifier occurs twice.

    Examples
    --------
    >>> [question.id for question in make_questions(["Who?", QuestionBody("Why?", id="a")])]
    ['q1', 'a']
    """
    questions, seen = [], set()
    for position, body in enumerate(bodies, start=1):
        if isinstance(body, str):
            name, text = f"q{position}", body
        else:
            name, text = body.id or f"q{position}", body.text
        if not text or text.isspace():
            raise QuestionError(f"question {position}: the text is empty")
        if name in seen:
            raise QuestionError(f"question {position}: its id occurs twice, ids are unique")
        seen.add(name)
        if isinstance(body, str):
            questions.append(Question(name, text))
            continue
        questions.append(
            Question(
                name,
                text,
                body.group,
                body.context or {},
                body.weight,
                body.min_quality,
                body.max_latency_s,
                {str(unit): amount for unit, amount in body.max_cost.items()},
                tuple(body.forbidden_options),
                tuple(body.depends_on),
                body.priority,
            )
        )
    return questions


def make_menu(body: MenuBody | None) -> Menu | None:
    """Turn a request's menu into the library's.

    Parameters
    ----------
    body : MenuBody or None
        As decoded; None for the bundle's own menu.

    Returns
    -------
    Menu or None

    Raises
    ------
    MenuError
        If there is no option, there are too many, or a name occurs twice.

    Examples
    --------
    >>> make_menu(MenuBody(grid=GridBody(["small"], search_steps=[0, 2]))).names
    ('small|none|s0|n1', 'small|none|s2|n1')
    """
    return None if body is None else _make_menu(encode(body))


@lru_cache(MENUS_MAX)
def _make_menu(content: bytes) -> Menu:
    """Make a menu, one and the same for as long as it is asked about.

    What the library works out once a menu it finds again by the menu's identity.
    """
    body = decode(content, type=MenuBody)
    n_options = len(body.options)
    if body.grid is not None:
        grid = body.grid
        axes = (grid.models, grid.search_steps, grid.reasoning_effort, grid.samples)
        # Counted before it is written out: four short lists make a long product.
        n_options += math.prod(len(axis) for axis in axes if axis is not UNSET)
    if not 1 <= n_options <= OPTIONS_MAX:
        raise MenuError(f"menu: {n_options} options, allowed are 1 to {OPTIONS_MAX}")
    return parse_menu(to_builtins(body))


def make_budget(amounts: Mapping[Unit, float] | UnsetType) -> Budget | None:
    """Turn a request's budget into the library's.

    Parameters
    ----------
    amounts : mapping of str to float
        By unit; may be left out beside a target.

    Returns
    -------
    Budget or None

    Raises
    ------
    BudgetError
        If an amount is not allowed.

    Examples
    --------
    >>> make_budget({"usd": 0.5}).to_micro()
    {'usd': 500000}
    """
    if amounts is UNSET:
        return None
    return Budget.from_mapping({str(unit): amount for unit, amount in amounts.items()})


def choose_exploration(body: AllocateBody, default: float, *, shadow: bool) -> float:
    """Choose with which probability questions of a request are explored.

    Parameters
    ----------
    body : AllocateBody
        The request, which may say.
    default : float
        The server's setting, for those requests that can explore.
    shadow : bool
        Whether all plans are shadows, as this one may be: nobody need follow their choices, so that
        nothing is explored.

    Returns
    -------
    float
        From 0 to below 1.

    Examples
    --------
    >>> choose_exploration(AllocateBody(["Who?"]), 0.1, shadow=False)
    0.1
    >>> choose_exploration(AllocateBody(["Who?"], target_quality=0.5), 0.1, shadow=False)
    0.0
    """
    if shadow or body.shadow:
        return 0.0
    if body.explore is not None:
        return body.explore
    depends = any(not isinstance(each, str) and each.depends_on for each in body.questions)
    return 0.0 if depends or body.target_quality is not None else default
