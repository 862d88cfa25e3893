"""The facade: within every budget, equal to brute force, honest about evidence and prices."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.budgets import MICRO, Budget
from router.costs import cost_menu
from router.exceptions import (
    BudgetError,
    BundleError,
    InputError,
    MenuError,
    PriceError,
    QuestionError,
)
from router.menus import Grid
from router.options import Menu, Option
from router.planner import Router
from router.prices import ModelPrice, Prices
from tests.contracts.commands import tiny_bundle
from tests.contracts.gains import make_texts, planted_bundle
from tests.contracts.planning import ask, find_best_value, make_menu, make_router

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PRICES = Prices("2026-11-22", {"m": ModelPrice(1.0, 4.0)}, search_usd_per_call=0.01)

qualities = st.integers(0, 8).map(lambda eighths: eighths / 8)
micro_costs = st.integers(0, 30)


@st.composite
def problems(draw: st.DrawFn, n_units: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw a tiny surface (n, m) and costs in micro-units (m, k)."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    quality = draw(st.lists(qualities, min_size=n * m, max_size=n * m))
    cost = draw(st.lists(micro_costs, min_size=m * n_units, max_size=m * n_units))
    return np.reshape(quality, (n, m)), np.reshape(cost, (m, n_units))


def route(quality: NDArray[np.float64], cost: NDArray[np.int64]) -> Router:
    """Make a router whose options cost so many micro-units of dollars and of searches."""
    units = dict(zip(("usd", "searches"), (cost.T / MICRO).tolist(), strict=False))
    return make_router(make_menu(units.pop("usd"), **units), quality)


@given(problems(), st.integers(0, 150))
def test_plans_equal_brute_force(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]], budget: int
) -> None:
    """A plan is the best of all plans within the budget, and never above it."""
    quality, cost = problem
    router, asked = route(quality, cost), ask(len(quality))
    if budget < len(quality) * cost.min():
        with pytest.raises(BudgetError, match=r"budget usd=\S+ does not reach the cheapest plan"):
            router.allocate(asked, Budget(usd=budget / MICRO))
        return
    plan = router.allocate(asked, {"usd": budget / MICRO})
    spent = sum(round(choice.cost["usd"] * MICRO) for choice in plan)
    assert spent == round(plan.totals["cost"]["usd"] * MICRO) <= budget
    best = find_best_value(quality, cost, [budget])
    assert plan.totals["expected_quality"] == pytest.approx(best)
    assert plan.gap == pytest.approx(0.0, abs=1e-9)
    json.dumps(plan.to_dict(), allow_nan=False)


@given(problems(n_units=2), st.integers(0, 150), st.integers(0, 150))
def test_two_budgets_hold_at_once(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]], dollars: int, searches: int
) -> None:
    """With two budgets a plan keeps both, and there is one wherever brute force finds one."""
    quality, cost = problem
    router = route(quality, cost)
    budget = Budget(usd=dollars / MICRO, searches=searches / MICRO)
    best = find_best_value(quality, cost, [dollars, searches])
    if best == -np.inf:
        with pytest.raises(BudgetError, match=r"does not reach the cheapest|keeps all of the budg"):
            router.allocate(ask(len(quality)), budget)
        return
    plan = router.allocate(ask(len(quality)), budget)
    spent = plan.cost_micro[plan.choice_index].sum(axis=0)
    assert (spent <= [dollars, searches]).all()
    assert plan.totals["expected_quality"] == pytest.approx(best)
    assert set(plan.shadow_price) == {"usd", "searches"}
    assert plan.totals["cost"].keys() >= {"usd", "searches"}
    json.dumps(plan.to_dict(), allow_nan=False)


@given(problems(), st.integers(0, 60))
def test_skip_makes_any_budget_do(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]], budget: int
) -> None:
    """Where questions may go unanswered, every budget has a plan: the best with skip at zero."""
    quality, cost = problem
    plan = route(quality, cost).allocate(
        ask(len(quality)), Budget(usd=budget / MICRO), allow_skip=True
    )
    with_skip = np.column_stack([np.zeros(len(quality)), quality])
    best = find_best_value(with_skip, np.vstack([[[0]], cost]), [budget])
    assert plan.totals["expected_quality"] == pytest.approx(best)
    assert plan.totals["cost"]["usd"] <= budget / MICRO
    assert all((choice.option == "skip") == (choice.status == "unfunded") for choice in plan)


@given(problems(), st.randoms(), st.integers(0, 150))
def test_order_of_questions_does_not_matter(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]], random: Any, extra: int
) -> None:
    """Questions asked in another order are worth as much together."""
    quality, cost = problem
    router, asked = route(quality, cost), ask(len(quality))
    budget = Budget(usd=(len(quality) * int(cost.min()) + extra) / MICRO)
    first = router.allocate(asked, budget).totals
    second = router.allocate(random.sample(asked, len(asked)), budget).totals
    assert first["expected_quality"] == pytest.approx(second["expected_quality"])


@given(problems())
def test_money_is_not_spent_for_nothing(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    """With all the money in the world every question gets its cheapest best option."""
    quality, cost = problem
    plan = route(quality, cost).allocate(ask(len(quality)), Budget(usd=1000.0))
    for row, column in enumerate(plan.choice_index):
        best = quality[row] == quality[row].max()
        assert best[column]
        assert cost[column, 0] == cost[best, 0].min()
    assert plan.shadow_price == {"usd": 0.0}


@given(problems(), st.integers(2, 40))
def test_curve_is_monotone_and_never_promises_too_much(
    problem: tuple[NDArray[np.float64], NDArray[np.int64]], n_points: int
) -> None:
    """Quality rises with the budget, and a plan at every budget is at least as good."""
    quality, cost = problem
    router, asked = route(quality, cost), ask(len(quality))
    points = router.curve(asked, n_points=n_points)
    assert 1 <= len(points) <= n_points
    for lower, higher in pairwise(points):
        assert lower.budget < higher.budget
        assert lower.expected_quality <= higher.expected_quality + 1e-12
        assert lower.shadow_price >= higher.shadow_price - 1e-9
    for point in points:
        plan = router.allocate(asked, Budget(usd=point.budget))
        mean = plan.totals["expected_quality"] / len(asked)
        assert mean >= point.expected_quality - 1e-12
        # The curve's plan lacks at most the one step that did not fit any more.
        assert mean <= point.expected_quality + 1.0 / len(asked)
    assert points[0].budget == pytest.approx(len(asked) * cost.min() / MICRO)
    assert points[-1].expected_quality == pytest.approx(quality.max(axis=1).mean())
    assert points[-1].shadow_price == 0.0


def test_curve_begins_at_nothing_where_an_option_is_free() -> None:
    """With a free option the first budget is zero; with free options only, it is the only one."""
    router = make_router(make_menu([0.0, 0.5, 1.0]), [[0.2, 0.6, 0.9], [0.5, 0.4, 0.5]])
    points = router.curve(ask(2), n_points=3)
    assert [point.budget for point in points] == [0.0, 0.5, 1.0]
    assert [point.expected_quality for point in points] == pytest.approx([0.35, 0.55, 0.7])
    assert [point.shadow_price for point in points] == pytest.approx([0.8, 0.6, 0.0])
    free = make_router(make_menu([0.0, 0.0]), [[0.2, 0.6]]).curve(ask(1))
    assert [(point.budget, point.expected_quality) for point in free] == [(0.0, 0.6)]


def test_curve_takes_the_unit_that_is_known() -> None:
    """Without a unit the curve is in dollars, else in the first unit known; wrong ones are told."""
    nominal = make_router(make_menu([1.0, 2.0], "nominal"), [[0.1, 0.9]])
    assert [point.budget for point in nominal.curve(ask(1), n_points=2)] == [1.0, 2.0]
    both = make_router(make_menu([1.0, 2.0], tokens=[5.0, 7.0]), [[0.1, 0.9]])
    assert both.curve(ask(1))[-1].budget == 2.0
    assert both.curve(ask(1), unit="tokens")[-1].budget == 7.0
    with pytest.raises(BudgetError, match="unit 'eur' is unknown: allowed are usd"):
        both.curve(ask(1), unit="eur")
    with pytest.raises(BudgetError, match="a budget in seconds cannot be planned"):
        both.curve(ask(1), unit="seconds")
    with pytest.raises(BudgetError, match="n_points is 1: a curve has at least 2"):
        both.curve(ask(1), n_points=1)


def test_low_budgets_are_refused_in_their_own_unit() -> None:
    """The message names the budget as it was given, what is needed, and the way out."""
    router = make_router(make_menu([0.004, 0.01], searches=[3.0, 1.0]), [[0.1, 0.9]] * 50)
    message = (
        r"budget usd=0.1 does not reach the cheapest plan of 50 questions, which needs usd=0.2"
    )
    with pytest.raises(
        BudgetError, match=message + r": raise it, .*--allow-skip.*--allow-unfunded"
    ):
        router.allocate(ask(50), Budget(usd=0.1))
    with pytest.raises(BudgetError, match=r"budget searches=49 does not .* needs searches=50"):
        router.allocate(ask(50), Budget(usd=9, searches=49))
    # Each budget reaches a plan, but none reaches both.
    message = r"no plan for 50 questions keeps all of the budgets usd=0.25, searches=60 together"
    with pytest.raises(BudgetError, match=message):
        router.allocate(ask(50), Budget(usd=0.25, searches=60))


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (0.5, "budget 0.5 has no unit"),
        ({}, "a budget needs at least one of"),
        ({"eur": 1}, "unit 'eur' is unknown"),
        ({"usd": -1}, "usd=-1 is not allowed"),
        ({"seconds": 1}, "a budget in seconds cannot be planned.*known costs: usd"),
    ],
)
def test_bad_budgets_are_refused(budget: Any, message: str) -> None:
    """Every budget that cannot be used is refused before anything is predicted."""
    with pytest.raises(BudgetError, match=message):
        make_router(make_menu([0.1]), [[0.5]]).allocate(ask(1), budget)


def test_bad_questions_and_menus_are_refused() -> None:
    """Questions and menus are checked by every door."""
    router = make_router(make_menu([0.1]), [[0.5]])
    doors: list[Any] = [
        router.predict,
        router.curve,
        lambda questions, **menu: router.allocate(questions, {"usd": 1}, **menu),
    ]
    for door in doors:
        with pytest.raises(QuestionError, match="no questions"):
            door([])
        with pytest.raises(MenuError, match="list is not a table"):
            door(ask(1), menu=[Option("a")])
        with pytest.raises(MenuError, match="option 'a': samples 0"):
            door(ask(1), menu={"options": [{"name": "a", "samples": 0}]})


def test_plans_repeat() -> None:
    """The same questions and budget give the same plan under another name."""
    rng = np.random.default_rng(0)
    router = make_router(make_menu([0.1, 0.2, 0.4]), rng.random((40, 3)))
    first, second = (router.allocate(ask(40), {"usd": 8}).to_dict() for _ in range(2))
    assert first.pop("plan_id") != second.pop("plan_id")
    assert first == second


def test_options_without_outcomes_are_noted() -> None:
    """An option that the bundle never saw by name says so in its choice and in the plan's notes."""
    router = make_router(make_menu([0.1, 0.2]), [[0.2, 0.3]])
    assert router.allocate(ask(1), {"usd": 1}).notes == ()
    menu = {"options": [{"name": n, "costs": {"usd": 0.1}} for n in ("o0", "new", "b", "c", "d")]}
    plan = router.allocate(ask(1), {"usd": 1}, menu=menu)
    assert plan.choices[0].option == "new"
    assert plan.choices[0].evidence == "descriptors"
    (note,) = plan.notes
    assert note.startswith("4 of 5 options (new, b, c, ...) have no outcomes of their own")


