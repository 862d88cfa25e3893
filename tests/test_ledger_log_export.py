"""The ledger's outcomes as columns of a log: numbers as reported, the rest left out and counted."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from router.exceptions import LedgerError
from router.ledger.log_export import collect_columns
from router.ledger.records import PlanContent, StoredOutcome
from router.log_columns import COST_COLUMNS
from router.logs import build_log
from router.options import SKIP, Option

MENU = (
    Option("deep", model="toy", strategy="chain", search_steps=4, reasoning_effort="low"),
    Option("wide", model="toy", samples=5, reasoning_tokens=900.0),
    SKIP,
)
TEXTS = ("Who?", "Why?", "Where?")


def make_outcome(
    position: int = 0,
    *,
    options: tuple[int, ...] = (0, 1, 0),
    fingerprint: str | None = "f1",
    has_text: bool = False,
    propensities: list[dict[int, float]] | None = None,
    **changes: Any,
) -> StoredOutcome:
    """Make an outcome of a plan of three questions."""
    content = PlanContent(
        ids=["a", "b", "c"],
        options=list(options),
        planned={"usd": [5, 5, 5]},
        hashes=[bytes([row]) * 16 for row in range(3)],
        groups=["east", None, "west"],
        contexts=[{"depth": 2.0}, {}, {"score": 0.25, "depth": 1.0}],
        propensities=propensities,
    )
    features = np.arange(6, dtype="<f4").reshape(3, 2)
    values: dict[str, Any] = {
        "plan_id": "p1",
        "tenant": "default",
        "bundle_id": "b1",
        "price_id": "2026-11",
        "shadow": False,
        "late": False,
        "menu": json.dumps([option.to_dict() for option in MENU]).encode(),
        "content": content,
        "position": position,
        "quality": 0.5,
        "cost_micro": {"usd": 12, "searches": 3_000_000},
        "reported_wall_us": 1_700_000_000_123_456,
        "fingerprint": fingerprint,
        "features": None if fingerprint is None else features.tobytes(),
        "text": TEXTS[position] if has_text else None,
    }
    return StoredOutcome(**(values | changes))


def test_numbers_are_those_that_were_reported() -> None:
    """Every column says what was planned, known and reported, and nothing that was not."""
    export = collect_columns([make_outcome(0), make_outcome(1, cost_micro={"tokens": 7_000_000})])
    assert export.notes == ()
    assert export.n_rows == 2
    columns = export.columns
    assert columns["query_id"] == ["00" * 16, "01" * 16]
    assert columns["query"] == [None, None]
    assert columns["group"] == ["east", None]
    assert columns["option"] == ["deep", "wide"]
    assert columns["model"] == ["toy", "toy"]
    assert columns["strategy"] == ["chain", None]
    assert columns["search_steps"] == [4, None]
    assert columns["reasoning_effort"] == ["low", None]
    assert columns["reasoning_tokens"] == [None, 900.0]
    assert columns["samples"] == [1, 5]
    assert columns["quality"] == [0.5, 0.5]
    assert columns["cost_usd"] == [0.000012, None]
    assert columns["cost_searches"] == [3.0, None]
    assert columns["cost_tokens"] == [None, 7.0]
    assert columns["cost_seconds"] == [None, None]
    assert columns["context_depth"] == [2.0, None]
    assert columns["price_id"] == ["2026-11"] * 2
    assert columns["reported"] == ["2023-11-14T22:13:20.123456+00:00"] * 2
    assert columns["features"].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert columns["feature_fingerprint"] == ["f1", "f1"]
    log = build_log(columns)
    assert log.notes == ()
    assert log.cost_unit == "usd"
    assert log.features is not None
    assert not log.has_texts


def test_costs_in_no_unit_of_budgets_are_kept() -> None:
    """What was reported in a menu's nominal unit is the log's own cost."""
    export = collect_columns([make_outcome(cost_micro={"nominal": 1_500_000})])
    log = build_log(export.columns)
    assert (log.cost.tolist(), log.cost_unit) == ([1.5], "nominal")
    assert all(export.columns[column] == [None] for column in COST_COLUMNS.values())


def test_propensities_are_written_by_name_where_a_plan_explored() -> None:
    """Rows of other plans have none, and a log of none has no column; training reads past them."""
    chances: list[dict[int, float]] = [{0: 0.9, 1: 0.1}, {0: 0.25, 1: 0.75}, {0: 1.0}]
    rows = [make_outcome(0), *(make_outcome(row, propensities=chances) for row in range(3))]
    export = collect_columns(rows)
    assert export.columns["propensity"] == [None, 0.9, 0.75, 1.0]
    assert export.columns["propensities"] == [
        None,
        '{"deep": 0.9, "wide": 0.1}',
        '{"deep": 0.25, "wide": 0.75}',
        '{"deep": 1.0}',
    ]
    assert export.notes == ("3 outcomes have a propensity, as their plans explored",)
    assert build_log(export.columns).n_questions == 3
    assert not {"propensity", "propensities"} & set(collect_columns(rows[:1]).columns)


def test_shadow_late_and_stale_rows_are_marked() -> None:
    """Outcomes of shadow plans are in the log; other prices than the newest are told."""
    export = collect_columns(
        [make_outcome(shadow=True, price_id="old"), make_outcome(1, late=True, quality=None)]
    )
    assert export.columns["shadow"] == [True, False]
    assert export.columns["late"] == [False, True]
    assert export.columns["prices_stale"] == [True, False]
    assert export.notes == (
        "1 outcomes were planned at other prices than the newest, 2026-11",
        "1 outcomes are of shadow plans",
        "1 outcomes have no quality yet: training leaves them out",
    )
    assert len(build_log(export.columns).quality) == 1


def test_what_a_log_cannot_hold_is_left_out_and_counted() -> None:
    """No option, no input and another encoder's features each take a row away, with a count."""
    outcomes = [
        make_outcome(options=(-1, 0, 0)),
        make_outcome(options=(2, 0, 0)),
        make_outcome(fingerprint=None),
        make_outcome(fingerprint="f0"),
        make_outcome(1),
        make_outcome(2),
    ]
    export = collect_columns(outcomes)
    assert export.columns["query_id"] == ["01" * 16, "02" * 16]
    assert export.notes == (
        "left out 2 outcomes of questions that no option answered",
        "left out 1 outcomes of questions of which neither text nor features were kept",
        "left out 1 outcomes of questions of which only features of another encoder were kept",
    )
    other = collect_columns(outcomes, fingerprint="f0")
    assert other.columns["feature_fingerprint"] == ["f0"]
    with pytest.raises(LedgerError, match="2 of questions that no option answered"):
        collect_columns(outcomes[:2])
    with pytest.raises(LedgerError, match="none was reported"):
        collect_columns([])


def test_encoder_of_most_rows_is_chosen_and_the_newer_of_equals() -> None:
    """Rows with a text need no features, so that they have no say."""
    old, new = make_outcome(fingerprint="f0"), make_outcome(1, fingerprint="f1")
    told = [make_outcome(2, fingerprint="f0", has_text=True)] * 3
    export = collect_columns([*told, old, new])
    assert set(export.columns["feature_fingerprint"]) == {"f1"}
    assert export.columns["query"] == ["Where?"] * 3 + [None]
    assert np.isnan(export.columns["features"]).all(axis=1).tolist() == [True] * 3 + [False]
    assert set(collect_columns([old, old, new]).columns["feature_fingerprint"]) == {"f0"}
    assert (
        "features" not in collect_columns([make_outcome(fingerprint=None, has_text=True)]).columns
    )
    texts = collect_columns([make_outcome(fingerprint=None, has_text=True), told[0]])
    assert math.isnan(texts.columns["features"][0, 0])
