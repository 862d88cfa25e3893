"""Predicting, planning and drawing a curve from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.cli import main
from router.planner import Router
from router.questions import read_questions
from router.tables import read_columns
from tests.contracts.commands import PRICES, check_refused, read_json, run_json, tiny_bundle
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
TEXTS = [
    "Who heads the council of Bern today?",
    "What is 2 plus 3 times two?",
    "Who heads the council of Oslo today?",
    "What is 17 plus 4 times two?",
]
MENU = """
[grid]
models = ["toy"]
search_steps = [0, 1, 4]
reasoning_effort = ["none", "low"]
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Save the small bundle."""
    tiny_bundle().save(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Write four questions."""
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return path


def test_allocate_prints_the_plan_as_json(capsys: Capture, bundle: Path, questions: Path) -> None:
    """The document has the fields of a plan, keeps its budget and equals the library's plan."""
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.02"]
    plan = run_json(capsys, *arguments)
    expected = Router.load(bundle).allocate(TEXTS, {"usd": 0.02}).to_dict()
    expected = read_json(json.dumps(expected))
    assert {name for name in plan if plan[name] != expected[name]} == {"plan_id"}
    assert plan["totals"]["cost"]["usd"] <= 0.02
    assert [choice["id"] for choice in plan["choices"]] == ["q1", "q2", "q3", "q4"]


def test_allocate_explores_the_same_way_again(
    capsys: Capture, bundle: Path, questions: Path
) -> None:
    """With a seed the draws are those of the library, and every choice says how likely it was."""
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.05"]
    terms = ["--explore", "0.5", "--explore-seed", "4"]
    plan = run_json(capsys, *arguments, *terms)
    expected = Router.load(bundle).allocate(TEXTS, {"usd": 0.05}, explore=0.5, explore_seed=4)
    assert plan["choices"] == read_json(json.dumps(expected.to_dict()["choices"]))
    assert all(0 < choice["propensity"] <= 1 for choice in plan["choices"])
    check_refused(capsys, [*arguments, "--explore", "1"], "explore is 1.0", "below 1")