def test_prices_make_dollars_and_are_recorded() -> None:
    """A plan under prices costs quantities times prices and says which prices these were."""
    menu = Menu(Grid(["m"], search_steps=[0, 2]).expand())
    router = make_router(menu, [[0.1, 0.9]], PRICES)
    plan = router.allocate(ask(1), {"usd": 1})
    expected = cost_menu(menu, PRICES).amounts["usd"][1]
    assert plan.choices[0].cost["usd"] == pytest.approx(expected)
    assert plan.price_id == PRICES.price_id
    assert plan.bundle_id == "fake"


def test_prices_that_do_not_fit_are_noted() -> None:
    """Dollars of a log stand in for prices that lack the menu's models, and the plan says so."""
    router = make_router(make_menu([0.1, 0.2]), [[0.2, 0.3]], PRICES)
    plan = router.allocate(ask(1), {"usd": 1})
    assert plan.price_id == "measured"
    assert plan.notes == (
        f"prices {PRICES.price_id} do not fit this menu: dollars are those measured in a log",
    )
    with pytest.raises(BudgetError, match="have no model None: they have m"):
        router.allocate(ask(1), {"usd": 1}, menu=Menu((Option("x"),)))


def test_shadow_price_is_what_more_budget_brings() -> None:
    """The shadow price in dollars is the slope of the curve where the budget ends."""
    quality = np.linspace(0.1, 0.9, 50)[:, None] * [0.2, 1.0]
    router = make_router(make_menu([0.0, 0.01]), quality)
    plan = router.allocate(ask(50), {"usd": 0.25})
    more = router.allocate(ask(50), {"usd": 0.26})
    gained = more.totals["expected_quality"] - plan.totals["expected_quality"]
    assert plan.shadow_price["usd"] * 0.01 == pytest.approx(gained, rel=0.05)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_large_batches_stay_within_both_budgets(seed: int, share: float) -> None:
    """With hundreds of questions and dozens of options no budget is exceeded either."""
    rng = np.random.default_rng(seed)
    costs = rng.random((2, 30)).round(5)
    router = make_router(make_menu(costs[0], tokens=costs[1] * 1000), rng.random((200, 30)))
    least, most = costs.min(axis=1) * 200, costs.max(axis=1) * 200
    limit = least + (0.4 + 0.6 * share) * (most - least)
    budget = Budget(usd=limit[0], tokens=limit[1] * 1000)
    plan = router.allocate(ask(200), budget)
    spent = plan.cost_micro[plan.choice_index].sum(axis=0)
    assert (spent <= list(budget.to_micro().values())).all()


