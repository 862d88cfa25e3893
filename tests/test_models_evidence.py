"""Out-of-fold evidence: nothing of a held-out row is used, and nothing is found in noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import LogError
from router.models.evidence import (
    ALPHA_LEVEL,
    INNER_FOLDS,
    TaskData,
    collect_evidence,
    find_directions,
    fit_level,
    split_texts,
)
from router.models.inputs import fit_inputs
from router.models.learners import fit_ridge
from router.models.shrinkage import shrink_group_means
from tests.contracts.gains import make_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

N = 100


def make_task(n: int = N) -> TaskData:
    """Make the inputs of questions in two tasks."""
    texts, _ = make_texts(n)
    _, inputs = fit_inputs(texts, n_components=8)
    return TaskData(inputs, texts, np.arange(n) % 2, 2, 0)


def draw_contrasts(n: int, m: int, seed: int = 0) -> NDArray[np.float64]:
    """Draw rows that sum to zero."""
    drawn = np.random.default_rng(seed).normal(size=(n, m)) * np.arange(1, m + 1)
    centred: NDArray[np.float64] = drawn - drawn.mean(axis=1, keepdims=True)
    return centred


@given(st.text(max_size=20), st.integers(0, 9))
def test_twins_stay_together(text: str, seed: int) -> None:
    """Case and blanks around a text do not move it to another fold."""
    folds = split_texts([text, f" {text.upper().lower()}\n", text], seed)
    assert folds[0] == folds[2]
    assert folds[1] == split_texts([text.upper().lower()], seed)[0]


def test_folds_are_fair_and_depend_on_the_seed() -> None:
    """Each fold gets about a fifth, whatever the order, and another seed deals otherwise."""
    texts, _ = make_texts(2000)
    folds = split_texts(texts, 0)
    assert np.bincount(folds, minlength=INNER_FOLDS).min() > 320
    np.testing.assert_array_equal(split_texts(texts[::-1], 0)[::-1], folds)
    assert (split_texts(texts, 1) != folds).mean() > 0.6


def test_every_row_is_held_out_once() -> None:
    """The folds cover all rows, and nothing is in both halves of one."""
    held: list[int] = []
    for fit, rest in make_task().iterate_folds():
        assert set(fit).isdisjoint(rest)
        assert len(fit) + len(rest) == N
        held.extend(rest)
    assert sorted(held) == list(range(N))


def test_one_text_cannot_be_held_out() -> None:
    """A log that asks one question over and over is refused in words."""
    task = make_task()
    twins = TaskData(task.inputs, ["Why?"] * N, task.group_index, 2, 0)
    with pytest.raises(LogError, match="one text"):
        twins.iterate_folds()


@pytest.mark.parametrize(("m", "r"), [(2, 1), (5, 4), (9, 8), (10, 8), (40, 8)])
def test_directions_are_orthonormal_contrasts(m: int, r: int) -> None:
    """Up to eight directions are all kept, of more the eight that vary most."""
    contrasts = draw_contrasts(200, m)
    directions = find_directions(contrasts, None)
    assert directions.shape == (m, r)
    np.testing.assert_allclose(directions.T @ directions, np.eye(r), atol=1e-10)
    np.testing.assert_allclose(directions.sum(axis=0), 0.0, atol=1e-10)
    kept = np.linalg.eigvalsh(contrasts.T @ contrasts)[::-1][:r]
    np.testing.assert_allclose(((contrasts @ directions) ** 2).sum(axis=0), kept, rtol=1e-8)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0)
    assert np.all(largest > 0)


def test_kernel_decides_on_sparse_logs() -> None:
    """With a kernel, directions come from it alone, however the noisy contrasts vary."""
    axis = np.array([1.0, -1.0] + [0.0] * 10) / np.sqrt(2)
    kernel = np.eye(12) * 0.01 + np.outer(axis, axis) + 5.0
    first = find_directions(draw_contrasts(50, 12), kernel)
    np.testing.assert_allclose(np.abs(first[:, 0]), np.abs(axis), atol=1e-8)
    np.testing.assert_allclose(first, find_directions(draw_contrasts(50, 12, seed=1), kernel))


def test_nothing_of_a_held_out_row_is_used() -> None:
    """Other outcomes in a fold change neither what is predicted for it nor its directions."""
    task, contrasts = make_task(), draw_contrasts(N, 3)
    before = collect_evidence(task, contrasts, None, n_text=2)
    for fold in before:
        changed = contrasts.copy()
        changed[fold.rows] = 7.0 * draw_contrasts(len(fold.rows), 3, seed=9)
        after = collect_evidence(task, changed, None, n_text=2)
        same = next(entry for entry in after if np.array_equal(entry.rows, fold.rows))
        np.testing.assert_array_equal(same.predicted, fold.predicted)
        np.testing.assert_array_equal(same.base, fold.base)
        np.testing.assert_array_equal(same.directions, fold.directions)
        assert np.abs(same.target - fold.target).max() > 1.0
        others = [entry for entry in after if entry is not same]
        assert any(
            not np.array_equal(entry.predicted, old.predicted)
            for entry, old in zip(others, [f for f in before if f is not fold], strict=True)
        )


def test_signal_is_found_out_of_fold_and_noise_is_not() -> None:
    """Contrasts that follow the text are predicted for questions never seen; drawn ones not."""
    texts, kinds = make_texts(N)
    _, inputs = fit_inputs(texts, n_components=8)
    task = TaskData(inputs, texts, np.zeros(N, np.int64), 1, 0)
    sign = np.where(kinds == 0, 1.0, -1.0)
    for signal in (True, False):
        told = sign if signal else np.random.default_rng(3).permutation(sign)
        folds = collect_evidence(task, np.column_stack((told, -told)), None, n_text=1)
        guess = np.concatenate([fold.predicted[:, 0, 0] for fold in folds])
        truth = np.concatenate([fold.target[:, 0] for fold in folds])
        assert (np.corrcoef(guess, truth)[0, 1] > 0.5) == signal


def test_deals_differ() -> None:
    """A second deal holds out other rows together."""
    task, contrasts = make_task(), draw_contrasts(N, 2)
    told: list[str] = []
    first = collect_evidence(task, contrasts, None, n_text=1, tell=told.append)
    second = collect_evidence(task, contrasts, None, n_text=1, repeat=1)
    assert [fold.rows.tolist() for fold in first] != [fold.rows.tolist() for fold in second]
    assert told[0] == "inner fold 1 of 5, deal 1"


def test_level_is_what_tasks_and_text_say() -> None:
    """The level's parts are a shrunk task mean and a ridge, also out of fold."""
    task = make_task()
    rng = np.random.default_rng(6)
    quality = rng.random((N, 3)) + 0.5 * task.group_index[:, None]
    quality[rng.random((N, 3)) < 0.3] = np.nan
    quality[np.isnan(quality).all(axis=1), 0] = 0.5
    seen = np.nanmean(quality - np.nanmean(quality, axis=0), axis=1, keepdims=True)
    held_out, table, line = fit_level(task, quality)
    np.testing.assert_allclose(table, shrink_group_means(seen, task.group_index, 2))
    rest = seen - table[task.group_index]
    expected = fit_ridge(task.inputs.dense, rest, ALPHA_LEVEL)
    np.testing.assert_allclose(line.coefficient, expected.coefficient)
    fit, fold = task.iterate_folds()[0]
    table = shrink_group_means(seen[fit], task.group_index[fit], 2)
    line = fit_ridge(task.inputs.dense[fit], (seen - table[task.group_index])[fit], ALPHA_LEVEL)
    guess = table[task.group_index[fold]] + line.predict(task.inputs.dense[fold])
    np.testing.assert_allclose(held_out[fold], guess[:, 0])
