"""Training of quantities: planted dependence is found, noise is not, totals stay right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.logs import build_log
from router.models.quantity_training import collect_units, fit_quantity_model
from router.models.trainer import train
from router.planner import Router
from tests.contracts.gains import make_texts

if TYPE_CHECKING:
    from router.outcomes import OutcomeLog

N = 320


def make_log(kind: str, seed: int = 3) -> OutcomeLog:
    """Make a log whose tokens follow the text's length, the task, nothing, or are fixed."""
    rng = np.random.default_rng(seed)
    texts, groups = make_texts(N, seed=1)[:2]
    texts = [
        text + " and more" * int(extra)
        for text, extra in zip(texts, rng.integers(0, 30, N), strict=True)
    ]
    length = np.array([len(text) for text in texts]) / 100.0
    rare = np.array([group == groups[0] for group in groups])
    factor = {
        "length": length,
        "task": np.where(rare, 3.0, 1.0),
        "noise": np.ones(N),
        "fixed": np.ones(N),
    }[kind]
    spread = 0.0 if kind == "fixed" else 0.3
    noise = np.exp(spread * rng.normal(size=(N, 2)) - spread**2 / 2)
    tokens = 100.0 * factor[:, None] * noise * [1.0, 4.0]
    quality = (rng.random((N, 2)) < [0.4, 0.6]).astype(float)
    return build_log(
        {
            "query_id": np.repeat(np.arange(N), 2).tolist(),
            "query": np.repeat(texts, 2).tolist(),
            "group": np.repeat(groups, 2).tolist(),
            "option": ["short", "long"] * N,
            "quality": quality.ravel().tolist(),
            "cost": tokens.ravel().tolist(),
            "cost_unit": ["tokens"] * (2 * N),
            "cost_tokens": tokens.ravel().tolist(),
        }
    )


def split(log: OutcomeLog) -> tuple[OutcomeLog, OutcomeLog]:
    """Split a log into two halves of questions."""
    even = np.arange(log.n_questions) % 2 == 0
    return log.select(even), log.select(~even)


@pytest.mark.parametrize(("kind", "share"), [("length", 0.6), ("task", 0.5)])
def test_planted_dependence_is_found(kind: str, share: float) -> None:
    """Costs that follow length or task are predicted on questions that were not seen."""
    seen, new = split(make_log(kind))
    expected = fit_quantity_model(seen).predict(new.texts, new.groups)
    actual = new.to_matrix(new.cost)
    unexplained = ((actual - expected) ** 2).sum() / ((actual - seen.mean_costs()) ** 2).sum()
    assert unexplained < 1.0 - share + 0.25
    assert expected.sum() == pytest.approx(actual.sum(), rel=0.1)


def test_noise_leaves_the_means() -> None:
    """Where nothing tells questions apart, every question is expected to cost about the mean."""
    seen, new = split(make_log("noise"))
    expected = fit_quantity_model(seen).predict(new.texts, new.groups)
    np.testing.assert_allclose(expected / seen.mean_costs(), 1.0, atol=0.1)


def test_fixed_costs_need_no_model() -> None:
    """An option that costs the same on every question has no quantities."""
    log = make_log("fixed")
    model = fit_quantity_model(log)
    assert model.quantities is None
    expected = model.predict(log.texts)
    np.testing.assert_array_equal(expected, np.tile(log.mean_costs(), (N, 1)))


def test_sparse_logs_fit_each_option_on_its_own_questions() -> None:
    """With one option a question, expectations still follow the length."""
    log = make_log("length")
    kept = np.arange(len(log.quality)) % 2 == log.question_index % 2
    thin = replace(
        log,
        question_index=log.question_index[kept],
        option_index=log.option_index[kept],
        quality=log.quality[kept],
        cost=log.cost[kept],
        trials=log.trials[kept],
        unit_costs={unit: column[kept] for unit, column in log.unit_costs.items()},
    )
    expected = fit_quantity_model(thin).predict(log.texts, log.groups)
    actual = log.to_matrix(log.cost)
    assert all(np.corrcoef(expected[:, k], actual[:, k])[0, 1] > 0.5 for k in range(2))