def test_saved_bundles_plan_as_before(tmp_path: Path) -> None:
    """A bundle that was saved and loaded plans as it did in memory, with prices of one's own."""
    bundle = tiny_bundle()
    bundle.save(tmp_path / "bundle")
    prices = Prices("2026-11-22", {"toy": ModelPrice(0.2, 0.8)}, 0.004)
    router = Router.load(tmp_path / "bundle", prices=prices)
    assert router.prices == prices
    assert router.bundle.bundle_id == bundle.bundle_id
    assert router.resolve_menu() == bundle.menu
    questions = [f"Who heads the council of town {i} today?" for i in range(5)]
    surface = router.predict(questions)
    np.testing.assert_allclose(surface.quality, Router(bundle).predict(questions).quality)
    plan = router.allocate(questions, {"usd": 0.02})
    assert [c.option for c in plan] == [
        c.option for c in Router(bundle).allocate(questions, {"usd": 0.02})
    ]
    assert plan.totals["cost"]["usd"] <= 0.02
    with pytest.raises(BundleError):
        Router.load(tmp_path / "nothing")


def test_shipped_bundle_plans() -> None:
    """The bundle that ships prices its whole menu in dollars and plans within a budget."""
    router = Router.load()
    assert router.prices == router.bundle.prices
    assert "usd" in router.cost(router.resolve_menu()).amounts
    plan = router.allocate(["What is 2 + 2?", "Who ruled Zurich in 1336?"], Budget(usd=0.01))
    assert len(plan) == 2
    assert plan.totals["cost"]["usd"] <= 0.01
    assert plan.price_id != "measured"
    free = [option for option in router.bundle.menu if option.search_steps == 0.0]
    assert free, "the menu's options without searches say so"


