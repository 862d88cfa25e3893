"""Strata: parts of the questions, each with its own gain."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.strata import split_by_difficulty, split_by_task, stratify


def test_tasks_come_by_size() -> None:
    """The largest task is first; questions without a label are in none."""
    parts = split_by_task(["b", "a", "a", None, "c"])
    assert list(parts) == ["a", "b", "c"]
    assert sum(part.sum() for part in parts.values()) == 4


def test_too_many_tasks_are_cut() -> None:
    """A label a question would fill pages: the 200 largest stay."""
    assert len(split_by_task([f"task {number}" for number in range(500)])) == 200


def test_difficulty_has_three_equal_parts(rng: np.random.Generator) -> None:
    """A third is easy, where the cheapest option is predicted to do well; ties stay together."""
    predicted = rng.permutation(300) / 300
    parts = split_by_difficulty(predicted)
    assert [int(part.sum()) for part in parts.values()] == [100, 100, 100]
    assert predicted[parts["easy"]].min() > predicted[parts["medium"]].max()
    assert predicted[parts["medium"]].min() > predicted[parts["hard"]].max()
    assert list(split_by_difficulty(np.full(9, 0.5))) == ["medium"]
    mostly_hard = split_by_difficulty(np.array([0.9] * 2 + [0.1] * 4))
    assert {name: int(part.sum()) for name, part in mostly_hard.items()} == {"easy": 2, "hard": 4}


def test_parts_add_up_to_the_whole(rng: np.random.Generator) -> None:
    """Gains of disjoint parts, weighted by size, are the gain of all."""
    router, blind = rng.random((2, 90))
    parts = split_by_task(["abc"[number % 3] for number in range(90)])
    strata = stratify(parts, router, blind, n_resamples=200)
    total = sum(s.n_questions * (s.gain_over_blind.value or 0.0) for s in strata)
    assert total / 90 == pytest.approx((router - blind).mean())
    for stratum in strata:
        gain = stratum.gain_over_blind
        assert gain.value == pytest.approx(stratum.router - stratum.blind)
        assert gain.low is not None
        assert gain.high is not None
        assert gain.low < stratum.router - stratum.blind < gain.high


def test_planted_harm_is_found_in_its_part(rng: np.random.Generator) -> None:
    """A router that helps one task and harms another is caught in the other."""
    blind = np.full(400, 0.5)
    helps = np.arange(400) % 2 == 0
    router = blind + np.where(helps, 0.2, -0.1) + rng.normal(0, 0.1, 400)
    good, bad = stratify({"good": helps, "bad": ~helps}, router, blind, n_resamples=200)
    assert good.gain_over_blind.low is not None
    assert good.gain_over_blind.low > 0
    assert bad.gain_over_blind.high is not None
    assert bad.gain_over_blind.high < 0


def test_part_of_one_question_survives_resampling() -> None:
    """Resamples without the only question of a part do not count."""
    parts = {"one": np.arange(30) == 0}
    (stratum,) = stratify(parts, np.full(30, 1.0), np.full(30, 0.25), n_resamples=50)
    assert stratum.gain_over_blind.low == pytest.approx(0.75)
    assert stratify({}, np.ones(3), np.ones(3)) == ()
