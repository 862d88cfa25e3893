"""The native gain model: tasks told or inferred, columns told apart."""

from __future__ import annotations

import numpy as np

from router.models.learners import Linear
from tests.contracts.gains import change_head, draw_rows, make_model, make_texts


def test_labels_become_membership() -> None:
    """A known label is a one in its column; unknown and missing labels are rows of zeros."""
    model = make_model(n_groups=3)
    membership = model.assign(["g2", None, "elsewhere", "g0"])
    assert membership.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]


def test_unlabelled_rows_lie_between_the_tasks() -> None:
    """Without trees, a row without a label is the mix of its labelled twins by their odds."""
    model = make_model(n_groups=3, tree_factor=0.0)
    table, level = 0.2 * model.head.option_table, Linear(np.zeros((36, 1)), np.zeros(1))
    model = change_head(model, option_means=np.full(3, 0.5), option_table=table, level=level)
    features, _ = draw_rows(model, 50)
    features *= np.float32(0.3)
    twins = [
        model.predict_features(features, np.tile(np.eye(3, dtype=np.float32)[g], (50, 1)))
        for g in range(3)
    ]
    dense, _, _ = model.standard.split(features)
    assert model.head.inferrer is not None
    odds = np.exp(model.head.inferrer.predict(dense))
    share = odds / odds.sum(axis=1, keepdims=True)
    expected = sum(share[:, [g]] * twins[g] for g in range(3))
    inside = np.all([(t > 0.001) & (t < 0.999) for t in twins], axis=(0, 2))
    assert inside.sum() > 5
    found = model.predict_features(features, np.zeros((50, 3), np.float32))
    np.testing.assert_allclose(found[inside], np.asarray(expected)[inside], atol=1e-9)


def test_single_task_needs_no_label() -> None:
    """Where the log had one task, every question is in it, whatever its label."""
    model = make_model(n_groups=1)
    texts, _ = make_texts(6)
    named = model.predict(texts, ["g0"] * 6)
    np.testing.assert_array_equal(model.predict(texts), named)
    np.testing.assert_array_equal(model.predict(texts, ["other"] * 6), named)


def test_likeliest_task_reaches_the_trees() -> None:
    """The trees see the base of the labelled task, and of the likeliest one without a label."""
    model = make_model(n_groups=2)
    base = np.array([[-3.0, -3.0], [3.0, 3.0]], np.float32)
    quiet = {
        "option_table": np.zeros((2, 3)),
        "level_table": np.zeros((2, 1)),
        "task": np.zeros_like(model.head.task),
        "base_table": base,
    }
    model = change_head(model, **quiet)
    features, _ = draw_rows(model, 30)
    first, second = (
        model.predict_features(features, np.tile(np.eye(2, dtype=np.float32)[g], (30, 1)))
        for g in range(2)
    )
    assert np.abs(first - second).max() > 0.01
    dense, _, _ = model.standard.split(features)
    assert model.head.inferrer is not None
    likeliest = model.head.inferrer.predict(dense).argmax(axis=1)
    assert set(likeliest) == {0, 1}
    found = model.predict_features(features, np.zeros((30, 2), np.float32))
    np.testing.assert_array_equal(found, np.where(likeliest[:, None] == 0, first, second))


def test_columns_are_told_apart() -> None:
    """Components, directions and shape are cut where the standard says."""
    model = make_model()
    standard, width = model.standard, model.encoder.n_features
    features = np.arange(2 * width, dtype=np.float32).reshape(2, width)
    dense, linear, tree = standard.split(features)
    last = standard.n_components + standard.n_directions
    np.testing.assert_array_equal(dense[:, : standard.n_components], features[:, :6])
    np.testing.assert_array_equal(linear, features[:, standard.n_components : last])
    np.testing.assert_array_equal(tree[:, : standard.n_tree_components], features[:, :4])
    np.testing.assert_array_equal(tree[:, standard.n_tree_components :], features[:, last:])
    bound = standard.shape_clip * standard.shape_weight
    assert np.abs(dense[:, standard.n_components :]).max() <= bound * (1 + 1e-6)


def test_linear_directions_reach_the_surface() -> None:
    """What the encoder adds to a direction moves the options along that direction."""
    model = make_model(tree_factor=0.0)
    model = change_head(
        model,
        option_means=np.full(3, 0.5),
        level_table=np.zeros((3, 1)),
        option_table=np.zeros((3, 3)),
    )
    features = np.zeros((1, model.encoder.n_features), np.float32)
    features[0, 8:] = model.standard.shape_mean
    member = np.eye(3, dtype=np.float32)[:1]
    before = model.predict_features(features, member)
    features[0, model.standard.n_components] = 0.1
    moved = model.predict_features(features, member) - before
    np.testing.assert_allclose(moved[0], 0.1 * model.head.directions[:, 0], atol=1e-7)
