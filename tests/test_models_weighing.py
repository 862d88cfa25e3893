"""Weighing by out-of-fold evidence: how many directions, and what is held out meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from router.models import weighing
from router.models.evidence import TaskData, find_directions
from router.models.inputs import fit_inputs
from router.models.stacking import KEPT_MIN
from router.models.weighing import is_clearly_less, weigh_members
from tests.contracts.gains import make_texts

N, M = 240, 12


def make_task(n: int = N) -> tuple[TaskData, np.ndarray]:
    """Make questions of two kinds, and a sign for each."""
    texts, kinds = make_texts(n)
    _, inputs = fit_inputs(texts, n_components=8)
    return TaskData(inputs, texts, np.zeros(n, np.int64), 1, 0), np.where(kinds == 0, 1.0, -1.0)


def plant(sign: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Draw contrasts that mostly vary in three ways of which texts say nothing.

    By `strength` they follow the text in a fourth way.
    """
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(M, M)))[0]
    basis -= basis.mean(axis=0)
    noise = rng.normal(size=(len(sign), 3)) * 2.0 @ basis[:, :3].T
    fine = rng.normal(size=(len(sign), M)) * 0.1
    contrasts = noise + fine + strength * np.outer(sign, basis[:, 3])
    centred: np.ndarray = contrasts - contrasts.mean(axis=1, keepdims=True)
    return centred


@pytest.fixture(autouse=True)
def deal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deal the folds once, which is enough here."""
    monkeypatch.setattr(weighing, "REPEATS_MAX", 1)


def test_more_directions_are_taken_where_they_pay() -> None:
    """What texts say of a lesser direction brings it in; where they say nothing it stays out."""
    task, sign = make_task()
    assert len(weigh_members(task, plant(sign, 1.0), None).scale) == 8
    assert len(weigh_members(task, plant(sign, 0.0), None).scale) == 3


def test_sparse_logs_stay_with_few_directions() -> None:
    """With a kernel of the options the lesser directions are not tried at all."""
    task, sign = make_task()
    assert len(weigh_members(task, plant(sign, 1.0), np.eye(M)).scale) == 3


def test_held_out_contrasts_and_errors_belong_together() -> None:
    """Of one deal, the error is the squared distance of what was held out."""
    task, sign = make_task()
    contrasts = np.outer(sign, [1.0, -1.0])
    judged = weigh_members(task, contrasts, None)
    np.testing.assert_allclose(judged.error, ((contrasts - judged.held_out) ** 2).sum(axis=1))
    assert judged.error.mean() < 0.5 * (contrasts**2).sum(axis=1).mean()
    # A contrast of two options lies in one direction, and so does what is predicted of it.
    direction = find_directions(contrasts, None)
    np.testing.assert_allclose(judged.held_out @ direction @ direction.T, judged.held_out)


def test_few_questions_keep_a_trace() -> None:
    """Below the limit no direction's scale is above the trace that orders equals."""
    task, sign = make_task(80)
    assert weigh_members(task, np.outer(sign, [1.0, -1.0]), None).scale.max() <= KEPT_MIN


def test_clearly_less_is_a_paired_rule() -> None:
    """A small but steady fall counts, a larger one that hangs on few questions does not."""
    rng = np.random.default_rng(5)
    reference = rng.exponential(size=400)
    steady = 0.01 + 0.02 * rng.normal(size=400)
    erratic = np.where(np.arange(400) == 0, 20.0, 0.0)
    assert is_clearly_less(reference - steady, reference)
    assert not is_clearly_less(reference - erratic, reference)
    assert not is_clearly_less(reference, reference)
