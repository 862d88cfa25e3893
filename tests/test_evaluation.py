"""The protocol, reimplemented: equal to its reference on real logs, figure by figure."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.baselines import predict_baselines
from router.evaluation.plans import score_plans
from router.evaluation.protocol import FRACTIONS, DenseView, assign_folds, build_view
from router.logs import read_log

if TYPE_CHECKING:
    from pathlib import Path

EXACT = ("cheapest", "blind", "hindsight", "task", "oracle")
# Questions of one task tie, and the order in which an unstable sort leaves ties depends on the
# processor; ridge also moves with the linear algebra underneath.
YARDSTICK_TOLERANCE = {"task": 1.1e-3, "ridge": 5.5e-4}


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Any:
    """Load the protocol's own script."""
    path = shared_data.parent / "bench" / "reference.py"
    specification = importlib.util.spec_from_file_location("protocol_reference", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def score_by_reference(reference: Any, path: Path) -> dict[str, Any]:
    """Score a log the way the protocol's script does."""
    quality, cost, texts, groups, _, _, folds = reference.load(path)
    surfaces = {name: np.zeros_like(quality) for name in ("task", "ridge")}
    for fold in range(5):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        ridge, task = reference.predict_ridge(quality, texts, groups, train, test)
        surfaces["ridge"][test], surfaces["task"][test] = ridge, task
    values: dict[str, Any] = reference.score(surfaces, quality, cost, folds)
    return values


def read_yardstick(path: Path, name: str) -> list[dict[str, float]]:
    """Read a log's published figures, one mapping a budget."""
    text = path.read_text("utf-8")
    block = re.split(r"\n(?=\S)", text[text.index(f"{name}.parquet") :])[0]
    lines = [line for line in block.splitlines()[1:] if not line.strip().startswith("mean")]
    return [
        {name: float(value) for name, value in re.findall(r"([a-z]+) (\d\.\d+)", line)}
        for line in lines
    ]


@pytest.mark.parametrize(
    "name", ["gsm8k_verifier", "evidence_search_2wikimultihopqa", "search_x_reasoning_attempts"]
)
def test_scores_equal_the_reference(reference: Any, shared_data: Path, name: str) -> None:
    """Every question's score under every budget is the reference's."""
    path = shared_data / "outcomes" / f"{name}.parquet"
    expected = score_by_reference(reference, path)
    view = build_view(read_log(path))
    scores = score_plans(view, predict_baselines(view)).quality
    for plan in EXACT:
        np.testing.assert_allclose(scores[plan], expected[plan], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        scores["ridge"].mean(1), expected["ridge"].mean(1), rtol=0, atol=5e-4
    )


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_the_reference_on_drawn_outcomes(reference: Any, seed: int) -> None:
    """Drawn outcomes with ties, unequal costs and unequal folds are scored the same way."""
    generator = np.random.default_rng(seed)
    n_questions, n_options = 61, 2 + seed
    texts = np.array([f"question {number}" for number in range(n_questions)], dtype=object)
    quality = generator.integers(0, 3, (n_questions, n_options)) / 2
    cost = generator.integers(1, 9, n_options) * generator.random((n_questions, n_options))
    folds = assign_folds(list(texts))
    view = DenseView(
        rows=np.arange(n_questions),
        texts=texts,
        groups=np.array([None] * n_questions, dtype=object),
        folds=folds,
        quality=quality,
        cost=np.asfortranarray(cost),
        allowed=np.ones(quality.shape, dtype=bool),
    )
    surface = generator.random(quality.shape)
    expected = reference.score({"drawn": surface}, quality, np.asfortranarray(cost), folds)
    scores = score_plans(view, {"drawn": surface}).quality
    for plan, values in expected.items():
        np.testing.assert_allclose(scores[plan], values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["gsm8k_verifier", "qa_search_depth"])
def test_figures_equal_the_yardstick(shared_data: Path, name: str) -> None:
    """The published figures come out again, to their last digit where nothing ties."""
    published = read_yardstick(shared_data.parent / "bench" / "yardstick.txt", name)
    view = build_view(read_log(shared_data / "outcomes" / f"{name}.parquet"))
    scores = score_plans(view, predict_baselines(view)).quality
    assert len(published) == len(FRACTIONS)
    for position, row in enumerate(published):
        for plan, value in row.items():
            tolerance = YARDSTICK_TOLERANCE.get(plan, 5.1e-5)
            assert scores[plan][position].mean() == pytest.approx(value, abs=tolerance)