def test_notes_say_what_was_not_used() -> None:
    """Context nobody reads and models of unknown strength are named in the plan."""
    router = Router.load()
    menu = Menu((Option("a", model="unheard-of", costs={"usd": 0.1}),))
    questions = [{"id": "q", "text": "Who?", "context": {"hops": 2.0}}]
    notes = " ".join(router.allocate(questions, Budget(usd=1.0), menu=menu).notes)
    assert "context hops is not known to this bundle and was ignored" in notes
    assert "the strength of unheard-of is not known" in notes


def test_prices_may_be_given_as_a_file(tmp_path: Path) -> None:
    """A price table is read where its path is given, and a bad one is refused at once."""
    prices = Prices("2026-11-22", {"small": ModelPrice(1.0, 2.0)})
    path = tmp_path / "prices.toml"
    path.write_text(prices.to_toml(), encoding="utf-8")
    assert Router.load(prices=path).prices == prices
    with pytest.raises(PriceError, match="no such file"):
        Router.load(prices=tmp_path / "none.toml")


STRANGE = "SELECT name FROM town WHERE age = 3;"


def test_strange_questions_are_planned_by_the_options_means() -> None:
    """The facade abstains below its level, the plan notes how often, and 0 switches it off."""
    texts = [*make_texts(5, seed=0)[0], STRANGE]
    plan = Router(planted_bundle()).allocate(texts, {"nominal": 12.0})
    assert [choice.evidence for choice in plan].count("means") == 1
    assert plan.choices[-1].evidence == "means"
    assert sum("1 of 6 questions are unlike the training" in note for note in plan.notes) == 1
    assert plan.totals["quality_interval"][0] < plan.totals["expected_quality"]
    never = Router(planted_bundle(), abstain_below=0.0).allocate(texts, {"nominal": 12.0})
    assert {choice.evidence for choice in never} == {"outcomes"}
    assert not any("unlike" in note for note in never.notes)
    assert never.choices[-1].familiarity == plan.choices[-1].familiarity


def test_levels_of_abstention_are_checked(tmp_path: Path) -> None:
    """A level that is no share is refused before anything is planned, loaded bundles included."""
    with pytest.raises(InputError, match=r"abstain_below is 1\.5"):
        Router(planted_bundle(), abstain_below=1.5)
    planted_bundle().save(tmp_path / "bundle")
    assert Router.load(tmp_path / "bundle", abstain_below=0.2).abstain_below == 0.2


def test_warming_up_changes_no_prediction() -> None:
    """With kernels loaded the same questions get the same qualities, within 5e-6."""
    questions = ["What is 2 + 2?", "Who ruled Zürich in 1336, and why?"]
    router = Router.load()
    before = router.predict(questions).quality
    assert Router.warm_up()
    assert router.warm_up()
    np.testing.assert_allclose(router.predict(questions).quality, before, rtol=0, atol=5e-6)
