"""Policies that drive a batch to its end."""

from __future__ import annotations

import contextlib
import io
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router import Policy, Question, Report
from router.evaluation.environments import TableEnvironment
from router.evaluation.plan_tables import plan_table
from router.exceptions import ConflictError, InputError
from router.options import Option
from router.replan_decisions import Action, Decision
from tests.test_replanning import MENU, QUALITY, make

if TYPE_CHECKING:
    from pathlib import Path

    from router import Plan

EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
COST = np.array([[1.0, 3.0, 8.0]])


def draw_batch(n_questions: int = 60, seed: int = 2) -> tuple[Any, np.ndarray[Any, Any]]:
    """Draw questions of which some are hard, with what is expected of them."""
    chance = np.random.default_rng(seed)
    hard = chance.normal(0.0, 1.0, (n_questions, 1))
    truth = 1.0 / (1.0 + np.exp(-(np.array([-0.2, 0.1, 1.2]) - 1.5 * hard)))
    expected = 1.0 / (1.0 + np.exp(-(np.array([-0.2, 0.1, 1.0]) - 0.5 * hard)))
    return expected, truth


def drive(plan: Plan, truth: Any, **settings: Any) -> tuple[Policy, TableEnvironment]:
    """Drive a plan through an environment."""
    ids = [question.id for question in plan.questions]
    cost = np.broadcast_to(COST, truth.shape)
    is_checked = settings.get("is_checked", False)
    environment = TableEnvironment(ids, MENU.names, truth, cost, is_checked=is_checked, seed=1)
    policy = Policy(plan, **settings)
    policy.run(environment)
    return policy, environment


@pytest.mark.parametrize("is_checked", [False, True])
def test_batches_end_within_their_budget(*, is_checked: bool) -> None:
    """Every question ends, and where costs are as planned the budget is kept."""
    expected, truth = draw_batch()
    _, plan = make(expected, budget=200.0)
    policy, environment = drive(plan, truth, is_checked=is_checked)
    assert policy.is_over
    assert sum(environment.spent.values()) <= 200.0
    assert policy.state is not None
    assert policy.state.open == ()


def test_looking_pays_where_answers_are_checked() -> None:
    """At the same budget more questions end right with a check than without."""
    expected, truth = draw_batch(400)
    _, plan = make(expected, budget=1_600.0)
    plain = drive(plan, truth)[1]
    checked = drive(plan, truth, is_checked=True)[1]
    assert checked.mean_quality > plain.mean_quality + 0.05
    assert checked.mean_cost <= 4.0


def test_what_is_free_is_not_tried_for_ever() -> None:
    """An option without cost that never succeeds is given up after a number of tries."""
    plan = plan_table([Option("free", model="s")], np.array([[0.3]]), [0.0], 1.0)
    environment = TableEnvironment(
        ["q0"], ["free"], np.array([[0.0]]), np.array([[0.0]]), is_checked=True
    )
    policy = Policy(plan, is_checked=True)
    policy.run(environment)
    assert len(policy.log) == 66


def test_a_log_makes_every_decision_again() -> None:
    """A run can be made again from its log, which holds no text, and goes on from there."""
    expected, truth = draw_batch()
    _, plan = make(expected, budget=200.0)
    policy, _ = drive(plan, truth, is_checked=True)
    assert len(policy.log) > 2
    assert not any("question 1" in line for line in policy.log)
    again = Policy.replay(plan, policy.log)
    assert again.log == policy.log
    assert again.is_over
    half = Policy.replay(plan, policy.log[:2])
    assert half.running == tuple(json.loads(policy.log[1])["decisions"][i][0] for i in range(60))


def test_another_plan_or_decision_is_told() -> None:
    """A log of another budget, or one that was changed, is refused by name."""
    expected, truth = draw_batch()
    _, plan = make(expected, budget=200.0)
    log = drive(plan, truth)[0].log
    with pytest.raises(ConflictError, match="another plan"):
        Policy.replay(make(expected, budget=201.0)[1], log)
    forged = json.loads(log[1])
    forged["decisions"][0][2] = "large" if forged["decisions"][0][2] != "large" else "small"
    with pytest.raises(ConflictError, match="step 1"):
        Policy.replay(plan, [log[0], json.dumps(forged)])
    for lines in ([], ["{}"], ["nonsense"], [log[1]]):
        with pytest.raises(InputError, match="log"):
            Policy.replay(plan, lines)


