"""What successful answers hold, for the description of the service.

Answers are written from the library's own objects; these records only describe them. Tests hold
each against real answers, field by field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ANSWERS",
    "ChoiceAnswer",
    "CurveAnswer",
    "DecisionAnswer",
    "FreeAnswer",
    "OutcomeAnswer",
    "OutcomesAnswer",
    "PlanAnswer",
    "PointAnswer",
    "PoolAnswer",
    "PoolsAnswer",
    "PredictionAnswer",
    "ReplanAnswer",
    "TotalsAnswer",
    "describe_answers",
]

Amounts = dict[str, float]
Pair = tuple[float, float]


class ChoiceAnswer(Struct, omit_defaults=True):
    """What one question is given, and why; the last field stands there where a plan explored."""

    id: str
    status: str
    option: str
    difficulty: float
    expected_quality: float
    quality_interval: Pair
    expected_gain: float
    gain_interval: Pair
    marginal_gain_per_search: float | None
    marginal_gain_per_1000_reasoning_tokens: float | None
    cost: Amounts
    evidence: str
    reason: str
    familiarity: float | None
    cost_deviation: Amounts
    joint_quality: float | None
    bound_by: str | None
    required_cost: Amounts
    propensity: float = 1.0


class TotalsAnswer(Struct):
    """What a plan comes to."""

    n_questions: int
    n_answers: int
    expected_quality: float
    mean_quality: float
    target_quality: float | None
    quality_interval: Pair | None
    expected_gain: float
    cost: Amounts
    budget: Amounts
    minimum_required: Amounts
    expected_cost: Amounts
    cost_deviation: dict[str, float | None]
    overspend_probability: dict[str, float | None]
    statuses: dict[str, int]


class PlanAnswer(Struct, omit_defaults=True):
    """A plan; the last fields stand there where they apply."""

    plan_id: str
    bundle_id: str
    price_id: str
    choices: list[ChoiceAnswer]
    totals: TotalsAnswer
    shadow_price: Amounts
    gap: float
    notes: list[str]
    pool: str = ""
    lease_s: float = 0.0
    shadow: bool = False
    degraded: str = ""
    recorded: bool = True


class PredictionAnswer(Struct, omit_defaults=True):
    """The quality expected of every question, in the order of the options."""

    bundle_id: str
    options: list[str]
    evidence: list[str]
    familiarity: dict[str, float] | None
    abstained: dict[str, bool] | None
    quality: dict[str, list[float]]
    degraded: str = ""


class PointAnswer(Struct):
    """A point of a curve."""

    budget: float
    expected_quality: float
    shadow_price: float


class CurveAnswer(Struct, omit_defaults=True):
    """Expected quality against budget."""

    bundle_id: str
    price_id: str
    unit: str
    points: list[PointAnswer]
    degraded: str = ""


class DecisionAnswer(Struct):
    """What is to be done next with one question."""

    id: str
    action: str
    option: str | None
    cost: Amounts
    expected_quality: float
    reason: str
    fallback_option: str | None


class ReplanAnswer(Struct):
    """What is to be done next with every question of a plan under way."""

    plan_id: str
    decisions: list[DecisionAnswer]
    spent: Amounts
    remaining: Amounts
    planned: Amounts
    shadow_price: Amounts
    expected_quality: float


class OutcomeAnswer(Struct):
    """What became of one report."""

    id: str
    status: str


class FreeAnswer(Struct):
    """What is free in a pool."""

    name: str
    free: Amounts


class OutcomesAnswer(Struct, omit_defaults=True):
    """What became of reports, and what is free in the pool where there is one."""

    plan_id: str
    outcomes: list[OutcomeAnswer]
    pool: FreeAnswer | None = None


class PoolAnswer(Struct):
    """A pool as it stands, by unit."""

    name: str
    capacity: Amounts
    reserved: Amounts
    settled: Amounts
    overrun: Amounts
    free: Amounts
    price: dict[str, float | None]
    share_max: float
    expected_questions: int | None
    n_questions: int


class PoolsAnswer(Struct):
    """All pools of a tenant, by name."""

    pools: list[PoolAnswer]


# By path and method what is answered, and with which statuses.
ANSWERS: Mapping[tuple[str, str], tuple[type[Struct], tuple[str, ...]]] = {
    ("/v1/allocate", "post"): (PlanAnswer, ("200",)),
    ("/v1/predict", "post"): (PredictionAnswer, ("200",)),
    ("/v1/curve", "post"): (CurveAnswer, ("200",)),
    ("/v1/replan", "post"): (ReplanAnswer, ("200",)),
    ("/v1/outcomes", "post"): (OutcomesAnswer, ("200",)),
    ("/v1/pools", "post"): (PoolAnswer, ("200", "201")),
    ("/v1/pools", "get"): (PoolsAnswer, ("200",)),
    ("/v1/pools/{name}", "get"): (PoolAnswer, ("200",)),
}


def describe_answers(document: dict[str, Any]) -> None:
    """Describe what routes answer when all is well.

    Parameters
    ----------
    document : dict
        A description of the whole service, which is completed.

    Examples
    --------
    >>> document = {"paths": {"/v1/pools": {"get": {"responses": {}}}}, "components": {}}
    >>> describe_answers(document)
    >>> document["paths"]["/v1/pools"]["get"]["responses"]["200"]["content"]
    {'application/json': {'schema': {'$ref': '#/components/schemas/PoolsAnswer'}}}
    """
    reference = "#/components/schemas/{name}"
    kinds = {kind for kind, _ in ANSWERS.values()}
    _, components = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=reference
    )
    document.setdefault("components", {}).setdefault("schemas", {}).update(components)
    for (path, method), (kind, statuses) in ANSWERS.items():
        operation = document["paths"].get(path, {}).get(method)
        if operation is None:
            continue
        schema = {"$ref": reference.format(name=kind.__name__)}
        for status in statuses:
            operation["responses"][status] = {
                "description": "Created." if status == "201" else "Done.",
                "content": {"application/json": {"schema": schema}},
            }
