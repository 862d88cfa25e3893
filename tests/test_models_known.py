"""What is known of questions: tasks, context and embeddings, each in its own columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from router.features.encoders.sentences import CallableEncoder
from router.features.shape import SHAPE_NAMES
from router.models.inputs import N_TREE_COMPONENTS
from router.models.known import read_known
from tests.contracts.embeddings import hash_texts
from tests.contracts.gains import make_log


def test_columns_stand_where_the_learners_look() -> None:
    """Embeddings lead the dense and the trees' columns; shape-only learners see context only."""
    log = make_log(80)
    log = replace(log, context={"depth": np.arange(80.0)})
    plain = read_known(log)
    told = read_known(log, encoder=CallableEncoder("hash", 6, hash_texts))
    columns = told.embedding.project(hash_texts(list(log.texts)).astype(np.float32))
    np.testing.assert_array_equal(told.task.inputs.dense[:, :6], columns)
    np.testing.assert_array_equal(told.task.inputs.dense[:, 6:], plain.task.inputs.dense)
    np.testing.assert_array_equal(told.task.inputs.tree[:, :6], columns)
    np.testing.assert_array_equal(told.task.inputs.tree[:, 6:], plain.task.inputs.tree)
    np.testing.assert_array_equal(told.task.inputs.shape, plain.task.inputs.shape)
    assert told.task.inputs.shape.shape == (80, len(SHAPE_NAMES) + 2)
    assert told.task.inputs.n_tree_components == 6 + min(N_TREE_COMPONENTS, 78)
    assert told.tables.describe(2).n_tree_components == told.task.inputs.n_tree_components


def test_tasks_are_numbered_by_name() -> None:
    """Every question points at its task's name; a log without tasks has a single empty one."""
    log = make_log(40)
    known = read_known(log)
    assert [known.groups[index] for index in known.task.group_index] == list(log.groups)
    alone = read_known(replace(log, groups=(None,) * 40))
    assert alone.groups == ("",)
    assert alone.task.n_groups == 1
    assert alone.embedding.n_columns == 0
