"""Plans: statuses, slopes on hand-made surfaces, exact totals, and what they are written as."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from router.budgets import MICRO, to_micro_ceil
from router.choices import STATUSES, Choice
from router.costs import MenuCosts
from router.exceptions import MissingExtraError
from router.options import SKIP, Menu, Option
from router.plan import Plan
from router.planner import Router
from router.question_costs import QuestionCosts
from router.questions import Question, parse_questions
from tests.contracts.commands import tiny_bundle
from tests.contracts.planning import ask, make_surface

if TYPE_CHECKING:
    from collections.abc import Sequence

MENU = Menu(
    (
        SKIP,
        Option("dear", costs={"usd": 0.3, "seconds": 9.0}),
        Option("cheap", costs={"usd": 0.1, "seconds": 1.0}),
        Option("middle", costs={"usd": 0.2, "seconds": 2.0}),
    )
)
QUALITY = [[0, 0.9, 0.2, 0.5], [0, 0.8, 0.7, 0.75], [0, 0.1, 0.3, 0.2], [0, 0.6, 0.4, 0.6]]


def make_plan(
    menu: Menu,
    quality: Any,
    choices: Sequence[int],
    *,
    unit: str = "usd",
    price: float = 1.0,
    budget: float = 10.0,
) -> Plan:
    """Make a plan of given choices on a given surface."""
    known = ("usd", "tokens", "searches", "seconds")
    costs = {name: [o.costs.get(name, math.nan) for o in menu] for name in known}
    amounts = {n: np.array(column) for n, column in costs.items() if not np.isnan(column).any()}
    menu_costs = MenuCosts(amounts, {}, "prices")
    return Plan(
        plan_id="plan-1",
        bundle_id="bundle",
        price_id="prices",
        questions=parse_questions(ask(len(choices))),
        surface=make_surface(menu, quality, seen=frozenset({"cheap"})),
        choice_index=np.array(choices, dtype=np.int64),
        cost_micro=to_micro_ceil(amounts[unit])[:, None],
        budget_micro={unit: round(budget * MICRO)},
        costs=QuestionCosts(menu_costs),
        shadow_price={unit: price},
        gap=0.0,
        notes=("note",),
    )


@pytest.fixture
def plan() -> Plan:
    """Make a plan in which every question comes out in another way."""
    return make_plan(MENU, QUALITY, [1, 2, 0, -1])


def test_every_question_has_its_status(plan: Plan) -> None:
    """More than the cheapest is funded, the cheapest minimum, nothing or skip unfunded."""
    assert [choice.status for choice in plan] == ["funded", "minimum", "unfunded", "unfunded"]
    assert [choice.option for choice in plan] == ["dear", "cheap", "skip", ""]
    assert [choice.id for choice in plan] == ["q1", "q2", "q3", "q4"]
    assert {choice.status for choice in plan} <= set(STATUSES)
    assert len(plan) == len(plan.choices) == 4


def test_gain_is_over_the_cheapest_option_that_answers(plan: Plan) -> None:
    """Difficulty, gain and both intervals are measured from the cheapest option but skip."""
    for choice, row, column in zip(plan, QUALITY, [1, 2, 0, None], strict=True):
        quality = 0.0 if column is None else row[column]
        assert choice.difficulty == pytest.approx(1 - row[2])
        assert choice.expected_quality == pytest.approx(quality)
        assert choice.expected_gain == pytest.approx(quality - row[2])
        for gain, value in zip(choice.gain_interval, choice.quality_interval, strict=True):
            assert gain == pytest.approx(value - row[2])
    assert plan.choices[0].quality_interval == pytest.approx((0.8, 1.0))
    assert plan.choices[2].quality_interval == (0.0, 0.0)


def test_choices_say_cost_evidence_and_reason(plan: Plan) -> None:
    """Costs come in every known unit, evidence by option, and each kind of choice has a reason."""
    funded, minimum, skipped, unfunded = plan.choices
    assert funded.cost == {"usd": 0.3, "seconds": 9.0}
    assert skipped.cost == unfunded.cost == {"usd": 0.0, "seconds": 0.0}
    assert [c.evidence for c in plan] == ["descriptors", "outcomes", "none", "none"]
    assert "at 1 quality per usd, the next best 'middle' would change" in funded.reason
    assert "by -0.4000 for -0.1 usd" in funded.reason
    assert "by +0.0500 for +0.1 usd" in minimum.reason
    assert skipped.reason == "no option is worth its cost at 1 quality per usd"
    assert "at least 'cheap' would be needed" in unfunded.reason


def test_totals_are_sums_of_choices(plan: Plan) -> None:
    """Quality, gain, cost and statuses of the batch are the sums over its choices."""
    totals = plan.totals
    assert totals["n_questions"] == 4
    for name in ("expected_quality", "expected_gain"):
        assert totals[name] == pytest.approx(sum(getattr(choice, name) for choice in plan))
    assert totals["cost"] == {"usd": 0.4, "seconds": 10.0}
    assert totals["budget"] == {"usd": 10.0}
    counted = Counter(choice.status for choice in plan)
    assert totals["statuses"] == {name: counted[name] for name in STATUSES}


def test_totals_are_exact_in_micro_units() -> None:
    """A cost is rounded up once, in the choice as in the total, and a thousand of them add up."""
    menu = Menu((Option("cheap", costs={"usd": 0.0000123}), Option("b", costs={"usd": 0.1})))
    plan = make_plan(menu, np.full((1000, 2), 0.5), [0] * 700 + [1] * 300)
    assert plan.choices[0].cost == {"usd": 0.000013}
    micro = [round(choice.cost["usd"] * MICRO) for choice in plan]
    assert round(plan.totals["cost"]["usd"] * MICRO) == sum(micro) == 700 * 13 + 300 * 100_000
    assert plan.totals["cost"]["usd"] == sum(micro) / MICRO


def test_cheapest_of_equal_cost_is_cheapest_elsewhere() -> None:
    """Where the budget's unit does not tell options apart, the other units do, then the order."""
    costs: list[dict[str, float]] = [
        {"searches": 0.0, "usd": 0.5},
        {"searches": 0.0, "usd": 0.1},
        {"searches": 0.0, "usd": 0.1},
        {"searches": 1.0, "usd": 0.0},
    ]
    menu = Menu(tuple(Option(f"o{i}", costs=cost) for i, cost in enumerate(costs)))
    plan = make_plan(menu, [[0.9, 0.3, 0.4, 0.5]] * 2, [0, 1], unit="searches")
    assert [choice.status for choice in plan] == ["funded", "minimum"]
    assert [choice.difficulty for choice in plan] == pytest.approx([0.7, 0.7])