def test_a_step_that_is_wrong_changes_nothing() -> None:
    """Reports of what was not asked for are refused before any of them counts."""
    _, plan = make()
    policy = Policy(plan)
    first = policy.step()
    good = Report(first[0].id, str(first[0].option), quality=1.0)
    for bad in (
        Report("q9", "small"),
        Report(first[1].id, "small-more"),
        good,
    ):
        with pytest.raises(InputError):
            policy.step([good, bad])
    assert policy.running == ("q0", "q1", "q2")
    assert policy.state is not None
    assert policy.state.spent == {"usd": 0.0}


def test_the_reserve_is_kept_and_used_at_the_end() -> None:
    """First steps leave the reserve alone; when nothing is at work it is spent too."""
    _, plan = make(np.tile(QUALITY[:1], (4, 1)), budget=20.0)
    policy = Policy(plan, reserve=0.5)
    first = policy.step()
    assert sum(decision.cost["usd"] for decision in first) <= 10.0
    reports = [Report(d.id, str(d.option), d.cost, quality=0.0) for d in first]
    second = policy.step(reports)
    assert sum(decision.cost["usd"] for decision in (*first, *second)) > 10.0
    with pytest.raises(InputError, match=r"reserve is 1\.0"):
        Policy(plan, reserve=1.0)


def test_context_is_predicted_anew() -> None:
    """A report's numbers reach the model, together with those known before."""
    router, plan = make()
    seen: list[dict[str, float]] = []

    def predict(question: Any) -> Any:
        seen.append(dict(question.context))
        return np.array([0.0, 0.0, 1.0])

    policy = Policy(plan, predict=predict)
    first = policy.step()
    report = Report(first[0].id, str(first[0].option), {"usd": 0.5}, context={"score": 2.0})
    policy.step([report])
    assert seen == [{"score": 2.0}]
    assert router.begin(plan).step() == first


def test_examples_of_the_page_print_what_is_shown(repository_root: Path) -> None:
    """Each example of the page on re-planning runs and prints what stands behind it."""
    page = (repository_root / "docs" / "replanning.md").read_text("utf-8")
    examples = EXAMPLE.findall(page)
    assert len(examples) == page.count("```python") > 1
    for program, shown in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "replanning.md", "exec"), {})  # noqa: S102
        assert printed.getvalue() == shown


def test_a_log_holds_what_was_predicted_anew() -> None:
    """A run whose reports brought context is made again from its log, without the model."""
    _, plan = make(budget=30.0)
    policy = Policy(plan, predict=lambda question: np.array([0.1, 0.1, question.context["score"]]))
    first = policy.step()
    seen: Any = {"quality": 0.0, "context": {"score": 0.95}}
    policy.step([Report(d.id, str(d.option), d.cost, **seen) for d in first])
    assert Policy.replay(plan, policy.log).log == policy.log


def test_a_prediction_that_fails_leaves_the_step_undone() -> None:
    """Nothing of a step counts where one of its questions cannot be predicted anew."""
    _, plan = make()
    answers: list[Any] = [np.array([0.5, np.nan, 0.5]), np.array([0.5]), np.array([0.2, 0.3, 0.4])]
    policy = Policy(plan, predict=lambda _: answers.pop(0))
    first = policy.step()
    reports = [Report(d.id, str(d.option), d.cost, quality=0.0) for d in first[:-1]]
    last = first[-1]
    reports.append(Report(last.id, str(last.option), last.cost, context={"score": 1.0}))
    for _ in range(2):
        with pytest.raises(InputError, match="3 numbers from 0 to 1"):
            policy.step(reports)
        assert (len(policy.running), len(policy.log)) == (len(first), 2)
    policy.step(reports)
    assert len(policy.log) == 3


def test_an_option_continues_what_it_continues_and_not_the_last() -> None:
    """Four samples after one are charged for three, also where something else ran in between."""
    cost = np.array([[1.0, 3.0, 8.0]])
    environment = TableEnvironment(["q0"], MENU.names, np.zeros((1, 3)), cost, menu=MENU)
    question = Question("q0", "Why?")
    steps: list[tuple[Action, str]]
    steps = [("start", "small"), ("switch", "large"), ("continue", "small-more")]
    for action, option in steps:
        report = environment.run(question, Decision("q0", action, option, {}, 0.5, ""))
    assert report.cost == {"usd": 2.0}
    with pytest.raises(InputError, match="'q0' with a decision about 'q1'"):
        environment.run(question, Decision("q1", "start", "small", {}, 0.5, ""))
    with pytest.raises(InputError, match="the menu has options"):
        TableEnvironment(["q0"], ["a", "b", "c"], np.zeros((1, 3)), cost, menu=MENU)
