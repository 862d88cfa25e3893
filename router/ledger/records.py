"""What goes into the ledger and comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Account",
    "Answer",
    "PlanContent",
    "PlanRecord",
    "PoolState",
    "Report",
    "RequestKey",
    "Settled",
    "StoredOutcome",
    "decode_content",
    "list_ids",
]


@dataclass(frozen=True, slots=True)
class Account:
    """What a pool holds of one unit, in micro-units.

    Parameters
    ----------
    capacity : int
        What it was given.
    reserved : int
        Granted and not yet reported.
    settled : int
        Spent within what was granted.
    overrun : int
        Spent above what was granted, or after the grant had ended.
    price : float or None
        Quality that one more unit is worth at present; None before the first grant.
    price_floor : float
        Below which it never falls.
    """

    capacity: int
    reserved: int = 0
    settled: int = 0
    overrun: int = 0
    price: float | None = None
    price_floor: float = 0.0

    @property
    def free(self) -> int:
        """What may still be granted, never negative.

        Examples
        --------
        >>> Account(100, reserved=30, settled=20, overrun=60).free
        0
        """
        return max(0, self.capacity - self.reserved - self.settled - self.overrun)


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as it stood at one moment.

    Parameters
    ----------
    name : str
        Its name among those of its tenant.
    accounts : mapping of str to Account
        By unit.
    share_max : float
        What part of the free rest one call without a budget of its own may take, from 0 to 1.
    expected_questions : int or None
        How many questions the pool is meant for in all.
    n_questions : int
        How many it has been asked to pay for.
    """

    name: str
    accounts: Mapping[str, Account]
    share_max: float
    expected_questions: int | None
    n_questions: int


@dataclass(frozen=True, slots=True)
class RequestKey:
    """By what a repeated request is known.

    Parameters
    ----------
    tenant, route : str
        Whose, and to what.
    key : str
        As the caller chose it.
    fingerprint : bytes
        Digest of the request's body.
    """

    tenant: str
    route: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered, to be given again to its repetitions.

    Parameters
    ----------
    status : int
        Of the answer.
    body : bytes
        Word for word.
    """

    status: int
    body: bytes


class PlanContent(msgspec.Struct, array_like=True, frozen=True):
    """What a plan says of each of its n questions, position by position.

    Parameters
    ----------
    ids : list of str
        Identifiers that the caller chose.
    options : list of int
        Positions in the menu; -1 where nothing was funded.
    planned : dict of str to list of int
        Planned cost by unit, in micro-units.
    hashes : list of bytes
        Keyed hashes of the texts.
    groups : list of str or None
        Task labels.
    contexts : list of dict
        Numbers known before the choice.
    propensities : list of dict of int to float, optional
        With which probability each option could have been chosen, by its position in the menu;
        None where the plan did not explore. Plans written before there was exploration end without.
    """

    ids: list[str]
    options: list[int]
    planned: dict[str, list[int]]
    hashes: list[bytes]
    groups: list[str | None]
    contexts: list[dict[str, float]]
    propensities: list[dict[int, float]] | None = None


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan to be remembered, so that what comes of it can be reported.

    Parameters
    ----------
    plan_id, tenant, bundle_id, price_id : str
        Which plan, whose, by which model and prices.
    content : PlanContent
        What it says of its questions.
    menu : bytes
        Its options, as JSON; kept once however many plans share it.
    shadow : bool
        Whether nothing was enforced.
    fingerprint : str, optional
        Of what turned the texts into features.
    features : bytes, optional
        Float32 of shape (n, d), row after row.
    texts : sequence of str, optional
        The questions themselves, only where storing them is switched on.
    """

    plan_id: str
    tenant: str
    bundle_id: str
    price_id: str
    content: PlanContent
    menu: bytes
    shadow: bool = False
    fingerprint: str | None = None
    features: bytes | None = None
    texts: Sequence[str] | None = None

    @property
    def totals_micro(self) -> dict[str, int]:
        """Planned cost of the whole plan by unit, in micro-units."""
        return {unit: sum(amounts) for unit, amounts in self.content.planned.items()}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one question of a plan.

    Parameters
    ----------
    id : str
        The question.
    cost_micro : mapping of str to int, optional
        What was really spent by unit, in micro-units; a unit that is left out counts as planned.
    quality : float, optional
        From 0 to 1; may come later, in a second report.
    released : bool, default=False
        The question was not run at all: what was reserved for it flows back.
    """

    id: str
    cost_micro: Mapping[str, int] = field(default_factory=dict)
    quality: float | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of reports.

    Parameters
    ----------
    words : list of str
        One for each report: ``"settled"``, ``"released"``, ``"late"`` (the reservation had ended:
        all of it is overrun), ``"completed"`` (the quality came second), ``"repeated"`` (nothing
        new).
    pool : PoolState or None
        How the plan's pool stands now.
    n_overruns : int
        How many questions took more from it than was granted to them.
    """

    words: list[str]
    pool: PoolState | None = None
    n_overruns: int = 0


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """An outcome with everything that was known when its option was chosen.

    Parameters
    ----------
    plan_id, tenant, bundle_id, price_id : str
        Which plan, whose, by which model and prices.
    shadow, late : bool
        Whether nothing was enforced; whether it came after the reservation had ended.
    menu : bytes
        The options, as JSON.
    content : PlanContent
        Of the whole plan.
    position : int
        The question's position in it.
    quality : float or None
        From 0 to 1.
    cost_micro : mapping of str to int
        Reported cost by unit.
    reported_wall_us : int
        When, in microseconds since 1970.
    fingerprint : str or None
        Of what turned the texts into features.
    features : bytes or None
        Float32 of shape (n, d) of the whole plan.
    text : str or None
        The question itself, where it was stored.
    """

    plan_id: str
    tenant: str
    bundle_id: str
    price_id: str
    shadow: bool
    late: bool
    menu: bytes
    content: PlanContent
    position: int
    quality: float | None
    cost_micro: Mapping[str, int]
    reported_wall_us: int
    fingerprint: str | None
    features: bytes | None
    text: str | None


_decoder = msgspec.msgpack.Decoder(PlanContent)


def decode_content(content: bytes) -> PlanContent:
    """Read what :func:`msgspec.msgpack.encode` wrote.

    Parameters
    ----------
    content : bytes
        As stored.

    Returns
    -------
    PlanContent

    Examples
    --------
    >>> content = PlanContent(["a"], [0], {"usd": [5]}, [b"x"], [None], [{}])
    >>> decode_content(msgspec.msgpack.encode(content)) == content
    True
    """
    return _decoder.decode(content)


def list_ids(content: PlanContent, wanted: Sequence[str]) -> list[int | None]:
    """Find questions' positions by their identifiers, None for those that are not there.

    Examples
    --------
    >>> list_ids(PlanContent(["a", "b"], [0, 0], {}, [], [], []), ["b", "c"])
    [1, None]
    """
    places = {name: position for position, name in enumerate(content.ids)}
    return [places.get(name) for name in wanted]