def make_option(name: str, steps: float | None, tokens: float | None, **more: Any) -> Option:
    """Make an option for the test of slopes."""
    return Option(name, search_steps=steps, reasoning_tokens=tokens, costs={"usd": 0.1}, **more)


SLOPES: list[tuple[Any, ...]] = [
    # Name, steps, tokens, further fields, quality, slope by searches, slope by 1,000 tokens.
    ("none", 0.0, 0.0, {}, 0.1, (0.4 - 0.1) / 2, (0.3 - 0.1) / 0.5),
    ("two", 2.0, 0.0, {"strategy": "chain"}, 0.4, (0.2 - 0.4) / 3, None),
    ("five", 5.0, 0.0, {}, 0.2, (0.2 - 0.4) / 3, None),
    ("think", 0.0, 500.0, {}, 0.3, None, (0.3 - 0.1) / 0.5),
    ("other model", 0.0, 0.0, {"model": "m"}, 0.9, None, None),
    ("eight", 0.0, 0.0, {"samples": 8}, 0.6, None, (0.2 - 0.6) / 8.0),
    ("eight think", 0.0, 1000.0, {"samples": 8}, 0.2, None, (0.2 - 0.6) / 8.0),
    ("unknown", None, None, {}, 0.5, None, None),
    # Two ways to search as often: no slope between them, each has its own along the axis.
    ("wide two", 2.0, 0.0, {"strategy": "wide"}, 0.45, (0.2 - 0.45) / 3, None),
]


def test_slopes_on_a_hand_made_surface() -> None:
    """A slope leads to the next option up the axis, at its end to the next one down."""
    menu = Menu(tuple(make_option(name, s, t, **more) for name, s, t, more, *_ in SLOPES))
    quality = [[row[4] for row in SLOPES]] * len(SLOPES)
    plan = make_plan(menu, quality, range(len(SLOPES)))
    for choice, row in zip(plan, SLOPES, strict=True):
        for slope, expected in (
            (choice.marginal_gain_per_search, row[5]),
            (choice.marginal_gain_per_1000_reasoning_tokens, row[6]),
        ):
            assert slope == (None if expected is None else pytest.approx(expected)), choice.option


def test_slopes_prefer_the_same_strategy() -> None:
    """Where two options stand at the next place, the one of the same strategy counts."""
    menu = Menu(
        tuple(
            make_option(f"{strategy}{steps}", steps, None, strategy=strategy)
            for steps in (1.0, 3.0)
            for strategy in ("chain", "wide")
        )
    )
    plan = make_plan(menu, [[0.1, 0.2, 0.5, 0.8]] * 4, range(4))
    slopes = [choice.marginal_gain_per_search for choice in plan]
    assert slopes == pytest.approx([0.2, 0.3, 0.2, 0.3])


def test_skip_is_on_no_axis() -> None:
    """Answering nothing is not a way of searching less."""
    menu = Menu((SKIP, make_option("one", 1.0, 100.0, reasoning_effort="none")))
    (choice,) = make_plan(menu, [[0, 0.5]], [1])
    assert choice.marginal_gain_per_search is None
    assert choice.marginal_gain_per_1000_reasoning_tokens is None


