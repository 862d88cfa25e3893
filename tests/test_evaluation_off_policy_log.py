"""Logged decisions out of a file, and the page that explains them."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.off_policy import estimate_off_policy
from router.evaluation.off_policy_log import lay_out_decisions, read_decisions
from router.exceptions import LogError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
PLAN = {"a": "x", "b": "y"}


def make_columns(**changed: Any) -> dict[str, Any]:
    """Make a log of two decisions."""
    columns = {
        "query_id": ["a", "b"],
        "option": ["x", "x"],
        "propensity": [0.5, 0.25],
        "quality": [1.0, 0.0],
    }
    return {name: column for name, column in (columns | changed).items() if column is not None}


def test_file_gives_what_its_rows_say(tmp_path: Path) -> None:
    """A thousand rows read from a file give the estimate by hand, and their cost another."""
    generator = np.random.default_rng(0)
    options = generator.choice(["x", "y"], size=1000, p=[0.75, 0.25])
    lines = ["query_id,option,propensity,quality,cost,group"]
    for row, option in enumerate(options):
        chance = 0.75 if option == "x" else 0.25
        lines.append(f"{row},{option},{chance},{int(option == 'y')},{1 + int(option == 'y')},t")
    lines.append("late,x,0.75,,1,t")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plan = {str(row): "y" for row in range(1000)} | {"late": "y"}
    decisions, target = read_decisions(path, plan)
    assert len(target) == 1000
    assert decisions.question.max() == 999
    by_hand = (options == "y").mean() / 0.25
    found = estimate_off_policy(decisions, target, estimator="ips")
    assert found.value == pytest.approx(by_hand)
    spent, target = read_decisions(path, plan, outcome="cost")
    assert estimate_off_policy(spent, target, estimator="snips").value == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"propensity": None}, "column 'propensity'"),
        ({"propensity": [0.5, 0.0]}, r"row 2: propensity 0\.0"),
        ({"propensity": [None, 0.5]}, "row 1 has no propensity"),
        ({"quality": [1.0, None]}, "1 rows have a value of 'quality'"),
        ({"query_id": ["a", "c"]}, "question 'c' is not in the plan"),
    ],
)
def test_rows_that_do_not_do_are_refused(changed: dict[str, Any], words: str) -> None:
    """The message names the row or column and what is allowed."""
    with pytest.raises(LogError, match=words):
        lay_out_decisions(make_columns(**changed), PLAN)


def test_probabilities_of_all_options_are_read() -> None:
    """They make missing overlap exact, and a row without its own probability is named."""
    spread = ['{"x": 0.5, "y": 0.5}', '{"x": 0.25, "z": 0.75}']
    decisions, target = lay_out_decisions(make_columns(propensities=spread), PLAN)
    assert decisions.logging is not None
    assert decisions.logging.tolist() == [[0.5, 0.5, 0.0], [0.25, 0.0, 0.75]]
    assert target.tolist() == [0, 1]
    with pytest.raises(LogError, match="row 2 has no propensity"):
        lay_out_decisions(make_columns(propensity=[0.5, None]), PLAN)


def test_examples_of_the_page_print_what_is_shown(repository_root: Path) -> None:
    """Each example of the page runs and prints what stands behind it."""
    page = (repository_root / "docs" / "off-policy.md").read_text("utf-8")
    examples = EXAMPLE.findall(page)
    assert len(examples) == page.count("```python") > 1
    for program, shown in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "off-policy.md", "exec"), {})  # noqa: S102
        assert printed.getvalue() == shown
