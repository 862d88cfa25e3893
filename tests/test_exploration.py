"""Exploration: draws stay within every budget, and their probabilities are those that are told."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.exceptions import BudgetError, InputError, QuestionError
from router.exploration import count_reach, draw_choices, find_propensities
from router.fallback import Fallback
from router.plan_problem import PlanProblem, find_least
from router.planner import Router
from router.questions import Question
from router.reports import Report
from tests.contracts.commands import PRICES, tiny_bundle
from tests.contracts.planning import ask, make_menu, make_router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.plan import Plan

COSTS = (0.001, 0.002, 0.004, 0.009)


def make_plan(seed: int | None = 0, n: int = 6, **terms: Any) -> Plan:
    """Plan n questions of random qualities within a budget for about the second option each."""
    quality = np.sort(np.random.default_rng(n).random((n, len(COSTS))), axis=1)
    router = make_router(make_menu(COSTS), quality)
    budget = {"usd": 0.0025 * n}
    return router.allocate(ask(n), budget, **{"explore": 0.3, "explore_seed": seed, **terms})


def sum_by_counts(plan: Plan, row: int, explore: float) -> NDArray[np.float64]:
    """Sum a question's propensities over all numbers of explored questions, one after the other."""
    exploration = plan.exploration
    assert exploration is not None
    base, n_options = exploration.base_index, len(plan.surface.menu)
    skips = np.array([option.is_skip for option in plan.surface.menu])
    free = [place for place in range(len(plan)) if base[place] >= 0 and not skips[base[place]]]
    found = np.zeros(n_options)
    if base[row] < 0:
        return found
    if row not in free:
        found[base[row]] = 1.0
        return found
    found[base[row]] = 1.0 - explore
    planned = [plan.plan_micro(place, int(base[place])) for place in free]
    # Budgets of these tests are never too small to withhold the share itself.
    withheld = [
        math.floor(Fraction(str(explore)) * amount) for amount in plan.budget_micro.values()
    ]
    assert (np.sum(planned, axis=0) <= np.array([*plan.budget_micro.values()]) - withheld).all()
    for others in range(len(free)):
        chance = math.comb(len(free) - 1, others) * explore**others
        chance *= (1.0 - explore) ** (len(free) - 1 - others)
        part = np.array([amount // (others + 1) for amount in withheld])
        within = ~skips & (
            plan.plan_micro(row, slice(None)) <= plan.plan_micro(row, int(base[row])) + part
        ).all(axis=-1)
        if plan.closed is not None:
            within &= plan.closed[row] == 0
        found += explore * chance * within / within.sum()
    return found


@st.composite
def draw_batches(draw: st.DrawFn) -> tuple[Router, list[Question], dict[str, float], float]:
    """Draw a router, questions with conditions, budgets in one or two units, and a probability."""
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    units = draw(st.sampled_from([("usd",), ("usd", "searches")]))
    columns = {unit: np.sort(generator.integers(0, 30, m)) / 1000 for unit in units}
    menu = make_menu(columns["usd"].tolist(), **{u: columns[u].tolist() for u in units[1:]})
    menu = menu.with_skip() if draw(st.booleans()) else menu
    quality = generator.random((n, len(menu)))
    questions = [
        Question(
            f"q{row}",
            f"question {row}",
            forbidden_options=("o0",) if m > 1 and generator.random() < 0.3 else (),
            min_quality=float(generator.choice([0.0, 0.3])),
            priority=int(generator.integers(2)),
        )
        for row in range(n)
    ]
    budget = {unit: float(generator.uniform(0.3, 2.5)) * n * 0.012 for unit in units}
    return make_router(menu, quality), questions, budget, draw(st.floats(0.01, 0.99))


@settings(deadline=None, max_examples=150)
@given(batch=draw_batches(), seed=st.integers(0, 10**6))
def test_no_draw_leaves_the_budget_or_breaks_a_condition(
    batch: tuple[Router, list[Question], dict[str, float], float], seed: int
) -> None:
    """Budgets, conditions, what is unfunded and what is skipped stay as they are without draws."""
    router, questions, budget, explore = batch
    plan = router.allocate(
        questions, budget, allow_unfunded=True, explore=explore, explore_seed=seed
    )
    found = plan.exploration
    assert found is not None
    for unit, amount in plan.totals["cost"].items():
        assert amount <= budget[unit]
    same = found.choice_index == found.base_index
    assert found.is_explored[~same].all()
    assert same[found.base_index < 0].all()
    skips = np.array([option.is_skip for option in plan.surface.menu])
    assert (skips[found.choice_index] == skips[found.base_index])[found.base_index >= 0].all()
    funded = np.flatnonzero(plan.choice_index >= 0)
    if plan.closed is not None:
        assert not plan.closed[funded, plan.choice_index[funded]].any()
        assert not found.propensities[plan.closed > 0].any()
    sums = found.propensities.sum(axis=1)
    np.testing.assert_allclose(sums, found.base_index >= 0, rtol=0, atol=1e-12)
    assert (found.propensities[funded, plan.choice_index[funded]] > 0).all()


@settings(deadline=None, max_examples=60)
@given(batch=draw_batches())
def test_dearest_draws_together_stay_within_the_budget(
    batch: tuple[Router, list[Question], dict[str, float], float],
) -> None:
    """Whatever set of questions is explored, the dearest of what each may draw is paid for."""
    router, questions, budget, explore = batch
    plan = router.allocate(questions, budget, allow_unfunded=True, explore=explore)
    found = plan.exploration
    assert found is not None
    free = [row for row in range(len(plan)) if np.count_nonzero(found.propensities[row]) > 1]
    funded = np.flatnonzero(found.base_index >= 0)
    base = plan.plan_micro(funded, found.base_index[funded]).sum(axis=0)
    limit = np.array(list(plan.budget_micro.values()))
    for row in free:
        # Of one question explored alone, all that is within reach is possible.
        possible = plan.plan_micro(row, np.flatnonzero(found.propensities[row])).max(axis=0)
        own = plan.plan_micro(row, int(found.base_index[row]))
        assert (base + possible - own <= limit).all()


@pytest.mark.parametrize("explore", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("n", [1, 2, 6, 40])
def test_propensities_are_the_sum_over_all_counts(n: int, explore: float) -> None:
    """The sorted sum agrees with the definition, count by count, also with conditions and skips."""
    quality = np.random.default_rng(n).random((n, len(COSTS) + 1))
    menu = make_menu(COSTS).with_skip()
    questions = [
        Question(f"q{row}", f"question {row}", forbidden_options=("o2",) if row % 3 == 1 else ())
        for row in range(n)
    ]
    router = make_router(menu, quality)
    plan = router.allocate(questions, {"usd": 0.005 * n}, explore=explore, explore_seed=3)
    assert plan.propensities is not None
    for row in range(n):
        expected = sum_by_counts(plan, row, explore)
        np.testing.assert_allclose(plan.propensities[row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("explore", [0.2, 0.7])
def test_frequencies_agree_with_propensities(explore: float) -> None:
    """Over 4,000 seeds each option of each question comes as often as is told."""
    n_seeds, counts = 4000, np.zeros((6, len(COSTS)))
    plan = make_plan(explore=explore)
    told, found = plan.propensities, plan.exploration
    assert told is not None
    assert found is not None
    problem = PlanProblem(plan.questions, plan.surface, plan.costs, plan.units)
    reach = count_reach(problem, found.base_index, [int(15_000 * explore)])
    for seed in range(n_seeds):
        generator = np.random.default_rng(seed)
        choices, _ = draw_choices(reach, found.base_index, explore, generator)
        counts[np.arange(6), choices] += 1
        if seed < 20:
            assert choices.tolist() == make_plan(seed, explore=explore).choice_index.tolist()
    deviation = np.sqrt(told * (1 - told) / n_seeds)
    # Twenty-four of them: a miss by five standard errors has a chance below 1 in 70,000.
    assert (np.abs(counts / n_seeds - told) <= 5 * deviation + 1e-12).all()
    assert (told > 0).sum() > 12


def test_the_base_plan_depends_on_no_draw() -> None:
    """All seeds explore around one and the same plan, at the same shadow price."""
    plans = [make_plan(seed) for seed in range(20)]
    bases = {tuple(plan.exploration.base_index) for plan in plans if plan.exploration is not None}
    assert len(bases) == 1
    assert len({plan.shadow_price["usd"] for plan in plans}) == 1
    assert len({tuple(plan.choice_index) for plan in plans}) > 5
    again = make_plan(7)
    assert again.choice_index.tolist() == plans[7].choice_index.tolist()


def test_without_exploring_nothing_changes() -> None:
    """A plan with explore 0 is the plan of a call that does not name it, field by field."""
    plain, named = make_plan(explore=0.0), make_plan(None, explore=0.0)
    quality = np.sort(np.random.default_rng(6).random((6, len(COSTS))), axis=1)
    bare = make_router(make_menu(COSTS), quality).allocate(ask(6), {"usd": 0.015})
    documents = [plan.to_dict() | {"plan_id": ""} for plan in (plain, named, bare)]
    assert documents[0] == documents[1] == documents[2]
    assert bare.propensities is None
    assert "propensity" not in documents[2]["choices"][0]
    assert bare.choices[0].propensity is None


def test_choices_say_how_likely_they_were_and_that_they_were_drawn() -> None:
    """An explored choice names what it stands in for, and the plan's notes count the draws."""
    plan = make_plan(2, explore=0.6)
    found = plan.exploration
    assert found is not None
    for row, choice in enumerate(plan):
        assert choice.propensity == found.propensities[row, plan.choice_index[row]]
        assert choice.to_dict() == plan.to_dict()["choices"][row]
        base = f"without exploring 'o{found.base_index[row]}'"
        assert (base in choice.reason) == found.is_explored[row]
    assert f"{found.is_explored.sum()} of 6 drew" in plan.notes[-1]


def test_nothing_goes_unanswered_for_the_sake_of_exploring() -> None:
    """A budget that just reaches the cheapest plan withholds nothing, and draws what costs less."""
    router = make_router(make_menu(COSTS), np.full((4, 4), 0.5))
    plan = router.allocate(ask(4), {"usd": 0.004}, explore=0.5)
    assert plan.totals["cost"]["usd"] == 0.004
    assert plan.propensities is not None
    assert plan.propensities[:, 0].tolist() == [1.0] * 4
    less = router.allocate(ask(4), {"usd": 0.003}, explore=0.5, allow_unfunded=True)
    assert less.totals["statuses"]["unfunded"] == 1
    (left,) = (choice for choice in less if not choice.option)
    assert left.propensity == 1.0
    with pytest.raises(BudgetError, match=r"usd=0\.003 does not reach"):
        router.allocate(ask(4), {"usd": 0.003}, explore=0.5)


def test_a_price_limits_what_is_withheld() -> None:
    """Of a pool's part no more is explored with than the share of what is worth its price."""
    router = make_router(make_menu(COSTS), np.tile([0.5, 0.55, 0.56, 0.565], (8, 1)))
    for seed in range(30):
        terms: dict[str, Any] = {"explore": 0.2, "explore_seed": seed}
        free = router.allocate(ask(8), {"usd": 10.0}, **terms)
        priced = router.allocate(ask(8), {"usd": 10.0}, shadow_price={"usd": 20.0}, **terms)
        # Worth it is the second option, for 0.016 together, to which a quarter comes.
        assert priced.totals["cost"]["usd"] <= 0.020
        assert free.propensities is not None
        assert (free.propensities > 0).all()


def test_many_questions_have_propensities_that_sum_to_one() -> None:
    """The first of a hundred thousand probabilities is below any float, which changes nothing."""
    n = 100_000
    reach = np.tile(np.array([n, 9000, 11_000, 0]), (n, 1))
    found = find_propensities(reach, np.zeros(n, dtype=np.int64), 0.1)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=0, atol=1e-9)
    # Ten thousand are explored, give or take three hundred: more than nine, fewer than eleven.
    np.testing.assert_allclose(found[0], [0.95, 0.0, 0.05, 0.0], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("terms", "error", "words"),
    [
        ({"explore": 1.0}, InputError, "explore is 1.0: a share from 0 to below 1"),
        ({"explore": -0.1}, InputError, "explore is -0.1"),
        ({"explore": True}, InputError, "explore is True"),
        ({"explore": float("nan")}, InputError, "explore is nan"),
        ({"explore_seed": -1}, InputError, "explore_seed is -1: a whole number"),
        ({"target_quality": 0.4}, BudgetError, "beside target_quality 0.4: .* allowed are"),
    ],
)
def test_what_cannot_explore_is_refused(
    terms: dict[str, Any], error: type[InputError], words: str
) -> None:
    """Shares out of range, seeds that are none and targets each get a line that says what is."""
    with pytest.raises(error, match=words):
        make_plan(**terms)


def test_questions_that_depend_on_others_are_refused() -> None:
    """They are one answer together, so that no draw of one alone has a meaning."""
    router = make_router(make_menu(COSTS), np.full((2, 4), 0.5))
    questions = [Question("a", "question 0"), Question("b", "question 1", depends_on=("a",))]
    assert len(router.allocate(questions, {"usd": 0.01}, explore=0.0)) == 2
    with pytest.raises(QuestionError, match=r"'b' depends on 'a' and explore is 0\.1"):
        router.allocate(questions, {"usd": 0.01}, explore=0.1)


def test_a_plan_that_explores_is_not_planned_again() -> None:
    """Its draws would be lost, so that their probabilities would be told of other options."""
    quality = np.sort(np.random.default_rng(6).random((6, len(COSTS))), axis=1)
    router, plan = make_router(make_menu(COSTS), quality), make_plan()
    first = plan.choices[0]
    with pytest.raises(InputError, match="explores: re-planned are plans with explore 0"):
        router.replan(plan, [Report(first.id, first.option)])
    with pytest.raises(InputError, match="explores"):
        router.begin(plan)


def test_a_plan_without_the_model_does_not_explore() -> None:
    """It has the whole budget, and its choices no propensity; what is wrong stays refused."""
    fallback = Fallback(Router(tiny_bundle(), PRICES))
    plan = fallback.allocate("model_slow", ask(4), {"usd": 0.016}, explore=0.5)
    assert plan.exploration is None
    with pytest.raises(BudgetError, match=r"explore is 0\.5"):
        fallback.allocate("model_slow", ask(4), {"usd": 0.016}, explore=0.5, target_quality=0.1)


def test_least_is_kept_in_every_unit() -> None:
    """What is withheld never takes a unit below what the cheapest plan needs of it."""
    menu = make_menu([0.001, 0.004], searches=[0.0, 2.0])
    router = make_router(menu, np.tile([0.2, 0.8], (3, 1)))
    plan = router.allocate(ask(3), {"usd": 0.0031, "searches": 4.0}, explore=0.5, explore_seed=0)
    assert find_least(plan.cost_micro, plan.closed, 3) == [3000, 0]
    assert plan.totals["cost"]["usd"] == pytest.approx(0.003)