def test_plans_are_json(plan: Plan) -> None:
    """A plan is written as strict JSON with all its parts, and reads back the same."""
    content = plan.to_dict()
    assert set(content) == {
        *("plan_id", "bundle_id", "price_id", "choices", "totals", "shadow_price", "gap", "notes")
    }
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["choices"][0]["cost"] == {"usd": 0.3, "seconds": 9.0}
    assert again["choices"][0]["quality_interval"] == pytest.approx([0.8, 1.0])
    assert again["notes"] == ["note"]
    assert set(again["choices"][0]) == set(Choice.__dataclass_fields__) - {"propensity"}


def test_written_plans_are_copies(plan: Plan) -> None:
    """Changing what was written out changes no plan."""
    content = plan.to_dict()
    content["choices"][0]["cost"]["usd"] = 99.0
    content["shadow_price"]["usd"] = 99.0
    assert plan.choices[0].cost["usd"] == 0.3
    assert plan.to_dict()["shadow_price"] == {"usd": 1.0}


def test_plans_are_frames(plan: Plan) -> None:
    """A frame has a row a question, the fields as columns and the costs by unit."""
    frame = plan.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["id"].tolist() == ["q1", "q2", "q3", "q4"]
    assert frame["cost_usd"].tolist() == [0.3, 0.1, 0.0, 0.0]
    fields = set(Choice.__dataclass_fields__) - {"cost", "propensity"}
    assert set(frame.columns) == fields | {"cost_usd", "cost_seconds"}


def test_frames_need_pandas(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pandas the message names the extra."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"Plan.to_frame needs the extra \[notebooks\]"):
        plan.to_frame()


@pytest.mark.parametrize("menu", [Menu((SKIP,)), Menu((Option("a", costs={"usd": 0.0}),))])
def test_menus_of_one_option_make_plans(menu: Menu) -> None:
    """A menu of skip alone answers nothing; one of a free option has no next best."""
    (choice,) = make_plan(menu, [[0.5]], [0])
    assert choice.status == ("unfunded" if menu.has_skip else "minimum")
    assert choice.expected_gain == 0.0
    assert "only option" in choice.reason or "no option is worth" in choice.reason


def test_plans_compare_by_identity(plan: Plan) -> None:
    """A plan is one event: it equals itself and nothing else, and can be put into a set."""
    assert plan == plan  # noqa: PLR0124 (the comparison itself is what is shown)
    assert plan != make_plan(MENU, QUALITY, [1, 2, 0, -1])
    assert len({plan}) == 1


def test_strange_questions_say_why_they_are_planned_by_means(plan: Plan) -> None:
    """Evidence and reason name it, the familiarity stands beside it, others are as they were."""
    surface = replace(
        plan.surface,
        familiarity=np.array([0.002, 0.4, 0.3, 0.001]),
        abstained=np.array([True, False, False, True]),
    )
    strange, *others, unfunded = replace(plan, surface=surface).choices
    assert strange.evidence == "means"
    assert strange.reason.startswith(
        "unlike the training questions (familiarity 0.0020): planned by the options' means; at 1 "
    )
    assert [choice.familiarity for choice in (strange, *others)] == [0.002, 0.4, 0.3]
    assert [choice.reason for choice in others] == [c.reason for c in plan.choices[1:3]]
    assert (unfunded.evidence, unfunded.familiarity) == ("none", 0.001)
    assert all(choice.familiarity is None for choice in plan)


@pytest.mark.parametrize("bundle", [None, "tiny"])
@pytest.mark.parametrize("spend", [0.3, 0.5, 0.7])
def test_plans_do_not_depend_on_the_batch_they_travel_in(bundle: str | None, spend: float) -> None:
    """At one price a question alone gets what it gets in its batch, in any order, twice over."""
    router = Router.load() if bundle is None else Router(tiny_bundle())
    words = [
        "Who heads the council of {}?",
        "What is {} plus 3 times two?",
        "Prove that {} is odd.",
    ]
    asked = [Question(f"q{n}", words[n % 3].format(31 * n + 7)) for n in range(24)]
    curve = router.curve(asked, unit="usd", n_points=40)
    step = curve[int(spend * len(curve))]
    # Just below the price of a step nobody is indifferent between its ends.
    price = {"usd": 0.999 * step.shadow_price}
    alone = [router.allocate([q], {"usd": 1.0}, shadow_price=price).choices[0] for q in asked]
    options = {choice.id: choice.option for choice in alone}
    budget_micro = sum(round(choice.cost["usd"] * MICRO) for choice in alone)
    assert len(set(options.values())) > 1
    for batch, times in ((asked, 1), (asked[::-1], 1), ([*asked, *_rename(asked)], 2)):
        plan = router.allocate(batch, {"usd": times * budget_micro / MICRO})
        assert {c.id: c.option for c in plan if not c.id.startswith("again")} == options
        assert {c.id.removeprefix("again "): c.option for c in plan} == options


def _rename(questions: list[Question]) -> list[Question]:
    """Ask the same once more."""
    return [replace(question, id=f"again {question.id}") for question in questions]
