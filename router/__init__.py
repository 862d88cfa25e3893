"""Adaptive compute allocation: decide before an agent runs how much each question gets.

Text becomes features, features become a gain surface, the surface and a budget become a plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.budgets import Budget
from router.choices import Choice
from router.curves import CurvePoint
from router.exceptions import RouterError
from router.log_merging import read_logs
from router.logs import read_log
from router.menus import load_menu
from router.models.bundle import Bundle
from router.options import Menu, Option
from router.outcomes import Outcome, OutcomeLog
from router.plan import Plan
from router.planner import Router
from router.policy import Policy
from router.prices import ModelPrice, Prices
from router.questions import Question, read_questions
from router.replan_decisions import Decision, Replan
from router.replanning import Replanner
from router.reports import Report

if TYPE_CHECKING:
    from router.evaluation import evaluate as evaluate
    from router.models.joiner import join as join
    from router.models.trainer import train as train

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "Bundle",
    "Choice",
    "CurvePoint",
    "Decision",
    "Menu",
    "ModelPrice",
    "Option",
    "Outcome",
    "OutcomeLog",
    "Plan",
    "Policy",
    "Prices",
    "Question",
    "Replan",
    "Replanner",
    "Report",
    "Router",
    "RouterError",
    "__version__",
    "evaluate",
    "join",
    "load_menu",
    "read_log",
    "read_logs",
    "read_questions",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load training, joining and evaluation when first asked for: they need heavier packages."""
    if name == "train":
        from router.models.trainer import train

        return train
    if name == "join":
        from router.models.joiner import join

        return join
    if name == "evaluate":
        from router.evaluation import evaluate

        return evaluate
    raise AttributeError(f"module 'router' has no attribute {name!r}")
