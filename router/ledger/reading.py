"""Reading outcomes back, with everything that was known when their options were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from router.budgets import BUDGET_UNITS
from router.ledger.plans import COLUMNS
from router.ledger.records import StoredOutcome, decode_content
from router.ledger.store import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

__all__ = ["iterate_outcomes"]

PLAN_COLUMNS = (
    "plans.plan, plan_id, tenant, bundle_id, price_id, shadow, menus.content, plans.content, "
    "fingerprint, features, texts"
)


def iterate_outcomes(
    connection: apsw.Connection, *, tenant: str | None = None, since_wall_us: int = 0
) -> Iterator[StoredOutcome]:
    """Go through all outcomes, plan by plan, in the order in which plans were made.

    Parameters
    ----------
    connection : apsw.Connection
        Only this iteration uses it until it ends.
    tenant : str, optional
        Whose; everybody's by default.
    since_wall_us : int, default=0
        Only those reported from then on, in microseconds since 1970.

    Yields
    ------
    StoredOutcome
    """
    plans = connection.execute(
        f"SELECT {PLAN_COLUMNS} FROM plans JOIN menus ON menus.menu = plans.menu "
        "WHERE ?1 IS NULL OR tenant = ?1 ORDER BY plans.plan",
        (tenant,),
    )
    for plan, plan_id, owner, bundle_id, price_id, shadow, menu, content, *rest in plans:
        rows = fetch(
            connection,
            f"SELECT position, reported_wall_us, late, quality, {COLUMNS} FROM outcomes "
            "WHERE plan = ? AND reported_wall_us >= ? ORDER BY position",
            (plan, since_wall_us),
        )
        if not rows:
            continue
        decoded = decode_content(content)
        texts = None if rest[2] is None else msgspec.msgpack.decode(rest[2])
        for position, reported, late, quality, *costs in rows:
            amounts = dict(zip(BUDGET_UNITS, costs, strict=True))
            yield StoredOutcome(
                *(plan_id, owner, bundle_id, price_id, bool(shadow), bool(late), menu, decoded),
                position=position,
                quality=quality,
                cost_micro={unit: cost for unit, cost in amounts.items() if cost is not None},
                reported_wall_us=reported,
                fingerprint=rest[0],
                features=rest[1],
                text=None if texts is None else texts[position],
            )