def test_units_are_those_measured_and_the_logs_own() -> None:
    """Tokens are measured; the log's own cost goes by nominal as well."""
    assert set(collect_units(make_log("length"))) == {"nominal", "tokens"}


@pytest.fixture(scope="module")
def routers() -> dict[str, Router]:
    """Train a bundle on length and one on fixed costs."""
    return {kind: Router(train(make_log(kind))) for kind in ("length", "fixed")}


def ask(n: int) -> list[dict[str, Any]]:
    """Take questions of the log that was trained on."""
    log = make_log("length")
    pairs = zip(log.texts[:n], log.groups[:n], strict=True)
    return [{"text": text, "group": group} for text, group in pairs]


def test_plans_use_what_questions_are_expected_to_cost(routers: dict[str, Router]) -> None:
    """Long questions are planned dearer, within the budget, and the margin is on top."""
    questions = ask(40)
    plan = routers["length"].allocate(questions, {"tokens": 20_000}, cost_margin=0.5)
    totals = plan.totals
    assert totals["cost"]["tokens"] <= 20_000
    assert totals["cost"]["tokens"] == pytest.approx(1.5 * totals["expected_cost"]["tokens"])
    assert totals["cost_deviation"]["tokens"] > 0.0
    assert totals["overspend_probability"]["tokens"] < 0.01
    same = [choice for choice in plan if choice.option == plan.choices[0].option]
    assert len({choice.cost["tokens"] for choice in same}) > 1
    assert all(choice.cost_deviation["tokens"] > 0.0 for choice in plan)


def test_without_a_margin_a_tight_budget_is_overspent_half_the_time(
    routers: dict[str, Router],
) -> None:
    """A plan that uses its budget up in expectation exceeds it about every other time."""
    plan = routers["length"].allocate(ask(40), {"tokens": 14_000}, cost_margin=0.0)
    assert plan.totals["cost"]["tokens"] == pytest.approx(14_000, rel=0.02)
    assert plan.totals["overspend_probability"]["tokens"] == pytest.approx(0.5, abs=0.1)


def test_fixed_costs_are_planned_as_they_are(routers: dict[str, Router]) -> None:
    """Without uncertainty no margin is reserved and no probability is stated."""
    plan = routers["fixed"].allocate(ask(10), {"tokens": 2_500}, cost_margin=0.5)
    assert plan.totals["cost"]["tokens"] == pytest.approx(plan.totals["expected_cost"]["tokens"])
    assert plan.totals["overspend_probability"] == {"tokens": None}
    assert all(choice.cost_deviation == {} for choice in plan)


def test_the_bundle_keeps_quantities(routers: dict[str, Router], tmp_path: Any) -> None:
    """Saved and loaded, a bundle plans the same costs."""
    routers["length"].bundle.save(tmp_path / "bundle")
    again = Router.load(tmp_path / "bundle")
    plans = [
        router.allocate(ask(12), {"tokens": 5_000}).totals["cost"]
        for router in (routers["length"], again)
    ]
    assert plans[0] == plans[1]
    assert again.bundle.manifest["quantities"]["units"] == ["nominal", "tokens"]


def test_options_tried_seldom_are_no_surer_than_the_others() -> None:
    """An option with one row gets the deviation of the others and that of its own mean."""
    log = make_log("length")
    kept = (log.option_index == 0) | (log.question_index == 7)
    thin = replace(
        log,
        question_index=log.question_index[kept],
        option_index=log.option_index[kept],
        quality=log.quality[kept],
        cost=log.cost[kept],
        trials=log.trials[kept],
        unit_costs={unit: column[kept] for unit, column in log.unit_costs.items()},
    )
    quantities = fit_quantity_model(thin).quantities
    assert quantities is not None
    often, once = quantities.heads["nominal"].deviation
    assert once > 1.3 * often > 0.0
