"""Calls: what a request says, written once, so that every attempt sends the same bytes."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from router.budgets import BUDGET_UNITS, Budget
from router.client.results import (
    ClientPlan,
    Curve,
    Pool,
    Prediction,
    read_curve,
    read_plan,
    read_pool,
    read_pools,
    read_prediction,
)
from router.exceptions import BudgetError, InputError
from router.options import Menu
from router.questions import Question
from router.replan_decisions import Replan

if TYPE_CHECKING:
    from router.reports import Report

__all__ = [
    "Call",
    "ask_curve",
    "ask_plan",
    "ask_pool",
    "ask_pools",
    "ask_prediction",
    "ask_readiness",
    "ask_replan",
    "choose_key",
    "create_pool",
    "send_report",
    "write_outcomes",
]

Result = TypeVar("Result")
BudgetLike = Budget | Mapping[str, float]
MenuLike = Menu | Mapping[str, Any]

KEY = re.compile(r"[\x21-\x7e]{1,255}")
# What a question has that asks for nothing special; its identifier and text are always written.
PLAIN = asdict(Question("?", "?")) | {"id": None, "text": None}
OUTCOME_FIELDS = ("id", "cost", "quality", "released")


@dataclass(frozen=True)
class Call(Generic[Result]):
    """One call: what is sent, and how the answer is read.

    Parameters
    ----------
    method, path : str
        Of the request.
    read : callable
        Turns the answer's document into the result; raises LookupError, TypeError or ValueError
        where it is of another shape.
    content : bytes, default=b""
        JSON.
    key : str, optional
        Idempotency-Key, where the call changes something.
    """

    method: str
    path: str
    read: Callable[[Any], Result]
    content: bytes = b""
    key: str | None = None

    @property
    def what(self) -> str:
        """How messages call it.

        Examples
        --------
        >>> ask_pool("night shift").what
        'GET /v1/pools/night%20shift'
        """
        return f"{self.method} {self.path}"


def choose_key(key: str | None = None) -> str:
    """Take a caller's Idempotency-Key, or make one that nobody else has.

    Parameters
    ----------
    key : str, optional
        Up to 255 visible ASCII characters.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If no header may hold it.

    Examples
    --------
    >>> choose_key("job-7"), len(choose_key())
    ('job-7', 32)
    """
    if key is None:
        return secrets.token_hex(16)
    if not isinstance(key, str) or KEY.fullmatch(key) is None:
        raise InputError(
            f"idempotency_key {key!r} is not allowed: 1 to 255 visible ASCII characters are"
        )
    return key


def ask_plan(
    questions: Iterable[Question],
    budget: BudgetLike | None,
    *,
    pool: str | None,
    menu: MenuLike | None,
    terms: Mapping[str, Any],
    key: str,
) -> Call[ClientPlan]:
    """Write ``POST /v1/allocate``.

    Parameters
    ----------
    questions : iterable of Question
        What is asked.
    budget : Budget or mapping, optional
        Ceilings by unit.
    pool : str, optional
        What is drawn on.
    menu : Menu or mapping, optional
        In place of the bundle's own.
    terms : mapping
        Further fields of the body; what is None is left out.
    key : str
        Idempotency-Key.

    Returns
    -------
    Call

    Raises
    ------
    BudgetError
        If there is neither budget nor pool nor target, or a unit or an amount is not allowed.

    Examples
    --------
    >>> call = ask_plan(
    ...     [Question("q1", "Who?")], {"usd": 1}, pool=None, menu=None, terms={}, key="job-7"
    ... )
    >>> call.content
    b'{"questions":[{"id":"q1","text":"Who?"}],"budget":{"usd":1}}'
    """
    if budget is None and pool is None and terms.get("target_quality") is None:
        raise BudgetError("neither budget, pool nor target_quality is given: one is needed")
    body = {
        "questions": [_write_question(question) for question in questions],
        "budget": None if budget is None else _read_budget(budget).to_dict(),
        "pool": pool,
        "menu": _write_menu(menu),
        **terms,
    }
    return Call("POST", "/v1/allocate", read_plan, _write(body), key)


def ask_prediction(questions: Iterable[Question], menu: MenuLike | None) -> Call[Prediction]:
    """Write ``POST /v1/predict``."""
    body = {"questions": list(map(_write_question, questions)), "menu": _write_menu(menu)}
    return Call("POST", "/v1/predict", read_prediction, _write(body))


def ask_curve(
    questions: Iterable[Question], menu: MenuLike | None, terms: Mapping[str, Any]
) -> Call[Curve]:
    """Write ``POST /v1/curve``."""
    body = {"questions": list(map(_write_question, questions)), "menu": _write_menu(menu), **terms}
    return Call("POST", "/v1/curve", read_curve, _write(body))


def ask_replan(plan_id: str, reports: Iterable[Report], terms: Mapping[str, Any]) -> Call[Replan]:
    """Write ``POST /v1/replan``."""
    body = {"plan_id": plan_id, "reports": [report.to_dict() for report in reports], **terms}
    return Call("POST", "/v1/replan", Replan.from_mapping, _write(body))


def send_report(content: bytes, key: str) -> Call[Mapping[str, Any]]:
    """Write ``POST /v1/outcomes`` with a body of :func:`write_outcomes`."""
    return Call("POST", "/v1/outcomes", dict, content, key)


def create_pool(name: str, capacity: BudgetLike, terms: Mapping[str, Any], key: str) -> Call[Pool]:
    """Write ``POST /v1/pools``."""
    body = {"name": name, "capacity": _read_budget(capacity).to_dict(), **terms}
    return Call("POST", "/v1/pools", read_pool, _write(body), key)


def ask_pools() -> Call[tuple[Pool, ...]]:
    """Write ``GET /v1/pools``."""
    return Call("GET", "/v1/pools", read_pools)


def ask_pool(name: str) -> Call[Pool]:
    """Write ``GET /v1/pools/{name}``."""
    return Call("GET", f"/v1/pools/{quote(name, safe='')}", read_pool)


def ask_readiness() -> Call[bool]:
    """Write ``GET /v2/health/ready``; whatever document comes with status 200 means yes."""
    return Call("GET", "/v2/health/ready", lambda _: True)


def write_outcomes(plan_id: str, outcomes: Iterable[Mapping[str, Any]]) -> bytes:
    """Write the body of a report, and refuse what the service would refuse for ever.

    Parameters
    ----------
    plan_id : str
        The plan.
    outcomes : iterable of mapping
        Each with ``id``, and ``cost`` by unit with ``quality`` (from 0 to 1, None where it is not
        known yet), or ``released`` where the question was not run.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If there is none, or a field is missing, unknown or out of range.

    Examples
    --------
    >>> write_outcomes("p1", [{"id": "q1", "cost": {"usd": 0.1}, "quality": 1}])
    b'{"plan_id":"p1","outcomes":[{"id":"q1","cost":{"usd":0.1},"quality":1}]}'
    """
    if isinstance(outcomes, Mapping | str | bytes):
        raise InputError("outcomes are a list: wrap a single one in [ ]")
    written = [_check_outcome(item, place) for place, item in enumerate(outcomes, start=1)]
    if not written:
        raise InputError("there are no outcomes: at least one is needed")
    return _write({"plan_id": plan_id, "outcomes": written})


def _check_outcome(item: object, place: int) -> dict[str, Any]:
    """Check one outcome and name its place where it cannot be used."""
    if not isinstance(item, Mapping):
        raise InputError(f"outcome {place} is {type(item).__name__}, not an object")
    for name in item:
        if name not in OUTCOME_FIELDS:
            allowed = ", ".join(OUTCOME_FIELDS)
            raise InputError(f"outcome {place}: field {name!r} is unknown: allowed are {allowed}")
    if not isinstance(item.get("id"), str) or not item["id"]:
        raise InputError(f"outcome {place}: id {item.get('id')!r} is not a non-empty string")
    cost = item.get("cost")
    if item.get("released") is not True and not isinstance(cost, Mapping):
        raise InputError(f"outcome {place}: cost {cost!r} is not a table by unit")
    for unit, amount in (cost or {}).items():
        if unit not in BUDGET_UNITS or not _is_amount(amount, math.inf):
            raise InputError(
                f"outcome {place}: cost {unit}={amount!r} is not allowed: finite amounts from 0 "
                f"up are, in {', '.join(BUDGET_UNITS)}"
            )
    if item.get("quality") is not None and not _is_amount(item["quality"], 1):
        raise InputError(f"outcome {place}: quality {item['quality']!r} is not from 0 to 1")
    return dict(item) if cost is None else {**item, "cost": dict(cost)}


def _is_amount(value: object, value_max: float) -> bool:
    """Say whether something is a finite number from 0 to a bound."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return math.isfinite(value) and 0 <= float(value) <= value_max


def _read_budget(budget: BudgetLike) -> Budget:
    """Read amounts by unit, checked as everywhere in the library."""
    return budget if isinstance(budget, Budget) else Budget.from_mapping(budget)


def _write_question(question: Question) -> dict[str, Any]:
    """Write the fields of a question that say something."""
    values = {name: getattr(question, name) for name in PLAIN}
    given = {name: value for name, value in values.items() if value != PLAIN[name]}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}


def _write_menu(menu: MenuLike | None) -> Mapping[str, Any] | None:
    """Write a menu with all its options, or pass a request's on as it is."""
    if not isinstance(menu, Menu):
        return menu
    options = [option.to_dict() for option in menu if not option.is_skip]
    return {"name": menu.name, "skip": menu.has_skip, "options": options}


def _write(body: Mapping[str, Any]) -> bytes:
    """Write the fields that are given as JSON, which has no word for NaN."""
    given = {name: value for name, value in body.items() if value is not None}
    try:
        return json.dumps(
            given, allow_nan=False, separators=(",", ":"), default=_read_scalar
        ).encode()
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the request cannot be written as JSON: {error}") from None


def _read_scalar(value: Any) -> Any:
    """Turn a number of NumPy's into one of Python's."""
    return value.item()
