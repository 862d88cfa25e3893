"""Results: what the service answers, as records with names and types.

Each keeps the whole document beside its fields, so that what a newer service says more is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from router.curves import CurvePoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "ClientChoice",
    "ClientPlan",
    "Curve",
    "Delivery",
    "Pool",
    "Prediction",
    "Receipt",
    "read_choice",
    "read_curve",
    "read_plan",
    "read_pool",
    "read_pools",
    "read_prediction",
]

Amounts = dict[str, float]


@dataclass(frozen=True, slots=True)
class ClientChoice:
    """What one question is given.

    Parameters
    ----------
    id : str
        The question.
    status : str
        ``funded`` or ``minimum``: planned. ``fallback``: chosen without a model. ``unfunded``: no
        compute may be spent on it.
    option : str or None
        The option's name; None where nothing is advised.
    expected_quality : float or None
        From 0 to 1; None where nobody expected anything.
    cost : mapping of str to float
        Planned cost by unit; empty where it is not known.
    reason : str
        Why, in one sentence.
    document : mapping
        Everything the service says, with the fields of :class:`router.Choice`.
    """

    id: str
    status: str
    option: str | None
    expected_quality: float | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def may_spend(self) -> bool:
        """Whether compute may be spent on the question.

        Examples
        --------
        >>> ClientChoice("q1", "fallback", None).may_spend
        True
        >>> ClientChoice("q1", "unfunded", None).may_spend
        False
        """
        return self.status != "unfunded"


@dataclass(frozen=True, slots=True)
class ClientPlan:
    """An option for every question, in their order; iterating gives the choices.

    Parameters
    ----------
    plan_id : str
        To report outcomes by. One that starts with ``local-`` is not known to the service.
    source : {"service", "fallback"}
        Who planned: the service, or this client because the service could not be had.
    choices : tuple of ClientChoice
        In the order of the questions.
    totals : mapping
        As :attr:`router.Plan.totals`; of a fallback without a model no more than ``cost`` and the
        number of questions by status.
    degraded : bool, default=False
        Whether the plan is worth less than usual: a fallback, or one that the service made
        without its model.
    reason : str, default=""
        Why it is degraded.
    document : mapping
        Everything the service says, with the fields of :meth:`router.Plan.to_dict`.

    Examples
    --------
    >>> plan = ClientPlan("local-1", "fallback", (ClientChoice("q1", "fallback", "small"),), {})
    >>> [choice.option for choice in plan]
    ['small']
    """

    plan_id: str
    source: Literal["service", "fallback"]
    choices: tuple[ClientChoice, ...]
    totals: Mapping[str, Any]
    degraded: bool = False
    reason: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[ClientChoice]:
        """Go through the choices in the order of the questions."""
        return iter(self.choices)

    def __len__(self) -> int:
        """Count the questions."""
        return len(self.choices)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the service says of the plan, as that prices are old or a pool's share is small."""
        return tuple(self.document.get("notes", ()))


