"""Learners: ridges equal to scikit-learn's, tasks on their own, trees direction by direction."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import Ridge

from router.models.inputs import fit_inputs
from router.models.learners import (
    ALPHA_TASK,
    MEMBER_NAMES,
    N_LINEAR,
    TASK_SIZE_MIN,
    fit_members,
    fit_ridge,
    fit_sparse_ridge,
    fit_task_ridges,
)
from tests.contracts.gains import make_texts


@pytest.mark.parametrize("alpha", [0.1, 30.0, 1e4])
@pytest.mark.parametrize("shape", [(60, 5), (8, 20)])
def test_ridge_is_that_of_scikit_learn(
    rng: np.random.Generator, shape: tuple[int, int], alpha: float
) -> None:
    """Slopes and intercepts agree, with more rows than columns and with fewer."""
    inputs = rng.normal(size=shape) + 3.0
    target = rng.normal(size=(shape[0], 2)) + 1.0
    expected = Ridge(alpha=alpha, solver="svd").fit(inputs, target)
    line = fit_ridge(inputs, target, alpha)
    np.testing.assert_allclose(line.coefficient, expected.coef_.T, atol=1e-9)
    np.testing.assert_allclose(line.intercept, expected.intercept_, atol=1e-9)
    np.testing.assert_allclose(line.predict(inputs), expected.predict(inputs), atol=1e-9)


def test_ridge_with_a_constant_column_gives_it_no_slope() -> None:
    """Without penalty a column that never changes is left out instead of dividing by zero."""
    inputs = np.column_stack((np.arange(5.0), np.full(5, 2.0)))
    line = fit_ridge(inputs, inputs[:, :1] * 3.0 + 1.0, 0.0)
    np.testing.assert_allclose(line.coefficient, [[3.0], [0.0]], atol=1e-9)
    np.testing.assert_allclose(line.intercept, [1.0], atol=1e-9)


@pytest.mark.parametrize("n_targets", [1, 3])
def test_sparse_ridge_is_the_dense_one(rng: np.random.Generator, n_targets: int) -> None:
    """On a sparse matrix conjugate gradients come to the closed form, intercept included."""
    inputs = rng.normal(size=(80, 12)) * (rng.random((80, 12)) < 0.3)
    target = rng.normal(size=(80, n_targets)) + 2.0
    found = fit_sparse_ridge(scipy.sparse.csr_matrix(inputs), target, 5.0)
    expected = fit_ridge(inputs, target, 5.0)
    assert found.coefficient.shape == (12, n_targets)
    np.testing.assert_allclose(found.coefficient, expected.coefficient, atol=5e-3)
    np.testing.assert_allclose(found.intercept, expected.intercept, atol=5e-3)


def test_sparse_ridge_without_columns_is_the_mean() -> None:
    """Texts without a common word leave the mean."""
    target = np.array([[1.0, 0.0], [3.0, 0.0]])
    line = fit_sparse_ridge(scipy.sparse.csr_matrix((2, 0)), target, 5.0)
    assert line.predict(np.zeros((1, 0))).tolist() == [[2.0, 0.0]]


def test_task_ridges_deviate_from_their_task_only(rng: np.random.Generator) -> None:
    """Each task's ridge is its own less the task's mean; a small task has none."""
    dense = rng.normal(size=(90, 4))
    target = rng.normal(size=(90, 2))
    group = np.repeat([0, 1, 2], [50, TASK_SIZE_MIN, 90 - 50 - TASK_SIZE_MIN])
    group[-1] = 0
    small = group == 2
    assert small.sum() < TASK_SIZE_MIN
    table = fit_task_ridges(dense, target, group, 4)
    for task in (0, 1):
        rows = group == task
        expected = fit_ridge(dense[rows], target[rows], ALPHA_TASK).predict(dense[rows])
        found = dense[rows] @ table[task, :-1] + table[task, -1]
        np.testing.assert_allclose(found, expected - target[rows].mean(axis=0), atol=1e-10)
    assert not table[2:].any()


def test_members_predict_in_the_order_of_their_names(rng: np.random.Generator) -> None:
    """Each slice of the stack is one learner's own prediction of what the task leaves."""
    texts, kinds = make_texts(90)
    _, inputs = fit_inputs(texts, n_components=8)
    target = np.column_stack((np.where(kinds == 0, 1.0, -1.0), rng.normal(size=90)))
    group = np.arange(90) % 2
    base = np.array([[0.2, 0.0], [-0.1, 0.3]])
    members = fit_members(inputs, target, group, base)
    stack = members.predict(inputs, np.eye(2)[group], base[group])
    assert stack.shape == (90, 2, len(MEMBER_NAMES))
    rest = target - base[group]
    by_name = {name: stack[:, :, i] for i, name in enumerate(MEMBER_NAMES)}
    np.testing.assert_allclose(
        by_name["dense"], fit_ridge(inputs.dense, rest, 300.0).predict(inputs.dense)
    )
    np.testing.assert_allclose(
        by_name["shape"], fit_ridge(inputs.shape, rest, 30.0).predict(inputs.shape)
    )
    np.testing.assert_array_equal(by_name["words"], members.words.predict(inputs.words))
    np.testing.assert_array_equal(by_name["all_ngrams"], members.all_ngrams.predict(inputs.ngrams))
    tree_inputs = np.hstack((inputs.tree, base[group].astype(np.float32)))
    for name, ensemble in zip(MEMBER_NAMES[N_LINEAR:], members.ensembles, strict=True):
        np.testing.assert_array_equal(by_name[name], ensemble.predict(tree_inputs))
    for name in ("dense", "words", "all_ngrams", "trees"):
        assert np.corrcoef(by_name[name][:, 0], target[:, 0])[0, 1] > 0.8, name


def test_unlabelled_questions_mix_the_tasks(rng: np.random.Generator) -> None:
    """Half in one task and half in another is half of each task's ridge."""
    texts, _ = make_texts(80)
    _, inputs = fit_inputs(texts, n_components=8)
    group = np.arange(80) % 2
    base = np.zeros((2, 1))
    members = fit_members(inputs, rng.normal(size=(80, 1)), group, base)
    task = MEMBER_NAMES.index("task")

    def predict(first: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        membership = np.tile([first, 1.0 - first], (80, 1))
        return members.predict(inputs, membership, np.zeros((80, 1)))[:, :, task]

    np.testing.assert_allclose(predict(0.5), (predict(0.0) + predict(1.0)) / 2, atol=1e-12)
    assert np.abs(predict(0.0) - predict(1.0)).max() > 1e-6
