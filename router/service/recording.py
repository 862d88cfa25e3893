"""What is kept of a plan: enough to settle it, and to learn from what comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from router.ledger.records import PlanContent, PlanRecord

if TYPE_CHECKING:
    from router.ledger import Ledger
    from router.options import Menu
    from router.plan import Plan

__all__ = ["Recorder"]

MENUS_MAX = 64


class Recorder:
    """Turns plans into records.

    Parameters
    ----------
    ledger : Ledger
        Whose secret hashes the texts.
    store_texts : bool, default=False
        Whether to keep the questions themselves.
    store_features : bool, default=True
        Whether to keep what the model reads of them.
    """

    def __init__(
        self, ledger: Ledger, *, store_texts: bool = False, store_features: bool = True
    ) -> None:
        self._ledger = ledger
        self._store_texts = store_texts
        self._store_features = store_features
        self._menus: dict[int, tuple[Menu, bytes]] = {}

    def record(
        self, plan: Plan, fingerprint: str, *, tenant: str, shadow: bool = False
    ) -> PlanRecord:
        """Turn a plan into a record.

        Parameters
        ----------
        plan : Plan
            Of n questions.
        fingerprint : str
            Of what turned the texts into features.
        tenant : str
            Whose.
        shadow : bool, default=False
            Whether nothing is enforced.

        Returns
        -------
        PlanRecord
            Planned cost by every unit of the plan; nothing for what is unfunded.
        """
        rows = np.arange(len(plan))
        funded = plan.choice_index >= 0
        amounts = np.where(funded[:, None], plan.plan_micro(rows, plan.choice_index), 0)
        questions = plan.questions
        features = plan.surface.features if self._store_features else None
        return PlanRecord(
            plan_id=plan.plan_id,
            tenant=tenant,
            bundle_id=plan.bundle_id,
            price_id=plan.price_id,
            content=PlanContent(
                ids=[question.id for question in questions],
                options=plan.choice_index.tolist(),
                planned=dict(zip(plan.units, amounts.T.tolist(), strict=True)),
                hashes=[self._ledger.hash_text(question.text) for question in questions],
                groups=[question.group for question in questions],
                contexts=[dict(question.context) for question in questions],
                propensities=None if plan.exploration is None else plan.exploration.list_known(),
            ),
            menu=self._write_menu(plan.surface.menu),
            shadow=shadow,
            fingerprint=None if features is None else fingerprint,
            features=None if features is None else features.astype("<f4").tobytes(),
            texts=[question.text for question in questions] if self._store_texts else None,
        )

    def _write_menu(self, menu: Menu) -> bytes:
        """Write a menu's options as JSON, once for as long as it is asked about."""
        # By identity, as for predictions; the entry keeps the menu, so that no other one can take
        # its identity.
        entry = self._menus.get(id(menu))
        if entry is None:
            if len(self._menus) >= MENUS_MAX:
                self._menus.clear()
            options = [option.to_dict() for option in menu]
            entry = self._menus[id(menu)] = menu, json.dumps(options).encode()
        return entry[1]
