"""The log in memory: matrix, selection and means against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from router.exceptions import LogError
from router.logs import build_log
from router.outcomes import Outcome, OutcomeLog, average_by_option

N_QUESTIONS, N_OPTIONS = 9, 4


@pytest.fixture
def log(rng: np.random.Generator) -> OutcomeLog:
    """Make a sparse log with gaps in its costs, rows in random order."""
    pairs = [(i, j) for i in range(N_QUESTIONS) for j in range(N_OPTIONS) if (i + j) % 3]
    rng.shuffle(pairs)
    cost = [NAN if (i * j) % 5 == 4 else float(rng.integers(1, 99)) for i, j in pairs]
    return build_log(
        {
            "query_id": [f"q{i}" for i, _ in pairs],
            "query": [f"text {i}" for i, _ in pairs],
            "group": [f"g{i % 2}" for i, _ in pairs],
            "option": [f"o{j}" for _, j in pairs],
            "quality": rng.random(len(pairs)).tolist(),
            "cost": cost,
            "cost_tokens": [2 * value for value in cost],
            "cost_usd": [1.0 if j else NAN for _, j in pairs],
            "context_hops": [float(i) for i, _ in pairs],
        }
    )


NAN = math.nan


def test_matrix_holds_every_row_once(log: OutcomeLog) -> None:
    """Every row stands at its question and option, every other cell is NaN."""
    matrix = log.to_matrix(log.quality)
    assert matrix.shape == (N_QUESTIONS, N_OPTIONS)
    for row, value in enumerate(log.quality):
        assert matrix[log.question_index[row], log.option_index[row]] == value
    assert int((~np.isnan(matrix)).sum()) == len(log.quality)
    assert log.coverage == len(log.quality) / (N_QUESTIONS * N_OPTIONS)
    assert log.has_groups


def test_mean_costs_equal_brute_force(log: OutcomeLog) -> None:
    """Mean costs are those of plain Python over the rows where a cost is known."""
    means = log.mean_costs()
    for option in range(N_OPTIONS):
        known = [
            float(cost)
            for cost, index in zip(log.cost, log.option_index, strict=True)
            if index == option and not np.isnan(cost)
        ]
        assert means[option] == pytest.approx(sum(known) / len(known))
        # A description of the option says the same.
        assert log.options[option].costs["tokens"] == pytest.approx(2 * means[option])


def test_unit_costs_need_all_options(log: OutcomeLog) -> None:
    """A unit in which one option is never costed has no means, the others have."""
    means = log.mean_unit_costs()
    assert set(log.unit_costs) == {"tokens", "usd"}
    assert set(means) == {"tokens"}
    np.testing.assert_allclose(means["tokens"], 2 * log.mean_costs())


def test_selection_equals_a_log_of_fewer_rows(log: OutcomeLog, rng: np.random.Generator) -> None:
    """What is selected is the log that the rows of these questions alone would make."""
    keep = rng.random(N_QUESTIONS) < 0.5
    keep[0] = True
    part = log.select(keep)
    assert part.query_ids == tuple(np.array(log.query_ids)[keep])
    assert part.texts == tuple(np.array(log.texts)[keep])
    assert part.groups == tuple(np.array(log.groups)[keep])
    assert part.options == log.options
    np.testing.assert_array_equal(part.to_matrix(part.quality), log.to_matrix(log.quality)[keep])
    np.testing.assert_array_equal(part.to_matrix(part.cost), log.to_matrix(log.cost)[keep])
    tokens = part.to_matrix(part.unit_costs["tokens"])
    np.testing.assert_array_equal(tokens, log.to_matrix(log.unit_costs["tokens"])[keep])
    np.testing.assert_array_equal(part.context["hops"], log.context["hops"][keep])
    assert part.question_index.dtype == np.int64


def test_selection_of_all_changes_nothing(log: OutcomeLog) -> None:
    """Keeping everything gives the same rows, and a list is as good as an array."""
    same = log.select([True] * N_QUESTIONS)
    np.testing.assert_array_equal(same.quality, log.quality)
    np.testing.assert_array_equal(same.question_index, log.question_index)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([False] * N_QUESTIONS, "no question is left"),
        ([True], r"shape \(1,\); \(9,\) is needed"),
        ([True] * (N_QUESTIONS + 1), r"shape \(10,\)"),
    ],
)
def test_impossible_selections_are_refused(log: OutcomeLog, keep: list[bool], message: str) -> None:
    """Nothing kept, or a choice of another length, is an error."""
    with pytest.raises(LogError, match=message):
        log.select(keep)


def test_averages_leave_out_gaps() -> None:
    """An option without a value has NaN, also one without a row."""
    means = average_by_option(np.array([1.0, NAN, 3.0, 0.0]), np.array([0, 1, 0, 3]), 5)
    np.testing.assert_array_equal(means, [2.0, NAN, NAN, 0.0, NAN])


def test_outcome_is_one_run() -> None:
    """An outcome counts as one run unless it says otherwise."""
    assert Outcome("q", "o", 1.0, 0.5).trials == 1
