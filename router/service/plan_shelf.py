"""Plans that were made lately, kept in memory so that they can be re-planned."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from router.exceptions import UnknownError

if TYPE_CHECKING:
    from router.plan import Plan

__all__ = ["PlanShelf"]

BYTES_MAX = 32 * 2**20
# A question or an option takes about so much, its names and tables included.
OBJECT_BYTES = 1_500
# A number known of a question takes so much, and each name of others that it lists.
ENTRY_BYTES = 80


class PlanShelf:
    """Keeps plans until there are too many, the one not asked for longest going first.

    Parameters
    ----------
    bytes_max : int, default=33554432
        What their predictions may take together.

    Attributes
    ----------
    n_bytes : int
        What they take now, about.

    Examples
    --------
    >>> shelf = PlanShelf()
    >>> shelf.take("default", "plan-1")
    Traceback (most recent call last):
    ...
    router.exceptions.UnknownError: plan 'plan-1' is not in memory (any more): allocate anew
    """

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._plans: OrderedDict[tuple[str, str], tuple[Plan, str | None]] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        """Count the plans."""
        return len(self._plans)

    def keep(self, tenant: str, plan: Plan, *, pool: str | None = None) -> None:
        """Keep a plan.

        Parameters
        ----------
        tenant : str
            Whose.
        plan : Plan
            As it was made.
        pool : str, optional
            The pool that holds what it costs.
        """
        place, plan = (tenant, plan.plan_id), _slim(plan)
        known = self._plans.pop(place, None)
        self.n_bytes += _weigh(plan) - (0 if known is None else _weigh(known[0]))
        self._plans[place] = plan, pool
        while self.n_bytes > self._bytes_max and self._plans:
            _, (gone, _) = self._plans.popitem(last=False)
            self.n_bytes -= _weigh(gone)

    def take(self, tenant: str, plan_id: str) -> tuple[Plan, str | None]:
        """Find a plan.

        Parameters
        ----------
        tenant : str
            Whose.
        plan_id : str
            Which.

        Returns
        -------
        plan : Plan
            As it was made.
        pool : str or None
            The pool that holds what it costs.

        Raises
        ------
        UnknownError
            If it is not there: another tenant's, from before a restart, or gone for others.
        """
        found = self._plans.get((tenant, plan_id))
        if found is None:
            raise UnknownError(f"plan {plan_id!r} is not in memory (any more): allocate anew")
        self._plans.move_to_end((tenant, plan_id))
        return found


def _slim(plan: Plan) -> Plan:
    """Keep of a plan what re-planning asks for, and nothing that was worked out of it."""
    surface = replace(
        plan.surface,
        low=plan.surface.quality,
        high=plan.surface.quality,
        familiarity=None,
        abstained=None,
        batch_error=None,
        doubt=None,
        consumption=None,
        features=None,
    )
    costs = replace(plan.costs, consumption=None)
    return replace(plan, surface=surface, costs=costs, notes=(), axes=None)


def _weigh(plan: Plan) -> int:
    """Weigh what a plan holds: arrays, texts, and the objects of questions and options."""
    arrays = plan.surface.quality.nbytes + plan.cost_micro.nbytes + plan.choice_index.nbytes
    arrays += 0 if plan.closed is None else plan.closed.nbytes
    arrays += 0 if plan.propensities is None else plan.propensities.nbytes
    texts = sum(len(question.text) for question in plan.questions)
    objects = 4 + len(plan.questions) + len(plan.surface.menu)
    entries = sum(
        len(question.context) + len(question.forbidden_options) + len(question.depends_on)
        for question in plan.questions
    )
    return arrays + 4 * texts + OBJECT_BYTES * objects + ENTRY_BYTES * entries
