"""Policies laid out: whole log, fixed mixes, plans of models and plans out of files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.off_policy_choices import LoggedChoices, lay_out_choices
from router.evaluation.off_policy_targets import TargetMaker
from router.exceptions import BudgetError, InputError, LogError, OverlapError
from router.tables import write_parquet
from tests.contracts.commands import make_columns, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def make_choices(
    n_questions: int = 200, *, keep: str = "texts", seed: int = 0, **changed: Any
) -> LoggedChoices:
    """Choose one option a question of the tiny log, each with equal chances."""
    columns = make_columns(n_questions)
    chance = np.random.default_rng(seed)
    rows = [3 * question + int(chance.integers(3)) for question in range(n_questions)]
    chosen: dict[str, Any] = {
        name: [values[row] for row in rows] for name, values in columns.items()
    }
    chosen["propensity"] = [1 / 3] * n_questions
    if keep == "features":
        encoder = tiny_bundle().predictor.encoder
        chosen["features"] = encoder.encode(chosen["query"]).tolist()
        chosen["feature_fingerprint"] = [encoder.fingerprint] * n_questions
        del chosen["query"]
    chosen |= changed
    return lay_out_choices({name: cells for name, cells in chosen.items() if cells is not None})


def test_mix_spends_its_budget_on_what_other_folds_found_good() -> None:
    """Its cost is the budget, and changing a fold's outcomes changes no choice in that fold."""
    choices = make_choices()
    target = TargetMaker(choices).make("mix:0.002")
    assert np.allclose(target.sum(1), 1.0)
    cost = np.array([0.0002, 0.0043, 0.0166])
    assert float((target @ cost).mean()) <= 0.002 + 1e-9
    turned = choices.quality.copy()
    turned[choices.folds == 0] = 1 - turned[choices.folds == 0]
    changed = make_choices(quality=turned.tolist())
    again = TargetMaker(changed).make("mix:0.002")
    assert (again[choices.folds == 0] == target[choices.folds == 0]).all()


def test_upfront_plan_of_a_bundle_searches_where_searching_helps() -> None:
    """Look-ups get the searches; features in place of texts give the same plan."""
    choices = make_choices()
    target = TargetMaker(choices, bundle=tiny_bundle()).make("upfront:0.006")
    searched = 1 - target[:, choices.options.index("toy|s0")]
    is_look_up = np.array([group == "look-up" for group in choices.groups])
    assert searched[is_look_up].mean() > searched[~is_look_up].mean() + 0.5
    by_features = TargetMaker(make_choices(keep="features"), bundle=tiny_bundle())
    # Folds differ, as they go by identifiers: plans are alike, not the same.
    assert (by_features.make("upfront:0.006") == target).all(1).mean() > 0.8


def test_upfront_plan_is_learned_from_the_log_where_no_bundle_is_given() -> None:
    """The gain model of the other folds finds which task searching helps."""
    choices = make_choices(240)
    said: list[str] = []
    maker = TargetMaker(choices, progress=said.append)
    target = maker.make("upfront:0.006")
    assert len(said) == 5
    searched = 1 - target[:, choices.options.index("toy|s0")]
    is_look_up = np.array([group == "look-up" for group in choices.groups])
    assert searched[is_look_up].mean() > searched[~is_look_up].mean() + 0.3
    maker.make("upfront:0.003")
    assert len(said) == 5


def test_written_plans_are_followed(tmp_path: Path) -> None:
    """A document of `router allocate` and a table say the same."""
    choices = make_choices(20)
    listed = [{"id": name, "option": "toy|s1"} for name in choices.query_ids]
    document, table = tmp_path / "plan.json", tmp_path / "plan.parquet"
    document.write_text(json.dumps({"choices": listed}), encoding="utf-8")
    write_parquet(table, {"query_id": list(choices.query_ids), "option": ["toy|s1"] * 20})
    maker = TargetMaker(choices)
    wanted = maker.make("toy|s1")
    assert (maker.make(f"plan:{document}") == wanted).all()
    assert (maker.make(f"plan:{table}") == wanted).all()
    table.write_bytes(b"nothing")
    document.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="no plan"):
        maker.make(f"plan:{document}")
    document.write_text(json.dumps({"choices": listed[1:]}), encoding="utf-8")
    with pytest.raises(LogError, match="'t000' of the log is not in the plan"):
        maker.make(f"plan:{document}")
    listed[3]["option"] = "other"
    document.write_text(json.dumps({"choices": listed}), encoding="utf-8")
    with pytest.raises(OverlapError, match=r"1 of 20 choices .* 'other'"):
        maker.make(f"plan:{document}")
    listed.append({"id": "t003", "option": "toy|s1"})
    document.write_text(json.dumps({"choices": listed}), encoding="utf-8")
    with pytest.raises(InputError, match=r"'t003' has the options 'other' and 'toy\|s1'"):
        maker.make(f"plan:{document}")


@pytest.mark.parametrize(
    ("policy", "error", "words"),
    [
        ("greedy", InputError, "'greedy' is unknown: .*mix:BUDGET.*toy|s0"),
        ("mix:much", InputError, "mean cost a choice is needed"),
        ("mix:-1", InputError, "mean cost a choice is needed"),
        ("mix:0.00001", BudgetError, "below the 0.0002 usd"),
        ("plan:nowhere.json", InputError, "nowhere.json: cannot be read"),
    ],
)
def test_what_is_no_policy_is_refused(policy: str, error: type[Exception], words: str) -> None:
    """The message names the policy and what is allowed."""
    with pytest.raises(error, match=words):
        TargetMaker(make_choices(20)).make(policy)


def test_budgets_need_costs_and_plans_need_texts_or_their_features() -> None:
    """Each is said in one line."""
    free = make_choices(20, cost=None, cost_searches=None)
    with pytest.raises(BudgetError, match="the log has none"):
        TargetMaker(free).make("mix:1")
    hidden = make_choices(20, keep="features")
    with pytest.raises(LogError, match="without a bundle"):
        TargetMaker(hidden).make("upfront:0.01")
    strange = make_choices(20, keep="features", feature_fingerprint=["other"] * 20)
    with pytest.raises(LogError, match="encoder other"):
        TargetMaker(strange, bundle=tiny_bundle()).make("upfront:0.01")