@dataclass(frozen=True, slots=True)
class Prediction:
    """Expected quality of every question under every option.

    Parameters
    ----------
    bundle_id : str
        The model.
    options : tuple of str
        Their names.
    quality : mapping of str to tuple of float
        By question, in the order of the options, each from 0 to 1.
    familiarity : mapping of str to float, or None
        How like those of training each question is; None where the bundle cannot tell.
    document : mapping
        Everything the service says.
    """

    bundle_id: str
    options: tuple[str, ...]
    quality: Mapping[str, tuple[float, ...]]
    familiarity: Mapping[str, float] | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected quality against budget.

    Parameters
    ----------
    unit : str
        Of the budgets.
    points : tuple of CurvePoint
        By rising budget.
    document : mapping
        Everything the service says.
    """

    unit: str
    points: tuple[CurvePoint, ...]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool of budget as it stands, every amount by unit.

    Parameters
    ----------
    name : str
        As it was created.
    capacity : mapping of str to float
        What there was.
    reserved : mapping of str to float
        Granted to plans that are not settled yet.
    settled : mapping of str to float
        Spent within what was granted.
    overrun : mapping of str to float
        Spent beyond.
    free : mapping of str to float
        What may still be granted.
    price : mapping of str to float or None
        Quality that one more unit is worth at the moment; None before the first plan.
    document : mapping
        Everything the service says.
    """

    name: str
    capacity: Mapping[str, float]
    reserved: Mapping[str, float]
    settled: Mapping[str, float]
    overrun: Mapping[str, float]
    free: Mapping[str, float]
    price: Mapping[str, float | None]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a report.

    Parameters
    ----------
    status : {"delivered", "queued", "local"}
        ``queued`` is delivered later, once, by this client or by another with the same spool;
        ``local`` is about a plan that the service does not know, so that nothing is to be settled.
    key : str
        The Idempotency-Key that it carries however often it is sent.
    document : mapping
        What the service says, where it was delivered.
    """

    status: Literal["delivered", "queued", "local"]
    key: str
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of queued reports.

    Parameters
    ----------
    n_delivered : int
        Reports that the service has taken.
    n_queued : int
        Reports that are still waiting.
    refused : tuple of str
        What the service said to reports that it will never take; they are queued no more.
    """

    n_delivered: int
    n_queued: int
    refused: tuple[str, ...] = ()


def read_choice(document: Mapping[str, Any]) -> ClientChoice:
    """Read a choice as the service writes it.

    Parameters
    ----------
    document : mapping
        One of a plan's choices.

    Returns
    -------
    ClientChoice

    Raises
    ------
    LookupError, TypeError
        If it is none.

    Examples
    --------
    >>> read_choice({"id": "q1", "status": "unfunded", "option": ""}).option is None
    True
    """
    return ClientChoice(
        id=str(document["id"]),
        status=str(document["status"]),
        option=document["option"] or None,
        expected_quality=document.get("expected_quality"),
        cost=document.get("cost") or {},
        reason=document.get("reason") or "",
        document=document,
    )


def read_plan(document: Mapping[str, Any]) -> ClientPlan:
    """Read a plan as the service writes it.

    Parameters
    ----------
    document : mapping
        The answer to ``POST /v1/allocate``.

    Returns
    -------
    ClientPlan

    Raises
    ------
    LookupError, TypeError
        If it is none.
    """
    choices = tuple(map(read_choice, document["choices"]))
    cause = document.get("degraded")
    without_model = bool(cause) or any(choice.status == "fallback" for choice in choices)
    return ClientPlan(
        plan_id=str(document["plan_id"]),
        source="service",
        choices=choices,
        totals=dict(document["totals"]),
        degraded=without_model,
        reason=f"the service planned without its model: {cause or 'no cause given'}"
        if without_model
        else "",
        document=document,
    )


def read_prediction(document: Mapping[str, Any]) -> Prediction:
    """Read the answer to ``POST /v1/predict``; raises LookupError or TypeError if it is none."""
    quality = {str(name): tuple(row) for name, row in document["quality"].items()}
    return Prediction(
        document["bundle_id"],
        tuple(document["options"]),
        quality,
        document.get("familiarity"),
        document,
    )


def read_curve(document: Mapping[str, Any]) -> Curve:
    """Read the answer to ``POST /v1/curve``; raises LookupError or TypeError if it is none."""
    points = tuple(
        CurvePoint(point["budget"], point["expected_quality"], point["shadow_price"])
        for point in document["points"]
    )
    return Curve(document["unit"], points, document)


def read_pool(document: Mapping[str, Any]) -> Pool:
    """Read a pool; raises LookupError or TypeError if it is none."""
    names = ("capacity", "reserved", "settled", "overrun", "free", "price")
    return Pool(
        name=str(document["name"]),
        **{name: dict(document[name]) for name in names},
        document=document,
    )


def read_pools(document: Mapping[str, Any]) -> tuple[Pool, ...]:
    """Read the answer to ``GET /v1/pools``; raises LookupError or TypeError if it is none."""
    return tuple(map(read_pool, document["pools"]))