def test_allocate_writes_what_it_prints(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """The file given with --out holds the printed document."""
    out = tmp_path / "plan.json"
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.02", "--out", out]
    assert run_json(capsys, *arguments) == read_json(out.read_text("utf-8"))


def test_allocate_keeps_two_budgets(capsys: Capture, bundle: Path, questions: Path) -> None:
    """Several ceilings hold together, and each has its price."""
    arguments = ["allocate", questions, "--model", bundle]
    plan = run_json(capsys, *arguments, "--budget", "usd=0.5", "--budget", "searches=5")
    assert plan["totals"]["cost"]["searches"] <= 5
    assert plan["totals"]["cost"]["usd"] <= 0.5
    assert set(plan["shadow_price"]) == {"usd", "searches"}


def test_allow_skip_makes_a_small_budget_do(capsys: Capture, bundle: Path, questions: Path) -> None:
    """Below the cheapest plan a budget works only where questions may stay unanswered."""
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.0005"]
    check_refused(capsys, arguments, "budget")
    plan = run_json(capsys, *arguments, "--allow-skip")
    assert plan["totals"]["statuses"]["unfunded"] >= 1
    assert plan["totals"]["cost"]["usd"] <= 0.0005


def test_a_target_takes_the_place_of_a_budget(
    capsys: Capture, bundle: Path, questions: Path
) -> None:
    """The cheapest plan of a mean quality is planned, within a budget or without, or refused."""
    arguments = ["allocate", questions, "--model", bundle]
    best = run_json(capsys, *arguments, "--budget", "usd=1")["totals"]["mean_quality"]
    plan = run_json(capsys, *arguments, "--target-quality", 0.9 * best)
    assert plan["totals"]["mean_quality"] >= 0.9 * best - 1e-9
    assert (plan["totals"]["budget"], plan["totals"]["target_quality"]) == ({}, 0.9 * best)
    spent = plan["totals"]["cost"]["usd"]
    again = run_json(capsys, *arguments, "--target-quality", 0.9 * best, "--budget", f"usd={spent}")
    assert again["totals"]["cost"] == plan["totals"]["cost"]
    check_refused(capsys, [*arguments, "--target-quality", 1], "above what can be reached")
    for value in ("2", "nan"):
        message = f"target_quality is {float(value)}: a mean quality from 0 to 1 is needed"
        check_refused(capsys, [*arguments, "--target-quality", value], message)
    check_refused(capsys, arguments, "--budget", "--target-quality")


def test_allow_unfunded_marks_what_the_budget_does_not_reach(
    capsys: Capture, bundle: Path, questions: Path
) -> None:
    """The refusal names the flag, and with it the rest is marked with what it needs."""
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.0005"]
    check_refused(capsys, arguments, "--allow-unfunded", "--allow-skip")
    plan = run_json(capsys, *arguments, "--allow-unfunded")
    assert plan["totals"]["statuses"]["unfunded"] >= 1
    assert plan["totals"]["minimum_required"]["usd"] > 0.0005
    marked = [choice for choice in plan["choices"] if choice["status"] == "unfunded"]
    assert all(choice["required_cost"]["usd"] > 0 for choice in marked)
    assert main([str(argument) for argument in arguments] + ["--allow-unfunded"]) == 0
    assert "the cheapest plan of all questions would cost" in capsys.readouterr().out


def test_fields_of_the_question_file_reach_the_plan(
    tmp_path: Path, capsys: Capture, bundle: Path
) -> None:
    """Weights, conditions and dependences in the file are planned for and shown."""
    names = Router.load(bundle).resolve_menu().names
    first = {"id": "a", "text": TEXTS[0], "weight": 3, "forbidden_options": [names[-1]]}
    lines = [first, {"id": "b", "text": TEXTS[1], "depends_on": ["a"]}, {"text": TEXTS[2]}]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    arguments = ["allocate", path, "--model", bundle, "--budget", "usd=1"]
    plan = run_json(capsys, *arguments)
    assert plan["choices"][0]["option"] != names[-1]
    assert plan["choices"][0]["joint_quality"] == plan["choices"][1]["joint_quality"]
    assert plan["choices"][2]["joint_quality"] is None
    assert plan["totals"]["n_answers"] == 2
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr().out
    assert "weighted mean of this plan" in printed
    assert "3 questions make 2 answers" in printed


def test_table_is_readable_at_100_columns(capsys: Capture, bundle: Path, tmp_path: Path) -> None:
    """Every question has a row with its option, no line is longer, and totals stand below."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"id": "[bold]\\u001b[2J", "text": "Who?"}\n{"id": "b", "text": "Why?"}', "utf-8"
    )
    assert main(["allocate", str(path), "--model", str(bundle), "--budget", "usd=0.02"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert printed.err == ""
    assert max(map(len, lines[:4])) <= 100
    assert lines[2].startswith("[bold]\\x1b[2J")
    assert "toy|s" in lines[2]
    for words in ("expected quality", "planned cost", "shadow price", "gap", "bundle"):
        assert words in printed.out


def test_menu_and_prices_replace_the_bundles(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """With one's own menu and prices the plan is made of them, and says so."""
    menu, prices = tmp_path / "menu.toml", tmp_path / "prices.toml"
    menu.write_text(MENU, encoding="utf-8")
    prices.write_text(PRICES.to_toml(), encoding="utf-8")
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0.02"]
    plan = run_json(capsys, *arguments, "--menu", menu, "--prices", prices)
    assert plan["price_id"] == PRICES.price_id
    assert all(choice["option"].startswith("toy|") for choice in plan["choices"])
    assert {choice["evidence"] for choice in plan["choices"]} == {"descriptors"}
    assert "6 of 6 options" in plan["notes"][0]


def test_predict_writes_a_row_a_question_and_option(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """The table holds the library's surface and the options' cost, questions outermost."""
    out = tmp_path / "surface.parquet"
    document = run_json(capsys, "predict", questions, "--model", bundle, "--out", out)
    table = read_columns(out)
    router = Router.load(bundle)
    surface = router.predict(read_questions(questions))
    assert list(table) == ["query_id", "option", "quality", "cost", "cost_deviation", "cost_unit"]
    assert table["query_id"] == [f"q{row}" for row in (1, 2, 3, 4) for _ in range(3)]
    assert table["option"] == list(surface.menu.names) * 4
    np.testing.assert_array_equal(table["quality"], surface.quality.ravel())
    np.testing.assert_array_equal(table["cost"], list(router.cost(surface.menu).amounts["usd"]) * 4)
    assert set(table["cost_unit"]) == {document["cost_unit"]} == {"usd"}


def test_predict_writes_parquet_only(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """Another kind of file is refused by name."""
    out = tmp_path / "surface.csv"
    check_refused(capsys, ["predict", questions, "--model", bundle, "--out", out], ".parquet")
    assert not out.exists()


def test_curve_rises_from_the_cheapest_plan(capsys: Capture, bundle: Path, questions: Path) -> None:
    """More budget never buys less, and each point's quality is that of a plan within it."""
    curve = run_json(capsys, "curve", questions, "--model", bundle, "--points", 6)
    quality = [point["expected_quality"] for point in curve["points"]]
    assert 2 <= len(quality) <= 6
    assert quality == sorted(quality)
    assert (curve["unit"], curve["n_questions"]) == ("usd", 4)
    router = Router.load(bundle)
    for point in curve["points"]:
        plan = router.allocate(TEXTS, {"usd": point["budget"]})
        assert point["expected_quality"] <= plan.totals["expected_quality"] / 4 + 1e-9


def test_curve_takes_another_unit(capsys: Capture, bundle: Path, questions: Path) -> None:
    """The budget may be counted in searches, and not in what nobody knows."""
    arguments = ["curve", questions, "--model", bundle, "--unit"]
    curve = run_json(capsys, *arguments, "searches")
    assert curve["unit"] == "searches"
    assert curve["points"][0]["budget"] == 0
    check_refused(capsys, [*arguments, "eur"], "'eur'", "usd, tokens")
    check_refused(capsys, [*arguments, "seconds"], "seconds", "known")


def test_curve_is_drawn_for_a_reader(capsys: Capture, bundle: Path, questions: Path) -> None:
    """Without --json there is a line a budget with a bar, none above 100 columns."""
    assert main(["curve", str(questions), "--model", str(bundle), "--points", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 2 <= sum(line.startswith("#") for line in lines) <= 5
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("points", ["1", "-3", "many"])
def test_number_of_points_has_bounds(
    capsys: Capture, bundle: Path, questions: Path, points: str
) -> None:
    """A curve has at least two points."""
    arguments = ["curve", questions, "--model", bundle, "--points", points]
    check_refused(capsys, arguments, "--points")


def test_strange_questions_are_marked_in_the_table(capsys: Capture, tmp_path: Path) -> None:
    """The table marks what is planned by means, a note counts it, and the total has an interval."""
    planted_bundle().save(tmp_path / "planted")
    asked = tmp_path / "asked.txt"
    asked.write_text("who red blue green old number 1?\nSELECT a FROM b WHERE c = 3;\n", "utf-8")
    command = ["allocate", str(asked), "--model", str(tmp_path / "planted")]
    assert main([*command, "--budget", "nominal=6"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("(means)") == 1
    assert "note: 1 of 2 questions are unlike the training questions" in printed
    assert ", nine times of ten from " in printed
