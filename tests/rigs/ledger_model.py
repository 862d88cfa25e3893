"""What the ledger promises, in the plainest words: no disk, no time but a number, no threads."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Model", "Question", "Refused"]

ANSWER_SECONDS = 24 * 3600
UNREPORTED_SECONDS = 7 * 24 * 3600

Amounts = dict[str, int]


class Refused(Exception):  # noqa: N818 - a word of the ledger, not a failure of the model
    """Why nothing was done."""


@dataclass
class Question:
    """One reservation and what came of it."""

    amounts: Amounts
    state: str = "open"
    settled: Amounts = field(default_factory=dict)
    overrun: Amounts = field(default_factory=dict)
    cost: Amounts | None = None
    quality: float | None = None

    def report(self, cost: Amounts, quality: float | None, *, released: bool) -> str:
        """Take in a report."""
        if self.cost is not None:
            return self.compare(cost, quality, released=released)
        was_open = self.state == "open"
        if released:
            self.state = "released" if was_open else self.state
            return "released" if was_open else "repeated"
        self.state = "settled" if was_open else self.state
        for unit, amount in self.amounts.items():
            real = cost.get(unit, amount)
            self.settled[unit] = min(real, amount) if was_open else 0
            self.overrun[unit] = real - self.settled[unit]
        self.cost, self.quality = cost, quality
        return "settled" if was_open else "late"

    def compare(self, cost: Amounts, quality: float | None, *, released: bool) -> str:
        """Take in a second report."""
        known = self.cost or {}
        if released or any(known.get(unit) != amount for unit, amount in cost.items()):
            raise Refused("conflict")
        if quality is None or quality == self.quality:
            return "repeated"
        if self.quality is not None:
            raise Refused("conflict")
        self.quality = quality
        return "completed"


@dataclass
class Plan:
    """Questions that were reserved for together."""

    questions: list[Question]
    created: int
    expires: int


class Model:
    """A pool, the plans drawn on it, and the answers that are kept."""

    def __init__(self, capacity: Amounts) -> None:
        """Start with a full pool."""
        self.capacity = capacity
        self.now = 0
        self.plans: dict[str, Plan] = {}
        self.answers: dict[str, tuple[str, int]] = {}
        # What forgotten plans left behind is nothing: only those without a report are forgotten.

    def sum_up(self, unit: str) -> tuple[int, int, int]:
        """Add up what is reserved, settled and overrun."""
        every = [question for plan in self.plans.values() for question in plan.questions]
        reserved = sum(q.amounts[unit] for q in every if q.state == "open")
        settled = sum(q.settled.get(unit, 0) for q in every)
        return reserved, settled, sum(q.overrun.get(unit, 0) for q in every)

    def sweep(self) -> None:
        """Do what time demands."""
        for plan_id, plan in list(self.plans.items()):
            for question in plan.questions:
                if question.state == "open" and plan.expires <= self.now:
                    question.state = "expired"
            unreported = all(question.cost is None for question in plan.questions)
            ended = all(question.state != "open" for question in plan.questions)
            if ended and unreported and plan.created + UNREPORTED_SECONDS < self.now:
                del self.plans[plan_id]
        self.answers = {k: (b, end) for k, (b, end) in self.answers.items() if end > self.now}

    def reserve(
        self, plan_id: str, amounts: list[Amounts], lease: int, key: str | None, body: str
    ) -> str:
        """Reserve for a plan and keep the answer, or neither."""
        for unit, capacity in self.capacity.items():
            wanted = sum(question[unit] for question in amounts)
            if wanted and sum(self.sum_up(unit)) + wanted > capacity:
                raise Refused("exhausted")
        if key in self.answers:
            raise Refused("conflict")
        if key is not None:
            self.answers[key] = body, self.now + ANSWER_SECONDS
        questions = [Question(dict(question)) for question in amounts]
        self.plans[plan_id] = Plan(questions, self.now, self.now + lease)
        return "done"

    def list_held(self, plan_id: str) -> dict[int, Amounts]:
        """List what is held for each open question of a plan, by its place."""
        plan = self.plans.get(plan_id)
        if plan is None:
            raise Refused("unknown")
        every = enumerate(plan.questions)
        return {place: dict(q.amounts) for place, q in every if q.state == "open"}

    def move(self, plan_id: str, needs: dict[int, Amounts]) -> str:
        """Hold what open questions need now; what nobody needs stays where it is held."""
        held = self.list_held(plan_id)
        questions = self.plans[plan_id].questions
        if any(place >= len(questions) for place in needs):
            raise Refused("unknown")
        if not held:
            raise Refused("conflict")
        after: dict[int, Amounts] = {place: {} for place in held}
        for unit in self.capacity:
            for place, amounts in held.items():
                after[place][unit] = needs.get(place, amounts).get(unit, 0)
            unneeded = sum(row[unit] for row in held.values())
            unneeded -= sum(row[unit] for row in after.values())
            if unneeded < 0:
                raise Refused("conflict")
            for place in sorted(after):
                stays = min(unneeded, max(0, held[place][unit] - after[place][unit]))
                after[place][unit] += stays
                unneeded -= stays
        for place, amounts in after.items():
            questions[place].amounts = amounts
        return "done"
